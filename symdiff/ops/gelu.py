"""GELU, the product of x and the normal distribution function: one node, written out before kernels are made.

Both forms keep their digits for large negative x, where 1 + erf and 1 + tanh cancel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import special
from ..core.errors import GraphError, explain
from ..core.node import Node, Operand, build
from ..core.op import Attrs, Expand, Op
from ..core.provenance import here
from ..core.types import FLOAT64, TensorType
from .batching import attributes
from .convert import promote
from .elementwise import abs, erfc, exp, minimum, sigmoid, square
from .record import build_astype, define, size_of

Array = np.ndarray[Any, Any]

ROOT_HALF = math.sqrt(0.5)
SLOPE = 2 * math.sqrt(2 / math.pi)
CUBIC = 0.044715
FLAT = 32.0
"""Beyond, sigmoid(SLOPE (x + CUBIC x^3)) is 0 or 1, also in float64."""


def _normal(x: Node) -> Node:
    return 0.5 * erfc(-ROOT_HALF * x)


def _gelu_vjp(ct: Node, out: Node, x: Node) -> Node:
    return ct * (_normal(x) + x * (1 / math.sqrt(2 * math.pi) * exp(-0.5 * square(x))))


def _gate(x: Node) -> Node:
    return sigmoid(x * (SLOPE + SLOPE * CUBIC * square(x)))


def _gelu_tanh_vjp(ct: Node, out: Node, x: Node) -> Node:
    gate = _gate(x)
    slope = SLOPE + 3 * SLOPE * CUBIC * square(minimum(abs(x), FLAT))
    return ct * (gate + x * (gate * (1 - gate) * slope))


def _np_gelu(x: Array) -> Array:
    return np.asarray(x * (0.5 * special.erfc(-ROOT_HALF * x))).astype(x.dtype)


def _np_gelu_tanh(x: Array) -> Array:
    return np.asarray(x * special.sigmoid(x * (SLOPE + SLOPE * CUBIC * (x * x))))


def _define(
    name: str, evaluate: Callable[..., Array], vjp: Callable[..., Node], formula: Callable[[Node], Node], cost: int
) -> Op:
    def infer(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
        return inputs[0].type

    return define(
        Op(
            name=name,
            infer=infer,
            evaluate=evaluate,
            vjp=(vjp,),
            lowering=Expand(lambda node: node.inputs[0] * formula(node.inputs[0])),
            flops=lambda node: cost * size_of(node),
            batch=attributes(),
        )
    )


_FORMS = {
    "none": _define("gelu", _np_gelu, _gelu_vjp, _normal, 48),
    "tanh": _define("gelu_tanh", _np_gelu_tanh, _gelu_tanh_vjp, _gate, 19),
}


def gelu(x: Operand, approximate: str = "none") -> Node:
    """x Phi(x), with the normal distribution function Phi(x) = erfc(-x / sqrt(2)) / 2.

    With ``approximate="tanh"`` x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, which is cheaper (Hendrycks and
    Gimpel, 2016). d/dx = Phi + x phi with the normal density phi, and accordingly. Integers become float64; at -inf it
    is NaN. Raises GraphError for another form.

    >>> import symdiff as sd
    >>> sd.gelu(sd.input("x", (3,)), approximate="tanh").type.shape
    (3,)
    """
    if approximate not in _FORMS:
        raise GraphError(explain("gelu", f'approximate is "none" or "tanh", got {approximate!r}', at=here()))
    (node,) = promote("gelu", x)
    return build(_FORMS[approximate], [node if node.type.is_float else build_astype(node, FLOAT64)])
