"""Walking a table of steps, once or many times, as LLVM text. The same few instructions run every program.

A step is [address, number of words, word 0, word 1, ...] in the table, and is called as `address(&words, slots)`.
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.runtime import denormals
from symdiff.runtime.assembly import Function

STATUS, FAILED_STEP = 0, 1  # slots for the report of a failed step
HEAD = denormals.DECLARATIONS


def step(entry: str, words: Sequence[str], attributes: str = "") -> tuple[Function, dict[str, str], dict[str, str]]:
    """The beginning of a step: for each of its words the number of the slot, and what the slot holds."""
    f = Function(entry, "ptr %words, ptr %slots", attributes, "i64")
    slots = {name: f.word("%words", k) for k, name in enumerate(words)}
    return f, slots, {name: f.word("%slots", slot) for name, slot in slots.items()}


def run() -> str:
    """`i64 @run(table, steps, slots)`, as driver.py says."""
    f = Function("run", "ptr %table, i64 %steps, ptr %slots", result="i64")
    with denormals.flushed(f):
        failed = f.let("call i64 @walk(ptr %table, i64 %steps, ptr %slots)")
    return "\n".join([HEAD, walk(), f.text(f"i64 {failed}")])


def loop() -> str:
    """`i64 @loop(table, steps, slots, cursor, stride, count)`, as driver.py says."""
    f = Function("loop", "ptr %table, i64 %steps, ptr %slots, i64 %cursor, i64 %stride, i64 %count", result="i64")
    completed, failed = f.variable("i64", 0), f.variable("i64", 0)
    cursor = f.at("%slots", "i64", "%cursor")

    def goes_on() -> str:
        return f.both(f.equal(f.get(failed), 0), f.less(f.get(completed), "%count"))

    with denormals.flushed(f), f.repeat(goes_on):
        f.set(failed, f.let("call i64 @walk(ptr %table, i64 %steps, ptr %slots)"))
        with f.when(f.equal(f.get(failed), 0)) as otherwise:
            f.set(completed, f.add(f.get(completed), 1))
            f.do(f"store i64 {f.add(f.let(f'load i64, ptr {cursor}'), '%stride')}, ptr {cursor}")
            otherwise()
            f.do(f"store i64 {f.get(failed)}, ptr {f.at('%slots', 'i64', FAILED_STEP)}")
    return "\n".join([HEAD, walk(), f.text(f"i64 {f.get(completed)}")])


def walk() -> str:
    """The steps in turn, up to one that fails: 0, or 1 + its number."""
    f = Function("walk", "ptr %table, i64 %steps, ptr %slots", result="i64")
    at, done, status = f.variable("ptr", "%table"), f.variable("i64", 0), f.variable("i64", 0)

    def goes_on() -> str:
        return f.both(f.equal(f.get(status), 0), f.less(f.get(done), "%steps"))

    with f.repeat(goes_on):
        step = f.get(at)
        address, count = f.let(f"load ptr, ptr {step}"), f.word(step, 1)
        words = f.at(step, "i64", 2)
        f.set(at, f.at(words, "i64", count))
        f.set(status, f.let(f"call i64 {address}(ptr {words}, ptr %slots)"))
        f.set(done, f.add(f.get(done), 1))
    failed = f.negated(f.equal(f.get(status), 0))
    with f.when(failed):
        f.do(f"store i64 {f.get(status)}, ptr {f.at('%slots', 'i64', STATUS)}")
    return f.text(f"i64 {f.select(failed, 'i64', f.get(done), 0)}")
