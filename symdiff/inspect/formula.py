"""``graph.formula(node)``: the node as LaTeX, one line for each named intermediate."""

from __future__ import annotations

from ..core.graph import Graph
from ..core.naming import is_leaf
from ..core.node import Node
from ..core.registry import provide
from .expression import Expressions
from .latex import Latex
from .listing import Listing


@provide("graph_formula")
def graph_formula(graph: Graph, node: Node) -> str:
    r"""An ``aligned`` environment that defines ``node``, preceded by every named intermediate it is made of.

    ``d_W1``, the cotangent of W1, is written \bar{W}_{1}; axes 0, 1, 2, ... of a reduction are the indices i, j, k, ...
    It stands inside any display, such as ``\[ ... \]``.
    """
    listing = Listing(graph)
    written = Expressions(listing, Latex())
    home = listing.home(node)
    if home is not node or is_leaf(node):
        return written.expression(node)
    equations = [rf"{written.reference(one)} &= {written.expression(one)}" for one in _needed(listing, node)]
    return "\\begin{aligned}\n" + " \\\\\n".join(equations) + "\n\\end{aligned}"


def _needed(listing: Listing, node: Node) -> list[Node]:
    """The lines that ``node`` is made of, itself last."""
    needed = {node}
    for line in reversed(listing.lines):
        if line.node in needed:
            needed.update(line.reads)
    return [line.node for line in listing.lines if line.node in needed]
