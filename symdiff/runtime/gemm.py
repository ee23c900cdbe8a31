"""Matrix products of our own: LLVM text for CPUs with AVX-512, or with AVX2 and FMA, compiled once and kept on disk.

C is made in tiles that stay in registers while a loop over k adds to them (gemm_tile.py), strip after strip of columns
as wide as a tile. The first tile of a strip packs its part of B for the tiles below while it works with it. A is read
where it is, or from a copy if it is transposed.

Every element of C is a sum of chains of fused multiply-adds in the order of k; how long they are depends on k alone,
not on the tile: how rows and columns are divided over calls does not change a bit of the result. The exception are dot
products of contiguous numbers, which are summed lane by lane: one row times a transposed matrix, one column times one
that is not. So a division must not leave a single row or column of a larger product.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from symdiff.core.record import record
from symdiff.runtime import cpu, native, walk
from symdiff.runtime.assembly import REALS, Function, Value, Vector, declared
from symdiff.runtime.gemm_tile import BLOCK, DOTS, PACKING, TILE, TURN, dots, tile, tile_name, turn

ROWS = 40
"""So many rows of C are made at a time, with all columns of a group: then CPUs see in which direction C is written."""
GROUP = 2048
"""So many bytes of a row of B, at most, make a group of columns, whose part of B stays packed: 256 KB, on the stack."""
COPIED = 128
"""With more columns than this a transposed A is copied, ROWS rows at a time: what is far apart is not read often."""
NEAR = 2
"""B is not packed where rows are no more than so many times as long as a strip is wide: it is in the nearest cache."""
SMALL = 16
"""With so many rows at most a product of a single vector of columns is made at once, by tiles for some rows."""
SWAPPED = 32
"""With so many rows and products a sum or more, making a narrow C as C^T pays for turning it back."""

_STRIPS = TILE | {"trans_a": "i1", "trans_b": "i1"}
_COLUMNS = TILE | {"trans_b": "i1", "first": "i1", "room": "ptr"}
_COLUMNS |= {"wide": "i64", "high": "i64", "whole": "ptr", "low": "i64", "partial": "ptr"}
WORDS = (
    "blas", "trans_a", "trans_b", "m", "n", "k", "a", "lda", "b", "ldb", "add", "c", "ldc", "count",
    "stride_a", "stride_b", "stride_c",
)  # fmt: skip


@record
class Shape:
    """The tiles that fill the registers of a CPU: from the widest on, vectors of columns, rows of a whole tile and of
    one for the rows that are left over."""

    bytes: int  # of a vector
    tiles: tuple[tuple[int, int, int], ...]
    few_rows: int  # vectors of a tile for at most two rows
    cpu: str = ""  # to compile for; by default this one

    def vector(self, dtype: str) -> Vector:
        return Vector(REALS[dtype], self.bytes // (4 if dtype == "float32" else 8))


AVX512 = Shape(64, ((4, 5, 3), (2, 8, 4), (1, 16, 8)), 8)
AVX2 = Shape(32, ((2, 6, 4), (1, 12, 4)), 4)


@functools.cache
def shape() -> Shape | None:
    """What suits this CPU; None if it has neither AVX-512 nor AVX2 with fused multiply-add."""
    if "avx512f" in cpu.features():
        return AVX512
    return AVX2 if {"avx2", "fma"} <= cpu.features() else None


def step_address(dtype: str) -> int:
    """The address of driver.py's step `gemm_float32` or `gemm_float64`. It does not look at the word `blas`."""
    found = shape()
    if found is None:
        raise RuntimeError("there is no matrix product of our own for a CPU without AVX-512 and without AVX2 and FMA")
    return native.address_of_written(f"gemm_{dtype}", lambda entry: text(dtype, found, entry), combine=False)


def text(dtype: str, shape: Shape, entry: str) -> str:
    """The module with the step `entry(words, slots)`."""
    vector = shape.vector(dtype)
    attributes = f'noinline "target-cpu"="{shape.cpu}"' if shape.cpu else "noinline"
    functions = [tile(vector, 2, shape.few_rows, True, attributes)]
    for vectors, high, low in shape.tiles:
        functions += [tile(vector, high, vectors, False, attributes), tile(vector, low, vectors, True, attributes)]
    functions += [_strips(vector, shape, attributes), _step(vector, shape, entry, attributes)]
    functions += [write(vector, attributes) for write in (_columns, dots, turn, _strips_swapped)]
    return "\n".join([vector.declarations, *functions])


def _strips(vector: Vector, shape: Shape, attributes: str) -> str:
    """Group after group of columns; in each of them ROWS rows of C after the other; of these, the columns that fit a
    tile of each width, from the widest on."""
    f = Function("strips", declared(_STRIPS), attributes)
    real, lanes, group = vector.real, vector.lanes, GROUP // vector.bytes_each
    room, rows_of_a = f.memory(real, BLOCK * group, 64), f.memory(real, BLOCK * ROWS, 64)
    across = f.select("%trans_b", "i64", "%ldb", 1)
    copy = f.both("%trans_a", f.less(COPIED, "%n"))
    row, step = f.select(copy, "i64", 1, "%row"), f.select(copy, "i64", ROWS, "%step")
    widths = _widths(shape, lanes)
    widest = f.select(f.both(f.less("%m", 3), f.negated("%trans_b")), "i64", 0, 1)
    with f.loop("%n", group) as j, f.loop("%m", ROWS) as i:
        m, left = f.min(f.sub("%m", i), ROWS), f.variable("i64", f.min(f.sub("%n", j), group))
        a = f.at("%a", real, f.mul(i, "%row"))
        b = f.variable("ptr", f.at("%b", real, f.mul(j, across)))
        c = f.variable("ptr", f.at("%c", real, f.add(f.mul(i, "%ldc"), j)))
        panel = f.variable("ptr", room)
        with f.when(copy):
            _copy_rows(f, vector, a, m, rows_of_a)
        a = f.select(copy, "ptr", rows_of_a, a)
        number = f.variable("i64", widest)
        with f.repeat(lambda: f.less(0, f.get(left))):
            which = f.get(number)
            known = {name: f.pick(which, _COLUMNS.get(name, "i64"), values) for name, values in widths.items()}
            up = f.add(f.get(left), f.sub(f.sub(known["wide"], 1), known.pop("left_over")))
            n = f.min(f.get(left), f.let(f"and i64 {up}, {f.sub(0, known['wide'])}"))
            with f.when(f.less(0, n)):
                first, room = f.equal(i, 0), f.get(panel)
                here = {"a": a, "row": row, "step": step, "b": f.get(b), "m": m, "n": n, "c": f.get(c)}
                f.pass_on("columns", _COLUMNS, first=first, room=room, **here, **known)
                f.set(b, f.at(f.get(b), real, f.mul(n, across)))
                f.set(c, f.at(f.get(c), real, n))
                f.set(panel, f.at(f.get(panel), real, f.mul(n, BLOCK)))
                f.set(left, f.sub(f.get(left), n))
            f.set(number, f.add(which, 1))
    return f.text()


def _widths(shape: Shape, lanes: int) -> dict[str, list[Value]]:
    """What `columns` is told about each width of tiles, and how many columns are not enough for a strip so wide. The
    first width is for at most two rows."""
    tiles = ((shape.few_rows, 3, 2), *shape.tiles)
    whole = [f"@{tile_name(high, vectors)}" for vectors, high, _ in shape.tiles]
    return {
        "wide": [lanes * vectors for vectors, _, _ in tiles],
        "left_over": [2 * lanes, *(lanes * (vectors - 1) for vectors, _, _ in shape.tiles)],
        "high": [high for _, high, _ in tiles],
        "whole": [whole[0], *whole],  # two rows need no whole tile
        "low": [low for _, _, low in tiles],
        "partial": [f"@{tile_name(low, vectors, partial=True)}" for vectors, _, low in tiles],
    }


def _copy_rows(f: Function, vector: Vector, a: str, m: str, out: str) -> None:
    """%k columns of A^T, %step apart, to where they are ROWS numbers apart."""
    with f.loop(m, vector.lanes) as v:
        mask, source, target = vector.first(f, f.sub(m, v)), f.at(a, vector.real, v), f.at(out, vector.real, v)
        with f.loop("%k") as p:
            value = vector.load(f, f.at(source, vector.real, f.mul(p, "%step")), mask)
            vector.store(f, value, f.at(target, vector.real, f.mul(p, ROWS)), mask)


def _columns(vector: Vector, attributes: str) -> str:
    """Strip after strip of some rows of C, as wide as a tile, each from top to bottom. The %first ones pack B into
    %room, or turn it; where its rows are near each other, or those of C few, all read it where it is."""
    f = Function("columns", declared(_COLUMNS), attributes)
    real, lanes = vector.real, vector.lanes
    across = f.select("%trans_b", "i64", "%ldb", 1)
    high = f.sub("%high", 1)
    with f.loop("%n", "%wide") as j:
        n, panel = f.min(f.sub("%n", j), "%wide"), f.at("%room", real, f.mul(j, BLOCK))
        near = f.both(f.equal(n, "%wide"), f.less("%ldb", f.add(f.mul("%wide", NEAR), 1)))
        direct = f.both(f.negated("%trans_b"), f.any(near, f.both("%first", f.less("%m", "%high"))))
        pack = f.variable("i1", f.both(f.both("%first", f.negated("%trans_b")), f.negated(direct)))
        b, there = f.at("%b", real, f.mul(j, across)), f.any(f.get(pack), direct)
        with f.when(f.both("%first", "%trans_b")), f.loop(n, lanes) as v:
            t, out, count = f.at(b, real, f.mul(v, "%ldb")), f.at(panel, real, v), f.min(f.sub(n, v), lanes)
            f.pass_on("turn", TURN, t=t, ldt="%ldb", n=count, wide=lanes, out=out, ldo="%wide")
        now, apart = f.variable("ptr", f.select(there, "ptr", b, panel)), f.variable("i64", "%wide")
        with f.when(there):
            f.set(apart, "%ldb")
        top = f.variable("i64", 0)

        def left() -> str:
            return f.sub("%m", f.get(top))

        def tiles(name: str, kinds: Mapping[str, str], height: str, **more: str) -> None:
            i = f.get(top)
            a, c = f.at("%a", real, f.mul(i, "%row")), f.at(f.at("%c", real, j), real, f.mul(i, "%ldc"))
            f.pass_on(name, kinds, a=a, b=f.get(now), ldb=f.get(apart), m=left(), n=n, c=c, **more)
            f.set(top, f.add(i, height))

        with f.repeat(lambda: f.less(high, left())):
            packing = f.get(pack)
            tiles("%whole", PACKING, "%high", pack=packing, out=panel)
            with f.when(packing):
                f.set(pack, "false")
                f.set(now, panel)
                f.set(apart, "%wide")
        with f.repeat(lambda: f.less(0, left())):
            tiles("%partial", TILE, "%low")
    return f.text()


def _strips_swapped(vector: Vector, attributes: str) -> str:
    """C = (A B)^T, or C += (A B)^T if %add, for an A of less than two vectors of rows: BLOCK rows of C at a time."""
    f = Function("strips_swapped", declared(TILE), attributes)
    real, lanes, wide = vector.real, vector.lanes, 2 * vector.lanes
    turned, panel = f.memory(real, wide * BLOCK, 64), f.memory(real, BLOCK * wide, 64)
    with f.loop("%n", BLOCK) as j:
        n, b = f.min(f.sub("%n", j), BLOCK), f.at("%b", real, j)
        f.pass_on("strips", _STRIPS, b=b, n=n, add="false", c=turned, ldc=BLOCK, trans_a="false", trans_b="false")
        c = f.at("%c", real, f.mul(j, "%ldc"))
        out, apart = f.select("%add", "ptr", panel, c), f.select("%add", "i64", wide, "%ldc")
        f.pass_on("turn", TURN, k=n, t=turned, ldt=BLOCK, n="%m", wide="%m", out=out, ldo=apart)
        with f.when("%add"), f.loop("%m", lanes) as v:
            mask, source, target = vector.first(f, f.sub("%m", v)), f.at(panel, real, v), f.at(c, real, v)
            with f.loop(n) as i:
                x = vector.load(f, f.at(source, real, f.mul(i, wide)))
                place = f.at(target, real, f.mul(i, "%ldc"))
                vector.store(f, vector.add(f, x, vector.load(f, place, mask)), place, mask)
    return f.text()


def _step(vector: Vector, shape: Shape, entry: str, attributes: str) -> str:
    """`count` products. One of a single column is made as its transpose, which is a row."""
    f, _, given = walk.step(entry, WORDS, attributes)
    room = f.memory(vector.real, BLOCK * vector.lanes, 64)
    flags = {name: f.let(f"icmp ne i64 {given[name]}, 0") for name in ("trans_a", "trans_b", "add")}
    column = f.both(f.equal(given["n"], 1), f.any(f.equal(given["ldc"], 1), f.equal(given["m"], 1)))

    def choose(name: str, transposed: str) -> str:
        return f.select(column, "i64", given[transposed], given[name])

    sizes = {
        "trans_a": f.select(column, "i1", f.negated(flags["trans_b"]), flags["trans_a"]),
        "trans_b": f.select(column, "i1", f.negated(flags["trans_a"]), flags["trans_b"]),
        "m": choose("m", "n"),
        "n": choose("n", "m"),
        "k": given["k"],
        "lda": choose("lda", "ldb"),
        "ldb": choose("ldb", "lda"),
        "add": flags["add"],
        "ldc": given["ldc"],
    }
    addresses = {"a": choose("a", "b"), "b": choose("b", "a"), "c": given["c"]}
    pointers = {name: f.let(f"inttoptr i64 {address} to ptr") for name, address in addresses.items()}
    strides = {"a": choose("stride_a", "stride_b"), "b": choose("stride_b", "stride_a"), "c": given["stride_c"]}
    with f.loop(given["count"]) as i:
        matrices = {name: f.at(pointers[name], vector.real, f.mul(i, strides[name])) for name in "abc"}
        _product(f, vector, shape, room, sizes | matrices)
    return f.text("i64 0")


def _product(f: Function, vector: Vector, shape: Shape, room: str, given: dict[str, str]) -> None:
    """C = A B, or C += A B if `add`, of any sizes."""
    trans_a, trans_b, m, k, lda = (given[name] for name in ("trans_a", "trans_b", "m", "k", "lda"))
    row, step = f.select(trans_a, "i64", 1, lda), f.select(trans_a, "i64", lda, 1)
    n = f.select(f.less(0, m), "i64", given["n"], 0)
    given = {**given, "row": row, "step": step, "n": n}
    one_vector = f.both(f.less(0, n), f.less(n, vector.lanes + 1))
    small = f.both(one_vector, f.both(f.less(m, SMALL + 1), f.less(k, BLOCK + 1)))
    with f.when(f.both(f.both(trans_b, f.equal(m, 1)), f.equal(step, 1))) as otherwise:
        f.pass_on("dots", DOTS, **given)
        otherwise()
        with f.when(small) as larger:
            _small_product(f, vector, shape, room, given)
            larger()
            _blocks(f, vector, given)


def _small_product(f: Function, vector: Vector, shape: Shape, room: str, given: dict[str, str]) -> None:
    """One of few rows and a single vector of columns."""
    vectors, _, low = shape.tiles[-1]
    b, ldb = f.variable("ptr", given["b"]), f.variable("i64", given["ldb"])
    with f.when(given["trans_b"]):
        lanes, t, ldt = vector.lanes, given["b"], given["ldb"]
        f.pass_on("turn", TURN, k=given["k"], t=t, ldt=ldt, n=given["n"], wide=lanes, out=room, ldo=lanes)
        f.set(b, room)
        f.set(ldb, vector.lanes)
    with f.loop(given["m"], low) as i:
        a = f.at(given["a"], vector.real, f.mul(i, given["row"]))
        c = f.at(given["c"], vector.real, f.mul(i, given["ldc"]))
        rows = {"m": f.sub(given["m"], i), "a": a, "b": f.get(b), "ldb": f.get(ldb), "c": c}
        f.pass_on(tile_name(low, vectors, partial=True), TILE, **given | rows)


def _blocks(f: Function, vector: Vector, given: dict[str, str]) -> None:
    """Block after block of k. If A is transposed, its columns can be read as vectors. So C^T is made, and turned back,
    where C itself would leave four lanes or more idle: tiles have rows by fours."""
    real, lanes = vector.real, vector.lanes
    m, n, ldb = given["m"], given["n"], given["ldb"]
    right, down = f.select(given["trans_b"], "i64", ldb, 1), f.select(given["trans_b"], "i64", 1, ldb)
    idle = f.both(f.less(n, 2 * lanes), f.less(f.bits(f.sub(n, 1), lanes - 1), lanes - 4))
    swapped = f.both(given["trans_a"], f.both(idle, f.less(SWAPPED - 1, f.min(m, given["k"]))))
    length = _length(f, given["k"])
    with f.loop(f.max(given["k"], 1), length) as p:  # if k is 0, once, and C becomes 0
        k, add = f.min(f.sub(given["k"], p), length), f.any(given["add"], f.less(0, p))
        a, b = f.at(given["a"], real, f.mul(p, given["step"])), f.at(given["b"], real, f.mul(p, down))
        block = {**given, "k": k, "a": a, "b": b, "add": add}
        with f.when(swapped) as usual:
            turned = {"a": b, "row": right, "step": down, "b": a, "ldb": given["lda"], "m": n, "n": m}
            f.pass_on("strips_swapped", TILE, **block | turned)
            usual()
            f.pass_on("strips", _STRIPS, **block)


def _length(f: Function, k: str) -> str:
    """Of the chains: BLOCK products at most, all chains about as long, a multiple of 8."""
    chains = f.max(f.let(f"sdiv i64 {f.add(k, BLOCK - 1)}, {BLOCK}"), 1)
    even = f.let(f"sdiv i64 {f.add(k, f.sub(chains, 1))}, {chains}")
    return f.max(f.bits(f.add(even, 7), -8), 8)
