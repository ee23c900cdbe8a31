"""Fields: images as convolutions read them, padded, and sorted so that neighbours are neighbours, as LLVM text.

A *tap* is one weight of a window. The windows of a box are found in a field by *positions*: window (p, r, q) of the box
is at (p * height + r) * width + q, and meets every tap at a fixed distance from there. So one vector of a field has
what a tap meets in neighbouring windows, and nothing has to be looked at while sums are made. Between the last window
of a row and the first one of the next there are positions that belong to no window: their sums are not stored.

Where windows are `stride` elements apart, a field has `phases`, each with every `stride`-th element. What is outside
the image is zeros. A field has at most ROOM bytes; what is larger is done box by box, tap block by tap block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symdiff.core.record import record
from symdiff.runtime.assembly import Function, Value, Vector, declared

ROOM = 1 << 18
"""Bytes of a field: it stays in the second cache, and on the stack."""
CHAIN = 256
"""So many products at most are summed up in registers before the sum goes to memory."""
REACH = 2048
"""So many elements of a row at most lie between the first and the last tap of a block."""
AXES = "zyx"
Load = Callable[[str], str]
"""From the place of lane 0 to a vector of elements, zeros where these are not in the image."""
TAP = 2
"""Words of a tap in a table: where it is in the field, and where its weight is."""

FIELD = {
    "source": "ptr", "channels": "i64", "apart": "i64",
    **{f"{what}_{axis}": "i64" for what in ("size", "begin", "stride", "phases") for axis in AXES},
    "deep": "i64", "height": "i64", "width": "i64", "out": "ptr", "cell": "i64", "phase": "i64",
}  # fmt: skip
TAPS = {
    **{f"{what}_{axis}": "i64" for what in ("taps", "apart", "stride", "phases") for axis in AXES},
    **{f"weight_{axis}": "i64" for axis in AXES}, "height": "i64", "width": "i64", "phase": "i64",
    "channels": "i64", "cell": "i64", "channel_weight": "i64", "table": "ptr",
}  # fmt: skip


def product(f: Function, *factors: Value) -> str:
    total = str(factors[0])
    for factor in factors[1:]:
        total = f.mul(total, factor)
    return total


def put(f: Function, value: Value, words: str, place: Value) -> None:
    f.do(f"store i64 {value}, ptr {f.at(words, 'i64', place)}")


@record
class Axis:
    """One spatial axis. Window q and tap t meet in element q * stride + first + t * apart of the source."""

    size: str
    """of the source"""
    windows: str
    stride: str
    taps: str
    first: str
    apart: str


@record
class Blocks:
    """How many taps, channels and windows a field is for, and its shape."""

    taps: Sequence[str]
    phases: Sequence[str]
    windows: Sequence[str]
    shape: Sequence[str]
    """of one phase of one channel"""
    channels: str
    cell: str
    """elements of one phase of one channel"""
    phase: str
    """elements from one phase to the next"""
    total: str
    """elements of the field"""


def blocks(f: Function, vector: Vector, axes: Sequence[Axis], channels: str, positions: int) -> Blocks:
    """Blocks that fit into ROOM and into so many positions. The windows of a box lie side by side in the result: there
    are several rows only where these are whole, and several planes only where these are."""
    room = ROOM // vector.bytes_each
    taps, phases, over, columns = _blocks_of_taps(f, axes, positions, room)
    unit = product(f, *phases, f.add(columns, over[0]), f.add(over[1], 1), f.add(over[2], 1))  # with one row of windows
    chain = f.div(CHAIN, product(f, *taps))
    most = f.max(f.min(f.min(channels, chain), f.div(room, unit)), 1)
    many = f.max(f.up(channels, f.max(f.up(channels, most), 1)), 1)  # as many in each block
    windows, shape, used, unit, whole = [columns], [f.add(columns, over[0])], columns, f.mul(unit, many), "true"
    for k in (1, 2):  # rows, then planes
        whole = f.both(whole, f.equal(windows[-1], axes[3 - k].windows))
        each, pitch = f.div(unit, f.add(over[k], 1)), product(f, *shape)
        room_for = f.min(f.sub(f.div(room, each), over[k]), f.add(f.div(f.sub(positions, used), pitch), 1))
        windows.append(f.select(whole, "i64", f.max(f.min(room_for, axes[2 - k].windows), 1), 1))
        shape.append(f.add(windows[-1], over[k]))
        unit, used = f.mul(each, shape[-1]), f.add(used, f.mul(f.sub(windows[-1], 1), pitch))
    cell = product(f, *shape)
    return Blocks(taps[::-1], phases[::-1], windows[::-1], shape[::-1], many, cell, phase=f.mul(cell, many), total=unit)


def _blocks_of_taps(
    f: Function, axes: Sequence[Axis], positions: int, room: int
) -> tuple[list[str], list[str], list[str], str]:
    """For width, height and depth: how many taps, in how many phases, and how many elements of a phase beyond those
    where windows begin; then how many windows of a row."""
    taps: list[str] = []
    phases: list[str] = []
    over: list[str] = []
    columns, chain, unit = "0", str(CHAIN), "1"
    for axis in axes[::-1]:
        distance = f.max(axis.apart, f.sub(0, axis.apart))
        most = f.max(f.div(room // 2, unit), 1) if taps else REACH  # phases have less than twice what taps reach
        taps.append(f.max(f.min(f.min(axis.taps, chain), f.add(f.div(f.sub(most, 1), distance), 1)), 1))
        chain = f.div(chain, taps[-1])
        reach = f.add(f.mul(f.sub(taps[-1], 1), distance), 1)
        phases.append(f.min(axis.stride, reach))
        over.append(f.div(f.sub(reach, 1), axis.stride))
        begin = "1"
        if len(taps) == 1:
            fits = f.sub(f.div(room // 4, phases[0]), over[0])
            begin = columns = f.max(f.min(f.min(axis.windows, positions), fits), 1)
        unit = product(f, unit, phases[-1], f.add(begin, over[-1]))
    return taps, phases, over, columns


def fill_taps(attributes: str) -> str:
    """Where %taps_... taps of each of %channels channels are in a field, and their weights."""
    f = Function("fill_taps", declared(TAPS), attributes)
    number = f.variable("i64", 0)
    with f.loop("%taps_z") as z, f.loop("%taps_y") as y, f.loop("%taps_x") as x:
        place, phase, weight = "0", "0", "0"
        for axis, tap, size in zip(AXES, (z, y, x), ("0", "%height", "%width"), strict=True):
            apart, stride = f"%apart_{axis}", f"%stride_{axis}"
            first = f.select(f.less(apart, 0), "i64", f.sub(f"%taps_{axis}", 1), 0)
            distance = f.mul(f.sub(tap, first), apart)
            place = f.add(f.mul(place, size), f.div(distance, stride))
            phase = f.add(f.mul(phase, f"%phases_{axis}"), f.rem(distance, stride))
            weight = f.add(weight, f.mul(tap, f"%weight_{axis}"))
        place = f.add(place, f.mul(phase, "%phase"))
        entry = f.at("%table", "i64", f.mul(f.get(number), TAP))
        put(f, place, entry, 0)
        put(f, weight, entry, 1)
        f.set(number, f.add(f.get(number), 1))
    count = f.mul(f.get(number), TAP)
    with f.loop(f.mul(count, f.sub("%channels", 1)), TAP) as word:
        before, after = f.at("%table", "i64", word), f.at("%table", "i64", f.add(word, count))
        put(f, f.add(f.word(before, 0), "%cell"), after, 0)
        put(f, f.add(f.word(before, 1), "%channel_weight"), after, 1)
    return f.text()


def pack_field(vector: Vector, attributes: str) -> str:
    """%channels channels of an image, %apart elements apart, as a field whose first element is (%begin_...) there.

    Vectors at the end of a row go on into what follows, which is written after them.
    """
    f = Function("pack_field", declared(FIELD), attributes)
    real, lanes = vector.real, vector.lanes
    chunks = f.up("%width", lanes)
    row = f.mul("%stride_y", "%size_x")
    plane = product(f, "%stride_z", "%size_y", "%size_x")
    sheet = f.mul("%height", "%width")
    number = f.variable("i64", 0)
    one, two, more = f.equal("%stride_x", 1), f.equal("%stride_x", 2), f.less(2, "%stride_x")
    ways = ((one, _side_by_side), (two, _every_second), (more, _apart))
    with f.loop("%phases_z") as pz, f.loop("%phases_y") as py, f.loop("%phases_x") as px:
        start, low, high = {}, {}, {}
        for axis, phase, count in zip(AXES, (pz, py, px), ("%deep", "%height", "%width"), strict=True):
            start[axis] = f.add(f"%begin_{axis}", phase)
            low[axis] = f.min(f.up(f.max(f.sub(0, start[axis]), 0), f"%stride_{axis}"), count)
            end = f.up(f.max(f.sub(f"%size_{axis}", start[axis]), 0), f"%stride_{axis}")
            high[axis] = f.max(f.min(end, count), low[axis])
        first = f.add(f.mul(f.add(f.mul(start["z"], "%size_y"), start["y"]), "%size_x"), start["x"])
        source = _place(f, vector, "%source", first)
        target = f.at("%out", real, f.mul(f.get(number), "%phase"))
        with f.loop(chunks) as k:
            j = f.mul(f.sub(f.sub(chunks, 1), k), lanes)
            ends = [f.min(f.max(f.sub(part["x"], j), 0), lanes) for part in (low, high)]
            begin = _place(f, vector, source, f.mul(j, "%stride_x"))
            with f.loop("%channels") as c, f.loop("%deep") as z:
                inside = f.both(f.less(f.sub(low["z"], 1), z), f.less(z, high["z"]))
                top, bottom = (f.select(inside, "i64", part["y"], "%height") for part in (low, high))
                out = f.at(target, real, f.add(f.add(f.mul(c, "%cell"), f.mul(z, sheet)), j))
                taken = _place(f, vector, begin, f.add(f.mul(c, "%apart"), f.mul(z, plane)))
                for first_row, last_row in (("0", top), (bottom, "%height")):
                    with f.loop(f.sub(last_row, first_row)) as r:
                        at = f.at(out, real, f.mul(f.add(first_row, r), "%width"))
                        vector.store(f, "zeroinitializer", at)
                out, taken = f.at(out, real, f.mul(top, "%width")), _place(f, vector, taken, f.mul(top, row))
                for condition, write in ways:
                    with f.when(condition):
                        load = write(f, vector, ends)
                        with f.loop(f.sub(bottom, top)) as r:
                            value = load(_place(f, vector, taken, f.mul(r, row)))
                            vector.store(f, value, f.at(out, real, f.mul(r, "%width")))
        f.set(number, f.add(f.get(number), 1))
    return f.text()


def _place(f: Function, vector: Vector, array: str, index: str) -> str:
    """The address of an element that may lie outside the array."""
    return f.let(f"getelementptr {vector.real}, ptr {array}, i64 {index}")


def _side_by_side(f: Function, vector: Vector, ends: Sequence[str]) -> Load:
    mask = vector.between(f, *ends)
    return lambda place: vector.load(f, place, mask)


def _every_second(f: Function, vector: Vector, ends: Sequence[str]) -> Load:
    """Two vectors of neighbours, of which every second is taken."""
    low = f.mul(ends[0], 2)
    high = f.max(f.sub(f.mul(ends[1], 2), 1), low)
    masks = [
        vector.between(f, *(f.min(f.max(f.sub(end, start), 0), vector.lanes) for end in (low, high)))
        for start in (0, vector.lanes)
    ]

    def load(place: str) -> str:
        parts = (vector.load(f, _place(f, vector, place, str(k * vector.lanes)), masks[k]) for k in range(2))
        return vector.evens(f, *parts)

    return load


def _apart(f: Function, vector: Vector, ends: Sequence[str]) -> Load:
    numbers, wide = ", ".join(f"i64 {lane}" for lane in range(vector.lanes)), f"<{vector.lanes} x i64>"
    apart = f.let(f"mul {wide} <{numbers}>, {vector.numbers(f, '%stride_x')}")
    mask = vector.between(f, *ends)

    def load(place: str) -> str:
        places = f.let(f"getelementptr {vector.real}, ptr {place}, {wide} {apart}")
        return vector.gather(f, places, mask, "zeroinitializer")

    return load
