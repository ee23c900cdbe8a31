"""``print(graph)``: a line for each shown node, forward | backward | update, with its type, cost and origin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..core.body import Body
from ..core.dim import total
from ..core.graph import Graph
from ..core.node import Node
from ..core.provenance import Section
from ..core.registry import provide
from ..ops.bodies import body_graph
from .because import because
from .choose import SECTIONS
from .expression import Expressions
from .listing import Line, Listing
from .plain import Plain
from .sizes import count, held_bytes, ratio

_WIDEST = 72  # an equation longer than this pushes its own columns to the right, not everyone's
_HEADER = 112  # columns of the header
_TITLES: dict[Section, str] = {"forward": "where", "backward": "because", "update": "where"}


class Row(NamedTuple):
    """One printed line, and the node it shows."""

    equation: str
    type: str
    flops: str
    bytes: str
    because: str
    node: Node | None


@provide("graph_text")
def graph_text(graph: Graph) -> str:
    """The graph as text, in SSA form: every line is a node, every name is assigned once.

    Constants, sizes, views and small pieces used once are written inside the line that uses them; the FLOP of a line
    are those of all it writes, its bytes those of the value it leaves. ``because`` names the forward line and the
    operand that a gradient belongs to, and the rewrites that changed it.
    """
    listing = Listing(graph)
    return "\n".join(text for text, _ in printed(listing))


def printed(listing: Listing) -> Iterator[tuple[str, Node | None]]:
    """The lines of the text, each with the node it shows."""
    for text in _header(listing):
        yield text, None
    sections = {name: list(found) for name, found in _rows(listing).items() if found}
    widths = _widths([row for found in sections.values() for row in found])
    for name, found in sections.items():
        yield "", None
        title = Row(name, "", "FLOP", "bytes", _TITLES[name], None)
        yield _laid_out(title, [widths[0] + 2, *widths[1:]]), None
        for row in found:
            yield "  " + _laid_out(row, widths), row.node
    yield from _inside(listing)
    yield "", None
    yield _summary(listing), None


def _inside(listing: Listing) -> Iterator[tuple[str, Node | None]]:
    """The bodies of the loops and branches, each as the graph that it is."""
    for line in listing.lines:
        attrs = line.node.attrs
        for title, body in ((title, attrs[title]) for title in attrs if isinstance(attrs[title], Body)):
            yield "", None
            name = f"{listing.names[line.node]}, {'condition' if title == 'cond' else title}"
            inner = body_graph(name, body, attrs.get("carries", 0) if title == "body" else 0)
            for text, node in printed(Listing(inner)):
                if not text.startswith("total"):
                    yield f"    {text}".rstrip(), node


def _widths(rows: Sequence[Row]) -> list[int]:
    columns = ([row.equation, row.type, row.flops, row.bytes] for row in rows)
    titles = [["", "", "FLOP", "bytes"]]
    return [min(_WIDEST, max(map(len, column))) for column in zip(*titles, *columns, strict=True)]


def _header(listing: Listing) -> list[str]:
    graph = listing.graph
    params = [param for param in graph.params if param not in set(graph.inputs)]
    outputs = [f"->  {', '.join(graph.outputs)}"] if graph.outputs else []
    width = max(len(graph.name), len("params")) + 3

    def typed(leaves: Sequence[Node]) -> list[str]:
        return [f"{listing.names[leaf]}: {leaf.type}" for leaf in leaves]

    lines = _wrapped(graph.name, [*(typed(graph.inputs) or ["(no inputs)"]), *outputs], width)
    return [*lines, *_wrapped("params", typed(params), width)] if params else lines


def _wrapped(title: str, parts: Sequence[str], indent: int) -> list[str]:
    """Title and parts, continued on further lines where one is full."""
    lines = [f"{title:<{indent}}"]
    for part in parts:
        if len(lines[-1]) > indent and len(lines[-1]) + len(part) > _HEADER:
            lines.append(" " * indent)
        lines[-1] += part + "  "
    return [line.rstrip() for line in lines]


def _laid_out(row: Row, widths: Sequence[int]) -> str:
    equation, type, flops, held = widths
    text = f"{row.equation:<{equation}}   {row.type:<{type}}   {row.flops:>{flops}}   {row.bytes:>{held}}"
    return f"{text}   {row.because}".rstrip()


def _rows(listing: Listing) -> dict[Section, list[Row]]:
    """The rows of each section: its lines, then the outputs and updates that only give a value another name."""
    written = Expressions(listing, Plain())
    rows: dict[Section, list[Row]] = {name: [] for name in SECTIONS}
    for line in listing.lines:
        sign = "" if line.node in listing.targets else " ="
        equation = f"{listing.title(line.node)}{sign} {written.expression(line.node)}"
        rows[line.section].append(_row(line, equation, because(line, listing)))
    last: Section = "backward" if rows["backward"] else "forward"
    for name, node in listing.graph.outputs.items():
        if written.reference(node) != name and node not in listing.targets:
            section = listing.line[node].section if node in listing.line else last
            rows[section].append(_alias(f"{name} = {written.reference(node)}", node))
    for param, node in listing.graph.updates.items():
        if node not in listing.targets:
            rows["update"].append(_alias(f"{listing.names[param]} <- {written.reference(node)}", node))
    return rows


def _row(line: Line, equation: str, reason: str) -> Row:
    node = line.node
    return Row(equation, str(node.type), count(line.flops), count(held_bytes(node)), reason, node)


def _alias(equation: str, node: Node) -> Row:
    return Row(equation, str(node.type), "", "", "", node)


def _summary(listing: Listing) -> str:
    """The total line: nodes, FLOP of each section, bytes of all values."""
    flops = {name: total(line.flops for line in listing.section(name)) for name in SECTIONS if listing.section(name)}
    parts = [f"{name} {count(size)} FLOP" for name, size in flops.items()]
    if "forward" in flops and "backward" in flops:
        times = ratio(flops["backward"], flops["forward"])
        parts[1] += f" ({times})" if times else ""
    held = count(total(held_bytes(line.node) for line in listing.lines))
    return f"total   {'   '.join([f'{len(listing.graph.nodes)} nodes', *parts, f'{held} bytes'])}"
