"""Names for nodes, derived from the user's own source: ``h1`` for ``h1 = sd.relu(...)``, ``d_h1`` for its cotangent,
``t_h1`` for its tangent."""

from __future__ import annotations

import keyword
import re
from collections.abc import Container, Mapping, Sequence

from .node import Node
from .source import Assignment, assignment_at
from .traversal import toposort, users

SUMS = ("add", "subtract")  # what adds up cotangents


def assign_names(nodes: Sequence[Node], outputs: Mapping[str, Node]) -> dict[Node, str]:
    """A unique identifier for every node of a topologically sorted graph.

    In order of preference: the name of an input or parameter, the name given with ``named`` or as an output, the
    variable the user assigned the expression to, ``d_`` and the name of what a cotangent belongs to, the operator's
    name with a number.
    """
    naming = _Naming(nodes, given_names(nodes, outputs))
    for node in nodes:
        naming.name(node)
    return naming.names


def given_names(nodes: Sequence[Node], outputs: Mapping[str, Node]) -> dict[Node, str]:
    """The nodes that carry a name of the user's, leaves included: named, an output, or assigned to a variable."""
    output_names = {node: _as_identifier(name) for name, node in reversed(list(outputs.items()))}
    assigned = _assigned_variables(nodes)
    found: dict[Node, str] = {}
    for node in nodes:
        if is_leaf(node):
            found[node] = _as_identifier(node.attrs["name"])
            continue
        if not node.inputs and node not in assigned:
            continue
        name = _own_name(node) or output_names.get(node) or assigned.get(node)
        if name:
            found[node] = name
    return found


def outside_names(nodes: Sequence[Node]) -> dict[Node, str]:
    """The user's names of nodes that are in no graph any more but on record as what a gradient belongs to."""
    seen = set(nodes)
    found: dict[Node, str] = {}
    fresh: Sequence[Node] = nodes
    while fresh:
        under = toposort({origin.of: None for node in fresh for origin in node.origins if origin.of is not None})
        fresh = [node for node in under if node not in seen]
        names = given_names(under, {}) if fresh else {}
        found |= {node: names[node] for node in fresh if node in names}
        seen.update(fresh)
    return found


def is_leaf(node: Node) -> bool:
    """True for an input or a parameter."""
    return node.op.name in ("input", "param")


def cotangent_of(node: Node) -> list[Node]:
    """The nodes whose cotangent (or tangent) this node is, whole or the beginning of a sum.

    A node that was there before what it belongs to (cos, which is the cotangent of sin in ``sin(x) * cos(x)``) is the
    user's own, and keeps its own name.
    """
    found = []
    for origin in node.origins:
        of = origin.of
        if of is not None and origin.operand is None and of.serial < node.serial:
            found.append(of)
    return found


class Cotangents:
    """Which node of a graph is the cotangent of which."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.consumers = users(nodes)
        derived = dict.fromkeys([node for node in nodes for origin in node.origins if origin.of is not None])
        self.begun = {node: cotangent_of(node) for node in derived}  # those that derivatives made

    def of(self, node: Node) -> list[Node]:
        """The nodes whose whole cotangent (or tangent) this node is; not those whose sum only goes on from here."""
        begun = self.begun.get(node)
        if not begun:
            return []
        sums = self.sums(node)
        return [of for of in begun if of not in sums]

    def sums(self, node: Node) -> set[Node]:
        """The nodes to whose cotangent a user of this one adds something."""
        return {of for user in self.consumers[node] if user.op.name in SUMS for of in self.begun.get(user, ())}


class _Naming:
    """One run of :func:`assign_names`."""

    def __init__(self, nodes: Sequence[Node], given: Mapping[Node, str]) -> None:
        self.given = given
        self.outside = outside_names(nodes)
        self.cotangents = Cotangents(nodes)
        self.names: dict[Node, str] = {}
        self.unique = Unique()
        for node in sorted((node for node in nodes if node in given), key=lambda node: not is_leaf(node)):
            self.names[node] = self.unique(given[node])

    def name(self, node: Node) -> str:
        """The name of a node of the graph, chosen now if it has none. Depth is the order of differentiation."""
        if node not in self.names:
            derived = node in self.cotangents.begun and node.inputs
            wanted = (self._of_cotangent(node) or self._of_part(node)) if derived else None
            self.names[node] = self.unique(wanted) if wanted else self.unique.numbered(node.op.name)
        return self.names[node]

    def _known(self, node: Node) -> str | None:
        """The name of something a gradient belongs to; None when that is neither in the graph nor the user's."""
        return self.name(node) if node in self.cotangents.consumers else self.outside.get(node)

    def _of_cotangent(self, node: Node) -> str | None:
        """``d_h1`` for the whole cotangent of h1, ``t_h1`` for its tangent; of something the user named, where there is
        a choice."""
        found = [of for of in self.cotangents.of(node) if of is not node]
        if not found:
            return None
        found.sort(key=lambda of: of not in self.given)
        letters = {o.of: "t" if o.tangent else "d" for o in reversed(node.origins) if o.operand is None}
        return next((f"{letters[of]}_{name}" for of in found if (name := self._known(of))), None)

    def _of_part(self, node: Node) -> str | None:
        """``d_W1_from_z1`` for what z1 adds to the cotangent of W1, when others add to it too."""
        for origin in node.origins:
            of = origin.of
            if of is None or origin.operand is None or origin.tangent or of.serial > node.serial:
                continue
            operand = of.inputs[origin.operand]
            if operand not in self.cotangents.sums(node):
                continue
            whole, source = self._known(operand), self._known(of)
            if whole and source:
                return f"d_{whole}_from_{source}"
        return None


def _own_name(node: Node) -> str | None:
    """The name the user gave with ``named``, the last one."""
    for origin in reversed(node.origins):
        if origin.name:
            return origin.name
    return None


def _assigned_variables(nodes: Sequence[Node]) -> dict[Node, str]:
    """For each statement ``name = expression`` of the user, the node that is the expression's whole value.

    It is the one whose operator stands at the top of the expression; where that operator stands there twice, the one
    that nothing else in the statement uses, not even something of which only the derivative is in the graph.
    """
    differentiated = {origin.of: None for node in nodes for origin in node.origins if origin.of is not None}
    places = {node: place for node in (*nodes, *differentiated) if (place := _assignment(node)) is not None}
    used = {parent for user, place in places.items() for parent in user.inputs if places.get(parent) == place}
    return {
        node: place.target
        for node in nodes
        if (place := places.get(node)) is not None and (node.op.name == place.operator or node not in used)
    }


def _assignment(node: Node) -> Assignment | None:
    """The user's statement that built a forward node."""
    if is_leaf(node) or (not node.inputs and not node.shape):
        return None
    for origin in node.origins:
        if origin.section == "forward" and origin.of is None and origin.line > 0:
            return assignment_at(origin.file, origin.line)
    return None


def _as_identifier(name: str) -> str:
    return name if name.isidentifier() else re.sub(r"\W+|^(?=\d)", "_", name)


class Unique:
    """Hands out names, each once and none that is in ``outside``. Remembers where the numbers of each name have come
    to, so that n names cost O(n)."""

    def __init__(self, outside: Container[str] = frozenset()) -> None:
        self.outside = outside
        self.taken: set[str] = set()
        self.last: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        """``name``, or the first free ``name_2``, ``name_3``, ..."""
        if keyword.iskeyword(name):
            name += "_"
        if name in self.taken or name in self.outside:
            return self.numbered(name, start=2)
        self.taken.add(name)
        return name

    def numbered(self, name: str, start: int = 1) -> str:
        """The first free ``name_1``, ``name_2``, ..."""
        number = max(self.last.get(name, 0) + 1, start)
        while (found := f"{name}_{number}") in self.taken or found in self.outside:
            number += 1
        self.last[name] = number
        self.taken.add(found)
        return found
