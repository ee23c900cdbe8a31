"""Matrix products of our own: LLVM text for CPUs with AVX-512, or with AVX2 and FMA, compiled once and kept on disk.

C is made in tiles that stay in registers while a loop over k adds to them (gemm_tile.py). Every element of C is a sum
of chains of fused multiply-adds, each BLOCK products long and in the order of k, whatever tile it falls in: how rows
and columns are divided over calls does not change a bit of the result. The exception are dot products of contiguous
numbers, which are summed lane by lane: one row times a transposed matrix, one column times one that is not. So a
division must not leave a single row or column of a larger product.
"""

from __future__ import annotations

import functools

from symdiff.core.record import record
from symdiff.runtime import cpu, native, walk
from symdiff.runtime.assembly import REALS, Function, Vector, declared
from symdiff.runtime.gemm_tile import BLOCK, PACK, TILE, TURN, dots, finish, pack, tile, tile_name, turn

IN_PLACE = 128
"""With so many rows or fewer, B is read where it is: to pack it would not pay."""
PANELS = 16
"""So many panels of B, each two vectors wide, are packed at a time: 256 KB with AVX-512, on the stack."""
COPIED = 4
"""With more panels than this, a transposed A is copied piece by piece: its rows are too far apart to be read often."""
SWAPPED = 32
"""With so many rows and products a sum or more, making a narrow C as C^T pays for turning it back."""

BAND = TILE | {"copy": "i1", "panel": "i64"}
_PACKED = TILE | {"copy": "i1", "trans_b": "i1"}
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
    """The tiles that fill the registers of a CPU: rows of a whole one and of one for the rows that are left over."""

    bytes: int  # of a vector
    two_vectors: tuple[int, int]
    one_vector: tuple[int, int]
    few_rows: int  # vectors of a tile for at most two rows
    cpu: str = ""  # to compile for; by default this one

    def vector(self, dtype: str) -> Vector:
        return Vector(REALS[dtype], self.bytes // (4 if dtype == "float32" else 8))

    def heights(self, vectors: int) -> tuple[int, int]:
        return self.one_vector if vectors == 1 else self.two_vectors


AVX512 = Shape(64, (8, 4), (16, 8), 8)
AVX2 = Shape(32, (6, 4), (12, 4), 4)


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
    functions = [
        tile(vector, height, vectors, partial, attributes)
        for vectors in (1, 2)
        for height, partial in zip(shape.heights(vectors), (False, True), strict=True)
    ]
    functions += [
        tile(vector, 2, shape.few_rows, True, attributes),
        *(band(vector, shape, vectors, attributes) for vectors in (1, 2)),
        *(write(vector, attributes) for write in (dots, pack, turn, _strips_packed, _strips_swapped, _product)),
        _strips_in_place(vector, shape, attributes),
        _step(vector, entry, attributes),
    ]
    return "\n".join([vector.declarations, *functions])


def band(vector: Vector, shape: Shape, vectors: int, attributes: str) -> str:
    """Tiles, row by row. Column j of B is at b + j * panel where a tile begins. With %copy, A is transposed."""
    f = Function(f"band_{vectors}", declared(BAND), attributes)
    real, lanes = vector.real, vector.lanes
    high, low = shape.heights(vectors)
    per_piece = -(-high // lanes)
    piece = f.memory(real, BLOCK * per_piece * lanes, 64)
    row, step = f.select("%copy", "i64", 1, "%row"), f.select("%copy", "i64", per_piece * lanes, "%step")
    top = f.variable("i64", 0)

    def tiles(height: int, partial: bool, a: str, row: str, step: str) -> None:
        i = f.get(top)
        c = f.at("%c", real, f.mul(i, "%ldc"))
        with f.loop("%n", vectors * lanes) as j:
            f.pass_on(
                tile_name(height, vectors, partial), TILE,
                a=a, row=row, step=step, b=f.at("%b", real, f.mul(j, "%panel")),
                m=f.sub("%m", i), n=f.sub("%n", j), c=f.at(c, real, j),
            )  # fmt: skip
        f.set(top, f.add(i, height))

    with f.repeat(lambda: f.less(f.add(f.get(top), high - 1), "%m")):
        a = f.at("%a", real, f.mul(f.get(top), "%row"))
        with f.when("%copy"), f.loop("%k") as p:
            source = f.at(a, real, f.mul(p, "%step"))
            for v in range(per_piece):
                value = vector.load(f, f.at(source, real, v * lanes), vector.first(f, high, v * lanes))
                vector.store(f, value, f.at(piece, real, f.add(f.mul(p, per_piece * lanes), v * lanes)))
        tiles(high, False, f.select("%copy", "ptr", piece, a), row, step)
    with f.repeat(lambda: f.less(f.get(top), "%m")):
        tiles(low, True, f.at("%a", real, f.mul(f.get(top), "%row")), "%row", "%step")
    return f.text()


def _strips_in_place(vector: Vector, shape: Shape, attributes: str) -> str:
    """Strip after strip of columns, each as wide as a tile, for a B that is not transposed."""
    f = Function("strips_in_place", declared(TILE), attributes)
    wide = 2 * vector.lanes
    done = f.variable("i64", 0)
    few = f.less("%m", 3)

    def left() -> str:
        return f.sub("%n", f.get(done))

    def strip(name: str, kinds: dict[str, str], width: int) -> None:
        j = f.get(done)
        b, c = f.at("%b", vector.real, j), f.at("%c", vector.real, j)
        f.pass_on(name, kinds, copy="false", b=b, panel=1, n=f.min(left(), width), c=c)
        f.set(done, f.add(j, width))

    with f.repeat(lambda: f.both(few, f.less(wide, left()))):
        strip(tile_name(2, shape.few_rows, True), TILE, shape.few_rows * vector.lanes)
    with f.repeat(lambda: f.less(wide - 1, left())):
        strip("band_2", BAND, wide)
    with f.repeat(lambda: f.less(0, left())):
        strip("band_1", BAND, vector.lanes)
    return f.text()


def _strips_packed(vector: Vector, attributes: str) -> str:
    """Strip after strip of columns, each as wide as the memory for packing B."""
    f = Function("strips_packed", declared(_PACKED), attributes)
    real, lanes, wide = vector.real, vector.lanes, 2 * vector.lanes
    packed = f.memory(real, BLOCK * PANELS * wide, 64)
    with f.loop("%n", PANELS * wide) as j:
        columns = f.min(f.sub("%n", j), PANELS * wide)
        c = f.at("%c", real, j)
        source = f.at("%b", real, f.mul(j, f.select("%trans_b", "i64", "%ldb", 1)))
        with f.when("%trans_b") as otherwise:
            room = f.add(columns, lanes)
            f.pass_on("turn", TURN, t=source, ldt="%ldb", n=columns, wide=room, out=packed, ldo=wide)
            otherwise()
            f.pass_on("pack", PACK, b=source, n=columns, out=packed)
        last = f.bits(columns, wide - 1)  # columns of the last panel, if it is not full
        narrow = f.select(f.less(lanes, last), "i64", 0, last)
        most = f.sub(columns, narrow)
        with f.when(f.less(0, most)):
            f.pass_on("band_2", BAND, b=packed, ldb=wide, panel=BLOCK, n=most, c=c)
        with f.when(f.less(0, narrow)):
            b = f.at(packed, real, f.mul(most, BLOCK))
            f.pass_on("band_1", BAND, copy="false", b=b, ldb=wide, panel=BLOCK, n=narrow, c=f.at(c, real, most))
    return f.text()


def _strips_swapped(vector: Vector, attributes: str) -> str:
    """C = (A B)^T, or C += (A B)^T if %add, for an A of less than two vectors of rows: BLOCK rows of C at a time."""
    f = Function("strips_swapped", declared(TILE), attributes)
    real, lanes, wide = vector.real, vector.lanes, 2 * vector.lanes
    turned, panel = f.memory(real, wide * BLOCK, 64), f.memory(real, BLOCK * wide, 64)
    low = f.bits("%m", 7)
    high = f.sub("%m", low)
    with f.loop("%n", BLOCK) as j:
        n, b = f.min(f.sub("%n", j), BLOCK), f.at("%b", real, j)
        for top, m in ((0, high), (high, low)):  # the last rows by themselves: if they are two, their tiles are wide
            a, t = f.at("%a", real, f.mul(top, "%row")), f.at(turned, real, f.mul(top, BLOCK))
            with f.when(f.less(0, m)):
                f.pass_on("strips_in_place", TILE, a=a, b=b, m=m, n=n, add="false", c=t, ldc=BLOCK)
        whole = f.select("%add", "i64", 0, f.sub(n, f.bits(n, lanes - 1)))  # rows that may be written as they come
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
    packed = f.any("%trans_b", f.less(IN_PLACE, "%m"))
    copy = f.both("%trans_a", f.less(COPIED * 2 * lanes, n))
    idle = f.both(f.less(n, 2 * lanes), f.less(f.bits(f.sub(n, 1), lanes - 1), lanes - 4))
    swapped = f.both("%trans_a", f.both(idle, f.less(SWAPPED - 1, f.min("%m", "%k"))))
    with f.when(f.both(f.both("%trans_b", f.equal("%m", 1)), f.equal(step, 1))) as otherwise:
        f.call("dots", "i64 %k", "ptr %a", "ptr %b", "i64 %ldb", "i64 %n", "i1 %add", "ptr %c")
        otherwise()
        with f.loop(f.max("%k", 1), BLOCK) as p:  # if k is 0, once, and C becomes 0
            k, add = f.min(f.sub("%k", p), BLOCK), f.any("%add", f.less(0, p))
            a, b = f.at("%a", real, f.mul(p, step)), f.at("%b", real, f.mul(p, down))
            block = {"k": k, "a": a, "row": row, "step": step, "b": b, "n": n, "add": add}
            turned = block | {"a": b, "row": right, "step": down, "b": a, "ldb": "%lda", "m": n, "n": "%m"}
            with f.when(swapped) as usual:
                f.pass_on("strips_swapped", TILE, **turned)
                usual()
                with f.when(packed) as other:
                    f.pass_on("strips_packed", _PACKED, copy=copy, **block)
                    other()
                    f.pass_on("strips_in_place", TILE, **block)
    return f.text()


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
