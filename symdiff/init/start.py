"""What a parameter starts from, and random numbers that depend on the seed and its name alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..core.errors import DTypeError, ShapeError, StateError, SymdiffError, explain
from ..core.node import Node, describe
from ..ops.convert import Frozen

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]
Generator: TypeAlias = "np.random.Generator"  # importing np.random takes 10 ms
Shape = tuple[int, ...]
Initializer = Callable[[Shape, DType, Generator], Array]


def initial_value(param: Node, seed: int) -> Array:
    """What a parameter starts from. It depends on the seed and the parameter's name, on nothing else."""
    init, shape, dtype = param.attrs["init"], param.attrs["shape"], param.dtype
    if init is None:
        return np.zeros(shape, dtype)
    if isinstance(init, Frozen):
        return init.array
    try:
        value = np.asarray(init(shape, dtype, generator(seed, param.attrs["name"])))
    except SymdiffError as problem:
        raise type(problem)(explain(f"param {describe(param)}", str(problem), at=param.origin.place)) from None
    if value.shape != shape or not np.can_cast(value.dtype, dtype, "same_kind"):
        problem_text = f"the initialiser gave {value.dtype}{list(value.shape)}"
        raise StateError(explain(f"param {describe(param)}", problem_text, at=param.origin.place))
    return value.astype(dtype, copy=False)


def generator(seed: int, name: str) -> Generator:
    """Random numbers for one parameter: the same for a seed and a name, whatever else the model has."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"init: a seed is an int that is not negative, got {seed!r}")
    from hashlib import sha256  # np.random needs it too; neither is loaded before somebody draws

    digest = sha256(name.encode()).digest()
    return np.random.Generator(np.random.PCG64([int(seed), int.from_bytes(digest[:8], "little")]))


def seed_of(rng: Generator) -> int:
    """The seed that :func:`generator` was given."""
    sequence: Any = rng.bit_generator.seed_seq
    return int(sequence.entropy[0])


def require_float(name: str, dtype: DType) -> None:
    """Raises DTypeError for what draws cannot be stored in."""
    if dtype.kind != "f":
        raise DTypeError(f"{name}: draws floats, not {dtype}")


def require_matrix(name: str, shape: Shape) -> None:
    """Raises ShapeError for what has no inputs and outputs."""
    if len(shape) < 2:
        hint = "use normal, uniform or zeros"
        raise ShapeError(explain(name, f"shape {shape} has no fan-in and fan-out", hint=hint))
