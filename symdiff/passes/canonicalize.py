"""One form for what can be written in several: signs, powers, the side of a constant, stacked views, broadcasts.

Everything here is exact but for powers (``x**3`` becomes two products). Operands stay in the order they were written
in, so that a printed graph reads like its model; ``cse`` merges ``b * a`` with ``a * b``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.node import Node, build
from ..core.op import Op
from ..ops.elementwise import add, multiply, subtract
from .broadcasts import BROADCASTS
from .constants import CONSTANT, opposite, scalar
from .rewrite import RulePass
from .rules import Rule, RuleSet, node_rule, over, rule
from .views import VIEWS

SIGNS = (
    rule("double_negation", "-(-x) -> x"),
    rule("add_negative", "x + -y -> x - y"),
    rule("subtract_negative", "x - -y -> x + y"),
    rule("negative_minus", "-x - y -> -(x + y)"),
    rule("negate_difference", "-(x - y) -> y - x"),
    rule("negative_in_sum", "sum(-x, axis=a, keepdims=k) -> -sum(x, axis=a, keepdims=k)"),
    rule("abs_negative", "abs(-x) -> abs(x)"),
    rule("square_negative", "square(-x) -> square(x)"),
    rule("square_abs", "square(abs(x)) -> square(x)"),
    rule("double_not", "logical_not(logical_not(x)) -> x"),
)


@node_rule("negative_factor", "-x * y -> -(x * y)", over(["multiply", "divide", "matmul"], ["negative"]))
def negative_factor(node: Node) -> Node:
    """The signs of factors become one sign of the product; two of them none."""
    signs = [parent.op.name == "negative" for parent in node.inputs]
    factors = [parent.inputs[0] if sign else parent for parent, sign in zip(node.inputs, signs, strict=True)]
    product = build(node.op, factors, node.attrs)
    return product if all(signs) else -product


@node_rule("negative_constant", "-(c * x) -> (-c) * x", over(["negative"], ["multiply", "divide"]))
def negative_constant(node: Node) -> Node | None:
    """The sign moves into a constant factor, numerator or denominator."""
    product = node.inputs[0]
    x, y = product.inputs
    if scalar(x) is not None:
        return build(product.op, [opposite(x), y])
    return None if scalar(y) is None else build(product.op, [x, opposite(y)])


def _signed_term(op: Op, operands: Sequence[Op]) -> bool:
    """The second operand of a difference, or either one of a sum, may be a constant or a product with one."""
    terms = operands if op.name == "add" else operands[1:] if op.name == "subtract" else ()
    return any(one.name == "multiply" or one.name in CONSTANT for one in terms)


@node_rule("sign_of_term", "x + (-c) * y -> x - c * y", _signed_term)
def sign_of_term(node: Node) -> Node | None:
    """A term with a negative constant is subtracted, or added where it was subtracted."""
    x, y = node.inputs
    term = _without_sign(y)
    if term is not None:
        return subtract(x, term) if node.op.name == "add" else add(x, term)
    term = _without_sign(x) if node.op.name == "add" else None
    return None if term is None else subtract(y, term)


def _without_sign(term: Node) -> Node | None:
    """-term, for a signed constant or a product with one in front that are below zero."""
    product = term.op.name == "multiply"
    if term.dtype.kind not in "fi" or not _is_below_zero(term.inputs[0] if product else term):
        return None
    return multiply(opposite(term.inputs[0]), term.inputs[1]) if product else opposite(term)


def _is_below_zero(node: Node) -> bool:
    value = scalar(node)
    if value is None or not value < 0:
        return False
    return node.type.is_float or value > np.iinfo(node.dtype).min  # the smallest integer has no opposite


def _constant_aside(op: Op, operands: Sequence[Op]) -> bool:
    return op.name in ("add", "multiply") and operands[op.name == "multiply"].name in CONSTANT


@node_rule("constant_side", "c + x -> x + c, x * c -> c * x", _constant_aside)
def constant_side(node: Node) -> Node | None:
    """Constants stand where one writes them: last in a sum, first in a product."""
    wrong, right = node.inputs[::-1] if node.op.name == "multiply" else node.inputs
    if scalar(wrong) is None or scalar(right) is not None:
        return None
    return build(node.op, node.inputs[::-1])


def _is_float(x: Node) -> bool:
    return x.type.is_float


POWERS = (
    rule("power_0", "power(x, 0) -> 1"),
    rule("power_1", "power(x, 1) -> x"),
    rule("power_2", "power(x, 2) -> square(x)"),
    rule("power_3", "power(x, 3) -> x * square(x)"),
    rule("power_minus_1", "power(x, -1) -> reciprocal(x)", where=_is_float),
    rule("square", "x * x -> square(x)"),
)

CANONICAL: tuple[Rule, ...] = (
    *SIGNS,
    negative_factor,
    negative_constant,
    sign_of_term,
    constant_side,
    *POWERS,
    *VIEWS,
    *BROADCASTS,
)

canonicalize = RulePass("canonicalize", RuleSet(CANONICAL))
