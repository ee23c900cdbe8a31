"""What was wrong in a native step that failed, as an error that names the value, its place and the user's line."""

from __future__ import annotations

import ctypes
from typing import NoReturn

import numpy as np

from .bound import Array, Bound
from .core.dim import evaluate
from .core.errors import GraphError, LinAlgError, explain
from .core.node import describe
from .data_checks import given_index, outside
from .executor import is_led
from .lower.labels import model_name
from .lower.program import CheckRange, Choice, KernelCall, Program, Repetition, Step
from .runtime.repeat import NEVER_ENDED
from .runtime.walk import STATUS
from .table import Table


def raise_failure(
    program: Program, table: Table, bound: Bound, step: int, rows: tuple[str, Array] | None = None
) -> NoReturn:
    """Say which index was outside its axis, or what a routine could not do. ``rows`` are the rows of the data that were
    gathered along a named size, so that the place is the user's."""
    check, status = _at_fault(table, program.steps[step], int(bound.values[STATUS]), bound)
    if isinstance(check, Repetition):
        problem = f"the condition still holds after max_steps={check.length} steps"
        raise GraphError(explain("while_loop", problem, at=check.node.origin.place))
    if isinstance(check, KernelCall):
        (node,) = check.results
        problem = f"{check.failure}: {describe(node.inputs[0])}, number {status - 1}"
        raise LinAlgError(explain(model_name(node), problem, at=node.origin.place))
    assert isinstance(check, CheckRange)
    (buffer,) = check.call.buffers
    address = int(bound.values[table.slots.storages[buffer.storage]])
    value = ctypes.c_int64.from_address(address + 8 * (status - 1)).value
    shape = [evaluate(size, bound.sizes) for size in buffer.shape]
    place = [int(k) for k in np.unravel_index(status - 1, shape)]
    given = given_index(check.node)
    if rows is not None and is_led(given, rows[0]):
        place[0] = int(rows[1][place[0]])
    name = given.attrs.get("name", buffer.name)
    raise outside(check.node, name, value, place, evaluate(check.size, bound.sizes))


def _at_fault(table: Table, step: Step, status: int, bound: Bound) -> tuple[Step, int]:
    """The step that failed, be it inside others, and its own status."""
    while isinstance(step, Choice | Repetition) and status != NEVER_ENDED:
        first, second = (step.yes, step.no) if isinstance(step, Choice) else (step.body, step.condition)
        program = first if status > 0 else second
        assert program is not None
        step, status = program.steps[abs(status) - 1], int(bound.values[table.reports[step]])
    return step, status
