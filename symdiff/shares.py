"""What threads share: steps cut along their rows, and runs of steps that a thread does for its rows one after another.

When a product makes rows that the next step alone works on, a thread goes on with its own rows at once: they are in
its cache still, and it waits for nobody in between. The gradient of a weight and the update of the weight are such
steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .core.dim import Dim
from .core.record import record
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


@record
class Share:
    """A step that can be cut: its function, its words and what becomes of each, and the memory it works on."""

    function: str
    words: Sequence[int]
    moves: Sequence[Move]
    memory: Sequence[Memory]
    pieces: Pieces


def place(buffer: Buffer) -> Place:
    """Where a buffer is. Storages may have the same piece of the workspace, one after the other."""
    storage = buffer.storage
    return storage.slot if storage.role == "work" else storage


def after(run: Sequence[Share], share: Share) -> Share | None:
    """The share in terms of the rows of a run, to be done after it without waiting for other threads; None if it reads
    or writes what other shares of the run do."""
    times = _rows_per_row(run, share)
    if times is None or run[0].pieces.rows * times != share.pieces.rows:
        return None
    memory = [Memory(m.place, None if m.apart is None else m.apart * times, m.written) for m in share.memory]
    places = {each.place for each in memory}
    known = [one for before in run for one in before.memory if one.place in places]
    if any(_collide(one, other) for one in known for other in memory):
        return None
    moves = [Move(move.each * times, move.counts) for move in share.moves]
    return Share(share.function, share.words, moves, memory, share.pieces)


def runs(steps: Sequence[Sequence[Share]]) -> list[list[Share] | None]:
    """For each step, given the ways to cut it, what is shared out at its turn: the step, cut in one of these ways, and
    those after it that may follow at once; nothing where that is done already; None for a step that cannot be cut."""
    found: list[list[Share] | None] = []
    run: list[Share] = []
    for ways, following in zip(steps, [*steps[1:], ()], strict=True):
        joined = next((one for way in ways if run and (one := after(run, way)) is not None), None)
        if joined is not None:
            run.append(joined)
            found.append([])
            continue
        fitting = [way for way in ways if any(after([way], other) is not None for other in following)]
        run = [*fitting, *ways][:1]
        found.append(run or None)
    return found


def _rows_per_row(run: Sequence[Share], share: Share) -> int | None:
    """How many rows of the share go with each row of the run: what the run writes and the share reads tells."""
    made = {m.place: m.apart for before in run for m in before.memory if m.written}
    for memory in share.memory:
        apart, own = made.get(memory.place), memory.apart
        if apart is not None and own is not None:
            if isinstance(apart, int) and isinstance(own, int) and own and apart % own == 0:
                return apart // own
            return 1 if apart == own else None
    return None


def _collide(one: Memory, other: Memory) -> bool:
    """Whether a thread may touch here what another thread writes there."""
    if one.place != other.place or not (one.written or other.written):
        return False
    return one.apart is None or one.apart != other.apart
