"""Order and position of boxes along their rows: few crossings, then straight edges.

An edge over several rows passes through a slot in each row between; one chain of slots serves all edges of a source.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from .rows import Box, Scene

GAP = 18.0  # between boxes of one row
_SLOT = 6.0  # width of a slot
_SWEEPS = 12
_STIFF, _LIMP = 4.0, 0.001  # pull of a long edge between its slots, and of a box that hangs on one edge; others: 1


class Band:
    """The boxes of one band with the slots of its long edges. ``links`` lead from row to next row, source first."""

    def __init__(self, scene: Scene, band: int) -> None:
        self.boxes = [box for box in scene.boxes if box.band == band]
        self.slots: dict[tuple[Box, int], Box] = {}
        self.paths: dict[tuple[Box, Box], list[Box]] = {}
        self.links: dict[tuple[Box, Box], float] = {}
        self.degree = Counter(box for edge in scene.within for box in edge)
        for source, target in scene.within:
            if source.band == band:
                self._thread(source, target)
        self.rows: dict[int, list[Box]] = {}
        for box in [*self.boxes, *self.slots.values()]:
            self.rows.setdefault(box.row, []).append(box)
        self._neighbours: dict[Box, list[tuple[Box, float]]] = {box: [] for row in self.rows.values() for box in row}
        for (a, b), weight in self.links.items():
            self._neighbours[a].append((b, weight))
            self._neighbours[b].append((a, weight))

    def _thread(self, source: Box, target: Box) -> None:
        """The boxes and slots an edge passes through."""
        step = 1 if target.row > source.row else -1
        path = [source]
        for row in range(source.row + step, target.row, step):
            slot = self.slots.setdefault((source, row), Box(source.node, source.band, _SLOT, 0, row))
            path.append(slot)
        path.append(target)
        self.paths[source, target] = path
        dangling = self.degree[source] == 1 or self.degree[target] == 1
        for a, b in pairwise(path):
            inner = a is not source and b is not target
            self.links[a, b] = _STIFF if inner else _LIMP if dangling else 1.0

    def arrange(self) -> None:
        """Order every row by the mean place of its neighbours, keep the order with the fewest crossings, place all."""
        best, fewest = self._snapshot(), self._crossings()
        for sweep in range(_SWEEPS):
            self._sort_rows(downward=sweep % 2 == 0)
            found = self._crossings()
            if found < fewest:
                best, fewest = self._snapshot(), found
        self.rows = best
        self._position()

    def _snapshot(self) -> dict[int, list[Box]]:
        return {row: list(boxes) for row, boxes in self.rows.items()}

    def _sort_rows(self, downward: bool) -> None:
        for row in sorted(self.rows, reverse=not downward):
            before = row - 1 if downward else row + 1
            place = {box: float(position) for position, box in enumerate(self.rows.get(before, []))}
            own = {box: float(position) for position, box in enumerate(self.rows[row])}
            keys = {}
            for box in self.rows[row]:
                near = [place[other] for other, _ in self._neighbours[box] if other in place]
                keys[box] = sum(near) / len(near) if near else own[box]
            self.rows[row].sort(key=keys.__getitem__)

    def _crossings(self) -> int:
        place = {box: position for boxes in self.rows.values() for position, box in enumerate(boxes)}
        by_row: dict[int, list[tuple[int, int]]] = {}
        for a, b in self.links:
            high, low = (a, b) if a.row < b.row else (b, a)
            by_row.setdefault(high.row, []).append((place[high], place[low]))
        total = 0
        for pairs in by_row.values():
            seen: list[int] = []
            for _, end in sorted(pairs):
                total += len(seen) - bisect_right(seen, end)
                insort(seen, end)
        return total

    def _position(self) -> None:
        """Pull every box to the mean of its neighbours, as far as order and widths allow; from both ends in turn."""
        for boxes in self.rows.values():
            spread(boxes, [0.0] * len(boxes), [1.0] * len(boxes))
        for sweep in range(4 * _SWEEPS):
            for row in sorted(self.rows, reverse=sweep % 2 == 1):
                boxes = self.rows[row]
                wanted = [self._wanted(box) for box in boxes]
                spread(boxes, [x for x, _ in wanted], [weight for _, weight in wanted])

    def _wanted(self, box: Box) -> tuple[float, float]:
        near = self._neighbours[box]
        weight = sum(w for _, w in near)
        return (sum(other.x * w for other, w in near) / weight, weight) if near else (box.x, 0.1)


def spread(boxes: Sequence[Box], wanted: Sequence[float], weights: Sequence[float]) -> None:
    """Set ``x`` as near to ``wanted`` as boxes in this order can be without overlapping."""
    gaps = [(a.width + b.width) / 2 + GAP for a, b in pairwise(boxes)]
    for box, x in zip(boxes, separate(wanted, weights, gaps), strict=True):
        box.x = x


def separate(wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Positions at least ``gaps`` apart, as near to those wanted as can be (weighted least squares).

    Less the room that stands before each, positions must only not decrease: isotonic regression, solved by pooling.
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for x, weight, offset in zip(wanted, weights, offsets, strict=False):
        mean, total, count = x - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, more, many = pools.pop()
            mean, total, count = (mean * total + other * more) / (total + more), total + more, count + many
        pools.append((mean, total, count))
    places = [mean for mean, _, count in pools for _ in range(count)]
    return [place + offset for place, offset in zip(places, offsets, strict=False)]
