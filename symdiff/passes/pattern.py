"""The pattern language: the left side of a rule's equation, matched against nodes.

A pattern is an ordinary expression, ``log(1 + exp(x))``. Names stand for any node (the same name twice: the same node),
numbers for constants of that value in every element, calls and operators for nodes, and keywords for attributes:
``sum(x, axis=(a,), keepdims=True)``. Commutative operators match in either order.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import product
from typing import Any, NamedTuple

from ..core.node import Node
from .constants import scalar

Bound = dict[str, Any]  # names to nodes, or to values of attributes
Fits = Callable[[Node, Collection[Node], Bound], bool]  # see fits()

COMMUTATIVE = frozenset({"add", "multiply", "maximum", "minimum", "equal", "not_equal", "logical_and", "logical_or"})

_BINARY = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.MatMult: "matmul",
}
_SIGNS = {
    "+": ("add",),
    "-": ("subtract", "negative"),
    "*": ("multiply",),
    "/": ("divide",),
    "**": ("power",),
    "@": ("matmul",),
}
_INNERMOST = re.compile(r"\([^()]*\)")


class Variable(NamedTuple):
    """Any node, or any value of an attribute."""

    name: str


class Literal(NamedTuple):
    """A constant of this value in every element, or an attribute of this value."""

    value: Any


class Each(NamedTuple):
    """An attribute that is a tuple, matched part by part."""

    parts: tuple[Variable | Literal, ...]


class Apply(NamedTuple):
    """A node of one operator."""

    op: str
    operands: tuple[Pattern, ...]
    attrs: tuple[tuple[str, Attribute], ...] = ()


Attribute = Variable | Literal | Each
Pattern = Variable | Literal | Apply


def roots(text: str) -> frozenset[str]:
    """The operators that the expression may be an application of, by a look at what stands outside of parentheses; none
    for a name. To parse an expression takes ten times as long."""
    outside, found = text, 1
    while found:
        outside, found = _INNERMOST.subn("", outside)
    if outside.isidentifier():
        return frozenset() if outside == text else frozenset({outside})
    return frozenset(op for sign, ops in _SIGNS.items() if sign in outside for op in ops)


def parse(text: str) -> Pattern:
    """The pattern that an expression describes."""
    return _pattern(ast.parse(text, mode="eval").body)


def _pattern(tree: ast.expr) -> Pattern:
    match tree:
        case ast.Name(name):
            return Variable(name)
        case ast.Constant(value):
            return Literal(value)
        case ast.UnaryOp(ast.USub(), ast.Constant(value)) if isinstance(value, int | float):
            return Literal(-value)
        case ast.UnaryOp(ast.USub(), operand):
            return Apply("negative", (_pattern(operand),))
        case ast.BinOp(left, operator, right):
            return Apply(_BINARY[type(operator)], (_pattern(left), _pattern(right)))
        case ast.Call(ast.Name(op), operands, keywords):
            attrs = tuple((keyword.arg or "", _attribute(keyword.value)) for keyword in keywords)
            return Apply(op, tuple(map(_pattern, operands)), attrs)
    raise ValueError(f"not a pattern: {ast.unparse(tree)}")


def _attribute(tree: ast.expr) -> Attribute:
    if isinstance(tree, ast.Tuple):
        parts = [_pattern(part) for part in tree.elts]
        return Each(tuple(part for part in parts if not isinstance(part, Apply)))
    simple = _pattern(tree)
    if isinstance(simple, Apply):
        raise ValueError(f"not a pattern of an attribute: {ast.unparse(tree)}")
    return simple


def orders(pattern: Pattern) -> Iterable[Pattern]:
    """The pattern with the operands of commutative operators in every order."""
    return orders_of(pattern) if isinstance(pattern, Apply) else (pattern,)


def orders_of(pattern: Apply) -> Iterator[Apply]:
    """The same for a pattern that is an operation."""
    turned = [pattern.operands, pattern.operands[::-1]] if pattern.op in COMMUTATIVE else [pattern.operands]
    for operands in dict.fromkeys(turned):
        for chosen in product(*map(orders, operands)):
            yield Apply(pattern.op, chosen, pattern.attrs)


def fits(pattern: Pattern) -> Fits:
    """The pattern as a function: whether a node has this form, with the operands in the order that is written. It may
    not look inside a node of ``keep``. Names are bound on the way, whatever comes of it."""
    if isinstance(pattern, Variable):
        name = pattern.name
        return lambda node, keep, bound: bound.setdefault(name, node) is node
    if isinstance(pattern, Literal):
        value = pattern.value
        return lambda node, keep, bound: _same_number(scalar(node, keep), value)
    return _operation_fits(pattern)


def _operation_fits(pattern: Apply) -> Fits:
    op, attrs, count = pattern.op, pattern.attrs, len(pattern.operands)
    operations = [(k, part.op) for k, part in enumerate(pattern.operands) if isinstance(part, Apply)]
    numbers = [(k, part.value) for k, part in enumerate(pattern.operands) if isinstance(part, Literal)]
    parts = [(k, fits(part)) for k, part in enumerate(pattern.operands) if not isinstance(part, Literal)]

    def found(node: Node, keep: Collection[Node], bound: Bound) -> bool:
        if node.op.name != op or len(node.inputs) != count or node in keep:
            return False
        inputs = node.inputs
        for k, name in operations:  # a look from outside: most candidates fail here, at little cost
            if inputs[k].op.name != name:
                return False
        for k, number in numbers:
            if not _same_number(scalar(inputs[k], keep), number):
                return False
        for k, part in parts:
            if not part(inputs[k], keep, bound):
                return False
        return not attrs or all(_fits_attr(wanted, node.attrs[name], bound) for name, wanted in attrs)

    return found


def _fits_attr(wanted: Attribute, value: Any, bound: Bound) -> bool:
    if isinstance(wanted, Variable):
        return bool(bound.setdefault(wanted.name, value) == value)
    if isinstance(wanted, Literal):
        return bool(value == wanted.value)
    if not isinstance(value, tuple) or len(value) != len(wanted.parts):
        return False
    return all(_fits_attr(part, item, bound) for part, item in zip(wanted.parts, value, strict=True))


def _same_number(value: Any | None, wanted: Any) -> bool:
    return value is not None and value == wanted and isinstance(value, bool) == isinstance(wanted, bool)
