"""The boxes of a picture, and the row each stands in.

Forward boxes run down the page and backward boxes up, a gradient beside what it is the gradient of. Every edge within a
band therefore leads to another row: one of forward downward, one of backward or update upward.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from ...core.naming import cotangent_of
from ...core.node import Node
from ..choose import SECTIONS
from ..listing import Listing


@dataclass(eq=False)
class Box:
    """One shown node. ``row`` counts from the top; ``x`` and ``y`` are the centre and the top, in pixels."""

    node: Node
    band: int
    width: float
    height: float
    row: int = 0
    x: float = 0.0
    y: float = 0.0

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2


@dataclass
class Scene:
    """Boxes and the edges between them."""

    boxes: list[Box]
    edges: list[tuple[Box, Box]]

    @cached_property
    def within(self) -> list[tuple[Box, Box]]:
        """Edges inside one band."""
        return [(a, b) for a, b in self.edges if a.band == b.band]

    @cached_property
    def across(self) -> list[tuple[Box, Box]]:
        """Edges from one band to another on its right."""
        return [(a, b) for a, b in self.edges if a.band != b.band]


def band_of(listing: Listing, node: Node) -> int:
    """Leaves stand in the first band that reads them."""
    if node in listing.line:
        return SECTIONS.index(listing.line[node].section)
    return min((SECTIONS.index(listing.line[reader].section) for reader in listing.readers[node]), default=0)


def set_rows(scene: Scene, listing: Listing) -> None:
    """Longest paths from the top, partners taken as one; what only feeds others then moves down to its users."""
    partners = _partners(scene, listing)
    try:
        rows = _longest_paths(scene, partners)
    except CycleError:  # gradients of gradients read backward what stands forward: then no box is tied to another
        rows = _longest_paths(scene, {box: box for box in scene.boxes})
    for box in scene.boxes:
        box.row = rows[box]


def _partners(scene: Scene, listing: Listing) -> dict[Box, Box]:
    """For each box the forward box whose row it shares: what it is the gradient or the next value of."""
    by_node = {box.node: box for box in scene.boxes}
    tied = {box for edge in scene.within for box in edge}  # an update of several steps has rows of its own
    updated = {value: param for param, value in listing.graph.updates.items()}
    partners: dict[Box, Box] = {}
    for box in scene.boxes:
        wanted: Iterable[Node] = cotangent_of(box.node) if box.band == 1 else ()
        if box.node in updated and box not in tied:
            wanted = [updated[box.node]]
        found = (by_node[node] for node in wanted if node in by_node)
        partners[box] = next((other for other in found if other.band < box.band), box)
    return partners


def _longest_paths(scene: Scene, partner: Mapping[Box, Box]) -> dict[Box, int]:
    above: dict[Box, dict[Box, None]] = {partner[box]: {} for box in scene.boxes}  # dicts, for a fixed order
    below: dict[Box, dict[Box, None]] = {group: {} for group in above}
    for source, target in scene.within:
        high, low = (source, target) if source.band == 0 else (target, source)
        above[partner[low]][partner[high]] = None
        below[partner[high]][partner[low]] = None
    order = list(TopologicalSorter(above).static_order())
    rows: dict[Box, int] = {}
    for group in order:
        rows[group] = max((rows[other] + 1 for other in above[group]), default=0)
    for group in reversed(order):
        if below[group] and len(above[group]) <= len(below[group]):
            rows[group] = min(rows[other] for other in below[group]) - 1
    top = min(rows.values(), default=0)
    return {box: rows[partner[box]] - top for box in scene.boxes}
