"""Bodies as graphs of their own, for those who print, lower or optimise them."""

from __future__ import annotations

from ..core.body import Body
from ..core.graph import Graph
from ..core.node import Node, build
from ..core.traversal import substitute
from .leaf import INPUT, PARAM


def body_graph(name: str, body: Body, carries: int) -> Graph:
    """The body as a graph. Its first formals, which are carried, are parameters, and its first results their next
    values; so one step of a loop reads, and is compiled, like a step of training."""
    leaves = [_leaf(formal, carried=position < carries) for position, formal in enumerate(body.formals)]
    results = substitute(body.results, dict(zip(body.formals, leaves, strict=True)))
    updates = dict(zip(leaves[:carries], results[:carries], strict=True))
    outputs = {f"y{position}": node for position, node in enumerate(results[carries:])}
    return Graph(outputs, leaves[carries:], name=name, updates=updates)


def _leaf(formal: Node, carried: bool) -> Node:
    attrs = {"name": formal.attrs["name"], "dtype": formal.dtype, "shape": formal.shape}
    return build(PARAM, [], {**attrs, "init": None}) if carried else build(INPUT, [], attrs)
