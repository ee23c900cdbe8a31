"""Built-in steps that move data, as LLVM text: copies, records of results, batches. driver.py says what each does."""

from __future__ import annotations

from symdiff.runtime import walk
from symdiff.runtime.assembly import REALS, Function


def copy(entry: str) -> str:
    f, _, value = walk.step(entry, ("source", "target", "bytes"))
    source, target = (f.let(f"inttoptr i64 {value[name]} to ptr") for name in ("source", "target"))
    f.call("llvm.memmove.p0.p0.i64", f"ptr {target}", f"ptr {source}", f"i64 {value['bytes']}", "i1 0")
    return _module(f, "declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)")


def record(dtype: str, entry: str) -> str:
    f, _, value = walk.step(entry, ("source", "target", "position"))
    source, target = (f.let(f"inttoptr i64 {value[name]} to ptr") for name in ("source", "target"))
    f.do(f"store double {_as_double(f, dtype, source)}, ptr {f.at(target, 'double', value['position'])}")
    return _module(f)


def _as_double(f: Function, dtype: str, source: str) -> str:
    """The number at an address."""
    if dtype in REALS:
        number = f.let(f"load {REALS[dtype]}, ptr {source}")
        return number if dtype == "float64" else f.let(f"fpext float {number} to double")
    kind = "i8" if dtype == "bool" else f"i{dtype.lstrip('uint')}"
    number = f.let(f"load {kind}, ptr {source}")
    return f.let(f"{'sitofp' if dtype.startswith('int') else 'uitofp'} {kind} {number} to double")


def gather_rows(entry: str) -> str:
    """Rows that lie side by side are used where they are; others are copied."""
    f, slots, value = walk.step(entry, ("source", "order", "copy", "start", "count", "row_bytes", "batch"))
    source, order, copy = (f.let(f"inttoptr i64 {value[name]} to ptr") for name in ("source", "order", "copy"))
    rows = f.at(order, "i64", value["start"])

    def row(number: str) -> str:
        return f.at(source, "i8", f.mul(number, value["row_bytes"]))

    place, scattered = f.variable("ptr", copy), f.variable("i1", "false")
    with f.when(f.less(0, value["count"])):
        first = f.word(rows, 0)
        f.set(place, row(first))
        with f.loop(value["count"]) as i:
            strays = f.negated(f.equal(f.word(rows, i), f.add(first, i)))
            f.set(scattered, f.any(f.get(scattered), strays))
    with f.when(f.get(scattered)):
        f.set(place, copy)
        with f.loop(value["count"]) as i:
            target = f.at(copy, "i8", f.mul(i, value["row_bytes"]))
            origin = row(f.word(rows, i))
            f.call("llvm.memcpy.p0.p0.i64", f"ptr {target}", f"ptr {origin}", f"i64 {value['row_bytes']}", "i1 0")
    f.do(f"store ptr {f.get(place)}, ptr {f.at('%slots', 'i64', slots['batch'])}")
    return _module(f, "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")


def _module(f: Function, declarations: str = "") -> str:
    return f"{declarations}\n{f.text('i64 0')}"


STEPS = {"copy": copy, "gather_rows": gather_rows}
