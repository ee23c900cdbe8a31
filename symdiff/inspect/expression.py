"""Writing the expression of each line, bottom-up and without recursion, in whatever notation is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from ..core.dim import Dim, product
from ..core.node import Node
from ..core.op import Elementwise
from ..core.types import Shape, broadcast
from ..ops.convert import scalar_value
from .choose import VIEWS
from .listing import Listing


class Piece(NamedTuple):
    """Text, and how tightly its outermost operator binds."""

    text: str
    level: int


class Written(NamedTuple):
    """A node about to be written, with the text of its operands and the shapes they have as written."""

    node: Node
    pieces: list[Piece]
    shapes: list[Shape]


class Notation(Protocol):
    """How names and operators look."""

    def name(self, name: str) -> Piece: ...
    def leaf(self, node: Node) -> Piece: ...
    def apply(self, written: Written, look: Callable[[Node], Written | None]) -> Piece: ...


class Loose(NamedTuple):
    """An expression less the repetition that NumPy's broadcasting does by itself, and the shape it then has."""

    piece: Piece
    shape: Shape


class Expressions:
    """The text of every line of a listing.

    ``expression(node)`` is the right-hand side of a shown node, or the text of one written inside a line;
    ``reference(node)`` what stands for it elsewhere.
    """

    def __init__(self, listing: Listing, notation: Notation) -> None:
        self.listing, self.notation = listing, notation
        self._expression: dict[Node, Piece] = {}
        self._reference: dict[Node, Piece] = {}
        self._loose: dict[Node, Loose] = {}
        for leaf in listing.leaves:
            self._expression[leaf] = self._refer(leaf)
        for node in listing.graph.nodes:
            if node not in self._reference:
                self._write(node)

    def expression(self, node: Node) -> str:
        return self._expression[node].text

    def reference(self, node: Node) -> str:
        return self._reference[node].text

    def _refer(self, node: Node) -> Piece:
        """From here on the node is known by its name."""
        piece = self.notation.name(self.listing.names[node])
        self._reference[node], self._loose[node] = piece, Loose(piece, node.shape)
        return piece

    def _write(self, node: Node) -> None:
        piece = self.notation.apply(self._written(node), self._look) if node.inputs else self.notation.leaf(node)
        self._expression[node] = piece
        if node in self.listing.line:
            self._refer(node)
            return
        self._reference[node] = piece
        self._loose[node] = self._loosened(node, piece)

    def _written(self, node: Node) -> Written:
        """The node with its operands as they are; where operands broadcast, without needless repetition."""
        pieces = [self._reference[operand] for operand in node.inputs]
        shapes = [operand.shape for operand in node.inputs]
        loose = [self._loose[operand] for operand in node.inputs]
        if node.op.name == "broadcast_to":
            return Written(node, [loose[0].piece], [loose[0].shape])
        if isinstance(node.op.lowering, Elementwise):
            for k, (piece, shape) in enumerate(loose):
                if broadcast([*shapes[:k], shape, *shapes[k + 1 :]]) == node.shape:
                    shapes[k], pieces[k] = shape, piece
        return Written(node, pieces, shapes)

    def _look(self, node: Node) -> Written | None:
        """What an operand is made of, when it is written in this line: for forms that span two operators."""
        return None if node in self.listing.line or not node.inputs else self._written(node)

    def _loosened(self, node: Node, piece: Piece) -> Loose:
        loose = [self._loose[operand] for operand in node.inputs]
        if isinstance(node.op.lowering, Elementwise):
            shapes = [operand.shape for operand in loose]
            written = Written(node, [operand.piece for operand in loose], shapes)
            return Loose(self.notation.apply(written, self._look), broadcast(shapes) or ())
        if node.op.name in VIEWS and (_only_repeats(node) or not loose[0].shape):
            return loose[0]
        return Loose(piece, node.shape)


def _only_repeats(node: Node) -> bool:
    """True for a view that NumPy's broadcasting does by itself."""
    if node.op.name == "broadcast_to":
        return True
    return node.op.name == "expand_dims" and node.attrs["axis"] == tuple(range(len(node.attrs["axis"])))


def mean_axes(written: Written, look: Callable[[Node], Written | None]) -> Written | None:
    """The sum in ``sum(x) / (number of elements)``, which people write as a mean; None for other quotients."""
    if written.node.op.name != "divide" or written.node.inputs[0].op.name != "sum":
        return None
    inner, divisor = look(written.node.inputs[0]), written.node.inputs[1]
    if inner is None:
        return None
    count: int | Dim = product(tuple(inner.node.inputs[0].shape[axis] for axis in inner.node.attrs["axis"]))
    number = divisor.attrs["size"] if divisor.op.name == "size" else scalar_value(divisor)
    return inner if number is not None and number == count and divisor.shape == () else None


def indexed(written: Written, look: Callable[[Node], Written | None]) -> Written | None:
    """The slice in ``squeeze(x[1:2])``, which people write as ``x[1]``; None for any other squeeze."""
    if written.node.op.name != "squeeze" or written.node.inputs[0].op.name != "slice":
        return None
    return look(written.node.inputs[0])


def all_axes(node: Node) -> bool:
    """True for a reduction to a scalar."""
    return len(node.attrs["axis"]) == node.inputs[0].ndim and not node.attrs["keepdims"]


def last_axes_swapped(node: Node) -> bool:
    """True for the transpose of (a batch of) matrices."""
    n = node.ndim
    return n >= 2 and node.attrs["axes"] == (*range(n - 2), n - 1, n - 2)
