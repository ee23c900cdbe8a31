"""A bound program with its short way in: a native function for calls with arguments like those of an earlier one."""

from __future__ import annotations

import ctypes
import functools
import weakref
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from .bound import Array, Bound
from .core.dim import evaluate
from .core.types import DTYPES
from .executor import no_short_way
from .history import Metrics
from .runtime import layout, native, python_function
from .runtime.layout import address_of
from .state import State


class Entry:
    """``enter`` takes the arguments of a call and gives the metrics of a training step, or the outputs of a function as
    a tuple of arrays. It gives None, with nothing done, where the long way has to be taken.

    It takes exactly arrays of the declared dtypes and the shapes of ``bound``, C-contiguous and aligned, after the
    state it was opened for; and, for a training step, nothing that lies in the memory of that state. It holds ``lock``
    while it runs, and does not wait for it: whoever holds the lock may change ``bound``, and sets ``busy`` while he
    does.
    """

    def __init__(self, bound: Bound, lock: Any, busy: ctypes.c_int64) -> None:
        self.bound, self.lock, self.busy = bound, lock, busy
        self.enter: Callable[..., Any] = no_short_way
        self._training = bound.linked.plan.training
        self._plan = np.empty(0, np.int64)
        self._first_range = 0
        self._state: list[object] = []
        self._params: Mapping[Any, Array] | None = None
        self._used = False

    def open(self, params: Mapping[Any, Array], state: State | None) -> None:
        """Let calls in, now that the bound program points at the ``params`` of ``state``. The native function is made
        at the second time: what is called once does not wait for it."""
        if params is self._params:
            return
        first, self._used = not self._used, True
        if first or (params and state is None) or not layout.known():
            return
        from .runtime import entry_text as plan  # writes text, which a program that is called once does not wait for

        if not self._plan.size:
            self._make(len(params))
        reference = None if state is None else weakref.ref(state)
        self._state[:] = [reference]
        self._plan[plan.HAS_STATE], self._plan[plan.STATE] = state is not None, id(reference)
        if self._training:
            memory = {id(owner): owner for owner in map(_owner, params.values())}.values()
            ranges = [word for owner in memory for word in (address_of(owner), address_of(owner) + owner.nbytes)]
            self._plan[plan.RANGES] = len(memory)
            self._plan[self._first_range : self._first_range + len(ranges)] = ranges
        self._params = params
        self._plan[plan.OPEN] = 1

    def close(self) -> None:
        """Decline all calls from here on."""
        self._params = None
        if self._plan.size:
            from .runtime import entry_text as plan

            self._plan[plan.OPEN] = 0

    def _make(self, params: int) -> None:
        from .runtime import entry_text as plan

        bound, program = self.bound, self.bound.linked.plan
        methods = (self.lock.acquire, self.lock.release)
        names = tuple(face.name for face in program.outputs)
        make = id(Metrics) if self._training else layout.new_like_array()
        results = names if self._training else bound.outputs
        inputs = self._inputs()
        first_result = plan.FIRST_INPUT + len(inputs)
        self._first_range = first_result + plan.PAIR * len(results)
        self._plan = np.zeros(self._first_range + plan.PAIR * params, np.int64)
        self._plan[: plan.FIRST_INPUT] = [
            bound.words_address, bound.steps, bound.values_address,
            *map(id, methods), id(False), id(True), id(None), ctypes.addressof(self.busy),
            0, 0, 0, id(np.ndarray), len(program.inputs), 0, self._first_range,
            len(results), first_result, make, address_of(bound.records),
        ]  # fmt: skip
        pairs = [word for result, slot in zip(results, bound.output_slots, strict=True) for word in (id(result), slot)]
        self._plan[plan.FIRST_INPUT : self._first_range] = [*inputs, *pairs]
        kept = (self._plan, self._state, bound, methods, names, self.busy)
        self.enter = python_function.new("enter", _address(self._training), kept)

    def _inputs(self) -> list[int]:
        """The descriptions of the inputs, as the plan has them."""
        words = []
        for face in self.bound.linked.plan.inputs:
            shape, dtype = [evaluate(size, self.bound.sizes) for size in face.shape], DTYPES[face.dtype]
            words += [id(dtype), face.slot, dtype.itemsize * prod(shape), len(shape), *shape]
        return words


def _owner(array: Array) -> Array:
    return array if array.base is None else array.base


@functools.cache
def _address(training: bool) -> int:
    from .runtime import entry_text as plan

    return native.address_of_text(plan.of_step() if training else plan.of_function(), plan.ENTRY)
