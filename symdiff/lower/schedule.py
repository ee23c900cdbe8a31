"""The order of a program's steps: updates as soon as they can be made, so that a gradient needs memory for a moment.

A step of training that fails leaves the state as it was: no parameter is written before the last check of indices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from heapq import heapify, heappop, heappush

from .program import Step, Storage, can_fail, read, touches, written
from .updates import Updates


class Flow:
    """Who reads and who writes what, for steps that are known by their positions."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.writes = [dict.fromkeys([buffer.storage for buffer in written(step)]) for step in steps]
        self.reads = [dict.fromkeys([buffer.storage for buffer in read(step)]) for step in steps]
        self.readers: dict[Storage, list[int]] = {}
        self.makers: dict[Storage, list[int]] = {}
        for position in range(len(steps)):
            for storage in self.reads[position]:
                self.readers.setdefault(storage, []).append(position)
            for storage in self.writes[position]:
                self.makers.setdefault(storage, []).append(position)


def schedule(steps: Sequence[Step], kept: Set[Storage], updates: Updates) -> list[Step]:
    """The steps in an order that needs less memory, whatever the sizes are.

    What serves one update alone (the product for a gradient, the sum for a bias, the rule of the optimiser) comes as
    soon as its operands are there and the old value was read for the last time: it frees them and keeps nothing.
    ``kept`` are the storages of the outputs.
    """
    order = _results_first(steps, kept)
    last_check = max((position for position, step in enumerate(order) if can_fail(step)), default=0)
    flow = Flow(order)
    units = _units(order, flow, kept)
    targets: dict[Storage, list[Storage]] = {}  # where a value goes
    for target, value in updates:
        targets.setdefault(value.storage, []).append(target.storage)
    missing = {sink: _before(unit, flow, targets) for sink, unit in units.items()}
    waiting: dict[int, list[int]] = {}  # the units that a step holds up
    for sink, before in missing.items():
        for position in before:
            waiting.setdefault(position, []).append(sink)
    ready = [(len(units[sink]), sink) for sink, before in missing.items() if not before]  # what only frees comes first
    heapify(ready)
    inside = {position for unit in units.values() for position in unit}
    taken: list[int] = []

    def take(positions: Sequence[int]) -> None:
        taken.extend(positions)
        for position in positions:
            for sink in waiting.pop(position, ()):
                missing[sink].discard(position)
                if not missing[sink]:
                    heappush(ready, (len(units[sink]), sink))

    for position in range(len(order)):
        if position not in inside:
            take([position])
        while ready and position >= last_check:
            take(units.pop(heappop(ready)[1]))
    for unit in units.values():  # updates that read each other's old values
        taken += unit
    return [order[position] for position in taken]


def _results_first(steps: Sequence[Step], kept: Set[Storage]) -> list[Step]:
    """What outputs and checks need, then what only serves updates."""
    needed = set(kept)
    early: list[Step] = []
    late: list[Step] = []
    for step in reversed(steps):
        if can_fail(step) or any(buffer.storage in needed for buffer in written(step)):
            needed.update(buffer.storage for buffer in touches(step))
            early.append(step)
        else:
            late.append(step)
    return [*reversed(early), *reversed(late)]


def _units(steps: Sequence[Step], flow: Flow, kept: Set[Storage]) -> dict[int, list[int]]:
    """For each step whose results no other step reads, the steps that serve it alone; it is the last of them."""
    home: dict[int, int] = {}
    for position in reversed(range(len(steps))):
        results = flow.writes[position]
        if can_fail(steps[position]) or not kept.isdisjoint(results):
            continue
        users = [user for storage in results for user in flow.readers.get(storage, ())]
        homes = {home.get(user, -1) for user in users} or {position}
        if len(homes) == 1 and -1 not in homes:
            (home[position],) = homes
    units: dict[int, list[int]] = {}
    for position in sorted(home):
        units.setdefault(home[position], []).append(position)
    return units


def _before(unit: Sequence[int], flow: Flow, targets: Mapping[Storage, Sequence[Storage]]) -> set[int]:
    """The steps that a unit comes after: those that make what it reads, and those that read what it overwrites."""
    found: set[int] = set()
    for position in unit:
        for storage in flow.reads[position]:
            found.update(flow.makers.get(storage, ()))
        for storage in flow.writes[position]:
            for target in targets.get(storage, ()):
                found.update(flow.readers.get(target, ()))
    return found.difference(unit)
