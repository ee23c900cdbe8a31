"""The inner functions of a matrix product, as LLVM text: tiles of C in registers, rows of dot products, packing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symdiff.runtime.assembly import Function, Value, Variable, Vector, declared

BLOCK = 128
"""How many products are summed up in registers at most before the sum goes to C."""
TOGETHER = 4
"""So many rows of A are told from each other by distances in registers: there are not enough for those of all rows."""
AHEAD = 12
"""So many rows of B before they are needed they are fetched."""

TILE = {
    "k": "i64", "a": "ptr", "row": "i64", "step": "i64", "b": "ptr", "ldb": "i64", "m": "i64", "n": "i64", "add": "i1",
    "c": "ptr", "ldc": "i64",
}  # fmt: skip
"""What a tile takes. Element (i, p) of A is at a + i * row + p * step, so A may be transposed; B and C are not."""
PACKING = TILE | {"pack": "i1", "out": "ptr"}
DOTS = {"k": "i64", "a": "ptr", "b": "ptr", "ldb": "i64", "n": "i64", "add": "i1", "c": "ptr"}
TURN = {"k": "i64", "t": "ptr", "ldt": "i64", "n": "i64", "wide": "i64", "out": "ptr", "ldo": "i64"}


def tile(vector: Vector, rows: int, vectors: int, partial: bool, attributes: str) -> str:
    """C = A B, or C += A B if %add, for `rows` rows and those of `vectors` vectors of columns that are less than %n.

    A whole tile reads B beyond column %n, unless it has to %pack: then it writes the rows of B to %out as it goes, so
    that the tiles below it find them side by side. A partial one does not either, and has %m rows: those beyond repeat
    the last one, which is then stored again.
    """
    f = Function(tile_name(rows, vectors, partial), declared(TILE if partial else PACKING), attributes)
    real, lanes = vector.real, vector.lanes
    masks = vector.firsts(f, "%n", vectors)
    starts = _starts(f, "%m" if partial else rows, rows if partial else TOGETHER + 1, "%row")
    sums = [[f.variable(vector.kind, "zeroinitializer") for _ in range(vectors)] for _ in range(rows)]
    a, b, out = f.variable("ptr", "%a"), f.variable("ptr", "%b"), f.variable("ptr", "null" if partial else "%out")
    with f.loop("%k"):
        where = [f.at(f.get(b), real, v * lanes) for v in range(vectors)]
        if partial:
            columns = [vector.load(f, place, mask) for place, mask in zip(where, masks, strict=True)]
        else:
            columns = _columns(f, vector, where, masks, out)
        top = f.get(a)
        for i, totals in enumerate(sums):
            if i and not partial and not i % TOGETHER:
                top = f.at(top, real, starts[TOGETHER])
            x = f.at(top, real, starts[i if partial else i % TOGETHER])
            number = vector.repeated(f, f.let(f"load {real}, ptr {x}"))
            for column, total in zip(columns, totals, strict=True):
                f.set(total, vector.fma(f, number, column, f.get(total)))
        f.advance(a, real, "%step")
        f.advance(b, real, "%ldb")
    totals = [total for row in sums for total in row]
    clamped = _starts(f, "%m", rows, "%ldc") if partial else []

    def places() -> list[str]:
        """Of whole tiles written out where they are used: they are quickly made, and more of them than registers."""
        rows_of_c = [f.at("%c", real, start) for start in clamped or _starts(f, rows, rows, "%ldc")]
        return [f.at(c, real, v * lanes) for c in rows_of_c for v in range(vectors)]

    if vector.has_masks:
        finish(f, vector, totals, places, masks * rows)
        return f.text()
    with f.when(f.less("%n", vectors * lanes)) as otherwise:
        finish(f, vector, totals, places, masks * rows)
        otherwise()
        finish(f, vector, totals, places, [None] * len(totals))
    return f.text()


def _columns(f: Function, vector: Vector, places: Sequence[str], masks: Sequence[str], out: Variable) -> list[str]:
    """A row of B, written on if %pack. Rows of B may be far apart, which no CPU foresees: fetch those to come."""
    real, columns = vector.real, [f.variable(vector.kind, "zeroinitializer") for _ in places]
    with f.when("%pack") as otherwise:
        later = f.mul("%ldb", AHEAD)
        for v, (column, place, mask) in enumerate(zip(columns, places, masks, strict=True)):
            f.set(column, vector.load(f, place, mask))
            vector.store(f, f.get(column), f.at(f.get(out), real, v * vector.lanes))
            vector.fetch(f, f.at(place, real, later))
        f.advance(out, real, len(places) * vector.lanes)
        otherwise()
        for column, place in zip(columns, places, strict=True):
            f.set(column, vector.load(f, place))
    return [f.get(column) for column in columns]


def tile_name(rows: int, vectors: int, partial: bool = False) -> str:
    return f"tile_{rows}_{vectors}" + "_partial" * partial


def finish(
    f: Function,
    vector: Vector,
    totals: Sequence[Variable],
    places: Callable[[], Sequence[str]],
    masks: Sequence[str | None],
) -> None:
    """Sums to their places, or added to what is there. All loads come before all stores: places may repeat."""
    with f.when("%add"):
        for total, place, mask in zip(totals, places(), masks, strict=True):
            f.set(total, vector.add(f, f.get(total), vector.load(f, place, mask)))
    for total, place, mask in zip(totals, places(), masks, strict=True):
        vector.store(f, f.get(total), place, mask)


def dots(vector: Vector, attributes: str) -> str:
    """A row of C = A B^T, or of C += A B^T: each number is summed lane by lane, then across the lanes."""
    f = Function("dots", declared(DOTS), attributes)
    real, lanes = vector.real, vector.lanes
    rows = min(8, lanes)
    with f.loop("%n", rows) as j:
        left = f.sub("%n", j)
        b = f.at("%b", real, f.mul(j, "%ldb"))
        starts = _starts(f, left, rows, "%ldb")
        sums = [f.variable(vector.kind, "zeroinitializer") for _ in range(rows)]
        x, t = f.variable("ptr", "%a"), f.variable("ptr", b)
        with f.loop("%k", lanes) as p:
            mask = vector.first(f, f.sub("%k", p))
            number = vector.load(f, f.get(x), mask)
            for start, total in zip(starts, sums, strict=True):
                f.set(total, vector.fma(f, number, vector.load(f, f.at(f.get(t), real, start), mask), f.get(total)))
            f.advance(x, real, lanes)
            f.advance(t, real, lanes)
        result = f.variable(vector.kind, vector.summed(f, [f.get(total) for total in sums]))
        c = f.at("%c", real, j)
        finish(f, vector, [result], lambda: [c], [vector.first(f, f.min(left, rows))])
    return f.text()


def turn(vector: Vector, attributes: str) -> str:
    """%k rows of B = T^T, %ldo apart, in registers.

    Columns beyond %n repeat the last one, but from column %wide on nothing is written; so the rows of a C with less
    than two vectors of columns can be made as well.
    """
    f = Function("turn", declared(TURN), attributes)
    real, lanes, wide = vector.real, vector.lanes, vector.part
    with f.loop("%n", lanes) as j:
        left = f.sub("%n", j)
        stored = vector.first(f, f.sub("%wide", j))
        t = f.at("%t", real, f.mul(j, "%ldt"))
        odd = f.bits(j, lanes)
        out = f.at("%out", real, f.add(f.mul(f.sub(j, odd), BLOCK), odd))
        with f.when(f.less("%k", wide)) as otherwise:
            _turn_few(f, vector, t, left, out)
            otherwise()
            starts = _starts(f, left, lanes, "%ldt")
            with f.loop("%k", wide) as p:
                first = f.min(p, f.sub("%k", wide))  # the last rows may be made twice
                row = f.at(out, real, f.mul(first, "%ldo"))
                for value in _turned(f, vector, f.at(t, real, first), starts):
                    vector.store(f, value, row, stored)
                    row = f.at(row, real, "%ldo")
    return f.text()


def _starts(f: Function, count: Value, rows: int, leading: str) -> list[Value]:
    """Where rows 0, 1, ... begin; rows beyond `count` are the last one."""
    starts: list[Value] = [0]
    for i in range(1, rows):
        step = leading if isinstance(count, int) else f.select(f.less(i, count), "i64", leading, 0)
        starts.append(f.opaque("i64", f.add(starts[-1], step)))
    return starts


def _turned(f: Function, vector: Vector, t: str, starts: Sequence[Value]) -> list[str]:
    """The columns of T, as many as fit into 16 bytes: these are put side by side, row by row, so that squares within
    them are left to transpose, by exchanging squares of 1, 2, ... across the diagonal."""
    wide = vector.part
    values = [vector.joined(f, [f.at(t, vector.real, start) for start in starts[i::wide]]) for i in range(wide)]
    distance = 1
    while distance < wide:
        turned = list(values)
        for i in range(wide):
            if not i & distance:
                pair = vector.crossed(f, values[i], values[i + distance], distance)
                turned[i], turned[i + distance] = pair
        values, distance = turned, 2 * distance
    return values


def _turn_few(f: Function, vector: Vector, t: str, left: str, out: str) -> None:
    """The same, element by element, for fewer columns of T than that."""
    real = vector.real
    with f.loop(f.min(left, vector.lanes)) as i, f.loop("%k") as p:
        number = f.let(f"load {real}, ptr {f.at(f.at(t, real, f.mul(i, '%ldt')), real, p)}")
        f.do(f"store {real} {number}, ptr {f.at(f.at(out, real, f.mul(p, '%ldo')), real, i)}")
