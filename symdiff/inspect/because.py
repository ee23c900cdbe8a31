"""Why a line exists, short enough for a column: ``digits.py:13``, ``z1 wrt W1 (broadcast undone)``."""

from __future__ import annotations

from ..core.node import Node
from ..core.op import Elementwise
from ..core.provenance import Origin
from .listing import Line, Listing


def because(line: Line, listing: Listing) -> str:
    """The user's line of a forward node; for a gradient the forward line and operand it belongs to; the rewrites."""
    text = source_of(line, listing)
    notes = [*(["broadcast undone"] if undoes_broadcast(line.node, line.reason) else []), *rewrites(line)]
    return f"{text}  ({', '.join(notes)})" if notes else text


def source_of(line: Line, listing: Listing) -> str:
    """The user's line, or the forward line and operand a gradient belongs to."""
    origin = line.reason
    return origin.place if origin.of is None else _gradient(line, origin, listing)


def rewrites(line: Line) -> list[str]:
    """The rules that changed a node or what is written inside it, each once."""
    origins = [origin for node in [line.node, *line.inside] for origin in node.origins]
    return list(dict.fromkeys(rule for origin in origins for rule in origin.rewrites))


def undoes_broadcast(node: Node, origin: Origin) -> bool:
    """True for the sum over axes along which the operand of an elementwise operator was repeated."""
    of, operand = origin.of, origin.operand
    if of is None or operand is None or not isinstance(of.op.lowering, Elementwise):
        return False
    inner = node.inputs[0] if node.op.name == "reshape" else node
    return inner.op.name == "sum" and of.inputs[operand].shape != of.shape and node.shape == of.inputs[operand].shape


def known_as(node: Node, listing: Listing) -> str:
    """What readers know a forward node by: the name of its line, of what a pass replaced, or its place."""
    label = listing.label(node)
    return label or f"{node.op.name} at {node.origin.place}"


def _gradient(line: Line, origin: Origin, listing: Listing) -> str:
    of = origin.of
    assert of is not None
    if origin.operand is None:
        return f"{known_as(of, listing)}, sum over its {'operands' if origin.tangent else 'uses'}"
    source = known_as(of, listing)
    operand = of.inputs[origin.operand]
    if listing.label(operand) not in (None, source):
        return f"{source} wrt {listing.label(operand)}"
    return source
