"""A rule: a name and an equation, ``log(1 + x) -> log1p(x)``, that is pattern, replacement and documentation in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache, cached_property
from types import CodeType
from typing import Any

from ..core.node import Form, Node
from ..core.op import Op
from ..ops import elementwise, reduce, shape, softmax
from .constants import CONSTANT
from .pattern import Apply, Bound, Literal, fits, orders, parse, roots

Operators = Callable[[Op, Sequence[Op]], bool]  # an operator and those of its operands -> can a rule match at all?
Matcher = Callable[[Node, Collection[Node]], Bound | None]  # a node, nodes not to look into -> what is bound in a match
Condition = Callable[..., bool]  # of names that the left side binds
Build = Callable[..., Any]  # of such names -> the replacement (a node or a number), or None: not here after all

_CALLED = re.compile(r"(\w+)\(")
_ROOMS = (elementwise, reduce, shape, softmax)  # with the operators that a right side may apply


class Rule:
    """One rewrite, known by its name and its equation.

    ``matchers`` decides by operators alone, and its answer is remembered for each combination; a rule with ``roots`` is
    asked about nodes of these operators only. What matches binds names, ``build`` makes the replacement from what was
    bound: a node, a number, or None (not here after all). Here is the rule that no pattern can state, a function of the
    whole ``node``.
    """

    roots: frozenset[str] | None = None
    operators: frozenset[str] = frozenset()  # without which it matches nothing

    def __init__(self, name: str, equation: str, may_match: Operators, build: Callable[[Bound], Any]) -> None:
        self.name, self.equation = name, equation
        self.may_match, self.build = may_match, build

    def matchers(self, form: Form) -> Sequence[Matcher]:
        """For each way in which the left side may describe a node of this form, what finds whether it does."""
        return (_whole,) if self.may_match(form[0], form[1:]) else ()

    def __repr__(self) -> str:
        return f"Rule({self.name}: {self.equation})"


def _whole(node: Node, keep: Collection[Node]) -> Bound:
    return {"node": node}


class PatternRule(Rule):
    """A rule whose left side is a pattern."""

    def __init__(self, name: str, equation: str, where: Condition | None, build: Build | None) -> None:
        left, right = equation.split(" -> ")
        self.roots = roots(left)
        if not self.roots:
            raise ValueError(f"rule {name!r}: the left side is not an operation: {left}")
        self.operators = frozenset(_CALLED.findall(left))
        super().__init__(name, equation, over(self.roots), _by_name(build) if build else _value_of(right))
        self.condition = None if where is None else _by_name(where)

    @cached_property
    def orders(self) -> list[tuple[Apply, Matcher]]:
        """The pattern in every order of its operands, with what finds it; parsed when a graph has such an operator."""
        pattern = parse(self.equation.split(" -> ")[0])
        return [(order, self._matcher(order)) for order in orders(pattern) if isinstance(order, Apply)]

    def matchers(self, form: Form) -> Sequence[Matcher]:
        return [matcher for order, matcher in self.orders if _may_be(order, form)]

    def _matcher(self, order: Apply) -> Matcher:
        fitting, condition = fits(order), self.condition

        def match(node: Node, keep: Collection[Node]) -> Bound | None:
            bound: Bound = {}
            if not fitting(node, keep, bound):
                return None
            return bound if condition is None or condition(bound) else None

        return match


def _may_be(order: Apply, form: Form) -> bool:
    if order.op != form[0].name or len(order.operands) != len(form) - 1:
        return False
    named: dict[str, Op] = {}  # a name that stands there twice is one node, so of one operator
    for pattern, op in zip(order.operands, form[1:], strict=True):
        if isinstance(pattern, Literal):
            fits = op.name in CONSTANT
        elif isinstance(pattern, Apply):
            fits = op.name == pattern.op
        else:
            fits = named.setdefault(pattern.name, op) is op
        if not fits:
            return False
    return True


def rule(name: str, equation: str, *, where: Condition | None = None, build: Build | None = None) -> Rule:
    """A rule from its equation. ``where`` is a condition on names that the left side binds. ``build`` makes the
    replacement when the right side is for readers only."""
    return PatternRule(name, equation, where, build)


def node_rule(name: str, equation: str, may_match: Operators) -> Callable[[Callable[[Node], Any]], Rule]:
    """Decorator: a rule that no pattern can state, as a function from a node to its replacement or None."""
    return lambda function: Rule(name, equation, may_match, lambda bound: function(bound["node"]))


def over(roots: Iterable[str], operands: Iterable[str] | None = None) -> Operators:
    """Nodes of these operators, some operand of which is one of ``operands`` (None: any)."""
    tops, below = frozenset(roots), None if operands is None else frozenset(operands)
    return lambda op, parents: op.name in tops and (below is None or any(one.name in below for one in parents))


def on(root: str, *operands: Collection[str] | None) -> Operators:
    """Nodes of this operator whose operands are, one by one, of these (None: of any)."""

    def admits(op: Op, parents: Sequence[Op]) -> bool:
        if op.name != root:
            return False
        return all(names is None or one.name in names for names, one in zip(operands, parents, strict=True))

    return admits


def _value_of(right: str) -> Callable[[Bound], Any]:
    """The right side of an equation as a function of what was bound, compiled when the rule is first used."""

    @cache
    def ready() -> tuple[CodeType, dict[str, Any]]:
        code = compile(right, "<symdiff rule>", "eval")
        found = {name: [getattr(room, name) for room in _ROOMS if hasattr(room, name)] for name in code.co_names}
        return code, {name: functions[0] for name, functions in found.items() if functions}

    return lambda bound: eval(*ready(), bound)


def _by_name(function: Callable[..., Any]) -> Callable[[Bound], Any]:
    """The function, called with those bound names that it has as parameters."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return lambda bound: function(*[bound[name] for name in names])


class RuleSet:
    """Rules in order. ``by_form[node.form]`` are those that may match such a node, first choice first, with what finds
    the ways in which they do."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self.by_form = _ByForm(self.rules)

    def may_match(self, forms: Collection[Form]) -> bool:
        """Whether some rule may match in a graph with nodes of these forms. A pattern is parsed only where the graph
        has all its operators: a start that finds everything else on disk would wait for it."""
        if any(self.by_form.get(form) for form in forms):
            return True
        names = {form[0].name for form in forms}
        return any(
            rule.matchers(form)
            for rule in self.rules
            if rule.operators <= names
            for form in forms
            if form not in self.by_form and (rule.roots is None or form[0].name in rule.roots)
        )


Candidates = Sequence[tuple[Rule, Matcher]]


class _ByForm(dict[Form, Candidates]):
    """Rules under the operators of a node and its inputs; worked out when a form is first met."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__()
        self.rules = rules
        self.by_root: dict[str, list[Rule]] = {}

    def __missing__(self, form: Form) -> Candidates:
        root = form[0].name
        if root not in self.by_root:
            self.by_root[root] = [rule for rule in self.rules if rule.roots is None or root in rule.roots]
        found = self[form] = [(rule, match) for rule in self.by_root[root] for match in rule.matchers(form)]
        return found
