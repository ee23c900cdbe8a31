"""Penalties on the weights, to be added to a loss. They are formulas in public operators, so their gradients fuse into
the updates.

A bias is a parameter of fewer than two axes: biases, and the gains of normalisation layers, are left out unless asked
for with ``biases=True``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .core.errors import GraphError, ShapeError, explain
from .core.node import Node, describe
from .core.provenance import here
from .ops.elementwise import abs, square
from .ops.reduce import sum

__all__ = [
    "elastic_net",
    "l1",
    "l2",
]

Strength = float | Node


def l1(params: Node | Sequence[Node], strength: Strength, *, biases: bool = False) -> Node:
    """``strength sum(|w|)`` over all weights: drives many of them to zero.

    ``params`` is a float node or several, ``strength`` a number that is not negative, or a scalar node. Raises
    GraphError when there is no weight among them, ValueError for a negative strength.

    >>> import symdiff as sd
    >>> W, b = sd.param("W", (2, 2), init=[[1, -2], [3, 0]]), sd.param("b", (2,), init=5)
    >>> penalty = sd.regularize.l1([W, b], 0.1)
    >>> float(sd.compile(penalty, backend="numpy")(sd.State.initial([W])).round(9))
    0.6
    """
    return _penalty("l1", params, strength, biases, abs)


def l2(params: Node | Sequence[Node], strength: Strength, *, biases: bool = False) -> Node:
    """``strength sum(w^2)`` over all weights, whose gradient is ``2 strength w``. There is no half in it.

    ``weight_decay`` of an optimiser, which adds ``weight_decay w`` to the gradient, is twice this strength. Arguments
    and errors as for :func:`l1`.

    >>> import symdiff as sd
    >>> W1, W2 = sd.param("W1", (4, 3)), sd.param("W2", (3, 2))
    >>> loss = sd.sum(sd.input("x", (4,)) @ W1 @ W2) + sd.regularize.l2([W1, W2], 1e-3)
    """
    return _penalty("l2", params, strength, biases, square)


def elastic_net(
    params: Node | Sequence[Node], l1_strength: Strength, l2_strength: Strength, *, biases: bool = False
) -> Node:
    """``l1_strength sum(|w|) + l2_strength sum(w^2)`` (Zou and Hastie, 2005). Otherwise as :func:`l1`."""
    first = _penalty("elastic_net", params, l1_strength, biases, abs)
    return first + _penalty("elastic_net", params, l2_strength, biases, square)


def _penalty(
    name: str, params: Node | Sequence[Node], strength: Strength, biases: bool, size: Callable[[Node], Node]
) -> Node:
    listed = [params] if isinstance(params, Node) else list(params)
    for node in listed:
        if not isinstance(node, Node) or not node.type.is_float:
            got = describe(node) if isinstance(node, Node) else repr(node)
            raise GraphError(explain(name, f"penalties are for float nodes, got {got}", at=here()))
    _check_strength(name, strength)
    weights = [node for node in dict.fromkeys(listed) if biases or node.ndim > 1]
    if not weights:
        problem = f"no weight of two axes or more among {', '.join(map(describe, listed)) or 'no parameters'}"
        raise GraphError(explain(name, problem, at=here(), hint="pass biases=True to count those of fewer axes"))
    total = sum(size(weights[0]))
    for node in weights[1:]:
        total = total + sum(size(node))
    return strength * total


def _check_strength(name: str, strength: Strength) -> None:
    if isinstance(strength, Node):
        if strength.shape != ():
            raise ShapeError(explain(name, f"the strength is a scalar, got {describe(strength)}", at=here()))
    elif not strength >= 0:
        raise ValueError(explain(name, f"the strength is not negative, got {strength}", at=here()))
