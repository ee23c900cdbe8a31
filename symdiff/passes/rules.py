"""A rule: a name and an equation, ``log(1 + x) -> log1p(x)``, that is pattern, replacement and documentation in one."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.node import Node
from ..core.op import Op
from ..ops import elementwise, reduce, shape, softmax
from .constants import CONSTANT
from .pattern import Apply, Bound, Literal, Pattern, matches, parse

Operators = Callable[[Op, Sequence[Op]], bool]  # an operator and those of its operands -> can a rule match at all?
Build = Callable[..., Any]  # bound names -> the replacement (a node or a number), or None: not here after all

_OPERATORS = {
    name: function
    for room in (elementwise, reduce, shape, softmax)
    for name, function in vars(room).items()
    if callable(function) and not name.startswith("_")
}


@dataclass(frozen=True, eq=False)
class Rule:
    """One rewrite.

    ``may_match`` decides by operators alone, and its answer is remembered for each combination. ``pattern`` then binds
    names; a rule without one looks at the whole ``node``. ``build`` makes the replacement from what was bound.
    """

    name: str
    equation: str
    pattern: Pattern | None
    may_match: Operators
    build: Callable[[Bound], Any]
    condition: Callable[[Bound], bool] | None = None

    def matches(self, node: Node, keep: Collection[Node]) -> Iterator[Bound]:
        """Every way in which the left side describes the node."""
        if self.pattern is None:
            return iter(({"node": node},))
        found = matches(self.pattern, node, keep, {})
        return found if self.condition is None else filter(self.condition, found)


def rule(name: str, equation: str, *, where: Callable[..., bool] | None = None, build: Build | None = None) -> Rule:
    """A rule from its equation. ``where`` is a condition on names that the left side binds. ``build`` makes the
    replacement when the right side is for readers only."""
    left, right = equation.split(" -> ")
    pattern = parse(left)
    if not isinstance(pattern, Apply):
        raise ValueError(f"rule {name!r}: the left side is not an operation: {left}")
    condition = None if where is None else _by_name(where)
    return Rule(name, equation, pattern, _operators_of(pattern), _by_name(build or _compiled(right)), condition)


def _operators_of(pattern: Apply) -> Operators:
    def may_match(op: Op, operands: Sequence[Op]) -> bool:
        if op.name != pattern.op or len(operands) != len(pattern.operands):
            return False
        return any(all(map(_may_be, order, operands)) for order in pattern.orders)

    return may_match


def _may_be(pattern: Pattern, op: Op) -> bool:
    if isinstance(pattern, Literal):
        return op.name in CONSTANT
    return not isinstance(pattern, Apply) or pattern.op == op.name


def node_rule(name: str, equation: str, may_match: Operators) -> Callable[[Callable[[Node], Any]], Rule]:
    """Decorator: a rule that no pattern can state, as a function from a node to its replacement or None."""
    return lambda function: Rule(name, equation, None, may_match, lambda bound: function(bound["node"]))


def over(roots: Iterable[str], operands: Iterable[str] | None = None) -> Operators:
    """Nodes of these operators, some operand of which is one of ``operands`` (None: any)."""
    tops, below = frozenset(roots), None if operands is None else frozenset(operands)
    return lambda op, parents: op.name in tops and (below is None or any(one.name in below for one in parents))


def _compiled(right: str) -> Build:
    """The right side of an equation as a function of the names in it."""
    names = sorted({part.id for part in ast.walk(ast.parse(right)) if isinstance(part, ast.Name)} - set(_OPERATORS))
    function: Build = eval(f"lambda {', '.join(names)}: {right}", dict(_OPERATORS))
    return function


def _by_name(function: Build) -> Callable[[Bound], Any]:
    """The function, called with those bound names that it has as parameters."""
    names = tuple(inspect.signature(function).parameters)
    return lambda bound: function(*[bound[name] for name in names])


class RuleSet:
    """Rules in order, indexed by the operators of a node and its inputs."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._index: dict[tuple[str, ...], tuple[Rule, ...]] = {}

    def candidates(self, node: Node) -> tuple[Rule, ...]:
        """The rules that may match, first choice first."""
        key = (node.op.name, *[parent.op.name for parent in node.inputs])
        found = self._index.get(key)
        if found is None:
            operands = [parent.op for parent in node.inputs]
            found = self._index[key] = tuple(rule for rule in self.rules if rule.may_match(node.op, operands))
        return found
