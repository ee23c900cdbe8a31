"""Built-in steps that run other tables of steps, as LLVM text: a loop over rows, or for as long as a condition holds,
and a choice of two. Tables are given by their addresses; all share the slots of the program around them."""

from __future__ import annotations

import functools

from symdiff.runtime import native, walk
from symdiff.runtime.assembly import Function

NEVER_ENDED = 1 << 40
"""The status of a loop whose condition still holds after as many steps as there may be."""
LOOP_WORDS = (
    "count",
    "table",
    "steps",
    "condition",
    "condition_steps",
    "holds",
    "trips",
    "counted",
    "reverse",
    "report",
)
ROW_WORDS = ("row", "whole", "bytes", "fresh")


@functools.cache
def loop() -> int:
    """The address of the step `loop`: the words LOOP_WORDS, the number of rows, then ROW_WORDS for each.

    - count: slot of the largest number of steps; counted: 0, or slot of the address of the number there are.
    - table, steps: of the body; condition, condition_steps: of the condition, or 0; holds: slot of the address of what
      it finds; trips: 0, or slot of the address that receives how often the body ran.
    - reverse: 1 where rows are taken from the end; report: a slot for the status of a step inside that failed.
    - row: the slot that receives the address of a row; whole: slot of that of the first; bytes: slot of the bytes of a
      row; fresh: 1 where rows are written. Those that no step wrote are set to zero.

    The status is 0, NEVER_ENDED, or 1 + the number of the step inside that failed, negative for one of the condition.
    """
    return native.address_of_written("loop", _loop)


@functools.cache
def choice() -> int:
    """The address of the step `choice`: holds (slot of the address of a truth value), the table and steps for each
    case, and a slot for the status of a step inside that failed: its number is the status, negative where it is one of
    the second table."""
    return native.address_of_written("choice", _choice)


def _loop(entry: str) -> str:
    f = Function(entry, "ptr %words, ptr %slots", result="i64")
    word = {name: f.word("%words", k) for k, name in enumerate(LOOP_WORDS)}
    rows, row_words = f.word("%words", len(LOOP_WORDS)), f.at("%words", "i64", len(LOOP_WORDS) + 1)
    most = f.word("%slots", word["count"])
    limit, trips, status = f.variable("i64", most), f.variable("i64", 0), f.variable("i64", 0)
    going = f.variable("i1", "true")
    with f.when(f.less(0, word["counted"])):
        f.set(limit, f.min(most, f.let(f"load i64, ptr {_address(f, word['counted'])}")))

    def goes_on() -> str:
        """Within the limit, and where there is a condition and it holds."""
        f.set(going, f.both(f.equal(f.get(status), 0), f.less(f.get(trips), f.get(limit))))
        with f.when(f.both(f.equal(f.get(status), 0), f.less(0, word["condition_steps"]))):
            failed = _walk(f, word["condition"], word["condition_steps"])
            f.set(status, f.sub(0, failed))
            with f.when(f.equal(failed, 0)):
                holds = _truth(f, word["holds"])
                late = f.negated(f.get(going))
                f.set(status, f.select(f.both(holds, late), "i64", NEVER_ENDED, 0))
                f.set(going, f.both(holds, f.get(going)))
            f.set(going, f.both(f.get(going), f.equal(f.get(status), 0)))
        return f.get(going)

    with f.repeat(goes_on):
        ahead = f.get(trips)
        back = f.sub(f.sub(f.get(limit), 1), ahead)
        at = f.select(f.less(0, word["reverse"]), "i64", back, ahead)
        with f.loop(rows) as k:
            own = {name: f.word(row_words, f.add(f.mul(k, len(ROW_WORDS)), j)) for j, name in enumerate(ROW_WORDS)}
            offset = f.mul(at, f.word("%slots", own["bytes"]))
            place = f.add(f.word("%slots", own["whole"]), offset)
            f.do(f"store i64 {place}, ptr {f.at('%slots', 'i64', own['row'])}")
        f.set(status, _walk(f, word["table"], word["steps"]))
        f.set(trips, f.add(f.get(trips), f.select(f.equal(f.get(status), 0), "i64", 1, 0)))
    with f.loop(rows) as k:
        own = {name: f.word(row_words, f.add(f.mul(k, len(ROW_WORDS)), j)) for j, name in enumerate(ROW_WORDS)}
        with f.when(f.both(f.less(0, own["fresh"]), f.less(f.get(trips), most))):
            size = f.word("%slots", own["bytes"])
            start = f.add(f.word("%slots", own["whole"]), f.mul(f.get(trips), size))
            rest = f.mul(f.sub(most, f.get(trips)), size)
            f.call("llvm.memset.p0.i64", f"ptr {f.let(f'inttoptr i64 {start} to ptr')}", "i8 0", f"i64 {rest}", "i1 0")
    with f.when(f.less(0, word["trips"])):
        f.do(f"store i64 {f.get(trips)}, ptr {_address(f, word['trips'])}")
    _report(f, word["report"])
    return _module(f, f.get(status))


def _choice(entry: str) -> str:
    f = Function(entry, "ptr %words, ptr %slots", result="i64")
    holds, yes, yes_steps, no, no_steps, report = (f.word("%words", k) for k in range(6))
    status = f.variable("i64", 0)
    with f.when(_truth(f, holds)) as otherwise:
        f.set(status, _walk(f, yes, yes_steps))
        otherwise()
        f.set(status, f.sub(0, _walk(f, no, no_steps)))
    _report(f, report)
    return _module(f, f.get(status))


def _walk(f: Function, table: str, steps: str) -> str:
    return f.let(f"call i64 @walk(ptr {f.let(f'inttoptr i64 {table} to ptr')}, i64 {steps}, ptr %slots)")


def _address(f: Function, slot: str) -> str:
    return f.let(f"inttoptr i64 {f.word('%slots', slot)} to ptr")


def _truth(f: Function, slot: str) -> str:
    return f.let(f"icmp ne i8 {f.let(f'load i8, ptr {_address(f, slot)}')}, 0")


def _report(f: Function, slot: str) -> None:
    """What a step inside has left as its status, which the step around it will overwrite."""
    f.do(f"store i64 {f.word('%slots', walk.STATUS)}, ptr {f.at('%slots', 'i64', slot)}")


def _module(f: Function, status: str) -> str:
    declarations = "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)\ndeclare i64 @llvm.smin.i64(i64, i64)"
    return "\n".join([walk.HEAD, declarations, walk.walk(), f.text(f"i64 {status}")])
