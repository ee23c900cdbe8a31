"""The picture of a graph as SVG: forward down the left, each gradient beside what it is the gradient of."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path

from ...core.errors import GraphError, explain
from ...core.graph import Graph
from ...core.naming import is_leaf
from ...core.node import Node
from ...core.registry import provide
from ..choose import SECTIONS
from ..listing import Listing
from ..why import Explainer
from .routes import Page, Point, lay_out
from .rows import Box, Scene, band_of, set_rows

LARGEST = 300  # boxes in a picture that one can still read
_NAME, _SMALL = 12.0, 10.5  # font sizes
_EM = 0.63  # width of a character of a monospaced font, in its size, with a little to spare
_TOP = 62.0
_LONGEST = 44  # characters of an expression in a box

_FILL = {"input": "#ffffff", "param": "#fdf3d7", "forward": "#e6effa", "backward": "#fbe9e6", "update": "#e5f4e7"}
_LINE = {"input": "#6b7280", "param": "#b7862b", "forward": "#2f6db3", "backward": "#b8473a", "update": "#3b8a4b"}
_LINE["wire"] = "#94a3b8"
_BAND = {"forward": "#f6f9fd", "backward": "#fdf7f6", "update": "#f5fbf6"}
_STYLE = """
text { font-family: "DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace; fill: #1f2937; }
.name { font-size: 12px; font-weight: bold; }
.type, .expression { font-size: 10.5px; }
.type { fill: #6b7280; }
.band { font-size: 12px; letter-spacing: 0.08em; }
.title { font-size: 14px; font-weight: bold; }
.edge { fill: none; stroke-width: 1.4; }
.wire { fill: none; stroke-width: 1.1; }
"""


@provide("graph_svg")
def graph_svg(graph: Graph, path: str | None = None) -> str:
    """The picture as SVG text, also written to ``path`` when one is given.

    A box is a line of ``print(graph)``; hovering it shows where it comes from. Raises GraphError for a graph of more
    boxes than one can read.
    """
    text = draw(Explainer(Listing(graph)))
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def boxes_of(listing: Listing) -> list[Node]:
    return [*listing.leaves, *(line.node for line in listing.lines)]


def draw(explainer: Explainer) -> str:
    """The SVG of the graph that ``explainer`` explains."""
    listing = explainer.listing
    shown = boxes_of(listing)
    if len(shown) > LARGEST:
        problem = f"{len(shown)} boxes are more than one can read ({LARGEST})"
        hint = "draw a part, as in sd.Graph({'h': h}).to_svg(...), or print the graph"
        raise GraphError(explain(f"picture of {listing.graph.name}", problem, hint=hint))
    page = lay_out(_scene(explainer, shown), _TOP)
    return "\n".join(_document(page, explainer)) + "\n"


def _scene(explainer: Explainer, shown: list[Node]) -> Scene:
    listing = explainer.listing
    boxes = {node: _box(node, explainer) for node in shown}
    edges = [(boxes[parent], boxes[line.node]) for line in listing.lines for parent in line.reads]
    scene = Scene(list(boxes.values()), edges)
    set_rows(scene, listing)
    return scene


def _box(node: Node, explainer: Explainer) -> Box:
    name, type, expression = _labels(node, explainer)
    first = len(name) * _NAME * _EM + 14 + len(type) * _SMALL * _EM
    width = max(first, len(expression) * _SMALL * _EM) + 18
    return Box(node, band_of(explainer.listing, node), width, 40.0 if expression else 24.0)


def _labels(node: Node, explainer: Explainer) -> tuple[str, str, str]:
    expression = "" if is_leaf(node) else explainer.written.expression(node)
    short = expression if len(expression) <= _LONGEST else expression[: _LONGEST - 1] + "…"
    return explainer.listing.title(node), str(node.type), short


def kind(node: Node, listing: Listing) -> str:
    """``input``, ``param``, or the section of a line."""
    return node.op.name if is_leaf(node) else listing.line[node].section


# -- writing


def _document(page: Page, explainer: Explainer) -> Iterator[str]:
    width, height = round(page.width), round(page.height)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(explainer.listing.graph.name)}">'
    )
    yield f"<style>{_STYLE}</style>"
    yield "<defs>" + "".join(_arrow(name, _LINE[name]) for name in (*SECTIONS, "wire")) + "</defs>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield f'<text class="title" x="16" y="24">{escape(explainer.listing.graph.name)}</text>'
    for band, (left, right) in page.bands.items():
        yield from _band(SECTIONS[band], left, right, page.height)
    yield '<g class="edges">'
    for source, target, corners in page.wires:
        yield _edge("wire", "wire", source, target, _rounded(corners), explainer)
    for source, target, points in page.curves:
        yield _edge("edge", SECTIONS[source.band], source, target, _smooth(points), explainer)
    yield "</g>"
    for box in page.scene.boxes:
        yield from _drawn(box, explainer)
    yield "</svg>"


def _arrow(name: str, colour: str) -> str:
    return (
        f'<marker id="arrow-{name}" viewBox="0 0 8 8" refX="7.2" refY="4" markerWidth="6.5" markerHeight="6.5" '
        f'orient="auto"><path d="M0,0.8 L8,4 L0,7.2 z" fill="{colour}"/></marker>'
    )


def _band(name: str, left: float, right: float, height: float) -> Iterator[str]:
    yield (
        f'<rect x="{left:.1f}" y="36" width="{right - left:.1f}" height="{height - 48:.1f}" rx="8" '
        f'fill="{_BAND[name]}"/>'
    )
    yield f'<text class="band" x="{left + 12:.1f}" y="53" style="fill:{_LINE[name]}">{name}</text>'


def _edge(style: str, arrow: str, source: Box, target: Box, path: str, explainer: Explainer) -> str:
    names = explainer.listing.names
    ends = f'data-from="{escape(names[source.node])}" data-to="{escape(names[target.node])}"'
    colour = _LINE[arrow]
    return f'<path class="{style}" stroke="{colour}" {ends} d="{path}" marker-end="url(#arrow-{arrow})"/>'


def _smooth(points: list[Point]) -> str:
    """Curves between rows, straight lines through slots."""
    text = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for place, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        middle = (y0 + y1) / 2
        straight = f" L{x1:.1f},{y1:.1f}"
        text += straight if place % 2 else f" C{x0:.1f},{middle:.1f} {x1:.1f},{middle:.1f} {x1:.1f},{y1:.1f}"
    return text


def _rounded(corners: list[Point], radius: float = 5.0) -> str:
    """Straight lines with rounded corners."""
    text = f"M{corners[0][0]:.1f},{corners[0][1]:.1f}"
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        (ax, ay), (bx, by) = (_towards(corner, other, radius) for other in (before, after))
        text += f" L{ax:.1f},{ay:.1f} Q{corner[0]:.1f},{corner[1]:.1f} {bx:.1f},{by:.1f}"
    return text + f" L{corners[-1][0]:.1f},{corners[-1][1]:.1f}"


def _towards(start: Point, end: Point, distance: float) -> Point:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = abs(dx) + abs(dy)
    share = min(distance, length / 2) / length if length else 0.0
    return start[0] + dx * share, start[1] + dy * share


def _drawn(box: Box, explainer: Explainer) -> Iterator[str]:
    listing, node = explainer.listing, box.node
    look = kind(node, listing)
    name, type, expression = _labels(node, explainer)
    heavy = 2.2 if node in explainer.outputs else 1.1
    yield f'<g class="node" data-node="{escape(listing.names[node])}"><title>{escape(explainer.why(node))}</title>'
    yield (
        f'<rect x="{box.left:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="{12 if is_leaf(node) else 4}" fill="{_FILL[look]}" stroke="{_LINE[look]}" stroke-width="{heavy}"/>'
    )
    yield f'<text class="name" x="{box.left + 9:.1f}" y="{box.y + 16:.1f}">{escape(name)}</text>'
    yield f'<text class="type" x="{box.right - 9:.1f}" y="{box.y + 16:.1f}" text-anchor="end">{escape(type)}</text>'
    if expression:
        yield f'<text class="expression" x="{box.left + 9:.1f}" y="{box.y + 32:.1f}">{escape(expression)}</text>'
    yield "</g>"
