"""Rounding to integers, which has no derivative. Integers are rounded already, and stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import GraphError, explain
from ..core.node import Node, Operand, build
from ..core.provenance import here
from ..core.registry import provide
from .convert import promote
from .record import STEPS, Unary, build_astype, elementwise, unary


def _to_integers(name: str, evaluate: Callable[..., np.ndarray[Any, Any]], doc: str) -> Unary:
    op = elementwise(name, f"{name}(a)", evaluate, STEPS)

    def function(x: Operand) -> Node:
        (node,) = promote(name, x)
        return build(op, [node]) if node.type.is_float else node

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return provide(name)(function)


floor = _to_integers("floor", np.floor, "The largest integer up to x, in the dtype of x.")
ceil = _to_integers("ceil", np.ceil, "The smallest integer from x on, in the dtype of x.")
trunc = _to_integers("trunc", np.trunc, "The integer next to x on the way to 0, in the dtype of x.")
fix = trunc
rint = unary(
    "rint", "rint(a)", np.rint, STEPS, "The integer nearest to x, the even one of two; integers become float64."
)


def _to_tens(node: Node, decimals: int) -> Node:
    tens = 10.0**-decimals
    return rint(node / tens) * tens


def round(x: Operand, decimals: int = 0) -> Node:
    """x to a number of decimals (below 0: to tens, hundreds, ...), halves to even, as NumPy: ``rint(x 10^d) / 10^d``.

    Integers stay integers. Raises GraphError unless decimals is an int.
    """
    if not isinstance(decimals, int | np.integer):
        raise GraphError(explain("round", f"decimals is an int, got {decimals!r}", at=here()))
    (node,) = promote("round", x)
    if not node.type.is_float:
        return node if decimals >= 0 else build_astype(_to_tens(node, decimals), node.dtype)
    if decimals == 0:
        return rint(node)
    if decimals < 0:
        return _to_tens(node, decimals)
    tenths = 10.0**decimals
    return rint(node * tenths) / tenths


around = round
