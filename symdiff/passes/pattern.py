"""The pattern language: the left side of a rule's equation, matched against nodes.

A pattern is an ordinary expression, ``log(1 + exp(x))``. Names stand for any node (the same name twice: the same node),
numbers for constants of that value in every element, calls and operators for nodes, and keywords for attributes:
``sum(x, axis=(a,), keepdims=True)``. Commutative operators match in either order.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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


@dataclass(frozen=True)
class Variable:
    """Any node, or any value of an attribute."""

    name: str


@dataclass(frozen=True)
class Literal:
    """A constant of this value in every element, or an attribute of this value."""

    value: Any


@dataclass(frozen=True)
class Each:
    """An attribute that is a tuple, matched part by part."""

    parts: tuple[Variable | Literal, ...]


@dataclass(frozen=True)
class Apply:
    """A node of one operator."""

    op: str
    operands: tuple[Pattern, ...]
    attrs: Mapping[str, Variable | Literal | Each]

    @cached_property
    def orders(self) -> tuple[tuple[Pattern, ...], ...]:
        """The orders in which the operands may stand."""
        return (self.operands, self.operands[::-1]) if self.op in COMMUTATIVE else (self.operands,)


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
            return Apply("negative", (_pattern(operand),), {})
        case ast.BinOp(left, operator, right):
            return Apply(_BINARY[type(operator)], (_pattern(left), _pattern(right)), {})
        case ast.Call(ast.Name(op), operands, keywords):
            attrs = {keyword.arg or "": _attribute(keyword.value) for keyword in keywords}
            return Apply(op, tuple(map(_pattern, operands)), attrs)
    raise ValueError(f"not a pattern: {ast.unparse(tree)}")


def _attribute(tree: ast.expr) -> Variable | Literal | Each:
    if isinstance(tree, ast.Tuple):
        parts = [_pattern(part) for part in tree.elts]
        return Each(tuple(part for part in parts if not isinstance(part, Apply)))
    simple = _pattern(tree)
    if isinstance(simple, Apply):
        raise ValueError(f"not a pattern of an attribute: {ast.unparse(tree)}")
    return simple


def matches(pattern: Pattern, node: Node, keep: Collection[Node], bound: Bound) -> Iterator[Bound]:
    """Every way in which the node has the form of the pattern. It may not look inside a node of ``keep``."""
    if isinstance(pattern, Variable):
        yield from _bind(pattern.name, node, bound)
    elif isinstance(pattern, Literal):
        if _same_number(scalar(node, keep), pattern.value):
            yield bound
    elif node.op.name == pattern.op and node not in keep and len(node.inputs) == len(pattern.operands):
        for operands in pattern.orders:
            if all(_fits(part, parent, keep) for part, parent in zip(operands, node.inputs, strict=True)):
                for with_attrs in _match_attrs(pattern, node, bound):
                    yield from _match_all(operands, node.inputs, keep, with_attrs)


def _fits(pattern: Pattern, node: Node, keep: Collection[Node]) -> bool:
    """A look from outside: most candidates fail here, at little cost."""
    if isinstance(pattern, Literal):
        return _same_number(scalar(node, keep), pattern.value)
    return not isinstance(pattern, Apply) or pattern.op == node.op.name


def _match_all(
    patterns: tuple[Pattern, ...], nodes: tuple[Node, ...], keep: Collection[Node], bound: Bound
) -> Iterator[Bound]:
    if not patterns:
        yield bound
        return
    for first in matches(patterns[0], nodes[0], keep, bound):
        yield from _match_all(patterns[1:], nodes[1:], keep, first)


def _match_attrs(pattern: Apply, node: Node, bound: Bound) -> Iterator[Bound]:
    found: Bound | None = bound
    for name, wanted in pattern.attrs.items():
        found = None if found is None else _match_attr(wanted, node.attrs[name], found)
    if found is not None:
        yield found


def _match_attr(wanted: Variable | Literal | Each, value: Any, bound: Bound) -> Bound | None:
    if isinstance(wanted, Variable):
        return next(_bind(wanted.name, value, bound), None)
    if isinstance(wanted, Literal):
        return bound if value == wanted.value else None
    if not isinstance(value, tuple) or len(value) != len(wanted.parts):
        return None
    found: Bound | None = bound
    for part, item in zip(wanted.parts, value, strict=True):
        found = None if found is None else _match_attr(part, item, found)
    return found


def _bind(name: str, value: Any, bound: Bound) -> Iterator[Bound]:
    if name not in bound:
        yield {**bound, name: value}
    elif bound[name] is value or (not isinstance(value, Node) and bound[name] == value):
        yield bound


def _same_number(value: Any | None, wanted: Any) -> bool:
    return value is not None and value == wanted and isinstance(value, bool) == isinstance(wanted, bool)
