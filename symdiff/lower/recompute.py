"""Recomputation: less memory for more time. Some steps are taken again, so that their results need not be kept.

A step that is taken again is the same kernel on other memory, so results are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..core.dim import evaluate
from ..core.errors import GraphError, explain
from ..core.provenance import here
from ..core.record import replace
from .budget import Budget, checked
from .cost import cost_of
from .inplace import Overwriting
from .memory import assign_slots
from .program import Buffer, CheckRange, Copy, Gemm, KernelCall, Program, Recomputed, Step, Storage, touches
from .rehearse import Rehearsal
from .schedule import Flow
from .updates import Updates, lay_out

TRIALS = 10  # plans that are laid out in memory at most
CLOSE = 64  # a limit is found to this fraction of it


class Retaken(NamedTuple):
    """Steps, some of them taken ``again``, on buffers of their own: the ``versions`` of each buffer, oldest first."""

    steps: list[Step]
    updates: Updates
    again: list[Step]
    versions: dict[Buffer, list[Buffer]]

    def buffers(self, given: Sequence[Buffer]) -> list[Buffer]:
        """The versions of some buffers; none of one in the workspace that no step touches."""
        none: list[Buffer] = []
        return [each for b in given for each in self.versions.get(b, none if b.role == "work" else [b])]


def recompute(
    asked: str, budget: Budget, steps: Sequence[Step], updates: Updates, name: Callable[[str], str]
) -> tuple[Retaken, Recomputed]:
    """The steps with as few of them taken again as the budget allows. Raises GraphError when it allows no plan."""
    search = _Search(budget, steps, updates)
    given, best = search.given, search.best()
    if best.bytes > budget.bytes:
        sizes = ", ".join(f"{size} = {value}" for size, value in budget.sizes.items())
        takes = f"the workspace takes {given.bytes} bytes{f' at {sizes}' if sizes else ''}"
        least = f"{best.bytes} with recomputation" if best.bytes < given.bytes else "which recomputation cannot reduce"
        problem = f"memory_budget={budget.bytes} is too little: {takes}, {least}"
        raise GraphError(explain(asked, problem, at=here(), hint=f"allow {best.bytes}, or compile for smaller sizes"))
    made = retaken(steps, updates, best.order, search.flow, name)
    more = best.operations - given.operations
    return made, Recomputed(*budget, frozenset(made.again), given.bytes, best.bytes, given.operations, more)


def require_fit(program: Program, budget: Budget) -> None:
    """Where no step can be taken again, around loops and branches: the program fits as it is. Raises GraphError."""
    checked(program.graph.name, budget, program.sizes)
    takes = sum(evaluate(slot, budget.sizes) for slot in program.slots)
    if takes > budget.bytes:
        problem = f"memory_budget={budget.bytes} is too little: the workspace takes {takes} bytes"
        hint = "around loops and branches nothing is taken again; use sd.scan(..., checkpoint=True) or sd.checkpoint"
        raise GraphError(explain(program.graph.name, problem, at=here(), hint=hint))


class _Plan(NamedTuple):
    """Steps as positions in the order they are taken, what they cost in all, and the bytes of their workspace."""

    order: list[int]
    operations: int
    bytes: int


class _Search:
    """Rehearsals under different limits, each laid out in memory: a limit and the workspace that it leads to differ a
    little, since memory comes in slots."""

    def __init__(self, budget: Budget, steps: Sequence[Step], updates: Updates) -> None:
        self.budget, self.steps, self.updates = budget, steps, updates
        self.overwriting, self.flow = Overwriting(), Flow(steps)
        self.operations = [evaluate(cost_of(step), budget.sizes) for step in steps]
        self.given = self._plan(range(len(steps)))

    def best(self) -> _Plan:
        """The cheapest plan that fits, else the smallest. The limit moves in strides that double, then halve."""
        wanted = self.budget.bytes
        if self.given.bytes <= wanted:
            return self.given
        rehearsal = Rehearsal(self.steps, self.flow, self.operations, self.updates, self.budget.sizes, self.overwriting)
        found = [self.given]
        low, high, limit = 0, 0, max(wanted, rehearsal.least())
        stride = close = limit // CLOSE + 1
        while len(found) <= TRIALS and not (low and high and high - low <= close):
            order = rehearsal.under(limit)
            if order is not None:
                found.append(self._plan(order))
            if order is None or found[-1].bytes <= wanted:
                low = limit
            else:
                high = limit
            limit = (low + high) // 2 if low and high else limit + stride if low else max(1, limit - stride)
            stride *= 2
        fitting = [plan for plan in found if plan.bytes <= wanted]
        return min(fitting, key=lambda plan: plan.operations) if fitting else min(found, key=lambda plan: plan.bytes)

    def _plan(self, order: Sequence[int]) -> _Plan:
        trial = retaken(self.steps, self.updates, order, self.flow, str)
        steps, _ = lay_out(trial.steps, trial.updates, self.overwriting, str)
        slots = assign_slots(steps, dict.fromkeys(buffer for step in steps for buffer in touches(step)))
        size = sum(evaluate(slot, self.budget.sizes) for slot in slots)
        return _Plan(list(order), sum(self.operations[position] for position in order), size)


def retaken(
    steps: Sequence[Step], updates: Updates, order: Sequence[int], flow: Flow, name: Callable[[str], str]
) -> Retaken:
    """Steps in this order of their positions. One that comes again writes to new memory, which all that follow read."""
    latest: dict[Storage, Storage] = {}
    versions: dict[Buffer, list[Buffer]] = {}

    def current(buffer: Buffer) -> Buffer:
        if buffer.role != "work":
            return buffer
        storage = latest.setdefault(buffer.storage, Storage("work"))
        known = versions.setdefault(buffer, [])
        if not known or known[-1].storage is not storage:
            known.append(replace(buffer, name=name(f"{buffer.name}_again") if known else buffer.name, storage=storage))
        return known[-1]

    made: list[Step] = []
    again: list[Step] = []
    seen: set[int] = set()
    for position in order:
        if position in seen:
            for storage in flow.writes[position]:
                latest.pop(storage, None)
        made.append(_on(steps[position], current))
        if position in seen:
            again.append(made[-1])
        seen.add(position)
    return Retaken(made, [(target, current(value)) for target, value in updates], again, versions)


def _on(step: Step, buffer: Callable[[Buffer], Buffer]) -> Step:
    """The same step on other buffers."""
    if isinstance(step, KernelCall):
        return replace(step, buffers=tuple(map(buffer, step.buffers)))
    if isinstance(step, Gemm):
        return replace(step, a=buffer(step.a), b=buffer(step.b), out=buffer(step.out))
    if isinstance(step, Copy):
        return Copy(buffer(step.source), buffer(step.target))
    assert isinstance(step, CheckRange)  # where there are loops and branches, nothing is taken again
    return replace(step, call=replace(step.call, buffers=tuple(map(buffer, step.call.buffers))))
