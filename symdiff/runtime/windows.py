"""Windows of images, as LLVM text: the elements they meet as rows of a matrix, or such rows added to those elements.

A *tap* is one element of every window, of one input channel. A table says where taps are, seen from the first one.
"""

from __future__ import annotations

from collections.abc import Callable

from symdiff.runtime.assembly import Function, Variable, Vector, declared

SIZES = (
    "images", "groups", "inputs", "outputs", "depth", "height", "width", "planes", "rows", "columns",
    "taps_z", "taps_y", "taps_x", "stride_z", "stride_y", "stride_x", "pad_z", "pad_y", "pad_x",
    "dilation_z", "dilation_y", "dilation_x",
)  # fmt: skip
"""The sizes of routines/conv.py."""
ENTRY = 4
"""Words for a tap in a table: its distance in the image, and its distances in depth, height and width."""
BOUNDS = 6
"""Words for the smallest and the largest distance of the taps of a table in width, height and depth."""
SPAN = 256
"""So many windows at most are added to an image at a time."""
TABLE = {"sizes": "ptr", "first": "i64", "k": "i64", "table": "ptr", "bounds": "ptr"}
_WINDOWS = {
    "sizes": "ptr", "bounds": "ptr", "table": "ptr", "k": "i64", "image": "ptr", "count": "i64", "state": "ptr",
}  # fmt: skip
PACK_WINDOWS = _WINDOWS | {"out": "ptr", "ldo": "i64"}
SPREAD_WINDOWS = _WINDOWS | {"columns": "ptr"}


def _size(f: Function, name: str) -> str:
    return f.word("%sizes", SIZES.index(name))


def product(f: Function, *factors: str) -> str:
    total = factors[0]
    for factor in factors[1:]:
        total = f.mul(total, factor)
    return total


def put(f: Function, value: str, words: str, place: str | int) -> None:
    f.do(f"store i64 {value}, ptr {f.at(words, 'i64', place)}")


def fill_table(attributes: str) -> str:
    """Entries for taps %first ... %first + %k - 1, counted over inputs, depth, height and width."""
    f = Function("fill_table", declared(TABLE), attributes)
    sizes = {name: _size(f, name) for name in SIZES}
    for k in range(BOUNDS // 2):
        put(f, str(1 << 60), "%bounds", 2 * k)
        put(f, str(-1 << 60), "%bounds", 2 * k + 1)
    with f.loop("%k") as number:
        rest, places = f.add("%first", number), []
        for axis in "xyz":
            count = sizes[f"taps_{axis}"]
            tap = f.let(f"urem i64 {rest}, {count}")
            rest = f.let(f"udiv i64 {rest}, {count}")
            places.append(f.sub(f.mul(tap, sizes[f"dilation_{axis}"]), sizes[f"pad_{axis}"]))
        for k, place in enumerate(places):
            put(f, f.min(place, f.word("%bounds", 2 * k)), "%bounds", 2 * k)
            put(f, f.max(place, f.word("%bounds", 2 * k + 1)), "%bounds", 2 * k + 1)
        x, y, z = places
        plane = f.add(f.mul(rest, sizes["depth"]), z)
        offset = f.add(f.mul(f.add(f.mul(plane, sizes["height"]), y), sizes["width"]), x)
        entry = f.at("%table", "i64", f.mul(number, ENTRY))
        for k, value in enumerate((offset, z, y, x)):
            put(f, value, entry, k)
    return f.text()


def pack_windows(vector: Vector, attributes: str) -> str:
    """For %k taps, the elements that the next %count windows (one or more) meet, as rows of one vector, %ldo apart.

    %state is where the next window is: column, row, plane. Windows of one row of results are a *piece*. Most vectors
    are one piece or two, and where all taps are inside the image nothing has to be looked at.
    """
    f = Function("pack_windows", declared(PACK_WINDOWS), attributes)
    size = {name: _size(f, name) for name in SIZES}
    pieces = _room_for_pieces(f, vector.lanes + 1)
    many, inside = _pieces(f, size, pieces)
    together = f.equal(size["stride_x"], 1)

    def row(number: str) -> str:
        return f.at("%out", vector.real, f.mul(number, "%ldo"))

    def known(count: int) -> list[dict[str, str]]:
        return [{name: f.word(words, k) for name, words in pieces.items()} for k in range(count)]

    with f.when(f.both(f.both(together, inside), f.less(many, 3))) as otherwise:
        for name in ("low", "high", "offset"):
            put(f, f.select(f.equal(many, 1), "i64", 0, f.word(pieces[name], 1)), pieces[name], 1)
        both = [(piece, _between(f, vector, piece["low"], piece["high"], "true")) for piece in known(2)]
        with f.loop("%k") as number:
            found, tap = "zeroinitializer", f.word("%table", f.mul(number, ENTRY))
            for piece, mask in both:
                source = _place(f, vector, "%image", f.add(piece["offset"], tap))
                found = vector.load(f, source, mask, found)
            vector.store(f, found, row(number))
        otherwise()
        for count in (1, 2):
            with f.when(f.both(together, f.equal(many, count))):
                few = known(count)
                with f.loop("%k") as number:
                    found = "zeroinitializer"
                    for piece in few:
                        source, mask, _ = _met(f, vector, size, piece, number, True)
                        found = vector.load(f, source, mask, found)
                    vector.store(f, found, row(number))
        with f.when(f.any(f.less(2, many), f.negated(together))):
            _gather_windows(f, vector, size, pieces, many, row)
    return f.text()


def _room_for_pieces(f: Function, count: int) -> dict[str, str]:
    return {name: f.memory("i64", count, 64) for name in ("offset", "z", "y", "x", "low", "high")}


def _pieces(f: Function, size: dict[str, str], pieces: dict[str, str]) -> tuple[str, str]:
    """The next windows as pieces: how many these are, and whether all taps of all of them are inside the image."""
    lane, many, inside = f.variable("i64", 0), f.variable("i64", 0), f.variable("i1", "true")
    bounds = [f.word("%bounds", k) for k in range(BOUNDS)]
    with f.repeat(lambda: f.less(f.get(lane), "%count")):
        q, r, p = (f.word("%state", place) for place in range(3))
        here, piece = f.get(lane), f.get(many)
        length = f.min(f.sub(size["columns"], q), f.sub("%count", here))
        z, y = f.mul(p, size["stride_z"]), f.mul(r, size["stride_y"])
        x = f.mul(f.sub(q, here), size["stride_x"])  # of the first lane, if the piece began there
        offset = f.add(f.mul(f.add(f.mul(z, size["height"]), y), size["width"]), x)
        end = f.add(here, length)
        for name, value in {"offset": offset, "z": z, "y": y, "x": x, "low": here, "high": end}.items():
            put(f, value, pieces[name], piece)
        ends = ((f.add(x, here), f.add(x, f.sub(end, 1)), "width"), (y, y, "height"), (z, z, "depth"))
        for axis, (low, high, name) in enumerate(ends):
            fits = f.both(
                f.less(-1, f.add(low, bounds[2 * axis])), f.less(f.add(high, bounds[2 * axis + 1]), size[name])
            )
            f.set(inside, f.both(f.get(inside), fits))
        f.set(lane, end)
        f.set(many, f.add(piece, 1))
        column = f.add(q, length)
        row_ends = f.equal(column, size["columns"])
        row = f.select(row_ends, "i64", f.add(r, 1), r)
        plane_ends = f.equal(row, size["rows"])
        put(f, f.select(row_ends, "i64", 0, column), "%state", 0)
        put(f, f.select(plane_ends, "i64", 0, row), "%state", 1)
        put(f, f.select(plane_ends, "i64", f.add(p, 1), p), "%state", 2)
    return f.get(many), f.get(inside)


def _met(
    f: Function, vector: Vector, size: dict[str, str], piece: dict[str, str], number: str, side_by_side: bool
) -> tuple[str, str, str]:
    """Where the windows of a piece meet a tap: the place of lane 0, the lanes that are inside, and x of lane 0."""
    source, inside, x = _meeting(f, vector, size, piece, _tap(f, number))
    low, high = piece["low"], piece["high"]
    if side_by_side:
        low = f.min(f.max(low, f.sub(0, x)), vector.lanes)
        high = f.max(f.min(high, f.sub(size["width"], x)), low)
    return source, _between(f, vector, low, high, inside), x


def _meeting(
    f: Function, vector: Vector, size: dict[str, str], piece: dict[str, str], tap: list[str]
) -> tuple[str, str, str]:
    """Where the windows of a piece meet a tap: the place of lane 0, whether the row is inside, and x of lane 0."""
    offset, z, y, x = tap
    inside = f.both(
        f.let(f"icmp ult i64 {f.add(piece['z'], z)}, {size['depth']}"),
        f.let(f"icmp ult i64 {f.add(piece['y'], y)}, {size['height']}"),
    )
    return _place(f, vector, "%image", f.add(piece["offset"], offset)), inside, f.add(piece["x"], x)


def _tap(f: Function, number: str) -> list[str]:
    entry = f.at("%table", "i64", f.mul(number, ENTRY))
    return [f.word(entry, place) for place in range(ENTRY)]


def _gather_windows(
    f: Function, vector: Vector, size: dict[str, str], pieces: dict[str, str], many: str, row: Callable[[str], str]
) -> None:
    """Windows that are not side by side, element by element."""
    numbers, wide = ", ".join(f"i64 {lane}" for lane in range(vector.lanes)), f"<{vector.lanes} x i64>"
    apart = f.let(f"mul {wide} <{numbers}>, {vector.numbers(f, size['stride_x'])}")
    width = vector.numbers(f, size["width"])
    with f.loop("%k") as number:
        found = f.variable(vector.kind, "zeroinitializer")
        with f.loop(many) as k:
            piece = {name: f.word(words, k) for name, words in pieces.items()}
            source, mask, x = _met(f, vector, size, piece, number, False)
            within = f.let(f"icmp ult {wide} {f.let(f'add {wide} {apart}, {vector.numbers(f, x)}')}, {width}")
            mask = f.let(f"and {vector.mask} {mask}, {within}")
            sources = f.let(f"getelementptr {vector.real}, ptr {source}, {wide} {apart}")
            f.set(found, vector.gather(f, sources, mask, f.get(found)))
        vector.store(f, f.get(found), row(number))


def spread_windows(vector: Vector, attributes: str) -> str:
    """For %k taps, what the next %count windows, SPAN or less, have in rows of %columns, added to what they meet.

    Tap after tap, since memory that has just been written cannot be read at once from another beginning.
    """
    f = Function("spread_windows", declared(SPREAD_WINDOWS), attributes)
    size = {name: _size(f, name) for name in SIZES}
    pieces = _room_for_pieces(f, SPAN)
    many, _ = _pieces(f, size, pieces)

    def each(add_piece: Callable[..., None]) -> None:
        with f.loop("%k") as number:
            tap, source = _tap(f, number), f.at("%columns", vector.real, f.mul(number, SPAN))
            with f.loop(many) as m:
                piece = {name: f.word(words, m) for name, words in pieces.items()}
                target, inside, x = _meeting(f, vector, size, piece, tap)
                with f.when(inside):
                    add_piece(f, vector, size, piece, source, target, x)

    with f.when(f.equal(size["stride_x"], 1)) as otherwise:
        each(_add_side_by_side)
        otherwise()
        each(_add_apart)
    return f.text()


def _add_side_by_side(
    f: Function, vector: Vector, size: dict[str, str], piece: dict[str, str], source: str, target: str, x: str
) -> None:
    """Vectors of half the size again and again, and no masks: these would make the next row wait."""
    here = f.variable("i64", f.max(piece["low"], f.sub(0, x)))
    high = f.min(piece["high"], f.sub(size["width"], x))
    for k in range(vector.lanes.bit_length()):
        _add_vectors(f, Vector(vector.real, vector.lanes >> k), here, high, source, target)


def _add_vectors(f: Function, part: Vector, here: Variable, high: str, source: str, target: str) -> None:
    with f.repeat(lambda: f.less(f.add(f.get(here), part.lanes - 1), high)):
        lane = f.get(here)
        place = _place(f, part, target, lane)
        part.store(f, part.add(f, part.load(f, place), part.load(f, f.at(source, part.real, lane))), place)
        f.set(here, f.add(lane, part.lanes))


def _add_apart(
    f: Function, vector: Vector, size: dict[str, str], piece: dict[str, str], source: str, target: str, x: str
) -> None:
    one = Vector(vector.real, 1)
    with f.loop(f.sub(piece["high"], piece["low"])) as number:
        lane = f.add(piece["low"], number)
        away = f.mul(lane, size["stride_x"])
        with f.when(f.let(f"icmp ult i64 {f.add(x, away)}, {size['width']}")):
            place = _place(f, vector, target, away)
            one.store(f, one.add(f, one.load(f, place), one.load(f, f.at(source, vector.real, lane))), place)


def _place(f: Function, vector: Vector, array: str, index: str) -> str:
    """The address of an element that may lie outside the array."""
    return f.let(f"getelementptr {vector.real}, ptr {array}, i64 {index}")


def _between(f: Function, vector: Vector, low: str, high: str, condition: str) -> str:
    """The mask of lanes low ... high - 1, if the condition holds."""
    bits = f.let(f"sub i64 {f.let(f'shl i64 1, {high}')}, {f.let(f'shl i64 1, {low}')}")
    narrow = f.let(f"trunc i64 {f.select(condition, 'i64', bits, 0)} to i{vector.lanes}")
    return f.let(f"bitcast i{vector.lanes} {narrow} to {vector.mask}")
