"""What threads share: steps cut along their rows, and runs of steps that a thread does for its rows one after another.

When a product makes rows that the next step alone works on, a thread goes on with its own rows at once: they are in
its cache still, and it waits for nobody in between. The gradient of a weight and the update of the weight are such
steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .core.dim import Dim
from .lower.program import Buffer, Storage
from .plan import Pieces

Distance = int | Dim
Place = Storage | int


class Move(NamedTuple):
    """What a word becomes for a share of the rows: ``each`` more for every row before them, or, where it ``counts``,
    ``each`` for every one of them."""

    each: Distance
    counts: bool = False


STAYS, COUNTS = Move(0), Move(1, counts=True)


class Memory(NamedTuple):
    """What a step touches, and how many bytes apart its rows are; None if every share sees more than its own rows."""

    place: Place
    apart: Distance | None
    written: bool


class Share(NamedTuple):
    """A step that can be cut: its function, its words and what becomes of each, and the memory it works on."""

    function: str
    words: Sequence[int]
    moves: Sequence[Move]
    memory: Sequence[Memory]
    pieces: Pieces

    def for_rows(self, times: int) -> Share:
        """The same where ``times`` rows count as one."""
        moves = [Move(move.each * times, move.counts) for move in self.moves]
        memory = [Memory(m.place, None if m.apart is None else m.apart * times, m.written) for m in self.memory]
        return self._replace(moves=moves, memory=memory)


def place(buffer: Buffer) -> Place:
    """Where a buffer is. Storages may have the same piece of the workspace, one after the other."""
    storage = buffer.storage
    return storage.slot if storage.role == "work" else storage


class Run:
    """Shares that a thread does for its rows one after another. What they touch is found by its place."""

    def __init__(self, first: Share) -> None:
        self.shares: list[Share] = []
        self._touched: dict[Place, list[Memory]] = {}
        self._made: dict[Place, Distance | None] = {}  # how far apart the rows are that were written there last
        self._add(first)

    def takes(self, ways: Iterable[Share]) -> bool:
        """Whether a step can follow, cut in one of these ways; if so, it does."""
        joined = next((one for way in ways if (one := self.after(way)) is not None), None)
        if joined is not None:
            self._add(joined)
        return joined is not None

    def after(self, share: Share) -> Share | None:
        """The share in terms of the rows of the run, to be done after it without waiting for other threads; None if it
        reads or writes what other shares of the run do."""
        times = self._rows_per_row(share)
        if times is None:
            return None
        scaled = share if times == 1 else share.for_rows(times)
        rows = self.shares[0].pieces.rows
        if (rows if times == 1 else rows * times) != share.pieces.rows:
            return None
        others = ((one, other) for other in scaled.memory for one in self._touched.get(other.place, ()))
        return None if any(_collide(one, other) for one, other in others) else scaled

    def _add(self, share: Share) -> None:
        self.shares.append(share)
        for memory in share.memory:
            self._touched.setdefault(memory.place, []).append(memory)
            if memory.written:
                self._made[memory.place] = memory.apart

    def _rows_per_row(self, share: Share) -> int | None:
        """How many rows of the share go with each row of the run: what the run writes and the share reads tells."""
        for memory in share.memory:
            apart, own = self._made.get(memory.place), memory.apart
            if apart is not None and own is not None:
                if isinstance(apart, int) and isinstance(own, int) and own and apart % own == 0:
                    return apart // own
                return 1 if apart == own else None
        return None


def runs(steps: Sequence[Sequence[Share]]) -> list[list[Share] | None]:
    """For each step, given the ways to cut it, what is shared out at its turn: the step, cut in one of these ways, and
    those after it that may follow at once; nothing where that is done already; None for a step that cannot be cut."""
    found: list[list[Share] | None] = []
    while len(found) < len(steps):
        run = _run_from(steps, len(found))
        found += [run, *([] for _ in run[1:])] if run else [None]
    return found


def _run_from(steps: Sequence[Sequence[Share]], position: int) -> list[Share]:
    """The longest run from a step on, which is cut in the first way that the next can follow, or else in the first."""
    for way in steps[position]:
        run = Run(way)
        last = position
        while last + 1 < len(steps) and run.takes(steps[last + 1]):
            last += 1
        if len(run.shares) > 1:
            return run.shares
    return list(steps[position][:1])


def _collide(one: Memory, other: Memory) -> bool:
    """Whether a thread may touch here what another thread writes there."""
    return (one.written or other.written) and (one.apart is None or one.apart != other.apart)
