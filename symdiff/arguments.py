"""From the arguments of a call to arrays a compiled function can read, and numbers for its symbolic sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from .arrays import Array, Expected, type_of
from .core.dim import Dim, evaluate
from .core.errors import GraphError, ShapeError, SymdiffError, explain
from .core.node import Node, describe

_READY = 0x0001 | 0x0100  # NumPy's flag bits for C-contiguous and aligned


class ArgumentError(SymdiffError, TypeError):
    """Too few or too many arguments, or a state where none is due."""


class Binder:
    """Turns the arguments of one function into arrays and sizes.

    ``inputs`` are the declared leaves in the order of the arguments; ``name`` is the function's, for messages.
    Raises GraphError when some size cannot be worked out from the shapes (``n**2`` alone, say).
    """

    def __init__(self, inputs: Sequence[Node], name: str = "call") -> None:
        self.inputs = tuple(inputs)
        self.name = name
        self._dtypes = tuple(node.dtype for node in self.inputs)
        self._expected = tuple(
            Expected(f"{name}: {_title(leaf)}", leaf.attrs["name"], leaf.type, leaf.origin.place) for leaf in inputs
        )
        self._plan = _plan(self.inputs, name)
        self._last: tuple[tuple[tuple[int, ...], ...], dict[str, int]] = ((), {})

    @property
    def names(self) -> frozenset[str]:
        """The sizes that the arguments determine."""
        return frozenset(step.name for step in self._plan)

    def bind(self, values: Sequence[Any]) -> tuple[Sequence[Array], Mapping[str, int]]:
        """Arrays ready to read, and a number for every symbolic size.

        The arrays may be the caller's own, so they are not to be written. Raises ArgumentError, DTypeError or
        ShapeError, each naming the input, what was expected and what came.
        """
        if len(values) != len(self.inputs):
            self._wrong_count(values)
        shapes, sizes = self._last
        for value, dtype, shape in zip(values, self._dtypes, shapes, strict=False):
            if (
                type(value) is not np.ndarray
                or value.shape != shape
                or value.dtype is not dtype
                or value.flags.num & _READY != _READY
            ):
                break
        else:
            if shapes:  # empty before the first call
                return values, sizes
        return self._bind_anew(values)

    def _bind_anew(self, values: Sequence[Any]) -> tuple[list[Array], dict[str, int]]:
        arrays = [expected.array(value) for expected, value in zip(self._expected, values, strict=True)]
        for position, array in enumerate(arrays):
            if array.ndim != self.inputs[position].ndim:
                self._refuse(position, array, f"it has {array.ndim} axes, not {self.inputs[position].ndim}")
        sizes = self._solve(arrays)
        self._check_sizes(arrays, sizes)
        self._last = (tuple(array.shape for array in arrays), sizes)
        return arrays, sizes

    def _solve(self, arrays: Sequence[Array]) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for name, position, axis in self._plan:
            size, actual = self.inputs[position].shape[axis], arrays[position].shape[axis]
            slope, rest = _linear(size, name, sizes)
            value, remainder = divmod(actual - rest, slope) if slope else (0, 1)
            if remainder or value < 0:
                problem = f"axis {axis} has size {actual}, which is {size} for no size {name}"
                self._refuse(position, arrays[position], problem)
            sizes[name] = value
        return sizes

    def _check_sizes(self, arrays: Sequence[Array], sizes: Mapping[str, int]) -> None:
        for position, array in enumerate(arrays):
            for axis, (size, actual) in enumerate(zip(self.inputs[position].shape, array.shape, strict=True)):
                wanted = evaluate(size, sizes)
                if wanted != actual:
                    self._refuse(position, array, f"axis {axis} has size {actual}, {self._why(size, wanted, arrays)}")

    def _why(self, size: int | Dim, wanted: int, arrays: Sequence[Array]) -> str:
        """``not n = 5 as in input x: float32[5, 64]``."""
        if isinstance(size, int):
            return f"not {size}"
        readers = dict.fromkeys(step.input for step in self._plan if step.name in size.names)
        sources = " and ".join(f"{_title(self.inputs[k])}: {type_of(arrays[k])}" for k in readers)
        return f"not {size} = {wanted} as in {sources}"

    def _refuse(self, position: int, array: Array, problem: str) -> NoReturn:
        self._expected[position].refuse(type_of(array), problem, ShapeError)

    def _wrong_count(self, values: Sequence[Any]) -> NoReturn:
        count = len(self.inputs)
        listed = f" ({', '.join(map(describe, self.inputs))})" if count else ""
        problem = f"takes {count} array{'s' if count != 1 else ''}{listed}, got {len(values)}"
        raise ArgumentError(explain(self.name, problem))


def _title(node: Node) -> str:
    return f"{node.op.name} {node.attrs['name']}"


# -- symbolic sizes


class _Solved(NamedTuple):
    """Where the value of a named size is read: an axis of an input whose size is linear in the name."""

    name: str
    input: int
    axis: int


def _plan(inputs: Sequence[Node], name: str) -> tuple[_Solved, ...]:
    """In which order the named sizes are found, and where: plain names first, then what is linear in one unknown."""
    axes = [
        (position, axis, size)
        for position, node in enumerate(inputs)
        for axis, size in enumerate(node.shape)
        if isinstance(size, Dim)
    ]
    axes.sort(key=lambda entry: not is_name(entry[2]))
    plan: list[_Solved] = []
    unsolved = {each for *_, size in axes for each in size.names}
    while unsolved:
        found = next(((position, axis, size) for position, axis, size in axes if _solvable(size, unsolved)), None)
        if found is None:
            problem = f"{', '.join(sorted(unsolved))} cannot be worked out from {', '.join(map(describe, inputs))}"
            raise GraphError(explain(name, problem, hint="let each named size be a size of some input"))
        position, axis, size = found
        (unknown,) = size.names & unsolved
        plan.append(_Solved(unknown, position, axis))
        unsolved.discard(unknown)
    return tuple(plan)


def is_name(size: int | Dim) -> bool:
    """True for a named size by itself, ``n``."""
    return isinstance(size, Dim) and str(size) in size.names


def _solvable(size: Dim, unsolved: set[str]) -> bool:
    unknown = size.names & unsolved
    powers = [power for monomial, _ in size.terms for name, power in monomial if name in unknown]
    return len(unknown) == 1 and max(powers) == 1


def _linear(size: int | Dim, name: str, sizes: Mapping[str, int]) -> tuple[int, int]:
    """(slope, rest) of a size that is ``slope * name + rest`` once the other names have values."""
    rest = evaluate(size, {**sizes, name: 0})
    return evaluate(size, {**sizes, name: 1}) - rest, rest
