"""Where a value stops being finite: the first node of a graph, in the order in which it is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .core.graph import Graph
from .core.naming import is_leaf
from .core.node import Node
from .data_checks import not_finite
from .inspect.listing import Listing
from .inspect.why import Explainer
from .interpret import interpret

Array = np.ndarray[Any, Any]
Values = Mapping[Node, Array]


class NanTrace:
    """What ``nan_trace`` found; printed, it says all of it.

    ``node`` is the first node that is not finite though its operands are (None when every output and update is finite),
    ``value`` its value, ``operands`` the values it was computed from, ``reaches`` the names of the outputs and updates
    that are not finite because of it or others.
    """

    def __init__(self, graph: Graph, values: Values, sizes: Mapping[str, int]) -> None:
        self.graph = graph
        self._explainer = Explainer(Listing(graph))
        self.reaches = [what for what, root in self._roots() if _is_broken(values[root])]
        self.node = self._first(values)
        self.value = None if self.node is None else values[self.node]
        self.operands = {} if self.node is None else {node: values[node] for node in _operands(self.node)}

    def _roots(self) -> list[tuple[str, Node]]:
        updates = [(f"the next {param.attrs['name']}", node) for param, node in self.graph.updates.items()]
        return [*self.graph.outputs.items(), *updates]

    def _first(self, values: Values) -> Node | None:
        """The first of the nodes behind what is not finite where that begins. Lines are read in the order in which they
        are printed, forward before backward."""
        behind = _behind([root for _, root in self._roots() if _is_broken(values[root])], values)
        begins = {node for node in behind if _begins(node, values)}
        listing = self._explainer.listing
        ordered = [*listing.leaves, *(node for line in listing.lines for node in (*reversed(line.inside), line.node))]
        return next((node for node in ordered if node in begins), None)

    def __str__(self) -> str:
        if self.node is None:
            return f"{self.graph.name}: every output and update is finite"
        lines = [f"{self.graph.name}: the first value that is not finite, {_first_of(self.value)}"]
        lines += [f"  {line}" for line in self._explainer.why(self.node).splitlines()[:-1]]
        for node, value in self.operands.items():
            lines.append(f"  operand {self._explainer.called(node)}: {node.type}, {_range(value)}")
        lines.append(f"  not finite: {', '.join(self.reaches)}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def trace(graph: Graph, values: Values, sizes: Mapping[str, int]) -> NanTrace:
    """Run a graph node by node, by NumPy, and look at every value."""
    nodes = [node for node in graph.nodes if not node.type.parts]
    return NanTrace(graph, dict(zip(nodes, interpret(nodes, values, sizes), strict=True)), sizes)


def _behind(broken: Sequence[Node], values: Values) -> list[Node]:
    """The broken nodes and those that are not finite on the way to them."""
    found: dict[Node, None] = {}
    waiting = list(broken)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found[node] = None
            waiting += [parent for parent in _operands(node) if _is_broken(values[parent])]
    return list(found)


def _begins(node: Node, values: Values) -> bool:
    """NaN of operands without NaN, or an infinity of finite operands; an input or parameter that is given so. Infinite
    constants are meant (masks are made of them): NaN that comes of them is not."""
    if is_leaf(node):
        return True
    operands = [values[parent] for parent in _operands(node)]
    if _is_float(values[node]) and np.isnan(values[node]).any():
        return bool(node.inputs) and not any(_is_float(value) and bool(np.isnan(value).any()) for value in operands)
    return bool(node.inputs) and not any(map(_is_broken, operands))


def _operands(node: Node) -> list[Node]:
    """The operands that have one value; an operator with several results stands for its own operands."""
    found: dict[Node, None] = {}
    for parent in node.inputs:
        found.update(dict.fromkeys(parent.inputs if parent.type.parts else [parent]))
    return list(found)


def _is_float(value: Array) -> bool:
    return bool(value.dtype.kind == "f")


def _is_broken(value: Array) -> bool:
    return _is_float(value) and bool(not_finite(value))


def _first_of(value: Array | None) -> str:
    """``nan at [3], 2 of 5 values``."""
    assert value is not None
    ((count, first, place),) = not_finite(value)
    return f"{first} at {place}, {count} of {value.size} values" if place else f"{first}"


def _range(value: Array) -> str:
    if not value.size:
        return "empty"
    broken = not_finite(value) if _is_float(value) else []
    with np.errstate(all="ignore"):
        text = f"from {np.nanmin(value):.6g} to {np.nanmax(value):.6g}" if not np.isnan(value).all() else "nan"
    if value.size > 1 and _is_float(value):
        zeros = int((value == 0).sum())
        text += f", {zeros} of {value.size} zero" if zeros else ""
    return f"{text}, {_first_of(value)}" if broken else text
