"""What a fusion region is: an iteration domain and the values computed in one pass over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..core.dim import Dim
from ..core.node import Node
from ..core.op import ArgReduction, Reduction, Scatter
from ..core.record import entity, record
from ..core.types import Shape
from .ir import Const, Expr
from .trace import IndexTuple, axis_var

Kind = Literal["element", "row", "total", "after"]
Axes = tuple[int | None, ...]


@record
class Member:
    """A value computed in a region.

    ``axes`` are the region's axes along the value's own (None where its size is 1). An ``element`` is computed where
    it is needed inside the loops; a ``row`` is a reduction over the inner axes, usable by what follows in the same
    row; a ``total`` is a reduction over other axes, complete only when all loops are; ``after`` is a scalar made of
    totals. ``domain`` are the axes along the operand of a reduction (the value's own for others).
    """

    kind: Kind
    axes: Axes
    domain: Axes


@dataclass(eq=False, slots=True)
class Region:
    """One pass over ``extents``. ``inner`` are the axes of its row reductions, None while it has none."""

    extents: list[int | Dim]
    reason: str
    inner: frozenset[int] | None = None
    members: dict[Node, Member] = field(default_factory=dict)
    stores: dict[Node, None] = field(default_factory=dict)
    reads: set[Node] = field(default_factory=set)  # arrays that are loaded
    parts: list[tuple[Node, Node, int | Dim, Axes]] = field(default_factory=list)  # (value, concat, offset, axes)

    @property
    def rows(self) -> frozenset[int]:
        """Axes outside the row reductions."""
        return frozenset(range(len(self.extents))) - (self.inner or frozenset())


@entity
class Opaque:
    """A step that fuses with nothing: a product, a check of indices, the pieces of a concatenation."""

    node: Node


def is_reduction(node: Node) -> bool:
    return isinstance(node.op.lowering, Reduction | ArgReduction | Scatter)


def accumulates_in_memory(node: Node, member: Member) -> bool:
    """Totals with axes accumulate in their buffer; scalars in a local."""
    return isinstance(node.op.lowering, Scatter) or any(axis is not None for axis in member.axes)


def domain_node(node: Node) -> Node:
    """The node whose shape is iterated over to compute ``node``."""
    return node.inputs[0] if is_reduction(node) else node


def own_axes(shape: Shape) -> list[int]:
    """Dimensions that are iterated over: all but those of size 1."""
    return [position for position, size in enumerate(shape) if size != 1]


def index_over(shape: Shape, axes: Mapping[int, int]) -> IndexTuple:
    """An index along ``shape``: dimension d runs over region axis ``axes[d]``; 0 where the size is 1."""
    from ..core.types import INT64

    entries: list[Expr] = []
    for position, size in enumerate(shape):
        entries.append(Const(0, INT64) if size == 1 else axis_var(axes[position]))
    return tuple(entries)


def reduced_axes(node: Node) -> tuple[int, ...]:
    """Dimensions of the operand that a reduction removes, those of size 1 left out."""
    if isinstance(node.op.lowering, Scatter):
        return ()
    return tuple(axis for axis in node.attrs["axis"] if node.inputs[0].shape[axis] != 1)


def result_axes(node: Node, along: Mapping[int, int]) -> Axes:
    """Region axes of a reduction's result, given those of its operand."""
    operand = node.inputs[0].shape
    kept: list[int | None] = []
    for position, size in enumerate(operand):
        if position not in node.attrs["axis"]:
            kept.append(None if size == 1 else along[position])
        elif node.attrs["keepdims"]:
            kept.append(None)
    return tuple(kept)
