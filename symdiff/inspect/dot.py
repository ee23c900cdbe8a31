"""The graph in Graphviz's language, for those who have it. Nothing here needs it."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.graph import Graph
from ..core.naming import is_leaf
from ..core.node import Node
from ..core.registry import provide
from .choose import SECTIONS
from .listing import Listing
from .why import Explainer

_SHAPE = {"input": "ellipse", "param": "ellipse"}
_FILL = {"input": "white", "param": "#fdf3d7", "forward": "#e6effa", "backward": "#fbe9e6", "update": "#e5f4e7"}


@provide("graph_dot")
def graph_dot(graph: Graph) -> str:
    """DOT text: a cluster for each section, a box for each line of ``print(graph)``, ``why`` as tooltips."""
    return "\n".join(_lines(Explainer(Listing(graph)))) + "\n"


def _lines(explainer: Explainer) -> Iterator[str]:
    listing = explainer.listing
    yield f"digraph {quoted(listing.graph.name)} {{"
    yield '  node [fontname="monospace", fontsize=10, style=filled, shape=box];'
    yield from (_box(leaf, leaf.op.name, explainer) for leaf in listing.leaves)
    for name in SECTIONS:
        lines = listing.section(name)
        if lines:
            yield f"  subgraph cluster_{name} {{"
            yield f"    label={quoted(name)};"
            yield from ("  " + _box(line.node, name, explainer) for line in lines)
            yield "  }"
    for line in listing.lines:
        for parent in line.reads:
            yield f"  {quoted(listing.names[parent])} -> {quoted(listing.names[line.node])};"
    yield "}"


def _box(node: Node, kind: str, explainer: Explainer) -> str:
    listing = explainer.listing
    text = listing.title(node) if is_leaf(node) else f"{listing.title(node)}  {explainer.written.expression(node)}"
    label = quoted(f"{text}\n{node.type}")
    bold = ", penwidth=2" if node in explainer.outputs else ""
    return (
        f"  {quoted(listing.names[node])} [label={label}, shape={_SHAPE.get(kind, 'box')}, "
        f"fillcolor={quoted(_FILL[kind])}, tooltip={quoted(explainer.why(node))}{bold}];"
    )


def quoted(text: str) -> str:
    """A DOT string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
