"""Where bands, rows and edges lie on the page.

Edges within a band are curves from row to row. Edges between bands run at right angles: down from their source, along
a track below its row, through the corridor between the bands, along a track below the target's row, and up to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .columns import Band, separate
from .rows import Box, Scene

_ROW_GAP, _TRACK, _CORRIDOR, _MARGIN = 30.0, 7.0, 26.0, 16.0
_PORT = 12.0  # between the ends of edges that enter one box
Point = tuple[float, float]


@dataclass
class Page:
    """Everything that is drawn, in pixels."""

    scene: Scene
    width: float = 0.0
    height: float = 0.0
    bands: dict[int, tuple[float, float]] = field(default_factory=dict)  # left and right edge of each band in use
    curves: list[tuple[Box, Box, list[Point]]] = field(default_factory=list)
    wires: list[tuple[Box, Box, list[Point]]] = field(default_factory=list)


def lay_out(scene: Scene, top: float) -> Page:
    """Positions for boxes whose rows are set. ``top`` is the room left above the first row."""
    page = Page(scene)
    bands = {number: Band(scene, number) for number in sorted({box.band for box in scene.boxes})}
    for band in bands.values():
        band.arrange()
    corridors = _place_bands(page, bands)
    ports = _ports(scene, bands)
    tracks, below = _tracks(scene, ports, corridors)
    _place_rows(page, bands, below, top)
    for band in bands.values():
        for (source, target), path in band.paths.items():
            page.curves.append((source, target, _curve(path, ports[source, target])))
    for source, target in scene.across:
        page.wires.append((source, target, _wire(source, target, ports[source, target], tracks, corridors)))
    return page


def _exit(source: Box) -> float:
    """Where edges to other bands leave a box: near its right corner."""
    return source.right - min(14.0, source.width / 4)


def _place_bands(page: Page, bands: dict[int, Band]) -> dict[tuple[Box, int], float]:
    """Put the bands side by side; in the corridor before each, a lane for every source that changes rows on its way."""
    lanes: dict[tuple[Box, int], float] = {}
    x = _MARGIN
    for number, band in bands.items():
        turning = dict.fromkeys(a for a, b in page.scene.across if b.band == number and a.row != b.row)
        if x > _MARGIN:
            for place, source in enumerate(sorted(turning, key=lambda box: (-box.row, box.x))):
                lanes[source, number] = x + _CORRIDOR / 2 + place * _TRACK
            x += _CORRIDOR + _TRACK * max(len(turning) - 1, 0)
        members = [box for row in band.rows.values() for box in row]
        shift = x + _MARGIN - min(box.left for box in members)
        for box in members:
            box.x += shift
        page.bands[number] = (x, max(box.right for box in members) + _MARGIN)
        x = page.bands[number][1]
    page.width = x + _MARGIN
    return lanes


def _ports(scene: Scene, bands: dict[int, Band]) -> dict[tuple[Box, Box], float]:
    """Where along its target each edge ends: wires on the left, then edges of the band, as straight as can be."""
    entering: dict[Box, list[tuple[float, Box]]] = {box: [] for box in scene.boxes}
    for source, target in scene.edges:
        arrives = bands[target.band].paths[source, target][-2].x if source.band == target.band else float("-inf")
        entering[target].append((arrives, source))
    ports: dict[tuple[Box, Box], float] = {}
    for target, found in entering.items():
        found.sort(key=lambda entry: (entry[0], entry[1].row, entry[1].x))
        reach = target.width / 4
        wanted = [min(max(x, target.x - reach), target.x + reach) for x, _ in found]
        straight = [1.0 if x == place else 0.05 for (x, _), place in zip(found, wanted, strict=True)]
        step = min(_PORT, (target.width - 16) / max(len(found), 1))
        places = separate(wanted, straight, [step] * (len(found) - 1))
        over = max([0.0, *(place - (target.right - 8) for place in places)])
        under = max([0.0, *(target.left + 8 - place for place in places)])
        for place, (_, source) in zip(places, found, strict=True):
            ports[source, target] = place - over + under
    return ports


def _tracks(
    scene: Scene, ports: dict[tuple[Box, Box], float], lanes: dict[tuple[Box, int], float]
) -> tuple[dict[tuple[Box, int], int], dict[int, int]]:
    """For each source and row, the track below that row on which its edges to other bands run; how many each row has.

    Two sources share a track where they do not meet on it.
    """
    spans: dict[tuple[Box, int], list[float]] = {}
    for source, target in scene.across:
        port = ports[source, target]
        if source.row == target.row:
            spans.setdefault((source, source.row), []).extend((_exit(source), port))
            continue
        lane = lanes[source, target.band]
        spans.setdefault((source, source.row), []).extend((_exit(source), lane))
        spans.setdefault((source, target.row), []).extend((lane, port))
    ends: dict[int, list[float]] = {}
    tracks: dict[tuple[Box, int], int] = {}
    for (source, row), xs in sorted(spans.items(), key=lambda item: (item[0][1], min(item[1]), max(item[1]))):
        used = ends.setdefault(row, [])
        free = next((track for track, end in enumerate(used) if end + _TRACK < min(xs)), len(used))
        used[free : free + 1] = [max(xs)]
        tracks[source, row] = free
    return tracks, {row: len(used) for row, used in ends.items()}


def _place_rows(page: Page, bands: dict[int, Band], tracks: dict[int, int], top: float) -> None:
    members = [box for band in bands.values() for row in band.rows.values() for box in row]
    y = top
    for row in range(max((box.row for box in members), default=0) + 1):
        boxes = [box for box in members if box.row == row]
        height = max((box.height for box in boxes), default=0.0)
        for box in boxes:
            if box not in page.scene.boxes:
                box.height = height
            box.y = y + height - box.height
        y += height + _ROW_GAP + _TRACK * tracks.get(row, 0)
    page.height = y


def _curve(path: list[Box], port: float) -> list[Point]:
    """Points of a smooth line: leaves vertically, passes straight through slots, arrives vertically at the port."""
    down = path[-1].row > path[0].row
    points: list[Point] = []
    for place, box in enumerate(path):
        x = port if place == len(path) - 1 else box.x
        entry, leave = (box.y, box.bottom) if down else (box.bottom, box.y)
        points += [(x, leave)] if place == 0 else [(x, entry)] if place == len(path) - 1 else [(x, entry), (x, leave)]
    return points


def _wire(
    source: Box,
    target: Box,
    port: float,
    tracks: dict[tuple[Box, int], int],
    lanes: dict[tuple[Box, int], float],
) -> list[Point]:
    """The corners of an edge between bands. (All boxes of a row stand on one line.)"""

    def level(box: Box) -> float:
        return box.bottom + _ROW_GAP / 2 + _TRACK * tracks[source, box.row]

    start, end = (_exit(source), source.bottom), (port, target.bottom)
    if source.row == target.row:
        return [start, (start[0], level(source)), (port, level(source)), end]
    lane = lanes[source, target.band]
    return [
        start,
        (start[0], level(source)),
        (lane, level(source)),
        (lane, level(target)),
        (port, level(target)),
        end,
    ]
