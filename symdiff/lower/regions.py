"""What a fusion region is: an iteration domain and the values computed in one pass over it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

from ..core.dim import Dim
from ..core.node import Node
from ..core.op import ArgReduction, Reduction, Scatter
from ..core.record import entity
from ..core.types import Shape
from .trace import ZERO, IndexTuple, axis_var

Kind = Literal["element", "row", "total", "after"]
Axes = tuple[int | None, ...]
_REDUCTIONS = frozenset((Reduction, ArgReduction, Scatter))


class Member(NamedTuple):
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
    return type(node.op.lowering) in _REDUCTIONS


def accumulates_in_memory(node: Node, member: Member) -> bool:
    """Totals with axes accumulate in their buffer; scalars in a local."""
    return isinstance(node.op.lowering, Scatter) or any(axis is not None for axis in member.axes)


def domain_node(node: Node) -> Node:
    """The node whose shape is iterated over to compute ``node``."""
    return node.inputs[0] if is_reduction(node) else node


def own_extents(shape: Shape) -> list[int | Dim]:
    """The sizes that are iterated over: all but those of 1."""
    return [size for size in shape if size != 1]


def in_order(shape: Shape) -> Axes:
    """The axes along ``shape`` of a region that runs over just its ``own_extents``."""
    axes: list[int | None] = []
    count = 0
    for size in shape:
        axes.append(None if size == 1 else count)
        count += size != 1
    return tuple(axes)


@cache
def index_over(axes: Axes) -> IndexTuple:
    """The index of what runs over these axes of a region."""
    return tuple([ZERO if axis is None else axis_var(axis) for axis in axes])


def reduced_axes(node: Node, domain: Axes) -> frozenset[int]:
    """Region axes that a reduction runs over, given those of its operand."""
    return frozenset([axis for position in node.attrs["axis"] if (axis := domain[position]) is not None])


def result_axes(node: Node, domain: Axes) -> Axes:
    """Region axes of a reduction's result, given those of its operand."""
    kept: list[int | None] = []
    for position, axis in enumerate(domain):
        if position not in node.attrs["axis"]:
            kept.append(axis)
        elif node.attrs["keepdims"]:
            kept.append(None)
    return tuple(kept)
