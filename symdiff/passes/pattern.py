"""The pattern language: the left side of a rule's equation, matched against nodes.

A pattern is an ordinary expression, ``log(1 + exp(x))``. Names stand for any node (the same name twice: the same node),
numbers for constants of that value in every element, calls and operators for nodes, and keywords for attributes:
``sum(x, axis=(a,), keepdims=True)``. Commutative operators match in either order.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from itertools import product
from typing import Any, NamedTuple

from ..core.node import Node
from .constants import scalar

Bound = dict[str, Any]  # names to nodes, or to values of attributes

COMMUTATIVE = frozenset({"add", "multiply", "maximum", "minimum", "equal", "not_equal", "logical_and", "logical_or"})

_BINARY = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.MatMult: "matmul",
}


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


def matches(pattern: Pattern, node: Node, keep: Collection[Node] = ()) -> Iterator[Bound]:
    """Every way in which the node has the form of the pattern. It may not look inside a node of ``keep``."""
    return matches_of(orders(pattern), node, keep)


def matches_of(patterns: Iterable[Pattern], node: Node, keep: Collection[Node] = ()) -> Iterator[Bound]:
    """Every way in which the node has one of the forms, with the operands in the order that is written."""
    for pattern in patterns:
        bound: Bound = {}
        if _fits(pattern, node, keep, bound):
            yield bound


def orders(pattern: Pattern) -> Iterable[Pattern]:
    """The pattern with the operands of commutative operators in every order."""
    return orders_of(pattern) if isinstance(pattern, Apply) else (pattern,)


def orders_of(pattern: Apply) -> Iterator[Apply]:
    """The same for a pattern that is an operation."""
    turned = [pattern.operands, pattern.operands[::-1]] if pattern.op in COMMUTATIVE else [pattern.operands]
    for operands in dict.fromkeys(turned):
        for chosen in product(*map(orders, operands)):
            yield Apply(pattern.op, chosen, pattern.attrs)


def _fits(pattern: Pattern, node: Node, keep: Collection[Node], bound: Bound) -> bool:
    """Whether the node has this form; names are bound on the way, whatever comes of it."""
    if isinstance(pattern, Variable):
        return bound.setdefault(pattern.name, node) is node
    if isinstance(pattern, Literal):
        return _same_number(scalar(node, keep), pattern.value)
    if node.op.name != pattern.op or len(node.inputs) != len(pattern.operands) or node in keep:
        return False
    for part, parent in zip(pattern.operands, node.inputs, strict=True):
        if isinstance(part, Apply) and part.op != parent.op.name:
            return False  # a look from outside: most candidates fail here, at little cost
    for name, wanted in pattern.attrs:
        if not _fits_attr(wanted, node.attrs[name], bound):
            return False
    for part, parent in zip(pattern.operands, node.inputs, strict=True):
        if isinstance(part, Variable):
            if bound.setdefault(part.name, parent) is not parent:
                return False
        elif not _fits(part, parent, keep, bound):
            return False
    return True


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
