"""Which nodes are shown on a line of their own, and which are written inside the line that uses them.

Shown: what carries a name of the user's, outputs, products of matrices, cotangents of what is shown, and what is used
twice. Written inside: constants, sizes and views, and small pieces used once, where both sides have one reason.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from ..core.dim import product
from ..core.graph import Graph
from ..core.naming import Cotangents, cotangent_of, given_names, is_leaf, outside_names
from ..core.node import Node
from ..core.op import Item, Matmul
from ..core.provenance import Origin, Section
from ..core.traversal import toposort

SECTIONS: tuple[Section, ...] = ("forward", "backward", "update")
LIMIT = 8  # operators written in one line
DEPTH = 12  # brackets within brackets, views included
VIEWS = frozenset(("permute_dims", "expand_dims", "squeeze", "broadcast_to", "reshape"))
SMALL_ARRAY = 6  # elements of a constant that is written out


class Choice:
    """The shown nodes of a graph, in ``shown`` (leaves are always shown), and the section of every node."""

    def __init__(self, graph: Graph) -> None:
        self.nodes = graph.nodes
        self.shown: set[Node] = {node for node in graph.nodes if is_leaf(node)}
        self.section = _sections(graph)
        self._given: Mapping[Node, str] = given_names(graph.nodes, graph.outputs) | outside_names(graph.nodes)
        self._roots = set(graph.roots)
        self._cotangents = Cotangents(graph.nodes)
        self._written = self._times_written(graph.roots)
        self._weight: dict[Node, int] = {}
        self._depth: dict[Node, int] = {}
        self._closed: set[Node] = set()  # nodes that depend on no input or parameter
        self._within: dict[Node, Node] = {}  # for an unshown forward node, the shown one that it is written in
        for section in SECTIONS:
            for node in (node for node in graph.nodes if self.section[node] == section and node not in self.shown):
                self._decide(node)
            self._record_within(section)

    def _times_written(self, roots: Iterable[Node]) -> dict[Node, int]:
        """How often each node would be written if nothing but views were written twice; 2 stands for more."""
        times = dict.fromkeys(self.nodes, 0)
        for root in roots:
            times[root] += 1
        for node in reversed(self.nodes):
            own = min(times[node], 2) if node.op.name in VIEWS else 1
            for parent in node.inputs:
                times[parent] = min(times[parent] + own, 2)
        return times

    def _decide(self, node: Node) -> None:
        """Which inputs may be written inside ``node``, and whether ``node`` is shown itself. Inputs come first."""
        inputs = dict.fromkeys(node.inputs)
        if all(parent in self._closed for parent in inputs):
            self._closed.add(node)
        self.shown.update(p for p in inputs if p not in self.shown and not self._may_stand_inside(p, node))
        inside = sorted((p for p in inputs if p not in self.shown), key=lambda parent: -self._weight[parent])
        own = 0 if node.op.name in VIEWS or not node.inputs else 1
        weight = own + sum(self._weight[parent] for parent in inside)
        for parent in inside:
            if weight > LIMIT or self._depth[parent] >= DEPTH:
                self.shown.add(parent)
                weight -= self._weight[parent]
        self._weight[node] = weight
        self._depth[node] = 1 + max((self._depth[p] for p in inside if p not in self.shown), default=0)
        if self._must_show(node):
            self.shown.add(node)

    def _must_show(self, node: Node) -> bool:
        if not node.inputs:
            return node.op.name == "constant" and node.attrs["value"].array.size > SMALL_ARRAY
        if node in self._given or node in self._roots or isinstance(node.op.lowering, Matmul) or node.type.parts:
            return True
        return any(map(self._is_known, self._cotangents.of(node)))

    def _is_known(self, node: Node) -> bool:
        """True for what readers know by name, so that its cotangent is worth a line. Depth: order of derivative."""
        return node in self._given or any(self._is_known(of) for of in cotangent_of(node) if of is not node)

    def _may_stand_inside(self, node: Node, user: Node) -> bool:
        if node in self._closed:
            return product(node.shape) == 1 or self._weight[node] == 0 or self._written[node] < 2
        if node.op.name in VIEWS or isinstance(node.op.lowering, Item) or _is_cast_number(node, self.shown):
            return True
        return self._written[node] < 2 and self._one_reason(node, user)

    def _one_reason(self, node: Node, user: Node) -> bool:
        """Whether two nodes may share a line: one section, and for gradients one rule (or a sum over paths)."""
        section = self.section[node]
        if section != self.section[user]:
            return False
        if section != "backward":
            return True
        ours, theirs = reason(node, section), reason(user, section)
        sums_paths = user.op.name == "add" and theirs.of is not None and theirs.operand is None
        return sums_paths or self._source(ours) == self._source(theirs)

    def _source(self, origin: Origin) -> Hashable:
        """What a gradient belongs to, as a reader sees it: the shown node whose line has the forward operator."""
        if origin.of is None or origin.of in self.shown:
            return origin.of
        return self._within.get(origin.of, (origin.file, origin.line))

    def _record_within(self, section: Section) -> None:
        for node in reversed(self.nodes):
            if self.section[node] != section:
                continue
            home = node if node in self.shown else self._within.get(node)
            for parent in node.inputs:
                if home is not None and parent not in self.shown:
                    self._within[parent] = home


def _is_cast_number(node: Node, shown: set[Node]) -> bool:
    """True for a shown scalar in another dtype: as good as its name."""
    return node.op.name == "astype" and not node.shape and node.inputs[0] in shown


def reason(node: Node, section: Section) -> Origin:
    """The origin to show for a node: for a gradient the rule that made it, or the sum over paths that it is."""
    if section != "backward":
        return next((origin for origin in node.origins if origin.of is None), node.origin)
    rules = [origin for origin in node.origins if origin.of is not None]
    if not rules:
        return node.origin
    if rules[0].operand is None and node.op.name == "add":
        return rules[0]
    return next((origin for origin in rules if origin.operand is not None), rules[0])


def _sections(graph: Graph) -> dict[Node, Section]:
    """The section of each node: the first that one of its origins names, but never before what it depends on.

    What the user made of gradients is part of the backward section, or of the update when only that needs it.
    """
    needed = set(toposort(graph.outputs.values()))
    rank: dict[Node, int] = {}
    for node in graph.nodes:
        own = min(SECTIONS.index(origin.section) for origin in node.origins) if node.inputs else 0
        rank[node] = max([own, *(rank[parent] for parent in node.inputs)])
        if own < rank[node] and node not in needed:
            rank[node] = SECTIONS.index("update")
    return {node: SECTIONS[place] for node, place in rank.items()}
