"""``graph.why(node)``: in plain words, what a node is, every reason why it exists, and what needs it."""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from functools import cached_property

from ..core.graph import Graph
from ..core.naming import cotangent_of, is_leaf
from ..core.node import Node
from ..core.provenance import Origin
from ..core.registry import provide
from .because import undoes_broadcast
from .expression import Expressions
from .listing import Listing
from .plain import Plain

_MANY = 8  # users, or reasons of one kind, that are listed by name


@provide("graph_why")
def graph_why(graph: Graph, node: Node) -> str:
    """A few lines: the expression and type; for each origin the user's line, or the rule, forward node and operand of
    a gradient; the rewrites by name; the users."""
    return Explainer(Listing(graph)).why(node)


class Explainer:
    """Explains the nodes of one graph."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.written = Expressions(listing, Plain())
        self.outputs: dict[Node, list[str]] = {}
        for name, node in listing.graph.outputs.items():
            self.outputs.setdefault(node, []).append(f"output {name}")
        for param, node in listing.graph.updates.items():
            self.outputs.setdefault(node, []).append(f"update of {listing.names[param]}")
        self.known = set(listing.leaves) | set(listing.graph.nodes)

    def why(self, node: Node) -> str:
        if node not in self.known:
            return f"{node.op.name}: {node.type}\n  is not part of this graph"
        reasons = dict.fromkeys(text for origin in node.origins for text in self._reason(node, origin))
        rules = dict.fromkeys(rule for origin in node.origins for rule in origin.rewrites)
        lines = [self._equation(node), *reasons]
        if rules:
            lines.append(f"rewritten by {', '.join(rules)}")
        return "\n  ".join([*lines, f"used by {self._users(node)}"])

    def _equation(self, node: Node) -> str:
        if is_leaf(node):
            kind = "an input" if node.op.name == "input" else "a parameter"
            return f"{self.listing.names[node]}: {node.type}, {kind}"
        home = self.listing.home(node)
        if home is node:
            return f"{self.listing.names[node]} = {self.written.expression(node)}: {node.type}"
        within = f", written inside {self.listing.names[home]}" if home is not None else ""
        return f"{self.written.expression(node)}: {node.type}{within}"

    # -- reasons

    def _reason(self, node: Node, origin: Origin) -> Iterator[str]:
        if origin.of is not None:
            yield self._gradient(node, origin, origin.of)
        elif node.inputs or is_leaf(node) or node.origin.line:
            named = f", named {origin.name} there" if origin.name else ""
            yield f"from {_place(origin)}{named}"

    def _gradient(self, node: Node, origin: Origin, of: Node) -> str:
        if origin.operand is None:
            kind, source = ("tangent", "operands carry on") if origin.tangent else ("cotangent", "uses send back")
            paths = f", the sum of what its {source}" if node.op.name == "add" else ""
            return f"is the whole {kind} of {self.called(of)}{paths}"
        operand = of.inputs[origin.operand]
        product = "jvp" if origin.tangent else "vjp"
        text = f"{product} of {self._forward(of)} with respect to operand {self.called(operand)}"
        if not origin.tangent and node in self._contributions.get(operand, ()):
            text += f": d_{self.called(operand)} += {self.written.expression(node)}"
        if undoes_broadcast(node, origin):
            text += f" (summed over the axes along which {self.called(operand)} was repeated)"
        return text

    @cached_property
    def _contributions(self) -> dict[Node, set[Node]]:
        """For each node, what is added up to its whole cotangent."""
        found: dict[Node, set[Node]] = {}
        for node in self.listing.graph.nodes:
            for of in cotangent_of(node):
                found.setdefault(of, set()).update([node, *(node.inputs if node.op.name == "add" else ())])
        return found

    def _forward(self, of: Node) -> str:
        """``matmul z1 = x @ W1 (digits.py:13)``; with the user's line where the operator is only a part of one."""
        if self.listing.home(of) is of and not is_leaf(of):
            return f"{of.op.name} {self.listing.names[of]} = {self.written.expression(of)} ({of.origin.place})"
        expression = self.called(of)
        operator = "" if expression.startswith(f"{of.op.name}(") else f"{of.op.name} "
        return f"{operator}{expression} ({_place(of.origin)})"

    def called(self, node: Node) -> str:
        if node not in self.known:
            return self.listing.label(node) or str(node.attrs.get("name", node.op.name))
        return self.listing.names[node] if self.listing.home(node) is node else self.written.expression(node)

    # -- users

    def _users(self, node: Node) -> str:
        found = list(self.outputs.get(node, []))
        home = self.listing.home(node)
        if home is node:
            found += [self.listing.names[reader] for reader in self.listing.readers[node]]
        elif home is not None:
            found.append(self.listing.names[home])
        more = f" and {len(found) - _MANY} more" if len(found) > _MANY else ""
        return ", ".join(found[:_MANY]) + more if found else "nothing"


def _place(origin: Origin) -> str:
    """``digits.py:13:  z1 = x @ W1``, as far as the source is at hand."""
    source = linecache.getline(origin.file, origin.line).strip() if origin.line else ""
    return f"{origin.place}:  {source}" if source else origin.place
