"""The driver: rewrites bottom-up until no rule of a set matches anywhere. Iterative, and linear in the graph."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import GraphError
from ..core.graph import Graph
from ..core.node import Node, describe
from ..core.provenance import Origin, inherit, origin_here, rewritten
from ..core.traversal import toposort, with_inputs
from ..ops.convert import like
from ..ops.shape import broadcast_to
from .pattern import Bound
from .rules import Candidates, Rule, RuleSet


class Known(NamedTuple):
    """Nodes in normal form, and for nodes that are not in it the one that stands ``instead``. Most graphs are in normal
    form nearly everywhere: then the second is small, and quick to look into."""

    normal: set[Node]
    instead: dict[Node, Node]


class Journal:
    """What happened while graphs were rewritten: the rules that fired and where, and normal forms already found."""

    def __init__(self) -> None:
        self.fired: list[tuple[Rule, Origin]] = []
        self.known: dict[RuleSet, Known] = {}


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


class RulePass:
    """A pass that applies rules until none matches: a function from graph to graph with a name."""

    def __init__(self, name: str, rules: RuleSet) -> None:
        self.name, self.rules = name, rules

    def __call__(self, graph: Graph) -> Graph:
        """The graph in this pass's normal form; the same graph when nothing matched."""
        if not self.rules.may_match(graph.forms):
            return graph
        book = _journal.get()
        known = None if book is None else book.known.setdefault(self.rules, Known(set(), {}))
        return with_roots(graph, rewrite(graph.roots, self.rules, known=known, nodes=graph.nodes))


def with_roots(graph: Graph, roots: Sequence[Node]) -> Graph:
    """The graph around other roots; itself when they are the same."""
    return graph if all(map(is_, roots, graph.roots)) else graph.with_roots(roots)


@np.errstate(all="ignore")  # constants may overflow on the way; what that means is for the rules to judge
def rewrite(
    outputs: Sequence[Node],
    rules: RuleSet,
    *,
    keep: Collection[Node] = (),
    spare: Collection[Node] = (),
    known: Known | None = None,
    nodes: Sequence[Node] | None = None,
) -> list[Node]:
    """The outputs in normal form: no rule matches at any node.

    Nodes of ``keep`` stay as they are and no rule looks inside them. Nodes of ``spare`` are not replaced themselves.
    ``known`` are normal forms found before, and is added to. ``nodes`` are the outputs' in topological order, where
    they are known.
    """
    run = _Rewriting(rules, known or Known(set(), {}), frozenset(keep), frozenset(spare))
    run.visit(toposort(outputs, stop=keep) if nodes is None else nodes)
    return [run.instead.get(output, output) for output in outputs]


class _Rewriting:
    """One walk with one set of rules. Every node that was met is ``normal`` or has its normal form in ``instead``;
    ``onward`` has for a node what a rule made of it, which may not be normal yet."""

    def __init__(self, rules: RuleSet, known: Known, keep: frozenset[Node], spare: frozenset[Node]) -> None:
        self.by_form, self.keep, self.spare = rules.by_form, keep, spare
        self.normal, self.instead = known
        self.onward: dict[Node, Node] = {}
        self.reason = inherit()
        self.normal |= keep

    def visit(self, nodes: Sequence[Node]) -> None:
        """Find the normal forms of nodes that are given inputs first."""
        normal, instead, by_form, keep = self.normal, self.instead, self.by_form, self.keep
        known = instead.get
        with self.reason:
            for node in nodes:
                if node in normal or node in instead:
                    continue
                if instead and not instead.keys().isdisjoint(node.inputs):
                    fresh = with_inputs(node, tuple(map(known, node.inputs, node.inputs)))  # known, or itself
                    if not by_form[fresh.form] and fresh not in instead and fresh not in keep:
                        normal.add(fresh)
                        instead[node] = fresh
                        continue
                elif by_form[node.form]:
                    fresh = node
                else:
                    normal.add(node)  # as most nodes
                    continue
                if not self._step(node, fresh):
                    self._settle(node)

    def _settle(self, node: Node) -> None:
        """The normal form of a node by way of those of the nodes that rules put in its place."""
        normal, instead, onward, stack = self.normal, self.instead, self.onward, [node]
        while stack:
            node = stack[-1]
            if node in normal or node in instead:
                stack.pop()
            elif node in onward:
                if not self._same_as(node, onward[node]):
                    stack.append(onward[node])
            elif waiting := [parent for parent in node.inputs if parent not in normal and parent not in instead]:
                stack.extend(reversed(waiting))
            else:
                self._step(node, with_inputs(node, [instead.get(parent, parent) for parent in node.inputs]))

    def _step(self, node: Node, fresh: Node) -> bool:
        """Take the first rule that matches the node over rewritten inputs, ``fresh``; where none does, it is normal.
        True when the node's normal form is known then."""
        if fresh is not node:
            if fresh in self.keep:  # a node that is kept must not gain users
                self.normal.add(node)
                return True
            if self._same_as(node, fresh):
                return True
        candidates = self.by_form[fresh.form]
        after = fresh if not candidates or node in self.spare else self._replaced(fresh, candidates)
        if after is fresh:
            self.normal.add(fresh)
            return fresh is node or self._same_as(node, fresh)
        if after is node or (after in self.onward and after not in self.normal and after not in self.instead):
            raise GraphError(f"rewrite: the rules lead from {describe(node)} to {describe(after)} and back")
        self.onward[node] = after
        if self.by_form[after.form] or after in self.instead or not self.normal.issuperset(after.inputs):
            return False
        self.normal.add(after)
        self.instead[node] = after
        return True

    def _same_as(self, node: Node, other: Node) -> bool:
        """Give the node the normal form of another, if that is known."""
        found = other if other in self.normal else self.instead.get(other)
        if found is None:
            return False
        self.instead[node] = found
        return True

    def _replaced(self, node: Node, candidates: Candidates) -> Node:
        """What the first rule that matches makes of the node; itself where none does."""
        for rule, match in candidates:
            bound = match(node, self.keep)
            if bound is None:
                continue
            replacement = replace(node, rule, bound, self.reason, self.keep)
            if replacement is not None and replacement is not node:
                return replacement
        return node


def replace(node: Node, rule: Rule, bound: Bound, reason: inherit, keep: frozenset[Node] = frozenset()) -> Node | None:
    """What the rule makes of the node, in the node's own type and with its origins. ``reason`` is the context that this
    is called in."""
    reason.origin, reason.rewrite = node.origin, rule.name
    made = rule.build(bound)
    if made is None:
        return None
    replacement = _typed(node, rule, made)
    if keep and _meets(replacement, keep, bound):
        return None
    if replacement is node:
        return node
    if replacement.inputs:
        replacement.add_origin(origin_here())
        for other in node.origins[1:]:
            replacement.add_origin(rewritten(other, rule.name))
    book = _journal.get()
    if book is not None:
        book.fired.append((rule, node.origin))
    return replacement


def _typed(node: Node, rule: Rule, made: Any) -> Node:
    """The replacement in the shape of the node: a rule may have dropped a broadcast."""
    found = made if isinstance(made, Node) else like(made, node)
    if found.type is node.type or found.type == node.type:
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
