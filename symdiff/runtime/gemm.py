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
from symdiff.runtime.gemm_tile import BLOCK, PACKING, TILE, TURN, dots, finish, tile, tile_name, turn


ROWS = 40
"""So many rows of C are made at a time, with all columns of a group: then CPUs see in which direction C is written."""
GROUP = 2048
"""So many bytes of a row of B, at most, make a group of columns, whose part of B stays packed: 256 KB, on the stack."""
COPIED = 128
"""With more columns than this a transposed A is copied, ROWS rows at a time: what is far apart is not read often."""
NEAR = 2
"""B is not packed where rows are no more than so many times as long as a strip is wide: it is in the nearest cache."""
SWAPPED = 32
"""With so many rows and products a sum or more, making a narrow C as C^T pays for turning it back."""

_STRIPS = TILE | {"trans_a": "i1", "trans_b": "i1"}
_GROUP = TILE | {"trans_b": "i1", "first": "i1", "room": "ptr"}
_COLUMNS = _GROUP | {"wide": "i64", "high": "i64", "whole": "ptr", "low": "i64", "partial": "ptr"}
_PRODUCT = {
    "trans_a": "i1", "trans_b": "i1", "m": "i64", "n": "i64", "k": "i64", "a": "ptr", "lda": "i64", "b": "ptr",
    "ldb": "i64", "add": "i1", "c": "ptr", "ldc": "i64",
}  # fmt: skip
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
    return native.address_of_written(f"gemm_{dtype}", lambda entry: text(dtype, found, entry))


def text(dtype: str, shape: Shape, entry: str) -> str:
    """The module with the step `entry(words, slots)`."""
    vector = shape.vector(dtype)
    attributes = f'noinline "target-cpu"="{shape.cpu}"' if shape.cpu else "noinline"
    functions = [tile(vector, 2, shape.few_rows, True, attributes)]
    for vectors, high, low in shape.tiles:
        functions += [tile(vector, high, vectors, False, attributes), tile(vector, low, vectors, True, attributes)]
    functions += [
        _group(vector, shape, attributes),
        *(write(vector, attributes) for write in (_columns, dots, turn, _strips, _strips_swapped, _product)),
        _step(vector, entry, attributes),
    ]
    return "\n".join([vector.declarations, *functions])


def _strips(vector: Vector, attributes: str) -> str:
    """Group after group of columns, and in each of them ROWS rows of C after the other."""
    f = Function("strips", declared(_STRIPS), attributes)
    real, lanes, group = vector.real, vector.lanes, GROUP // vector.bytes_each
    room, rows_of_a = f.memory(real, BLOCK * group, 64), f.memory(real, BLOCK * ROWS, 64)
    across = f.select("%trans_b", "i64", "%ldb", 1)
    copy = f.both("%trans_a", f.less(COPIED, "%n"))
    row, step = f.select(copy, "i64", 1, "%row"), f.select(copy, "i64", ROWS, "%step")
    with f.loop("%n", group) as j, f.loop("%m", ROWS) as i:
        m, n = f.min(f.sub("%m", i), ROWS), f.min(f.sub("%n", j), group)
        a, b = f.at("%a", real, f.mul(i, "%row")), f.at("%b", real, f.mul(j, across))
        with f.when(copy), f.loop(m, lanes) as v:
            mask, source, target = vector.first(f, f.sub(m, v)), f.at(a, real, v), f.at(rows_of_a, real, v)
            with f.loop("%k") as p:
                value = vector.load(f, f.at(source, real, f.mul(p, "%step")), mask)
                vector.store(f, value, f.at(target, real, f.mul(p, ROWS)), mask)
        f.pass_on(
            "group", _GROUP, a=f.select(copy, "ptr", rows_of_a, a), row=row, step=step, b=b, m=m, n=n,
            c=f.at("%c", real, f.add(f.mul(i, "%ldc"), j)), first=f.equal(i, 0), room=room,
        )  # fmt: skip
    return f.text()


def _group(vector: Vector, shape: Shape, attributes: str) -> str:
    """Some rows of C: the columns that fit a tile of each width, from the widest on."""
    f = Function("group", declared(_GROUP), attributes)
    real, lanes = vector.real, vector.lanes
    across = f.select("%trans_b", "i64", "%ldb", 1)
    done = f.variable("i64", 0)

    def next_columns(count: str) -> dict[str, Value]:
        j = f.get(done)
        f.set(done, f.add(j, count))
        b, c = f.at("%b", real, f.mul(j, across)), f.at("%c", real, j)
        return {"n": count, "b": b, "c": c, "room": f.at("%room", real, f.mul(j, BLOCK))}

    def strips(wide: int, beyond: int) -> str:
        """The columns of all strips that have more than `beyond` columns."""
        left = f.sub("%n", f.get(done))
        return f.min(left, f.bits(f.add(left, wide - 1 - beyond), -wide))

    few = f.both("%first", f.both(f.less("%m", 3), f.negated("%trans_b")))
    with f.when(few):
        wide = shape.few_rows * lanes
        part = next_columns(strips(wide, 2 * lanes))
        with f.loop(part["n"], wide) as j:
            b, c = (f.at(str(part[name]), real, j) for name in "bc")
            n = f.min(f.sub(part["n"], j), wide)
            f.pass_on(tile_name(2, shape.few_rows, partial=True), TILE, b=b, n=n, c=c)
    for vectors, high, low in shape.tiles:
        wide = vectors * lanes
        count = strips(wide, wide - lanes)
        with f.when(f.less(0, count)):
            tiles = {"whole": f"@{tile_name(high, vectors)}", "partial": f"@{tile_name(low, vectors, partial=True)}"}
            f.pass_on("columns", _COLUMNS, wide=wide, high=high, low=low, **tiles, **next_columns(count))
    return f.text()


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
        whole = f.select("%add", "i64", 0, n)  # rows that may be written as they come
        rest = f.sub(n, whole)
        c, t = f.at("%c", real, f.mul(j, "%ldc")), f.at(turned, real, whole)
        f.pass_on("turn", TURN, k=whole, t=turned, ldt=BLOCK, n="%m", wide="%m", out=c, ldo="%ldc")
        f.pass_on("turn", TURN, k=rest, t=t, ldt=BLOCK, n="%m", wide=wide, out=panel, ldo=wide)
        c = f.at(c, real, f.mul(whole, "%ldc"))
        with f.loop("%m", lanes) as v:
            mask, source, target = vector.first(f, f.sub("%m", v)), f.at(panel, real, v), f.at(c, real, v)
            with f.loop(rest) as i:
                x = f.variable(vector.kind, vector.load(f, f.at(source, real, f.mul(i, wide))))
                finish(f, vector, [(x, f.at(target, real, f.mul(i, "%ldc")), mask)])
    return f.text()


def _product(vector: Vector, attributes: str) -> str:
    """C = A B, or C += A B if %add, of any sizes: block after block of k.

    If A is transposed, its columns can be read as vectors. So C^T is made, and turned back, where C itself would leave
    four lanes or more idle: tiles have rows by fours.
    """
    f = Function("product", declared(_PRODUCT), attributes)
    real, lanes = vector.real, vector.lanes
    row, step = f.select("%trans_a", "i64", 1, "%lda"), f.select("%trans_a", "i64", "%lda", 1)
    right, down = f.select("%trans_b", "i64", "%ldb", 1), f.select("%trans_b", "i64", 1, "%ldb")
    n = f.select(f.less(0, "%m"), "i64", "%n", 0)
    idle = f.both(f.less(n, 2 * lanes), f.less(f.bits(f.sub(n, 1), lanes - 1), lanes - 4))
    swapped = f.both("%trans_a", f.both(idle, f.less(SWAPPED - 1, f.min("%m", "%k"))))
    with f.when(f.both(f.both("%trans_b", f.equal("%m", 1)), f.equal(step, 1))) as otherwise:
        f.call("dots", "i64 %k", "ptr %a", "ptr %b", "i64 %ldb", "i64 %n", "i1 %add", "ptr %c")
        otherwise()
        length = _length(f)
        with f.loop(f.max("%k", 1), length) as p:  # if k is 0, once, and C becomes 0
            k, add = f.min(f.sub("%k", p), length), f.any("%add", f.less(0, p))
            a, b = f.at("%a", real, f.mul(p, step)), f.at("%b", real, f.mul(p, down))
            block = {"k": k, "a": a, "row": row, "step": step, "b": b, "n": n, "add": add}
            turned = block | {"a": b, "row": right, "step": down, "b": a, "ldb": "%lda", "m": n, "n": "%m"}
            with f.when(swapped) as usual:
                f.pass_on("strips_swapped", TILE, **turned)
                usual()
                f.pass_on("strips", _STRIPS, **block)
    return f.text()


def _length(f: Function) -> str:
    """Of the chains: BLOCK products at most, all chains about as long, a multiple of 8."""
    chains = f.max(f.let(f"sdiv i64 {f.add('%k', BLOCK - 1)}, {BLOCK}"), 1)
    even = f.let(f"sdiv i64 {f.add('%k', f.sub(chains, 1))}, {chains}")
    return f.max(f.bits(f.add(even, 7), -8), 8)


def _step(vector: Vector, entry: str, attributes: str) -> str:
    """`count` products. One of a single column is made as its transpose, which is a row."""
    f, _, given = walk.step(entry, WORDS, attributes)
    flags = {name: f.let(f"icmp ne i64 {given[name]}, 0") for name in ("trans_a", "trans_b", "add")}
    column = f.both(f.equal(given["n"], 1), f.any(f.equal(given["ldc"], 1), f.equal(given["m"], 1)))

    def choose(name: str, transposed: str) -> str:
        return f.select(column, "i64", given[transposed], given[name])

    fixed = {
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
        f.pass_on("product", _PRODUCT, **fixed, **matrices)
    return f.text("i64 0")
