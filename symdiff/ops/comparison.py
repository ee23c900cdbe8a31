"""Comparison and logic: truth values, which have no derivative; and ``where``, which selects by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.errors import DTypeError, ShapeError, explain
from ..core.node import Node, Operand, build
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import BOOL
from .convert import as_node, like, promote
from .record import INTEGERS, Binary, Unary, binary, build_astype, elementwise

equal: Binary = binary("equal", "a == b", np.equal, (INTEGERS, INTEGERS), "x == y, elementwise.", dtype=BOOL)
not_equal = binary("not_equal", "a != b", np.not_equal, (INTEGERS, INTEGERS), "x != y, elementwise.", dtype=BOOL)
less = binary("less", "a < b", np.less, (INTEGERS, INTEGERS), "x < y, elementwise.", dtype=BOOL)
less_equal = binary("less_equal", "a <= b", np.less_equal, (INTEGERS, INTEGERS), "x <= y, elementwise.", dtype=BOOL)
greater = binary("greater", "a > b", np.greater, (INTEGERS, INTEGERS), "x > y, elementwise.", dtype=BOOL)
greater_equal = binary(
    "greater_equal", "a >= b", np.greater_equal, (INTEGERS, INTEGERS), "x >= y, elementwise.", dtype=BOOL
)
logical_and = binary(
    "logical_and", "a and b", np.logical_and, (INTEGERS, INTEGERS), "True where both are.", dtype=BOOL, truth=True
)
logical_or = binary(
    "logical_or", "a or b", np.logical_or, (INTEGERS, INTEGERS), "True where either is.", dtype=BOOL, truth=True
)
logical_xor = binary(
    "logical_xor", "a != b", np.logical_xor, (INTEGERS, INTEGERS), "True where one is.", dtype=BOOL, truth=True
)
_LOGICAL_NOT = elementwise("logical_not", "not a", np.logical_not, INTEGERS, dtype=BOOL)


@provide("logical_not")
def logical_not(x: Operand) -> Node:
    """True where x is not (numbers: where x == 0)."""
    return build(_LOGICAL_NOT, [build_astype(as_node(x), BOOL)])


def _test(name: str, code: str, evaluate: Callable[..., np.ndarray[Any, Any]], doc: str) -> Unary:
    """A truth value about one number of any dtype."""
    op = elementwise(name, code, evaluate, INTEGERS, dtype=BOOL)

    def function(x: Operand) -> Node:
        return build(op, promote(name, x))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return provide(name)(function)


isfinite = _test("isfinite", "isfinite(a)", np.isfinite, "True where x is neither NaN nor infinite.")
isnan = _test("isnan", "isnan(a)", np.isnan, "True where x is NaN.")
isinf = _test("isinf", "isinf(a)", np.isinf, "True where x is inf or -inf.")
_SIGNBIT = elementwise("signbit", "copysign(1, a) < 0", np.signbit, INTEGERS, dtype=BOOL)


@provide("signbit")
def signbit(x: Operand) -> Node:
    """True where the sign of x is set: below zero, and at -0.0."""
    (node,) = promote("signbit", x)
    return build(_SIGNBIT, [node]) if node.type.is_float else less(node, 0)


def isposinf(x: Operand) -> Node:
    """True where x is inf."""
    return equal(x, float("inf"))


def isneginf(x: Operand) -> Node:
    """True where x is -inf."""
    return equal(x, float("-inf"))


def _where_jvp(tangents: Sequence[Node | None], out: Node, condition: Node, x: Node, y: Node) -> Node:
    """One selection for both branches."""
    return where(condition, *(like(0, out) if tangent is None else tangent for tangent in tangents[1:]))


_WHERE = elementwise(
    "where",
    "b if a else c",
    np.where,
    INTEGERS,
    lambda t, out, condition, x, y: where(condition, t, 0),
    lambda t, out, condition, x, y: where(condition, 0, t),
    jvp=_where_jvp,
)


def where(condition: Operand, x: Operand = None, y: Operand = None) -> Node:
    """x where the condition holds, else y.

    Cotangents are selected, never multiplied by a mask: a NaN in the branch not taken stays there.

    >>> import symdiff as sd
    >>> x = sd.input("x", (3,))
    >>> sd.where(x > 0, sd.sqrt(x), 0).type.shape
    (3,)
    """
    if x is None or y is None:
        problem = "without x and y the result would be positions, whose number depends on data"
        raise ShapeError(explain("where", problem, at=here(), hint="give both"))
    return build(_WHERE, [build_astype(as_condition("where", condition), BOOL), *promote("where", x, y)])


def as_condition(name: str, condition: Operand) -> Node:
    """A condition as a node. Not a Python bool, which is what ``a == b`` gives for nodes: whether they are one node."""
    if isinstance(condition, bool):
        problem = f"the condition is {condition}, no node: == and != tell whether two names are the same expression"
        raise DTypeError(explain(name, problem, at=here(), hint="compare elements with sd.equal or sd.not_equal"))
    return as_node(condition)
