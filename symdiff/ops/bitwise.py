"""Bits of integers, and their divisors. Of truth values, and, or, xor and not are the logical ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import DTypeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import BOOL, as_dtype
from .comparison import logical_and, logical_not, logical_or, logical_xor
from .convert import promote
from .record import INTEGERS, Binary, build_astype, elementwise


def _integers(name: str, *operands: Operand) -> list[Node]:
    nodes = promote(name, *operands)
    if nodes[0].type.is_float:
        got = " and ".join(map(describe, nodes))
        raise DTypeError(explain(name, f"takes integers, got {got}", at=here(), hint="use astype first"))
    return nodes


def _bits(
    name: str, code: str, evaluate: Callable[..., np.ndarray[Any, Any]], doc: str, of_truth: Binary | None = None
) -> Binary:
    """A function of two integers; truth values go to another one, or count as int8."""
    op = elementwise(name, code, evaluate, INTEGERS, INTEGERS)

    def function(x: Operand, y: Operand) -> Node:
        nodes = _integers(name, x, y)
        if nodes[0].dtype == BOOL and of_truth is not None:
            return of_truth(*nodes)
        if nodes[0].dtype == BOOL:
            nodes = [build_astype(node, as_dtype("int8")) for node in nodes]
        return build(op, nodes)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return provide(name)(function)


bitwise_and = _bits("bitwise_and", "a & b", np.bitwise_and, "The bits that both have.", logical_and)
bitwise_or = _bits("bitwise_or", "a | b", np.bitwise_or, "The bits that either has.", logical_or)
bitwise_xor = _bits("bitwise_xor", "a ^ b", np.bitwise_xor, "The bits that one of the two has.", logical_xor)
left_shift = _bits("left_shift", "left_shift(a, b)", np.left_shift, "x * 2^y; 0 when all bits are shifted out.")
right_shift = _bits("right_shift", "right_shift(a, b)", np.right_shift, "The floor of x / 2^y.")
gcd = _bits("gcd", "gcd(a, b)", np.gcd, "The greatest common divisor of |x| and |y|.")
lcm = _bits("lcm", "lcm(a, b)", np.lcm, "The least common multiple of |x| and |y|; 0 if either is.")
_INVERT = elementwise("invert", "~a", np.invert, INTEGERS)


@provide("invert")
def invert(x: Operand) -> Node:
    """Every bit the other way: -x - 1 for signed integers; not x for truth values."""
    (node,) = _integers("invert", x)
    return logical_not(node) if node.dtype == BOOL else build(_INVERT, [node])


bitwise_not = bitwise_invert = invert
bitwise_left_shift, bitwise_right_shift = left_shift, right_shift
