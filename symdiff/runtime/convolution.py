"""Convolutions as matrix products with a matrix that is never whole: the columns of windows of the images.

For some windows and some taps, the elements of the image that they meet are copied side by side, and the tiles of the
matrix product (gemm_tile.py) do the rest; in a transpose, the product is added to those elements. So nothing is in
memory but what the caches hold, and zeros around an image are masks. As in gemm.py, sums run over blocks of taps (or of
outputs) in order, whatever threads share.

    conv             y[n] (outputs, windows) = w (outputs, taps) @ columns of x[n] (taps, windows)
    conv_transpose   columns of x[n] (taps, windows) += w (outputs, taps)^T @ y[n] (outputs, windows)
    conv_weight      w (taps, outputs) = sum over n of columns of x[n] (taps, windows) @ y[n] (outputs, windows)^T
"""

from __future__ import annotations

from collections.abc import Callable

from symdiff.runtime import gemm, native, walk
from symdiff.runtime.assembly import Function, Vector, declared
from symdiff.runtime.gemm import BAND
from symdiff.runtime.gemm_tile import BLOCK, PACK, TURN, pack, tile, turn

SIZES = (
    "images", "groups", "inputs", "outputs", "depth", "height", "width", "planes", "rows", "columns",
    "taps_z", "taps_y", "taps_x", "stride_z", "stride_y", "stride_x", "pad_z", "pad_y", "pad_x",
    "dilation_z", "dilation_y", "dilation_x",
)  # fmt: skip
"""The sizes of routines/conv.py."""
STEPS = ("conv", "conv_transpose", "conv_weight")
ENTRY = 4
"""Words for a tap in a table: its distance in the image, and its distances in depth, height and width."""
SHORT = 64
"""So many taps at a time are packed for conv_weight: half of the nearest cache."""
MANY, WIDE = 512, 512
"""So many taps use cotangents once these are turned, and so many outputs are turned at a time."""
SPAN, STRIP = 256, 8
"""So many windows, and so many taps, meet in a product that is added to an image: it stays in the nearest cache."""
_WINDOWS = {
    "sizes": "ptr", "bounds": "ptr", "table": "ptr", "k": "i64", "image": "ptr", "count": "i64", "state": "ptr",
}  # fmt: skip
_PACK = _WINDOWS | {"out": "ptr", "ldo": "i64"}
_SPREAD = _WINDOWS | {"columns": "ptr"}
_TABLE = {"sizes": "ptr", "first": "i64", "k": "i64", "table": "ptr", "bounds": "ptr"}
BOUNDS = 6
"""Words for the smallest and the largest distance of the taps of a table in width, height and depth."""


def step_address(name: str, dtype: str) -> tuple[int, tuple[int, ...]] | None:
    """The address of a step of STEPS, whose words are the sizes (for conv_weight also the numbers of groups, inputs and
    outputs when it makes a share of them), then its operands and its result. None where products are not our own."""
    found = gemm.shape()
    if found is None or dtype not in ("float32", "float64"):
        return None
    return native.address_of_written(f"{name}_{dtype}", lambda entry: text(name, dtype, found, entry)), ()


def text(name: str, dtype: str, shape: gemm.Shape, entry: str) -> str:
    """The module with the step `entry(words, slots)`."""
    vector = shape.vector(dtype)
    attributes = f'noinline "target-cpu"="{shape.cpu}"' if shape.cpu else "noinline"
    functions = [tile(vector, h, 2, p, attributes) for h, p in zip(shape.heights(2), (False, True), strict=True)]
    functions += [gemm.band(vector, shape, 2, attributes), _fill_table(attributes)]
    functions += [write(vector, attributes) for write in _HELPERS[name]]
    functions.append(_WRITERS[name](vector, entry, attributes))
    return "\n".join([vector.declarations, *functions])


def _size(f: Function, name: str) -> str:
    return f.word("%sizes", SIZES.index(name))


def _product(f: Function, *factors: str) -> str:
    total = factors[0]
    for factor in factors[1:]:
        total = f.mul(total, factor)
    return total


def _put(f: Function, value: str, words: str, place: str | int) -> None:
    f.do(f"store i64 {value}, ptr {f.at(words, 'i64', place)}")


def _fill_table(attributes: str) -> str:
    """Entries for taps %first ... %first + %k - 1, counted over inputs, depth, height and width."""
    f = Function("fill_table", declared(_TABLE), attributes)
    sizes = {name: _size(f, name) for name in SIZES}
    for k in range(BOUNDS // 2):
        _put(f, str(1 << 60), "%bounds", 2 * k)
        _put(f, str(-1 << 60), "%bounds", 2 * k + 1)
    with f.loop("%k") as number:
        rest, places = f.add("%first", number), []
        for axis in "xyz":
            count = sizes[f"taps_{axis}"]
            tap = f.let(f"urem i64 {rest}, {count}")
            rest = f.let(f"udiv i64 {rest}, {count}")
            places.append(f.sub(f.mul(tap, sizes[f"dilation_{axis}"]), sizes[f"pad_{axis}"]))
        for k, place in enumerate(places):
            _put(f, f.min(place, f.word("%bounds", 2 * k)), "%bounds", 2 * k)
            _put(f, f.max(place, f.word("%bounds", 2 * k + 1)), "%bounds", 2 * k + 1)
        x, y, z = places
        plane = f.add(f.mul(rest, sizes["depth"]), z)
        offset = f.add(f.mul(f.add(f.mul(plane, sizes["height"]), y), sizes["width"]), x)
        entry = f.at("%table", "i64", f.mul(number, ENTRY))
        for k, value in enumerate((offset, z, y, x)):
            _put(f, value, entry, k)
    return f.text()


def _pack(vector: Vector, attributes: str) -> str:
    """For %k taps, the elements that the next %count windows (one or more) meet, as rows of one vector, %ldo apart.

    %state is where the next window is: column, row, plane. Windows of one row of results are a *piece*. Most vectors
    are one piece or two, and where all taps are inside the image nothing has to be looked at.
    """
    f = Function("pack_windows", declared(_PACK), attributes)
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
            _put(f, f.select(f.equal(many, 1), "i64", 0, f.word(pieces[name], 1)), pieces[name], 1)
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
            _put(f, value, pieces[name], piece)
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
        _put(f, f.select(row_ends, "i64", 0, column), "%state", 0)
        _put(f, f.select(plane_ends, "i64", 0, row), "%state", 1)
        _put(f, f.select(plane_ends, "i64", f.add(p, 1), p), "%state", 2)
    return f.get(many), f.get(inside)


def _met(
    f: Function, vector: Vector, size: dict[str, str], piece: dict[str, str], number: str, side_by_side: bool
) -> tuple[str, str, str]:
    """Where the windows of a piece meet a tap: the place of lane 0, the lanes that are inside, and x of lane 0."""
    source, inside, x = _meeting(f, vector, size, piece, number)
    low, high = piece["low"], piece["high"]
    if side_by_side:
        low = f.min(f.max(low, f.sub(0, x)), vector.lanes)
        high = f.max(f.min(high, f.sub(size["width"], x)), low)
    return source, _between(f, vector, low, high, inside), x


def _meeting(
    f: Function, vector: Vector, size: dict[str, str], piece: dict[str, str], number: str
) -> tuple[str, str, str]:
    """Where the windows of a piece meet a tap: the place of lane 0, whether the row is inside, and x of lane 0."""
    entry = f.at("%table", "i64", f.mul(number, ENTRY))
    tap, dz, dy, dx = (f.word(entry, place) for place in range(ENTRY))
    inside = f.both(
        f.let(f"icmp ult i64 {f.add(piece['z'], dz)}, {size['depth']}"),
        f.let(f"icmp ult i64 {f.add(piece['y'], dy)}, {size['height']}"),
    )
    return _place(f, vector, "%image", f.add(piece["offset"], tap)), inside, f.add(piece["x"], dx)


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


def _spread(vector: Vector, attributes: str) -> str:
    """For %k taps, what the next %count windows, SPAN or less, have in rows of %columns, added to what they meet.

    Tap after tap, since memory that has just been written cannot be read at once from another beginning.
    """
    f = Function("spread_windows", declared(_SPREAD), attributes)
    real, lanes = vector.real, vector.lanes
    size = {name: _size(f, name) for name in SIZES}
    pieces = _room_for_pieces(f, SPAN)
    many, _ = _pieces(f, size, pieces)
    stride, together = size["stride_x"], f.equal(size["stride_x"], 1)
    with f.loop("%k") as number, f.loop(many) as m:
        piece = {name: f.word(words, m) for name, words in pieces.items()}
        target, inside, x = _meeting(f, vector, size, piece, number)
        source = f.at("%columns", real, f.mul(number, SPAN))
        with f.when(f.both(inside, together)):
            low, high = f.max(piece["low"], f.sub(0, x)), f.min(piece["high"], f.sub(size["width"], x))
            with f.loop(f.sub(high, low), lanes) as lane:
                here, mask = f.add(low, lane), vector.first(f, f.sub(f.sub(high, low), lane))
                place = _place(f, vector, target, here)
                total = vector.add(f, vector.load(f, place, mask), vector.load(f, f.at(source, real, here), mask))
                vector.store(f, total, place, mask)
        with f.when(f.both(inside, f.negated(together))), f.loop(f.sub(piece["high"], piece["low"])) as lane:
            here = f.add(piece["low"], lane)
            away = f.mul(here, stride)
            with f.when(f.let(f"icmp ult i64 {f.add(x, away)}, {size['width']}")):
                place = _place(f, vector, target, away)
                value, there = (f.let(f"load {real}, ptr {at}") for at in (f.at(source, real, here), place))
                f.do(f"store {real} {f.let(f'fadd {real} {there}, {value}')}, ptr {place}")
    return f.text()


def _place(f: Function, vector: Vector, array: str, index: str) -> str:
    """The address of an element that may lie outside the array."""
    return f.let(f"getelementptr {vector.real}, ptr {array}, i64 {index}")


def _between(f: Function, vector: Vector, low: str, high: str, condition: str) -> str:
    """The mask of lanes low ... high - 1, if the condition holds."""
    bits = f.let(f"sub i64 {f.let(f'shl i64 1, {high}')}, {f.let(f'shl i64 1, {low}')}")
    narrow = f.let(f"trunc i64 {f.select(condition, 'i64', bits, 0)} to i{vector.lanes}")
    return f.let(f"bitcast i{vector.lanes} {narrow} to {vector.mask}")


class _Step:
    """The beginning of a step: its function, the sizes in an array as well, and products of them."""

    def __init__(self, entry: str, more: tuple[str, ...], arrays: tuple[str, ...], attributes: str) -> None:
        self.f, _, self.given = walk.step(entry, (*SIZES, *more, *arrays), attributes)
        f, given = self.f, self.given
        self.sizes = f.memory("i64", len(SIZES), 64)
        for place, name in enumerate(SIZES):
            _put(f, given[name], self.sizes, place)
        self.pixels = _product(f, *(given[name] for name in ("depth", "height", "width")))
        self.windows = _product(f, *(given[name] for name in ("planes", "rows", "columns")))
        self.taps = _product(f, *(given[name] for name in ("inputs", "taps_z", "taps_y", "taps_x")))
        self.arrays = {name: f.let(f"inttoptr i64 {given[name]} to ptr") for name in arrays}
        self.state = f.memory("i64", 3, 64)

    def begin(self) -> None:
        """Go to the first window."""
        for place in range(3):
            _put(self.f, "0", self.state, place)


def _conv(vector: Vector, entry: str, attributes: str) -> str:
    s = _Step(entry, (), ("x", "w", "y"), attributes)
    f, given, real, lanes = s.f, s.given, vector.real, vector.lanes
    wide = 2 * lanes
    bounds = f.memory("i64", BOUNDS, 64)
    table, panel = f.memory("i64", BLOCK * ENTRY, 64), f.memory(real, BLOCK * wide, 64)
    with f.loop(given["groups"]) as group, f.loop(s.taps, BLOCK) as first:
        k = f.min(f.sub(s.taps, first), BLOCK)
        f.pass_on("fill_table", _TABLE, sizes=s.sizes, first=first, k=k, table=table, bounds=bounds)
        weights = f.at(s.arrays["w"], real, f.add(f.mul(f.mul(group, given["outputs"]), s.taps), first))
        with f.loop(given["images"]) as n:
            number = f.add(f.mul(n, given["groups"]), group)
            image = f.at(s.arrays["x"], real, _product(f, number, given["inputs"], s.pixels))
            result = f.at(s.arrays["y"], real, _product(f, number, given["outputs"], s.windows))
            s.begin()
            with f.loop(s.windows, wide) as p:
                left = f.min(f.sub(s.windows, p), wide)
                for start in (0, lanes):
                    with f.when(f.less(start, left)):
                        f.pass_on(
                            "pack_windows", _PACK, sizes=s.sizes, bounds=bounds, table=table, k=k, image=image,
                            count=f.min(f.sub(left, start), lanes), state=s.state, out=f.at(panel, real, start),
                            ldo=wide,
                        )  # fmt: skip
                f.pass_on(
                    "band_2", BAND, k=k, a=weights, row=s.taps, step=1, b=panel, ldb=wide, m=given["outputs"], n=left,
                    add=f.less(0, first), c=f.at(result, real, p), ldc=s.windows, copy="false", panel=BLOCK,
                )  # fmt: skip
    return f.text("i64 0")


def _conv_transpose(vector: Vector, entry: str, attributes: str) -> str:
    s = _Step(entry, (), ("y", "w", "x"), attributes)
    f, given, real, wide = s.f, s.given, vector.real, 2 * vector.lanes
    bounds = f.memory("i64", BOUNDS, 64)
    table, here = f.memory("i64", STRIP * ENTRY, 64), f.memory("i64", 3, 64)
    panels, columns = f.memory(real, BLOCK * SPAN, 64), f.memory(real, STRIP * SPAN, 64)
    pixels = f.mul(given["inputs"], s.pixels)
    with f.loop(given["images"]) as n, f.loop(given["groups"]) as group:
        number = f.add(f.mul(n, given["groups"]), group)
        image = f.at(s.arrays["x"], real, f.mul(number, pixels))
        _clear(f, vector, image, "1", pixels, pixels)
        with f.loop(given["outputs"], BLOCK) as o:
            outputs = f.min(f.sub(given["outputs"], o), BLOCK)
            cotangents = f.at(s.arrays["y"], real, f.mul(f.add(f.mul(number, given["outputs"]), o), s.windows))
            weights = f.at(s.arrays["w"], real, f.mul(f.add(f.mul(group, given["outputs"]), o), s.taps))
            s.begin()
            with f.loop(s.windows, SPAN) as p:
                left = f.min(f.sub(s.windows, p), SPAN)
                f.pass_on("pack", PACK, k=outputs, b=f.at(cotangents, real, p), ldb=s.windows, n=left, out=panels)
                with f.loop(s.taps, STRIP) as first:
                    taps = f.min(f.sub(s.taps, first), STRIP)
                    f.pass_on("fill_table", _TABLE, sizes=s.sizes, first=first, k=taps, table=table, bounds=bounds)
                    f.pass_on(
                        "band_2", BAND, k=outputs, a=f.at(weights, real, first), row=1, step=s.taps, b=panels, ldb=wide,
                        m=taps, n=left, add="false", c=columns, ldc=SPAN, copy="true", panel=BLOCK,
                    )  # fmt: skip
                    _copy_words(f, s.state, here)
                    f.pass_on(
                        "spread_windows", _SPREAD, sizes=s.sizes, bounds=bounds, table=table, k=taps, image=image,
                        count=left, state=here, columns=columns,
                    )  # fmt: skip
                _copy_words(f, here, s.state)
    return f.text("i64 0")


def _conv_weight(vector: Vector, entry: str, attributes: str) -> str:
    """The taps are rows of the result, so that cotangents are turned once for many of them. Threads share inputs,
    outputs or groups: %all_... is how many there are."""
    s = _Step(entry, ("all_groups", "all_inputs", "all_outputs"), ("x", "y", "w"), attributes)
    f, given, real, lanes = s.f, s.given, vector.real, vector.lanes
    wide = 2 * lanes
    bounds = f.memory("i64", BOUNDS, 64)
    table, here = f.memory("i64", MANY * ENTRY, 64), f.memory("i64", 3, 64)
    packed, turned = f.memory(real, SHORT * BLOCK, 64), f.memory(real, (WIDE + wide) * BLOCK, 64)
    kernel = _product(f, *(given[f"taps_{axis}"] for axis in "zyx"))
    every = {"inputs": given["all_inputs"], "outputs": given["all_outputs"]}
    with f.loop(given["groups"]) as group:
        result = f.at(s.arrays["w"], real, _product(f, group, every["inputs"], kernel, every["outputs"]))
        _clear(f, vector, result, s.taps, given["outputs"], every["outputs"])
        with f.loop(given["outputs"], WIDE) as o, f.loop(s.taps, MANY) as first:
            outputs, taps = f.min(f.sub(given["outputs"], o), WIDE), f.min(f.sub(s.taps, first), MANY)
            f.pass_on("fill_table", _TABLE, sizes=s.sizes, first=first, k=taps, table=table, bounds=bounds)
            c = f.at(result, real, f.add(f.mul(first, every["outputs"]), o))
            with f.loop(given["images"]) as n:
                number = f.add(f.mul(n, given["all_groups"]), group)
                image = f.at(s.arrays["x"], real, _product(f, number, every["inputs"], s.pixels))
                cotangents = f.at(s.arrays["y"], real, f.mul(f.add(f.mul(number, every["outputs"]), o), s.windows))
                s.begin()
                with f.loop(s.windows, BLOCK) as p:
                    left = f.min(f.sub(s.windows, p), BLOCK)
                    f.pass_on(
                        "turn", TURN, k=left, t=f.at(cotangents, real, p), ldt=s.windows, n=outputs,
                        wide=f.add(outputs, lanes), out=turned, ldo=wide,
                    )  # fmt: skip
                    with f.loop(taps, SHORT) as short:
                        rows = f.min(f.sub(taps, short), SHORT)
                        _copy_words(f, s.state, here)
                        with f.loop(left, lanes) as v:
                            f.pass_on(
                                "pack_windows", _PACK, sizes=s.sizes, bounds=bounds, k=rows,
                                table=f.at(table, "i64", f.mul(short, ENTRY)), image=image,
                                count=f.min(f.sub(left, v), lanes), state=here, out=f.at(packed, real, v), ldo=BLOCK,
                            )  # fmt: skip
                        f.pass_on(
                            "band_2", BAND, k=left, a=packed, row=BLOCK, step=1, b=turned, ldb=wide, m=rows,
                            n=outputs, add="true", c=f.at(c, real, f.mul(short, every["outputs"])),
                            ldc=every["outputs"], copy="false", panel=BLOCK,
                        )  # fmt: skip
                    _copy_words(f, here, s.state)
    return f.text("i64 0")


def _copy_words(f: Function, source: str, target: str) -> None:
    for place in range(3):
        _put(f, f.word(source, place), target, place)


def _clear(f: Function, vector: Vector, matrix: str, rows: str, columns: str, leading: str) -> None:
    with f.loop(rows) as i, f.loop(columns, vector.lanes) as j:
        place = f.at(matrix, vector.real, f.add(f.mul(i, leading), j))
        vector.store(f, "zeroinitializer", place, vector.first(f, f.sub(columns, j)))


_WRITERS = {"conv": _conv, "conv_transpose": _conv_transpose, "conv_weight": _conv_weight}
_HELPERS = {"conv": (_pack,), "conv_transpose": (pack, _spread), "conv_weight": (_pack, turn)}
