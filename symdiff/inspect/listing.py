"""A graph divided into lines: what is shown, what is written inside it, what it reads, in which section and order.

Text, formula and pictures all show the same lines.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..core.dim import Dim, total
from ..core.graph import Graph
from ..core.naming import is_leaf, outside_names
from ..core.node import Node
from ..core.provenance import Origin, Section
from .choose import SECTIONS, Choice, reason


@dataclass(eq=False)
class Line:
    """One shown node. ``inside`` are the nodes written within it (each in one line), ``reads`` what it refers to."""

    node: Node
    section: Section
    inside: list[Node] = field(default_factory=list)
    reads: list[Node] = field(default_factory=list)

    @cached_property
    def flops(self) -> int | Dim:
        return total(node.op.flops(node) for node in [self.node, *self.inside])

    @property
    def reason(self) -> Origin:
        return reason(self.node, self.section)


class Listing:
    """The lines of a graph, in an order in which every line comes after those it reads."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.names = graph.names
        self._outside = outside_names(graph.nodes)
        choice = Choice(graph)
        found = [Line(node, choice.section[node]) for node in graph.nodes if node in choice.shown and not is_leaf(node)]
        self._host: dict[Node, Node] = {}
        for line in found:
            self._fill(line, choice.shown)
        self.lines = _ordered(found, {node: place for place, node in enumerate(graph.nodes)})
        self.line = {line.node: line for line in self.lines}
        self.leaves = list(dict.fromkeys([*graph.inputs, *graph.params]))

    def section(self, name: Section) -> list[Line]:
        return [line for line in self.lines if line.section == name]

    def home(self, node: Node) -> Node | None:
        """The shown node that stands for ``node``: itself, or the line it is written in. None: not in the graph."""
        return node if node in self.line or is_leaf(node) else self._host.get(node)

    def label(self, node: Node) -> str | None:
        """The name that readers know a node by; also of one that a pass has replaced since."""
        home = self.home(node)
        return self.names.get(home) if home is not None else self._outside.get(node)

    def title(self, node: Node) -> str:
        """What is written at the head of a line or box: its name, or ``W <-`` for the next value of a parameter."""
        target = self.targets.get(node)
        return f"{target} <-" if target else self.names[node]

    @cached_property
    def targets(self) -> dict[Node, str]:
        """The update values that are written ``W <- ...`` at once: those without another use or output."""
        values = Counter(self.graph.updates.values())
        outputs = set(self.graph.outputs.values())
        return {
            node: self.names[param]
            for param, node in self.graph.updates.items()
            if node in self.line and self.line[node].section == "update"
            if values[node] == 1 and node not in outputs and not self.readers[node]
        }

    @cached_property
    def readers(self) -> dict[Node, list[Node]]:
        """For each shown node, those whose lines refer to it."""
        found: dict[Node, list[Node]] = {node: [] for node in [*self.leaves, *self.graph.nodes]}
        for line in self.lines:
            for node in line.reads:
                found[node].append(line.node)
        return found

    def _fill(self, line: Line, shown: set[Node]) -> None:
        """What a line reads, and the unshown nodes that it is the first to write."""
        reads: dict[Node, None] = {}
        seen: set[Node] = set()
        stack = list(reversed(line.node.inputs))
        while stack:
            node = stack.pop()
            if node in shown:
                reads[node] = None
            elif node not in seen:
                seen.add(node)
                stack.extend(reversed(node.inputs))
                if self._host.setdefault(node, line.node) is line.node:
                    line.inside.append(node)
        line.reads = list(reads)


def _rank(line: Line, place: Mapping[Node, int]) -> tuple[int, ...]:
    """Forward as built; backward from the cost to the inputs, with what belongs to one forward node together."""
    section, position = SECTIONS.index(line.section), place[line.node]
    if line.section != "backward":
        return section, position
    why = line.reason
    of = -1 if why.of is None else place.get(why.of, -1)
    return section, -of, -(why.operand or 0), position


def _ordered(lines: Sequence[Line], place: Mapping[Node, int]) -> list[Line]:
    """By rank, but never before a line that is read."""
    own = {line.node: line for line in lines}
    readers: dict[Node, list[Line]] = {node: [] for node in own}
    waiting: dict[Node, int] = {}
    for line in lines:
        needed = [node for node in line.reads if node in own]
        waiting[line.node] = len(needed)
        for node in needed:
            readers[node].append(line)
    ready = [(_rank(line, place), place[line.node], line) for line in lines if not waiting[line.node]]
    heapq.heapify(ready)
    order: list[Line] = []
    while ready:
        line = heapq.heappop(ready)[2]
        order.append(line)
        for reader in readers[line.node]:
            waiting[reader.node] -= 1
            if not waiting[reader.node]:
                heapq.heappush(ready, (_rank(reader, place), place[reader.node], reader))
    return order
