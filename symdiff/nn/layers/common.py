"""What layers have in common: their arguments, checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.errors import DTypeError, GraphError, ShapeError, explain
from ...core.node import Node, Operand, describe
from ...core.provenance import here
from ...ops.convert import as_node
from .. import activations

Activation = str | Callable[[Node], Node] | None
"""A name, a function of one node, or None for no activation."""

_NAMED = [
    "celu", "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_sigmoid", "log_softmax", "mish",
    "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "swish", "tanh",
]  # fmt: skip


def activation_of(asked: str, activation: Activation) -> Callable[[Node], Node]:
    """The function that is meant."""
    if activation is None:
        return lambda x: x
    if activation in _NAMED:
        return getattr(activations, str(activation))  # type: ignore[no-any-return]
    if callable(activation):
        return activation
    problem = f"no activation is called {activation!r}; there are {', '.join(_NAMED)}"
    raise GraphError(explain(asked, problem, at=here(), hint="pass a name, a function of one node, or None"))


def float_input(asked: str, x: Operand, axes: str, least: int, most: int | None = None) -> Node:
    """A float node with the axes that ``axes`` describes. Layers take their dtype from it."""
    node = as_node(x)
    if node.ndim < least or (most is not None and node.ndim > most):
        raise ShapeError(explain(asked, f"takes {axes}, got {describe(node)}", at=here()))
    if not node.type.is_float:
        hint = "use astype, or an embedding for labels"
        raise DTypeError(explain(asked, f"takes floats, got {describe(node)}", at=here(), hint=hint))
    return node


def known_size(asked: str, x: Node, axis: int) -> int:
    """The size of an axis that parameters depend on."""
    size = x.shape[axis]
    if not isinstance(size, int):
        problem = f"parameters have sizes in numbers, but axis {axis} of {describe(x)} is symbolic"
        raise ShapeError(explain(asked, problem, at=here()))
    return size


def count(asked: str, what: str, value: Any) -> int:
    """A whole number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ShapeError(explain(asked, f"{what} is a whole number above 0, got {value!r}", at=here()))
    return int(value)


def dropout_rate(asked: str, dropout: float, training: bool | None) -> float:
    """How much is dropped now. A layer with dropout has to be told whether it is training."""
    if not 0 <= dropout <= 1:
        raise GraphError(explain(asked, f"dropout is a probability, got {dropout}", at=here()))
    if dropout and training is None:
        problem = "with dropout it has to know whether it is training"
        raise GraphError(explain(asked, problem, at=here(), hint="pass training=True or training=False"))
    return dropout if training else 0.0
