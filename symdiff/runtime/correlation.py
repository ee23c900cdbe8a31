"""Sums of products of fields (field.py) in registers, as LLVM text: of taps for images, of windows for weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symdiff.core.record import record
from symdiff.runtime.assembly import Function, Value, Variable, Vector, declared
from symdiff.runtime.field import AXES, TAP, put

MOST, LONG = 3, 6
"""Vectors of windows in a tile of results at most: of several rows, and of one."""
FEW = 3
"""Fewer rows are made one by one, and so are fewer outputs of weights."""
PLACE, WINDOWS, FIRST, COUNT, PLACES = range(5)
"""Words of a vector in a table: where it is in a field, a bit for each lane that is a window, where the first of these
is in the result, how many they are. If windows are not side by side in the result, the last is less than 0, and from
then on there is each lane's place."""

VECTORS = {
    **{f"windows_{axis}": "i64" for axis in AXES}, "height": "i64", "width": "i64",
    **{f"apart_{axis}": "i64" for axis in AXES}, "spread": "i1", "table": "ptr",
}  # fmt: skip
_TILE = {
    "k": "i64", "taps": "ptr", "w": "ptr", "row": "i64", "field": "ptr", "vectors": "ptr", "m": "i64", "add": "i1",
    "out": "ptr", "ldo": "i64",
}  # fmt: skip
RESULTS = _TILE | {"many": "i64"}
WEIGHTS = {
    "many": "i64", "vectors": "ptr", "field": "ptr", "y": "ptr", "taps": "ptr", "count": "i64", "m": "i64", "w": "ptr",
    "ldy": "i64",
}  # fmt: skip


@record
class Tiles:
    """Rows of a tile of results, and of one for those that are left over; taps and outputs of a tile of weights, and
    of one for few outputs."""

    rows: tuple[int, int]
    weights: tuple[int, int]
    few_weights: tuple[int, int] = (9, 1)


WIDE, NARROW = Tiles((8, 4), (3, 8)), Tiles((4, 2), (3, 4))
"""For 32 registers, and for 16."""


def words(vector: Vector, spread: bool) -> int:
    """How many a vector has in a table."""
    return PLACES + vector.lanes * spread


def fill_vectors(vector: Vector, spread: bool, attributes: str) -> str:
    """The vectors of positions of a box that have windows: how many. If %spread, which is for tables with `spread`,
    windows are not side by side in the result, but %apart_... along each axis."""
    f = Function("fill_vectors", declared(VECTORS), attributes, "i64")
    state = {axis: f.variable("i64", 0) for axis in AXES}
    done, many = f.variable("i64", 0), f.variable("i64", 0)
    rows = f.add(f.mul(f.sub("%windows_z", 1), "%height"), "%windows_y")
    with f.loop(f.add(f.mul(f.sub(rows, 1), "%width"), "%windows_x"), vector.lanes) as place:
        entry = f.at("%table", "i64", f.mul(f.get(many), words(vector, spread)))
        bits, before = f.variable("i64", 0), f.get(done)
        with f.loop(vector.lanes) as lane:
            at = {axis: f.get(variable) for axis, variable in state.items()}
            inside = [f.less(at[axis], f"%windows_{axis}") for axis in AXES]
            one = f.let(f"zext i1 {f.both(f.both(inside[0], inside[1]), inside[2])} to i64")
            f.set(bits, f.let(f"or i64 {f.get(bits)}, {f.let(f'shl i64 {one}, {lane}')}"))
            f.set(done, f.add(f.get(done), one))
            if spread:
                z, y, x = (f.mul(at[axis], f"%apart_{axis}") for axis in AXES)
                put(f, f.add(f.add(z, y), x), entry, f.add(lane, PLACES))
            row_ends = f.equal(f.add(at["x"], 1), "%width")
            row = f.select(row_ends, "i64", f.add(at["y"], 1), at["y"])
            plane_ends = f.equal(row, "%height")
            f.set(state["x"], f.select(row_ends, "i64", 0, f.add(at["x"], 1)))
            f.set(state["y"], f.select(plane_ends, "i64", 0, row))
            f.set(state["z"], f.select(plane_ends, "i64", f.add(at["z"], 1), at["z"]))
        count = f.sub(f.get(done), before)
        known = {PLACE: place, WINDOWS: f.get(bits), FIRST: before, COUNT: f.select("%spread", "i64", -1, count)}
        for word, value in known.items():
            put(f, value, entry, word)
        f.set(many, f.add(f.get(many), f.min(count, 1)))
    return f.text(f"i64 {f.get(many)}")


def results_tile(vector: Vector, rows: int, vectors: int, partial: bool, spread: bool, attributes: str) -> str:
    """`rows` rows of `vectors` vectors of results, or these added to what is there if %add.

    Row i has weights from %w + i * %row on. A partial tile has %m rows: those beyond repeat the last one and are not
    stored.
    """
    f = Function(_tile_name(rows, vectors, partial), declared(_TILE), attributes)
    real = vector.real
    entries = [f.at("%vectors", "i64", v * words(vector, spread)) for v in range(vectors)]
    fields = [f.at("%field", real, f.word(entry, PLACE)) for entry in entries]
    numbers: list[Value] = [f.min(f.sub("%m", 1), i) if partial and i else i for i in range(rows)]
    starts = [f.mul(number, "%row") for number in numbers]
    sums = [[f.variable(vector.kind, "zeroinitializer") for _ in range(vectors)] for _ in range(rows)]
    with f.loop("%k") as p:
        tap = f.at("%taps", "i64", f.mul(p, TAP))
        place, w = f.word(tap, 0), f.at("%w", real, f.word(tap, 1))
        columns = [vector.load(f, f.at(field, real, place)) for field in fields]
        for start, totals in zip(starts, sums, strict=True):
            weight = vector.repeated(f, f.let(f"load {real}, ptr {f.at(w, real, start)}"))
            for column, total in zip(columns, totals, strict=True):
                f.set(total, vector.fma(f, weight, column, f.get(total)))
    for v, entry in enumerate(entries):
        found = [totals[v] for totals in sums]
        if not spread:
            _side_by_side(f, vector, entry, found, partial)
            continue
        with f.when(f.less(f.word(entry, COUNT), 0)) as otherwise:
            _spread(f, vector, entry, found, partial)
            otherwise()
            _side_by_side(f, vector, entry, found, partial)
    return f.text()


def _side_by_side(f: Function, vector: Vector, entry: str, totals: list[Variable], partial: bool) -> None:
    windows, count = vector.masked(f, f.word(entry, WINDOWS)), f.word(entry, COUNT)
    first = f.at("%out", vector.real, f.word(entry, FIRST))
    for i, total in enumerate(totals):
        place = f.at(first, vector.real, f.mul(i, "%ldo"))
        mask = vector.first(f, f.select(f.less(i, "%m"), "i64", count, 0) if partial else count)
        value = f.variable(vector.kind, vector.compressed(f, f.get(total), windows))
        with f.when("%add"):
            f.set(value, vector.add(f, f.get(value), vector.load(f, place, mask)))
        vector.store(f, f.get(value), place, mask)


def _spread(f: Function, vector: Vector, entry: str, totals: list[Variable], partial: bool) -> None:
    bits, wide = f.word(entry, WINDOWS), f"<{vector.lanes} x i64>"
    apart = f.let(f"load {wide}, ptr {f.at(entry, 'i64', PLACES)}, align 8")
    for i, total in enumerate(totals):
        row = f.at("%out", vector.real, f.mul(i, "%ldo"))
        places = f.let(f"getelementptr {vector.real}, ptr {row}, {wide} {apart}")
        mask = vector.masked(f, f.select(f.less(i, "%m"), "i64", bits, 0) if partial else bits)
        with f.when("%add"):
            f.set(total, vector.add(f, f.get(total), vector.gather(f, places, mask, "zeroinitializer")))
        vector.scatter(f, f.get(total), places, mask)


def results(vector: Vector, tiles: Tiles, spread: bool, attributes: str) -> str:
    """Tiles for all of %many vectors and %m rows; none of several rows has a single vector if there are others."""
    f = Function("results", declared(RESULTS), attributes)
    done, top = f.variable("i64", 0), f.variable("i64", 0)

    def rows_of_tiles(vectors: int, rows: int, partial: bool) -> None:
        least = 1 if partial else rows
        with f.repeat(lambda: f.less(f.add(f.get(top), least - 1), "%m")):
            i = f.get(top)
            f.pass_on(
                _tile_name(rows, vectors, partial), _TILE, w=f.at("%w", vector.real, f.mul(i, "%row")),
                vectors=f.at("%vectors", "i64", f.mul(f.get(done), words(vector, spread))),
                m=f.sub("%m", i), out=f.at("%out", vector.real, f.mul(i, "%ldo")),
            )  # fmt: skip
            f.set(top, f.add(i, rows))

    def all_tiles(kinds: Sequence[tuple[int, bool]], most: int, choose: Callable[[str], str]) -> None:
        with f.repeat(lambda: f.less(f.get(done), "%many")):
            number = choose(f.sub("%many", f.get(done)))
            f.set(top, 0)
            for vectors in range(1, most + 1):
                with f.when(f.equal(number, vectors)):
                    for rows, partial in kinds:
                        rows_of_tiles(vectors, rows, partial)
            f.set(done, f.add(f.get(done), number))

    def three_or_two(left: str) -> str:
        return f.select(f.equal(left, 4), "i64", 2, f.min(left, MOST))

    high, low = tiles.rows
    with f.when(f.less("%m", FEW)) as otherwise:
        all_tiles([(1, False)], LONG, lambda left: f.min(left, LONG))
        otherwise()
        all_tiles([(high, False), (low, True)], MOST, three_or_two)
    return f.text()


def results_tiles(vector: Vector, tiles: Tiles, spread: bool, attributes: str) -> list[str]:
    """What `results` calls."""
    sizes = [(rows, v, rows != tiles.rows[0]) for rows in tiles.rows for v in range(1, MOST + 1)]
    sizes += [(1, v, False) for v in range(1, LONG + 1)]
    return [results_tile(vector, *size, spread, attributes) for size in sizes]


def _tile_name(rows: int, vectors: int, partial: bool) -> str:
    return f"results_{rows}_{vectors}" + "_partial" * partial


def weights_tile(vector: Vector, size: tuple[int, int], attributes: str) -> str:
    """The next %count taps of %m outputs, no more than `size` says: added to what is there.

    Sums are made lane by lane over all vectors, whose place in %y is in the table where that of a result would be;
    then over the lanes. What is beyond %count or %m is not stored.
    """
    most, outputs = size
    f = Function(weights_name(size), declared(WEIGHTS), attributes)
    real = vector.real
    taps = [f.at("%taps", "i64", f.mul(f.min(f.sub("%count", 1), i), TAP)) for i in range(most)]
    fields = [f.at("%field", real, f.word(tap, 0)) for tap in taps]
    sums = [[f.variable(vector.kind, "zeroinitializer") for _ in range(outputs)] for _ in taps]
    rows = [f.mul("%ldy", o) for o in range(outputs)]
    with f.loop("%many") as number:
        entry = f.at("%vectors", "i64", f.mul(number, words(vector, False)))
        place, mask = f.word(entry, PLACE), vector.masked(f, f.word(entry, WINDOWS))
        y = f.at("%y", real, f.word(entry, FIRST))
        columns = [vector.load(f, f.at(field, real, place), mask) for field in fields]
        for o, row in enumerate(rows):
            cotangent = vector.load(f, f.at(y, real, row))
            for column, totals in zip(columns, sums, strict=True):
                f.set(totals[o], vector.fma(f, column, cotangent, f.get(totals[o])))
    for i, (tap, totals) in enumerate(zip(taps, sums, strict=True)):
        target = f.at("%w", real, f.word(tap, 1))
        mask = vector.first(f, f.select(f.less(i, "%count"), "i64", "%m", 0))
        total = vector.summed(f, [f.get(variable) for variable in totals])
        vector.store(f, vector.add(f, total, vector.load(f, target, mask)), target, mask)
    return f.text()


def weights_name(size: tuple[int, int]) -> str:
    return "weights_{}_{}".format(*size)
