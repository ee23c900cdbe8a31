"""Steps that leave the work of a routine to LAPACK, as LLVM text. They take what the routine takes (symdiff/routines/)
and fail where it fails.

LAPACK's matrices lie column by column, ours row by row: read that way, ours are transposed. Triangular factors and
Q R are computed on the transposed matrix, with the mirrored function; where signs of vectors or the choice of pivots
would not be NumPy's, the matrix is turned first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from symdiff.core.record import record
from symdiff.runtime import lapack, native, walk
from symdiff.runtime.assembly import REALS, Function, Value, Variable


@record
class Step:
    """The functions it calls, and the words it takes: sizes, then arrays."""

    calls: tuple[str, ...]
    sizes: tuple[str, ...]
    arrays: tuple[str, ...]
    write: Callable[[_Writer], None]


def step(name: str, dtype: str) -> Callable[[], int] | None:
    """What gives the address of a step, whose first words are the addresses of the functions it calls; the numbers of
    the slots of sizes and arrays follow. None where there is no LAPACK."""
    return None if lapack.addresses(STEPS[name].calls, dtype) is None else lambda: _address(name, dtype)


@functools.cache
def _address(name: str, dtype: str) -> int:
    return native.address_of_written(f"lapack_{name}_{dtype}", lambda entry: _text(STEPS[name], dtype, entry))


def _text(step: Step, dtype: str, entry: str) -> str:
    f, _, value = walk.step(entry, (*step.calls, *step.sizes, *step.arrays))
    writer = _Writer(f, dtype, value, step.arrays, step.calls)
    with writer.each_item():
        step.write(writer)
    return f"{_DECLARATIONS}\n{f.text(f'i64 {f.get(writer.failed)}')}"


_DECLARATIONS = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare float @llvm.log.f32(float)
declare double @llvm.log.f64(double)
declare float @llvm.fabs.f32(float)
declare double @llvm.fabs.f64(double)
"""


class _Writer:
    """What the steps are written with: ``size`` by name, ``base`` addresses of arrays, one item after the other."""

    def __init__(
        self, f: Function, dtype: str, value: dict[str, str], arrays: tuple[str, ...], calls: tuple[str, ...]
    ) -> None:
        self.f, self.real, self.size = f, REALS[dtype], value
        self.bytes = 4 if dtype == "float32" else 8
        self.bits = 8 * self.bytes
        self.base = {name: f.let(f"inttoptr i64 {value[name]} to ptr") for name in arrays}
        self.functions = {name: f.let(f"inttoptr i64 {value[name]} to ptr") for name in calls}
        self.failed = f.variable("i64", 0)
        self.item = ""

    @contextmanager
    def each_item(self) -> Iterator[None]:
        """One matrix after the other, up to one that fails."""
        f = self.f
        at = f.variable("i64", 0)
        with f.repeat(lambda: f.both(f.equal(f.get(self.failed), 0), f.less(f.get(at), self.size["count"]))):
            self.item = f.get(at)
            yield
            f.set(at, f.add(f.get(at), 1))

    def fail_unless(self, condition: str) -> None:
        f = self.f
        status = f.select(condition, "i64", f.get(self.failed), f.add(self.item, 1))
        f.set(self.failed, status)

    def matrix(self, name: str, *sizes: Value) -> str:
        """The address of this item of an array."""
        place: Value = self.item
        for size in sizes:
            place = self.f.mul(place, size)
        return self.at(self.base[name], place)

    def at(self, pointer: str, place: Value) -> str:
        return self.f.at(pointer, self.real, place)

    def load(self, pointer: str, place: Value) -> str:
        return self.f.let(f"load {self.real}, ptr {self.at(pointer, place)}")

    def store(self, number: str, pointer: str, place: Value = 0) -> None:
        self.f.do(f"store {self.real} {number}, ptr {self.at(pointer, place)}")

    def copy(self, source: str, target: str, count: Value) -> None:
        size = self.f.mul(count, self.bytes)
        self.f.call("llvm.memcpy.p0.p0.i64", f"ptr {target}", f"ptr {source}", f"i64 {size}", "i1 0")

    def clear(self, target: str, count: Value) -> None:
        size = self.f.mul(count, self.bytes)
        self.f.call("llvm.memset.p0.i64", f"ptr {target}", "i8 0", f"i64 {size}", "i1 0")

    # -- calls: everything by reference

    def letter(self, text: str) -> str:
        return self.f.variable("i8", ord(text)).address

    def either(self, condition: str, yes: str, no: str) -> str:
        """One of two letters, as a flag says."""
        nonzero = self.f.negated(self.f.equal(self.size[condition], 0))
        return self.f.variable("i8", self.f.select(nonzero, "i8", ord(yes), ord(no))).address

    def number(self, value: Value) -> str:
        return self.f.variable("i64", value).address

    def leading(self, value: Value) -> str:
        """A distance between columns, or room for work, which may not be 0."""
        return self.number(self.f.max(value, 1))

    def call(self, name: str, *addresses: str) -> None:
        self.f.do(f"call void {self.functions[name]}({', '.join(f'ptr {address}' for address in addresses)})")

    def checked(self, name: str, *addresses: str) -> None:
        """A call that reports failure in its last argument."""
        info = self.f.variable("i64", 0)
        self.call(name, *addresses, info.address)
        self.fail_unless(self.f.equal(self.f.get(info), 0))

    def turn(self, rows: Value, columns: Value, source: str, target: str) -> None:
        """``target`` = the transpose of ``source``, which is rows x columns, column by column."""
        one = self.f.variable(self.real, "1.0").address
        self.call(
            "omatcopy", self.letter("C"), self.letter("T"), self.number(rows), self.number(columns), one,
            source, self.leading(rows), target, self.leading(columns),
        )  # fmt: skip

    def solve_beside(self, triangle: str, lower: str, across: str, unit: str, out: str) -> None:
        """out = out T^-1 for a triangular T; out is ``columns`` x n. The flags are addresses of letters."""
        n, columns = self.size["n"], self.size["columns"]
        one = self.f.variable(self.real, "1.0").address
        self.call(
            "trsm", self.letter("R"), lower, across, unit, self.number(columns), self.number(n), one,
            triangle, self.leading(n), out, self.leading(columns),
        )  # fmt: skip

    def factorise(self, turned: str) -> Variable:
        """L U in place of a turned matrix; the report."""
        n, info = self.size["n"], self.f.variable("i64", 0)
        self.call("getrf", self.number(n), self.number(n), turned, self.leading(n), self.base["pivots"], info.address)
        return info


# -- the steps


def _cholesky(w: _Writer) -> None:
    n, f = w.size["n"], w.f
    a, out = w.matrix("a", n, n), w.matrix("out", n, n)
    w.copy(a, out, f.mul(n, n))
    w.checked("potrf", w.letter("U"), w.number(n), out, w.leading(n))
    with f.loop(n) as i:
        w.clear(w.at(out, f.add(f.mul(i, n), f.add(i, 1))), f.sub(f.sub(n, i), 1))


def _triangular_solve(w: _Writer) -> None:
    n, columns, f = w.size["n"], w.size["columns"], w.f
    a, b, out = w.matrix("a", n, n), w.matrix("b", n, columns), w.matrix("out", n, columns)
    own = f.negated(f.equal(w.size["unit"], 0))
    with f.loop(n) as i:
        zero = f.let(f"fcmp oeq {w.real} {w.load(a, f.mul(i, f.add(n, 1)))}, 0.0")
        w.fail_unless(f.any(own, f.negated(zero)))
    w.copy(b, out, f.mul(n, columns))
    flags = w.either("lower", "U", "L"), w.either("transposed", "T", "N"), w.either("unit", "U", "N")
    w.solve_beside(a, *flags, out)


def _solve(w: _Writer) -> None:
    n, columns, f = w.size["n"], w.size["columns"], w.f
    a, b, out = w.matrix("a", n, n), w.matrix("b", n, columns), w.matrix("out", n, columns)
    lu = w.base["lu"]
    w.turn(n, n, a, lu)
    info = w.factorise(lu)
    w.fail_unless(f.equal(f.get(info), 0))
    w.copy(b, out, f.mul(n, columns))
    with f.when(f.equal(columns, 1)) as otherwise:
        one = w.number(1)
        w.checked("getrs", w.letter("N"), w.number(n), one, lu, w.leading(n), w.base["pivots"], out, w.leading(n))
        otherwise()
        with f.loop(n) as j:
            other = f.sub(f.word(w.base["pivots"], j), 1)
            with f.when(f.negated(f.equal(j, other))):
                first, second = (w.at(out, f.mul(row, columns)) for row in (j, other))
                w.call("swap", w.number(columns), first, w.number(1), second, w.number(1))
        w.solve_beside(lu, w.letter("L"), w.letter("T"), w.letter("U"), out)
        w.solve_beside(lu, w.letter("U"), w.letter("T"), w.letter("N"), out)


def _slogdet(w: _Writer) -> None:
    n, f, real, bits = w.size["n"], w.f, w.real, w.bits
    lu = w.base["lu"]
    w.turn(n, n, w.matrix("a", n, n), lu)
    info = w.factorise(lu)
    total, sign = f.variable(real, "0.0"), f.variable(real, "1.0")

    def turn_sign(condition: str) -> None:
        f.set(sign, f.select(condition, real, f.let(f"fneg {real} {f.get(sign)}"), f.get(sign)))

    with f.loop(n) as i:
        turn_sign(f.negated(f.equal(f.word(w.base["pivots"], i), f.add(i, 1))))
        pivot = w.load(lu, f.mul(i, f.add(n, 1)))
        turn_sign(f.let(f"fcmp olt {real} {pivot}, 0.0"))
        size = f.let(f"call {real} @llvm.fabs.f{bits}({real} {pivot})")
        f.set(total, f.let(f"fadd {real} {f.get(total)}, {f.let(f'call {real} @llvm.log.f{bits}({real} {size})')}"))
    regular = f.equal(f.get(info), 0)
    w.store(f.select(regular, real, f.get(sign), "0.0"), w.matrix("sign"))
    w.store(f.select(regular, real, f.get(total), "0xFFF0000000000000"), w.matrix("logarithm"))


def _qr(w: _Writer) -> None:
    """The transposed matrix is L Q' with Q' = Q^T, and lies row by row what Q R is."""
    m, n, k, width, f = w.size["m"], w.size["n"], w.size["k"], w.size["width"], w.f
    q, r, work, tau, row = (
        w.matrix("q", m, width),
        w.matrix("r", width, n),
        w.base["work"],
        w.base["tau"],
        w.base["row"],
    )
    room = w.leading(f.mul(f.add(m, n), 64))
    w.copy(w.matrix("a", m, n), work, f.mul(m, n))
    w.checked("gelqf", w.number(n), w.number(m), work, w.leading(n), tau, row, room)
    with f.loop(width) as i:
        below, source, target = f.min(i, n), f.mul(i, n), w.at(r, f.mul(i, n))
        w.clear(target, below)
        w.copy(w.at(work, f.add(source, below)), w.at(target, below), f.sub(n, below))
    with f.loop(m) as i:
        w.copy(w.at(work, f.mul(i, n)), w.at(q, f.mul(i, width)), k)
    w.checked("orglq", w.number(width), w.number(m), w.number(k), q, w.leading(width), tau, row, room)


def _eigh(w: _Writer) -> None:
    n, f = w.size["n"], w.f
    work = w.base["work"]
    w.turn(n, n, w.matrix("a", n, n), work)
    room = f.add(f.mul(f.mul(n, n), 2), f.add(f.mul(n, 70), 1))
    w.checked(
        "syevd", w.letter("V"), w.either("lower", "L", "U"), w.number(n), work, w.leading(n), w.matrix("values", n),
        w.base["space"], w.number(room), w.base["places"], w.number(f.add(f.mul(n, 5), 3)),
    )  # fmt: skip
    w.turn(n, n, work, w.matrix("vectors", n, n))


def _svd(w: _Writer) -> None:
    m, n, k, rows, columns, f = *(w.size[name] for name in ("m", "n", "k", "rows", "columns")), w.f
    work, u = w.base["work"], w.base["space"]
    vh = w.at(u, f.mul(m, rows))
    space = w.at(vh, f.mul(n, columns))
    room = f.add(f.mul(k, f.add(f.mul(k, 4), 7)), f.mul(f.add(m, n), 64))
    whole = f.both(f.equal(rows, m), f.equal(columns, n))
    job = f.variable("i8", f.select(whole, "i8", ord("A"), ord("S"))).address
    w.turn(n, m, w.matrix("a", m, n), work)
    w.checked(
        "gesdd", job, w.number(m), w.number(n), work, w.leading(m), w.matrix("s", k), u, w.leading(m), vh,
        w.leading(columns), space, w.leading(room), w.base["places"],
    )  # fmt: skip
    w.turn(m, rows, u, w.matrix("u", m, rows))
    w.turn(columns, n, vh, w.matrix("vh", columns, n))


STEPS = {
    "cholesky": Step(("potrf",), ("count", "n"), ("a", "out"), _cholesky),
    "triangular_solve": Step(
        ("trsm",), ("count", "n", "columns", "lower", "transposed", "unit"), ("a", "b", "out"), _triangular_solve
    ),
    "solve": Step(
        ("getrf", "getrs", "trsm", "swap", "omatcopy"),
        ("count", "n", "columns"),
        ("a", "b", "out", "lu", "pivots"),
        _solve,
    ),
    "slogdet": Step(("getrf", "omatcopy"), ("count", "n"), ("a", "sign", "logarithm", "lu", "pivots"), _slogdet),
    "qr": Step(("gelqf", "orglq"), ("count", "m", "n", "k", "width"), ("a", "q", "r", "work", "tau", "row"), _qr),
    "eigh": Step(
        ("syevd", "omatcopy"),
        ("count", "n", "lower", "digits"),
        ("a", "values", "vectors", "work", "space", "places"),
        _eigh,
    ),
    "svd": Step(
        ("gesdd", "omatcopy"),
        ("count", "m", "n", "k", "rows", "columns", "digits"),
        ("a", "u", "s", "vh", "work", "basis", "space", "places"),
        _svd,
    ),
}
