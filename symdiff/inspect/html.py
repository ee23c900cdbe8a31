"""One self-contained page: the picture, the text, and where each node comes from."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from ..core.graph import Graph
from ..core.naming import is_leaf
from ..core.node import Node
from ..core.registry import provide
from .listing import Listing
from .picture.svg import LARGEST, boxes_of, draw
from .text import printed
from .why import Explainer


@provide("graph_html")
def graph_html(graph: Graph, path: str | None = None) -> str:
    """The page as text, also written to ``path`` when one is given.

    Pointing at a box or a line shows why it is there and marks what it reads and what reads it; a click keeps it. A
    graph too large for a picture has the text alone.
    """
    explainer = Explainer(Listing(graph))
    page = _PAGE
    for mark, value in (
        ("@TITLE@", escape(graph.name)),
        ("@PICTURE@", _picture(explainer)),
        ("@TEXT@", _text(explainer.listing)),
        ("@DATA@", _data(explainer)),
    ):
        page = page.replace(mark, value)
    if path is not None:
        Path(path).write_text(page, encoding="utf-8")
    return page


def _picture(explainer: Explainer) -> str:
    count = len(boxes_of(explainer.listing))
    return draw(explainer) if count <= LARGEST else f"<p>{count} boxes are too many for a picture ({LARGEST}).</p>"


def _text(listing: Listing) -> str:
    lines = []
    for text, node in printed(listing):
        shown = node is not None and (node in listing.line or is_leaf(node))
        mark = f' data-node="{escape(listing.names[node])}"' if node is not None and shown else ""
        lines.append(f"<span{mark}>{escape(text) or ' '}</span>")
    return "\n".join(lines)


def _data(explainer: Explainer) -> str:
    """For every shown node its explanation and its neighbours, as JSON that is safe inside a script element."""
    listing = explainer.listing
    names = listing.names
    nodes = {
        names[node]: {
            "why": explainer.why(node),
            "near": [names[other] for other in _neighbours(listing, node)],
        }
        for node in boxes_of(listing)
    }
    return json.dumps(nodes).replace("<", "\\u003c")


def _neighbours(listing: Listing, node: Node) -> list[Node]:
    return [*(listing.line[node].reads if node in listing.line else []), *listing.readers[node]]


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<title>@TITLE@</title>
<style>
body { margin: 0; font: 14px system-ui, sans-serif; color: #1f2937; background: #ffffff; }
main { padding: 12px 16px 16px; }
pre { font: 12px/1.5 "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-x: auto; }
pre span { display: inline-block; min-width: 100%; }
[data-node] { cursor: pointer; }
#picture { overflow: auto; }
#why { position: sticky; bottom: 0; margin: 0; padding: 10px 16px; min-height: 5.5em; white-space: pre-wrap;
       background: #f8fafc; border-top: 1px solid #cbd5e1; }
pre span.near { background: #eef2f7; }
pre span.chosen { background: #fde68a; }
g.node.near rect { stroke-width: 2.4; }
g.node.chosen rect { stroke: #d97706; stroke-width: 3; }
svg.busy .node:not(.near):not(.chosen), svg.busy path[data-from]:not(.near) { opacity: 0.25; }
</style>
</head>
<body>
<main>
<div id="picture">@PICTURE@</div>
<pre id="text">@TEXT@</pre>
</main>
<pre id="why">Point at a box or a line.</pre>
<script id="data" type="application/json">@DATA@</script>
<script>
"use strict";
const nodes = JSON.parse(document.getElementById("data").textContent);
const why = document.getElementById("why"), svg = document.querySelector("svg");
let kept = null;

function show(name) {
  for (const one of document.querySelectorAll("[data-node]")) {
    one.classList.toggle("chosen", one.dataset.node === name);
    one.classList.toggle("near", (nodes[name]?.near ?? []).includes(one.dataset.node));
  }
  for (const edge of document.querySelectorAll("path[data-from]"))
    edge.classList.toggle("near", edge.dataset.from === name || edge.dataset.to === name);
  if (svg) svg.classList.toggle("busy", name !== null);
  why.textContent = name === null ? "Point at a box or a line." : nodes[name].why;
}

for (const one of document.querySelectorAll("[data-node]")) {
  one.addEventListener("mouseenter", () => show(one.dataset.node));
  one.addEventListener("mouseleave", () => show(kept));
  one.addEventListener("click", () => show(kept = kept === one.dataset.node ? null : one.dataset.node));
}
</script>
</body>
</html>
"""
