"""What looks for a region: a node that needs a place of its own, and the axes it would have in one."""

from __future__ import annotations

from typing import NamedTuple

from ..core.dim import Dim
from ..core.node import Node
from .regions import Axes, Region
from .trace import Trace, axes_of


class Anchor(NamedTuple):
    """A node that looks for a region. In one of its own it would run over ``extents``, which ``axes`` are; ``seen`` is
    what it is made of, at indices along these: floating nodes that have no region, down to what has a step."""

    node: Node
    axes: Axes
    extents: list[int | Dim]
    seen: Trace


def axes_in(anchor: Anchor, region: Region) -> Axes | None:
    """The axes of a region that the anchor's domain would run over; None when they do not fit."""
    axes = _settled_axes(anchor, region)
    if region.extents == anchor.extents and all(own == axis for own, axis in axes.items()):
        return anchor.axes
    free = [axis for axis in range(len(region.extents)) if axis not in axes.values()]
    for own, size in enumerate(anchor.extents):
        if own not in axes:
            match = next((axis for axis in free if region.extents[axis] == size), None)
            if match is None:
                return None
            free.remove(match)
            axes[own] = match
    fits = all(region.extents[axis] == anchor.extents[own] for own, axis in axes.items())
    if not fits or len(set(axes.values())) < len(axes):
        return None
    return tuple([None if own is None else axes[own] for own in anchor.axes])


def _settled_axes(anchor: Anchor, region: Region) -> dict[int, int]:
    """The axes of a region that an anchor's own must run along, since it reads members of the region."""
    axes: dict[int, int] = {}
    seen = anchor.seen
    for base in [base for base in (*seen.bases, anchor.node) if base in region.members]:
        member = region.members[base]
        indices = seen.bases.get(base) or seen.floating.get(base)
        local = axes_of(indices[0]) if indices else None
        if local is None or member.kind in ("total", "after"):
            continue
        for own, axis in zip(local, member.axes, strict=True):
            if own is not None and axis is not None:
                axes.setdefault(own, axis)
    return axes
