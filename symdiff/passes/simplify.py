"""Algebra that leaves every value as it is, up to rounding: neutral elements, selections, sums of what is repeated.

NaN and inf pass through as before, so ``x * 0`` and ``x - x`` stay (``fast`` has rules for those). ``-0.0`` counts as
equal to ``0.0``.
"""

from __future__ import annotations

import math
from typing import Any

from ..core.dim import product
from ..core.node import Node, build
from ..ops.convert import like
from ..ops.elementwise import multiply
from ..ops.leaf import size
from ..ops.reduce import sum
from ..ops.shape import broadcast_to, expand_dims, reshape, squeeze
from .constants import CONSTANT, scalar
from .rewrite import RulePass
from .rules import Rule, RuleSet, node_rule, on, over, rule

NEUTRAL = (
    rule("add_zero", "x + 0 -> x"),
    rule("subtract_zero", "x - 0 -> x"),
    rule("subtract_from_zero", "0 - x -> -x"),
    rule("multiply_one", "x * 1 -> x"),
    rule("multiply_minus_one", "x * -1 -> -x"),
    rule("divide_one", "x / 1 -> x"),
    rule("divide_minus_one", "x / -1 -> -x"),
    rule("add_same", "x + x -> 2 * x"),
    rule("maximum_same", "maximum(x, x) -> x"),
    rule("minimum_same", "minimum(x, x) -> x"),
    rule("abs_abs", "abs(abs(x)) -> abs(x)"),
    rule("abs_square", "abs(square(x)) -> square(x)", where=lambda x: x.type.is_float),
    rule("relu_relu", "relu(relu(x)) -> relu(x)"),
    rule("and_true", "logical_and(x, True) -> x"),
    rule("or_false", "logical_or(x, False) -> x"),
    rule("and_same", "logical_and(x, x) -> x"),
    rule("or_same", "logical_or(x, x) -> x"),
)

SELECTIONS = (
    rule("where_same", "where(c, x, x) -> x"),
    rule("where_true", "where(True, x, y) -> x"),
    rule("where_false", "where(False, x, y) -> y"),
    rule("where_not", "where(logical_not(c), x, y) -> where(c, y, x)"),
    rule("where_where", "where(c, where(c, x, y), z) -> where(c, x, z)"),
    rule("where_where", "where(c, x, where(c, y, z)) -> where(c, x, z)"),
)


def _saves_division(x: Node, y: Node) -> bool:
    """One division instead of a reciprocal and a product of the same size; or by a batch size, as one writes a mean."""
    return y.shape == x.shape or y.op.name == "size"


QUOTIENTS = (
    rule("product_with_quotient", "x * (1 / y) -> x / y", where=_saves_division),
    rule("product_with_reciprocal", "x * reciprocal(y) -> x / y", where=_saves_division),
    rule("exp_log_softmax", "exp(log_softmax(x, axis=a)) -> softmax(x, axis=a)"),
)

# -- constants that multiply exactly


def _is_power_of_two(value: Any) -> bool:
    """A float ``c`` for which ``c * x`` and ``1 / c`` are exact; of a size that keeps products in range."""
    return isinstance(value, float) and abs(math.frexp(value)[0]) == 0.5 and 2.0**-64 <= abs(value) <= 2.0**64


@node_rule("scale_twice", "c * (d * x) -> (c * d) * x for a power of two", on("multiply", CONSTANT, ["multiply"]))
def scale_twice(node: Node) -> Node | None:
    """Two constant factors become one where a product with one of them is exact."""
    outer, inner = node.inputs
    c, d = scalar(outer), scalar(inner.inputs[0])
    if c is None or d is None or not (_is_power_of_two(c) or _is_power_of_two(d)):
        return None
    power, other = (c, d) if _is_power_of_two(c) else (d, c)
    factor = like(power * other, node)
    value = scalar(factor)
    return multiply(factor, inner.inputs[1]) if value is not None and value / power == other else None


@node_rule("divide_by_power", "x / c -> (1 / c) * x for a power of two", on("divide", None, CONSTANT))
def divide_by_power(node: Node) -> Node | None:
    """A product is cheaper than a division, and as exact."""
    x, y = node.inputs
    c = scalar(y)
    return multiply(like(1 / c, node), x) if c is not None and _is_power_of_two(c) else None


# -- reductions


@node_rule("reduce_ones", "sum(x) over axes of size 1 -> squeeze(x)", over(["sum", "prod", "max", "min"]))
def reduce_ones(node: Node) -> Node | None:
    """Axes of size 1 need no reduction."""
    (x,), axes, kept = node.inputs, node.attrs["axis"], node.attrs["keepdims"]
    ones = tuple(axis for axis in axes if x.shape[axis] == 1)
    if not ones:
        return None
    if kept:
        rest = tuple(axis for axis in axes if axis not in ones)
        return build(node.op, [x], {"axis": rest, "keepdims": True}) if rest else x
    left = [axis for axis in range(x.ndim) if axis not in ones]
    rest = tuple(left.index(axis) for axis in axes if axis not in ones)
    inner = squeeze(x, ones)
    return build(node.op, [inner], {"axis": rest, "keepdims": False}) if rest else inner


@node_rule("sum_of_broadcast", "sum(broadcast_to(x, (n, ...))) -> n * x", over(["sum"], ["broadcast_to"]))
def sum_of_broadcast(node: Node) -> Node | None:
    """Along axes where x was repeated, its sum is a product with their size."""
    wide = node.inputs[0]
    x, axes = wide.inputs[0], node.attrs["axis"]
    extra = wide.ndim - x.ndim
    repeated = [axis for axis in axes if axis < extra or x.shape[axis - extra] == 1]
    count = product(tuple(wide.shape[axis] for axis in repeated))
    if not repeated or count == 0:
        return None
    bare = squeeze(x, [axis - extra for axis in repeated if axis >= extra])
    left = [axis for axis in range(wide.ndim) if axis not in repeated]
    rest = [left.index(axis) for axis in axes if axis not in repeated]
    narrow = broadcast_to(bare, [wide.shape[axis] for axis in left])
    total = multiply(size(count, x.dtype), sum(narrow, rest))
    return expand_dims(total, axes) if node.attrs["keepdims"] else total


@node_rule("sum_of_sum", "sum(sum(x, a), b) -> sum(x, a + b)", over(["sum"], ["sum"]))
def sum_of_sum(node: Node) -> Node | None:
    """Two sums become one over all their axes."""
    inner = node.inputs[0]
    x, gone = inner.inputs[0], set(inner.attrs["axis"])
    left = [axis for axis in range(x.ndim) if inner.attrs["keepdims"] or axis not in gone]
    axes = sorted(gone | {left[axis] for axis in node.attrs["axis"]})
    total = sum(x, axes)
    return total if total.shape == node.shape else reshape(total, node.shape)


SIMPLE: tuple[Rule, ...] = (
    *NEUTRAL,
    *SELECTIONS,
    *QUOTIENTS,
    scale_twice,
    divide_by_power,
    reduce_ones,
    sum_of_broadcast,
    sum_of_sum,
)

simplify = RulePass("simplify", RuleSet(SIMPLE))
