"""The memory plan: which buffers share storage, and what workspace a call needs. Nothing is allocated in a call."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from heapq import heappop, heappush

from ..core.dim import Dim, never_exceeds, product
from .inplace import Overwriting
from .program import Buffer, KernelCall, Step, Storage, touches


def bytes_of(buffer: Buffer) -> int | Dim:
    return product(buffer.shape) * buffer.dtype.itemsize


def last_uses(steps: Sequence[Step]) -> dict[Storage, int]:
    """The last step that touches each storage."""
    return {buffer.storage: position for position, step in enumerate(steps) for buffer in touches(step)}


def first_uses(steps: Sequence[Step]) -> dict[Storage, int]:
    found: dict[Storage, int] = {}
    for position, step in enumerate(steps):
        for buffer in touches(step):
            found.setdefault(buffer.storage, position)
    return found


def share_in_place(steps: Sequence[Step], overwriting: Overwriting) -> None:
    """Let results take the place of operands that are read for the last time, element by element."""
    _settle_all(steps)
    last = last_uses(steps)
    first = first_uses(steps)
    for position, step in enumerate(steps):
        if not isinstance(step, KernelCall):
            continue
        _settle_all([step])
        dying = [b for b in step.buffers if b.role == "work" and last[b.storage] == position > first[b.storage]]
        if not dying:
            continue
        for target in step.buffers:
            if target.role != "work" or first[target.storage] != position:
                continue
            until = last[target.storage]
            for source in reversed(dying):  # in a gradient the last is the youngest, which caches still have
                if last[source.storage] == position and overwriting.put(step, target, source):
                    last[source.storage] = until
                    break
    _settle_all(steps)


def _settle_all(steps: Sequence[Step]) -> None:
    for step in steps:
        for buffer in touches(step):
            if buffer.storage.moved_to is not None:
                settle(buffer)


def settle(buffer: Buffer) -> None:
    """Point a buffer at the storage that its own was merged into."""
    while buffer.storage.moved_to is not None:
        buffer.storage = buffer.storage.moved_to


def assign_slots(steps: Sequence[Step], buffers: Iterable[Buffer]) -> list[int | Dim]:
    """Give every working storage a slot; storages that are never alive together share one. Returns the slots' bytes."""
    sizes = _sizes(buffers)
    fits = cache(never_exceeds)  # storages are many, their sizes few
    first, last = first_uses(steps), last_uses(steps)
    slots: list[int | Dim] = []
    busy: list[tuple[int, int]] = []  # a heap of (last use, slot)
    free: dict[int | Dim, list[int]] = {}  # by size, in order; few sizes, however many slots
    for storage in sorted((s for s in sizes if s in first), key=lambda s: first[s]):
        while busy and busy[0][0] < first[storage]:
            slot = heappop(busy)[1]
            insort(free.setdefault(slots[slot], []), slot)
        size = sizes[storage]
        found = _take(size, free, fits)
        if found is None:
            slots.append(size)
            found = len(slots) - 1
        elif fits(slots[found], size):
            slots[found] = size
        storage.slot = found
        heappush(busy, (last[storage], found))
    return slots


def _sizes(buffers: Iterable[Buffer]) -> dict[Storage, int | Dim]:
    """Bytes of each working storage. Buffers that share one have the same number of bytes."""
    found: dict[Storage, int | Dim] = {}
    for buffer in buffers:
        if buffer.role == "work" and buffer.storage not in found:
            found[buffer.storage] = bytes_of(buffer)
    return found


def _take(
    size: int | Dim, free: dict[int | Dim, list[int]], fits: Callable[[int | Dim, int | Dim], bool]
) -> int | None:
    """A free slot that holds the size (the one that fits closest), else one that can grow to it."""
    if free.get(size):
        return free[size].pop(0)
    there = [own for own, slots in free.items() if slots]
    holds = [own for own in there if fits(size, own)]
    if holds:
        closest = min(holds, key=lambda own: (sum(fits(other, own) for other in holds), free[own][0]))
        return free[closest].pop(0)
    grows = [own for own in there if fits(own, size)]
    return free[max(grows, key=lambda own: free[own][-1])].pop() if grows else None
