"""Steps gone through under a limit of memory: which have to be taken again, because a result was given up meanwhile.

Where the limit is exceeded, the value goes that is cheapest to make again for the bytes it frees and the time it would
lie idle; what needs it later has its step taken again, and so on down (Kirisame et al., *Dynamic Tensor
Rematerialization*, 2021, here with the future known).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ..core.dim import evaluate
from .inplace import Overwriting
from .memory import bytes_of
from .program import Buffer, Gemm, KernelCall, Step, touches, written
from .schedule import Flow
from .updates import Updates


class Rehearsal:
    """What there is to know of some steps for given sizes. Values are numbered as they are met; ``maker`` has those
    that may be given up, each with the step that makes it."""

    def __init__(
        self,
        steps: Sequence[Step],
        flow: Flow,
        operations: Sequence[int],
        updates: Updates,
        sizes: Mapping[str, int],
        overwriting: Overwriting,
    ) -> None:
        buffers = {b.storage: b for step in steps for b in touches(step) if b.role == "work"}
        number = {storage: k for k, storage in enumerate(buffers)}
        self.bytes = [evaluate(bytes_of(buffer), sizes) for buffer in buffers.values()]
        self.operations = operations
        self.reads = [[number[s] for s in storages if s in number] for storages in flow.reads]
        self.writes = [[number[s] for s in storages if s in number] for storages in flow.writes]
        self.readers = [flow.readers.get(storage, []) for storage in buffers]
        self.over = [
            [(number[new.storage], number[old.storage]) for new, old in _in_place(step, overwriting)] for step in steps
        ]
        self.maker: dict[int, int] = {}
        kept = {value.storage for _, value in updates}
        for position, step in enumerate(steps):
            alone = all(s not in kept and flow.makers[s] == [position] for s in flow.writes[position])
            possible = all(value in self.maker for value in self.reads[position])
            if isinstance(step, KernelCall | Gemm) and alone and possible:
                self.maker.update(dict.fromkeys(self.writes[position], position))

    def under(self, limit: int) -> list[int] | None:
        """The positions of the steps in the order they are taken; None when the limit is too low."""
        return _Run(self, limit).order()

    def least(self) -> int:
        """A limit that is too low, or just high enough: what some step reads."""
        return max(sum(self.bytes[value] for value in reads) for reads in self.reads)

    def next_use(self, value: int, now: int) -> int | None:
        """The first step after ``now`` that reads a value."""
        readers = self.readers[value]
        place = bisect_right(readers, now)
        return readers[place] if place < len(readers) else None


class _Run:
    """One rehearsal: which values are there (a dict, for its order), how many steps under way need each."""

    def __init__(self, given: Rehearsal, limit: int) -> None:
        self.given, self.limit = given, limit
        self.there: dict[int, None] = {}
        self.needed: Counter[int] = Counter()
        self.bytes = 0
        self.now = 0
        self.taken: list[int] = []

    def order(self) -> list[int] | None:
        for now in range(len(self.given.reads)):
            self.now = now
            stack: list[int] = []
            self._begin(now, stack)
            while stack:
                absent = next((value for value in self.given.reads[stack[-1]] if value not in self.there), None)
                if absent is not None:
                    self._begin(self.given.maker[absent], stack)
                elif not self._take(stack.pop()):
                    return None
        return self.taken

    def _begin(self, step: int, stack: list[int]) -> None:
        stack.append(step)
        self.needed.update(self.given.reads[step])

    def _take(self, step: int) -> bool:
        """A step whose operands are there, if its results find room. What nothing needs any more goes."""
        reads, writes = self.given.reads[step], self.given.writes[step]
        fresh = [value for value in writes if value not in self.there]
        shared = self._shared(step, fresh)
        room = sum(self.given.bytes[value] for value in fresh) - shared
        while self.bytes + room > self.limit:
            idle = [value for value in self.there if value in self.given.maker and not self.needed[value]]
            if not idle:
                return False
            self._drop(min(idle, key=self._price))
        self.taken.append(step)
        self.there.update(dict.fromkeys(fresh))
        self.bytes += room + shared
        self.needed.subtract(reads)
        for value in (*reads, *writes):
            if not self.needed[value] and self.given.next_use(value, self.now) is None:
                self._drop(value)
        return True

    def _shared(self, step: int, fresh: Sequence[int]) -> int:
        """Bytes of results that take the place of operands which are read for the last time."""
        given, total = self.given, 0
        dying = {v for v in given.reads[step] if self.needed[v] == 1 and given.next_use(v, self.now) is None}
        for new, old in given.over[step]:
            if new in fresh and old in dying:
                dying.remove(old)
                fresh = [value for value in fresh if value != new]
                total += given.bytes[new]
        return total

    def _drop(self, value: int) -> None:
        del self.there[value]
        self.bytes -= self.given.bytes[value]

    def _price(self, value: int) -> float:
        """Operations to make a value again, for each byte, and each step until it is needed."""
        until = self.given.next_use(value, self.now)
        assert until is not None
        return self._operations(self.given.maker[value]) / max(1, self.given.bytes[value] * (until - self.now))

    def _operations(self, step: int) -> int:
        """Those of a step, and of the steps that would have to be taken again before it."""
        seen = {step}
        stack = [step]
        while stack:
            absent = (value for value in self.given.reads[stack.pop()] if value not in self.there)
            makers = {self.given.maker[value] for value in absent} - seen
            seen |= makers
            stack += makers
        return sum(self.given.operations[position] for position in seen)


def _in_place(step: Step, overwriting: Overwriting) -> Iterator[tuple[Buffer, Buffer]]:
    """Results that could be written over an operand, with the operand."""
    if not isinstance(step, KernelCall):
        return
    results = written(step)
    for new in results:
        for old in step.buffers:
            both_work = new.role == old.role == "work"
            if both_work and old not in results and overwriting.kernel_for(step, new, old) is not None:
                yield new, old
