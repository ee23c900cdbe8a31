"""The driver: rewrites bottom-up until no rule of a set matches anywhere. Iterative, and linear in the graph."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.errors import GraphError
from ..core.graph import Graph
from ..core.node import Node, describe
from ..core.provenance import inherit, rewritten
from ..core.traversal import with_inputs
from ..ops.convert import like
from ..ops.shape import broadcast_to
from .pattern import Bound
from .rules import Rule, RuleSet


@dataclass
class Journal:
    """What happened while graphs were rewritten: the rules that fired and where, and normal forms already found."""

    fired: list[tuple[Rule, str]] = field(default_factory=list)
    normal: dict[RuleSet, dict[Node, Node]] = field(default_factory=dict)


_journal: ContextVar[Journal | None] = ContextVar("symdiff_journal", default=None)


@contextmanager
def journal() -> Iterator[Journal]:
    """Rewrites made inside are written down."""
    book = Journal()
    token = _journal.set(book)
    try:
        yield book
    finally:
        _journal.reset(token)


@dataclass(frozen=True)
class RulePass:
    """A pass that applies rules until none matches: a function from graph to graph with a name."""

    name: str
    rules: RuleSet

    def __call__(self, graph: Graph) -> Graph:
        """The graph in this pass's normal form; the same graph when nothing matched."""
        book = _journal.get()
        known = {} if book is None else book.normal.setdefault(self.rules, {})
        return with_roots(graph, rewrite(graph.roots, self.rules, done=known))


def with_roots(graph: Graph, roots: Sequence[Node]) -> Graph:
    """The graph around other roots; itself when they are the same."""
    return graph if all(map(_same, roots, graph.roots)) else graph.with_roots(roots)


def _same(a: Node, b: Node) -> bool:
    return a is b


@np.errstate(all="ignore")  # constants may overflow on the way; what that means is for the rules to judge
def rewrite(
    outputs: Sequence[Node],
    rules: RuleSet,
    *,
    keep: Collection[Node] = (),
    spare: Collection[Node] = (),
    done: dict[Node, Node] | None = None,
) -> list[Node]:
    """The outputs in normal form: no rule matches at any node.

    Nodes of ``keep`` stay as they are and no rule looks inside them. Nodes of ``spare`` are not replaced themselves.
    ``done`` holds normal forms found before, and is added to.
    """
    kept, spared = frozenset(keep), frozenset(spare)
    normal = {} if done is None else done
    normal.update((node, node) for node in kept)
    onward: dict[Node, Node] = {}
    for output in outputs:
        stack = [output]
        while stack:
            node = stack[-1]
            if node in normal:
                stack.pop()
            elif node in onward:
                if onward[node] in normal:
                    normal[node] = normal[onward[node]]
                else:
                    stack.append(onward[node])
            elif waiting := [parent for parent in node.inputs if parent not in normal]:
                stack.extend(reversed(waiting))
            else:
                after = _step(node, rules, normal, kept, spared)
                if node not in normal:
                    _refuse_circle(node, after, onward, normal)
                    onward[node] = after
    return [normal[output] for output in outputs]


def _refuse_circle(node: Node, after: Node, onward: dict[Node, Node], normal: dict[Node, Node]) -> None:
    if after is node or (after in onward and after not in normal):
        raise GraphError(f"rewrite: the rules lead from {describe(node)} to {describe(after)} and back")


def _step(node: Node, rules: RuleSet, normal: dict[Node, Node], keep: frozenset[Node], spare: frozenset[Node]) -> Node:
    """What the first rule that matches makes of the node over rewritten inputs; where none does, it is normal."""
    inputs = tuple(normal[parent] for parent in node.inputs)
    fresh = node if inputs == node.inputs else with_inputs(node, inputs)
    if fresh in keep:
        normal[node] = node  # a node that is kept must not gain users
        return node
    if node in spare:
        normal[fresh] = fresh
        return fresh
    for rule in rules.candidates(fresh):
        for bound in rule.matches(fresh, keep):
            replacement = replace(fresh, rule, bound, keep)
            if replacement is not None and replacement is not fresh:
                return replacement
    normal[fresh] = fresh
    return fresh


def replace(node: Node, rule: Rule, bound: Bound, keep: frozenset[Node] = frozenset()) -> Node | None:
    """What the rule makes of the node, in the node's own type and with its origins."""
    origin = rewritten(node.origin, rule.name)
    with inherit(origin):
        made = rule.build(bound)
        if made is None:
            return None
        replacement = _typed(node, rule, made)
    if keep and _meets(replacement, keep, bound):
        return None
    if replacement is not node and replacement.inputs:
        replacement.add_origin(origin)
        for other in node.origins[1:]:
            replacement.add_origin(rewritten(other, rule.name))
    book = _journal.get()
    if book is not None and replacement is not node:
        book.fired.append((rule, node.origin.place))
    return replacement


def _typed(node: Node, rule: Rule, made: Any) -> Node:
    """The replacement in the shape of the node: a rule may have dropped a broadcast."""
    found = made if isinstance(made, Node) else like(made, node)
    if found.type == node.type:
        return found
    if found.dtype != node.dtype:
        raise GraphError(f"rule {rule.name}: {describe(node)} became {describe(found)}, another dtype")
    return broadcast_to(found, node.shape)


def _meets(replacement: Node, keep: frozenset[Node], bound: Bound) -> bool:
    """True when a replacement's own nodes include one that is kept: it would gain users it did not have."""
    given = {value for value in bound.values() if isinstance(value, Node)}  # what the pattern's names stand for
    stack = [replacement]
    while stack:
        node = stack.pop()
        if node in given:
            continue
        if node in keep:
            return True
        stack.extend(node.inputs)
    return False
