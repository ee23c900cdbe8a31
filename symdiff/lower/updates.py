"""Where a program leaves its results: a buffer for each output, and the new values of parameters over the old ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from .inplace import Overwriting, share
from .memory import last_uses, share_in_place
from .program import Buffer, Copy, KernelCall, Step, Storage, can_fail, written

Name = Callable[[str], str]
Updates = Sequence[tuple[Buffer, Buffer]]  # pairs (parameter, its next value)


def place_outputs(values: Mapping[str, Buffer], name: Name) -> tuple[dict[str, Buffer], list[Copy], list[Copy]]:
    """A buffer for every output, and the copies, before and after the steps, for those that are given data or the same
    as another."""
    outputs: dict[str, Buffer] = {}
    early: list[Copy] = []
    late: list[Copy] = []
    for position, (output, buffer) in enumerate(values.items()):
        if buffer.role == "work":
            buffer.storage.role, buffer.storage.position = "output", position
            outputs[output] = buffer
            continue
        copy = Buffer(name(f"{buffer.name}_out"), buffer.dtype, buffer.shape, Storage("output", position))
        (late if buffer.role == "output" else early).append(Copy(buffer, copy))
        outputs[output] = copy
    return outputs, early, late


def write_updates(
    updates: Updates, steps: Sequence[Step], overwriting: Overwriting, name: Name
) -> tuple[list[Copy], list[Buffer]]:
    """Put new values where the old ones were, given pairs (parameter, value): computed in place when that is safe, else
    copied at the end. The copies, and the buffers for old values that others need meanwhile."""
    first: list[Copy] = []
    last: list[Copy] = []
    in_place = _InPlace(steps, overwriting)
    times = Counter(source.storage for _, source in updates)
    for target, source in updates:
        if target is source:
            continue
        if source.role == "param":
            held = Buffer(name(f"{source.name}_old"), source.dtype, source.shape, Storage("work"))
            first.append(Copy(source, held))
            last.append(Copy(held, target))
        elif times[source.storage] > 1 or target.storage in times or not in_place.put(target, source):
            last.append(Copy(source, target))
    return [*first, *last], [copy.target for copy in first]


def lay_out(
    steps: Sequence[Step], updates: Updates, overwriting: Overwriting, name: Name
) -> tuple[list[Step], list[Buffer]]:
    """The steps with values over one another wherever that is safe, new ones of parameters over the old; and the
    buffers that this took."""
    copies, held = write_updates(updates, steps, overwriting, name)
    made = [*steps, *copies]
    share_in_place(made, overwriting)
    return made, held


class _InPlace:
    """Lets the kernel that computes a new value write it over the old one, when nobody needs that afterwards."""

    def __init__(self, steps: Sequence[Step], overwriting: Overwriting) -> None:
        self.steps, self.overwriting = steps, overwriting
        self.last = last_uses(steps)
        self.last_check = max((k for k, step in enumerate(steps) if can_fail(step)), default=-1)
        self.makers: dict[Storage, list[int]] = {}
        for position, step in enumerate(steps):
            for buffer in written(step):
                self.makers.setdefault(buffer.storage, []).append(position)

    def put(self, target: Buffer, source: Buffer) -> bool:
        makers = self.makers.get(source.storage, [])
        if source.role != "work" or len(makers) != 1:
            return False
        maker = self.steps[makers[0]]
        if not isinstance(maker, KernelCall) or makers[0] < max(self.last_check, self.last.get(target.storage, -1)):
            return False
        if target.storage in [buffer.storage for buffer in maker.buffers]:
            return self.overwriting.put(maker, source, target)
        share(source, target)
        return True
