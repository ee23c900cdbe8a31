"""A graph: named inputs, parameters and outputs. With gradients among its outputs it is forward and backward in one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from .errors import GraphError
from .naming import assign_names
from .node import Form, Node, describe
from .registry import call
from .traversal import toposort

Outputs = Node | Sequence[Node] | Mapping[str, Node]


class Graph:
    """Nodes under named outputs.

    ``inputs`` fixes the order of the arguments (default: every input found, in the order met). Parameters are found
    by themselves. ``updates`` maps a parameter to the node that holds its next value; they are outputs as well.

    >>> import symdiff as sd
    >>> x = sd.input("x", (3,))
    >>> print(sd.Graph(inputs=[x], outputs={"y": sd.sum(x * x)}).outputs["y"].type)
    float64

    Raises GraphError when two different leaves share a name, an input is missing from ``inputs`` or one is updated.
    """

    def __init__(
        self,
        outputs: Outputs,
        inputs: Sequence[Node] | None = None,
        *,
        name: str = "graph",
        updates: Mapping[Node, Node] | None = None,
    ) -> None:
        self.name = name
        self.outputs = _named_outputs(outputs)
        self.updates = dict(updates or {})
        self.nodes = toposort([*self.outputs.values(), *self.updates, *self.updates.values()])
        leaves = [node for node in self.nodes if not node.inputs]
        found = [node for node in leaves if node.op.name == "input"]
        self.params = [node for node in leaves if node.op.name == "param"]
        self.inputs = _checked_inputs(inputs, found, self.params)
        _check_updates(self.updates, self.inputs)
        _check_names([*self.inputs, *self.params])

    @cached_property
    def forms(self) -> set[Form]:
        """The combinations of operators that occur: what rules look at first."""
        return {node.form for node in self.nodes}

    @cached_property
    def names(self) -> dict[Node, str]:
        """An identifier for every node, from the user's own source where it can be."""
        listed = set(self.nodes)
        return assign_names([*(leaf for leaf in self.inputs if leaf not in listed), *self.nodes], self.outputs)

    @property
    def roots(self) -> list[Node]:
        """Outputs and updates: what a compiled function must compute."""
        return [*self.outputs.values(), *self.updates.values()]

    def with_roots(self, roots: Sequence[Node]) -> Graph:
        """The same interface around other nodes, given in the order of ``roots``."""
        split = len(self.outputs)
        outputs = dict(zip(self.outputs, roots[:split], strict=True))
        updates = dict(zip(self.updates, roots[split:], strict=True))
        return Graph(outputs, self.inputs, name=self.name, updates=updates)

    def __str__(self) -> str:
        return str(call("graph_text", self))

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {len(self.nodes)} nodes, outputs {', '.join(self.outputs)}>"

    def formula(self, node: Node | str) -> str:
        """LaTeX of a node (or output name), with named intermediates."""
        return str(call("graph_formula", self, self.find(node)))

    def why(self, node: Node | str) -> str:
        """Where a node comes from: the user's line, the rule, the operand, the rewrites."""
        return str(call("graph_why", self, self.find(node)))

    def to_dot(self) -> str:
        """The graph in Graphviz's language."""
        return str(call("graph_dot", self))

    def to_svg(self, path: str | os.PathLike[str] | None = None) -> str:
        """A picture, drawn without any outside program; written to ``path`` when one is given."""
        return str(call("graph_svg", self, path))

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """A page with the picture, the text and where each node comes from; written to ``path`` when one is given."""
        return str(call("graph_html", self, path))

    def find(self, what: Node | str) -> Node:
        """A node by itself, by the name of an output, or by the name it is printed under."""
        if isinstance(what, Node):
            return what
        if what in self.outputs:
            return self.outputs[what]
        for node, name in self.names.items():
            if name == what:
                return node
        raise GraphError(f"{self.name}: no node is called {what!r}; it has {', '.join(list(self.names.values())[:20])}")


def _named_outputs(outputs: Outputs) -> dict[str, Node]:
    if isinstance(outputs, Node):
        outputs = {"out": outputs}
    elif not isinstance(outputs, Mapping):
        outputs = {f"out{position}": node for position, node in enumerate(outputs)}
    for name, node in outputs.items():
        if not isinstance(node, Node):
            raise GraphError(f"graph output {name!r}: expected a node, got {type(node).__name__}: {node!r}")
    return dict(outputs)


def _checked_inputs(given: Sequence[Node] | None, found: Sequence[Node], params: Sequence[Node]) -> list[Node]:
    if given is None:
        return list(found)
    for node in given:
        if not isinstance(node, Node) or node.op.name not in ("input", "param"):
            what: Any = describe(node) if isinstance(node, Node) else repr(node)
            raise GraphError(f"graph inputs: {what} is neither an input nor a parameter; make one with sd.input")
    listed_already = set(given)
    missing = [node for node in found if node not in listed_already]
    if missing:
        listed = ", ".join(map(describe, missing))
        raise GraphError(f"graph inputs: the outputs also need {listed}; add it to inputs=[...]")
    if len(set(given)) < len(given):
        raise GraphError("graph inputs: a node is listed twice")
    return list(given)


def _check_updates(updates: Mapping[Node, Node], inputs: Sequence[Node]) -> None:
    for leaf in updates:
        if leaf in inputs:
            problem = f"{describe(leaf)} is an argument of each call, so it cannot be updated"
            raise GraphError(f"graph updates: {problem}, at {leaf.origin.place}; leave it out of the inputs")


def _check_names(leaves: Sequence[Node]) -> None:
    named: dict[str, Node] = {}
    for leaf in dict.fromkeys(leaves):
        other = named.setdefault(leaf.attrs["name"], leaf)
        if other is not leaf:
            raise GraphError(
                f"graph: two different {leaf.op.name}s are called {leaf.attrs['name']!r}: {other.type} "
                f"({other.origin.place}) and {leaf.type} ({leaf.origin.place}); give one another name"
            )
