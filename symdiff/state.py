"""The state of a model: every parameter under its name, in one flat buffer per dtype; saved as .npz without pickle."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from .array_file import read_arrays, write_arrays
from .arrays import Array, Expected, type_of
from .core.errors import ShapeError, StateError, explain
from .core.node import Node
from .core.types import TensorType
from .init.start import initial_value

_ALIGNMENT = 64  # a cache line, and the widest vector register


class State:
    """Parameters (and what the optimiser keeps beside them) by name.

    ``state["W"]`` is a NumPy view: reading it costs nothing and ``state["W"][:] = ...`` changes the model;
    ``state["W"] = array`` copies. The views of one dtype lie one after another in one buffer, each at a multiple of
    64 bytes, in the order of ``names``. Made by ``step.init(seed)``, :meth:`initial` or :meth:`load`.

    Assignment raises ShapeError or DTypeError for what does not fit; ``state["W"]`` KeyError for an unknown name.

    >>> import symdiff as sd
    >>> state = State.initial([sd.param("W", (2, 3), init=sd.init.ones()), sd.param("b", (3,))])
    >>> state["b"][:] = state["W"].sum(axis=0)
    >>> state
    State: 2 parameters, 72 bytes
      W  float64[2, 3]
      b  float64[3]
    """

    def __init__(self, types: Mapping[str, TensorType]) -> None:
        self._types = dict(types)
        self._views = _allocate(self._types)
        self._memory = list({id(view.base): view.base for view in self._views.values()}.values())

    @classmethod
    def initial(cls, params: Sequence[Node], seed: int = 0) -> State:
        """The values that the initialisers of ``params`` give. They depend on the seed and each name alone."""
        state = cls({param.attrs["name"]: param.type for param in params})
        for param in params:
            if param.attrs["init"] is not None:  # else it is zero, which it is already
                state._views[param.attrs["name"]][...] = initial_value(param, seed)
        return state

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> State:
        """What :meth:`save` wrote. Raises StateError when the file is damaged or something else."""
        return cls.of_arrays(read_arrays(path, "state"))

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Array]) -> State:
        """A state with copies of these arrays."""
        state = cls({name: TensorType(array.dtype, array.shape) for name, array in arrays.items()})
        for name, array in arrays.items():
            state._views[name][...] = array
        return state

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to an .npz file that ``numpy.load`` reads too.

        The file appears whole or not at all, and equal states give equal bytes.
        """
        write_arrays(path, "state", self._views)

    def copy(self) -> State:
        """The same values in memory of their own."""
        other = State(self._types)
        for name, view in self._views.items():
            other._views[name][...] = view
        return other

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in the order they lie in memory."""
        return tuple(self._views)

    @property
    def types(self) -> Mapping[str, TensorType]:
        """dtype and shape of each parameter."""
        return dict(self._types)

    @property
    def nbytes(self) -> int:
        """Bytes of all values together."""
        return sum(view.nbytes for view in self._views.values())

    def overlaps(self, array: Array) -> bool:
        """Whether an array lies in the memory of this state, so that a step would change it while reading it."""
        owner = array.base
        if owner is None:
            return False
        if type(owner) is np.ndarray and owner.base is None:  # a plain view: NumPy keeps no chains of them
            return any(owner is memory for memory in self._memory)
        return any(np.may_share_memory(array, memory) for memory in self._memory)

    def __getitem__(self, name: str) -> Array:
        try:
            return self._views[name]
        except KeyError:
            raise KeyError(f"state: no parameter is called {name!r}; it has {', '.join(self._views)}") from None

    def __setitem__(self, name: str, value: Any) -> None:
        view, type = self[name], self._types[name]
        expected = Expected(f"state {name}", name, type)
        array = expected.array(value)
        if array.shape != view.shape:
            hint = f'to fill it with one value: state["{name}"][...] = value'
            expected.refuse(type_of(array), "shapes differ", ShapeError, hint)
        view[...] = array

    def __contains__(self, name: object) -> bool:
        return name in self._views

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        width = max(map(len, self._views), default=0)
        lines = [f"  {name:<{width}}  {self._types[name]}" for name in self._views]
        return "\n".join([f"State: {len(self)} parameters, {_bytes_text(self.nbytes)}", *lines])


def same_types(found: Mapping[str, TensorType], wanted: Mapping[str, TensorType], what: str) -> None:
    """StateError that names every parameter that is missing, unexpected or of another type."""
    problems = [f"{name} is missing" for name in wanted if name not in found]
    problems += [f"{name} is not one of the model's" for name in found if name not in wanted]
    problems += [
        f"{name} is {found[name]}, the model's is {type}"
        for name, type in wanted.items()
        if name in found and found[name] != type
    ]
    if problems:
        raise StateError(explain(what, "; ".join(problems)))


def _allocate(types: Mapping[str, TensorType]) -> dict[str, Array]:
    """Zeroed views, in the order given, into one aligned buffer per dtype."""
    views: dict[str, Array] = {}
    for dtype in dict.fromkeys(type.dtype for type in types.values()):
        shapes = {name: _numbers(type) for name, type in types.items() if type.dtype == dtype}
        offsets, end = [], 0
        for shape in shapes.values():
            offsets.append(end)
            end += _round_up(prod(shape) * dtype.itemsize)
        memory = np.zeros(end + _ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % _ALIGNMENT
        for (name, shape), offset in zip(shapes.items(), offsets, strict=True):
            views[name] = np.ndarray(shape, dtype, memory, start + offset)
    return {name: views[name] for name in types}


def _numbers(type: TensorType) -> tuple[int, ...]:
    return tuple(map(int, type.shape))  # type: ignore[arg-type]  # a parameter's sizes are numbers


def _round_up(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _bytes_text(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
