"""What a node holds: a dtype and a shape; promotion and broadcasting as in NumPy 2."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .dim import Dim
from .errors import DTypeError, ShapeError, explain
from .provenance import here

Shape = tuple[int | Dim, ...]
What = str | Callable[[], str]  # for an error; as a function where it takes long to say

DTYPES = {
    name: np.dtype(name)
    for name in (
        "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
    )
}  # fmt: skip
_NATIVE = {dtype: dtype for dtype in DTYPES.values()}
VOID = np.dtype("V0")
BOOL, INT64, FLOAT32, FLOAT64 = (DTYPES[name] for name in ("bool", "int64", "float32", "float64"))


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """The dtype asked for, in native byte order; an error that lists the choices for any other."""
    try:
        asked = np.dtype(dtype)
        if asked in _NATIVE:
            return _NATIVE[asked]
        name = asked.name
    except TypeError:
        name = ""
    if name not in DTYPES:
        problem = "it is not one symdiff computes with"
        raise DTypeError(explain(f"dtype {dtype!r}", problem, at=here(), hint=f"use one of {', '.join(DTYPES)}"))
    return DTYPES[name]


class TensorType(NamedTuple):
    """dtype and shape of a node, printed as ``float32[n, 64]`` (a scalar as ``float32``).

    An operator with several results has a type of several ``parts``, printed in brackets (:func:`several`).
    """

    dtype: np.dtype[Any]
    shape: Shape
    parts: tuple[TensorType, ...] = ()

    def __str__(self) -> str:
        if self.parts:
            return f"({', '.join(map(str, self.parts))})"
        if not self.shape:
            return self.dtype.name
        return f"{self.dtype.name}[{', '.join(map(str, self.shape))}]"

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype.kind == "f" or any(part.is_float for part in self.parts)


def several(*parts: TensorType) -> TensorType:
    """The type of an operator with several results; ``item`` nodes are these."""
    return TensorType(VOID, (), parts)


def as_shape(shape: Any) -> Shape:
    """A shape from an int, a size or a sequence of them; sizes may not be negative."""
    sizes = shape if type(shape) is tuple else tuple(shape) if isinstance(shape, Iterable) else (shape,)
    for size in sizes:
        if type(size) is not Dim and (type(size) is not int or size < 0):
            break
    else:
        return sizes  # as nearly all are
    checked: list[int | Dim] = []
    for size in sizes:
        if isinstance(size, Dim):
            checked.append(size)
            continue
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise ShapeError(explain(_written(sizes), f"a size is an int or sd.dim(...), got {size!r}", at=here()))
        if size < 0:
            raise ShapeError(explain(_written(sizes), "sizes are not negative", at=here()))
        checked.append(int(size))
    return tuple(checked)


def _written(sizes: Sequence[Any]) -> str:
    return f"shape ({', '.join(map(str, sizes))})"


def broadcast(shapes: Sequence[Shape]) -> Shape | None:
    """The common shape by NumPy's rule, or None. A symbolic size meets only itself or a literal 1."""
    shapes = [shape for shape in shapes if shape]  # a scalar meets anything
    if not shapes:
        return ()
    if shapes.count(shapes[0]) == len(shapes):
        return shapes[0]
    rank = max(map(len, shapes))
    common: list[int | Dim] = []
    for axis in range(-rank, 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        if len(sizes) > 1:
            return None
        common.append(sizes.pop() if sizes else 1)
    return tuple(common)


def normal_axis(axis: int, ndim: int, what: What) -> int:
    """A non-negative axis, or an error that says ``what`` it is of and what the rank is."""
    if not isinstance(axis, int | np.integer) or isinstance(axis, bool):
        raise ShapeError(f"{_text(what)}: an axis is an int, got {axis!r}")
    if not -ndim <= axis < ndim:
        raise ShapeError(f"{_text(what)}: axis {axis} is out of range for rank {ndim}")
    return int(axis) % ndim


def _text(what: What) -> str:
    return what if isinstance(what, str) else what()


def normal_axes(axis: int | Iterable[int] | None, ndim: int, what: What) -> tuple[int, ...]:
    """Sorted non-negative axes; None means all of them. An axis named twice is an error."""
    if axis is None:
        return tuple(range(ndim))
    given = list(axis) if isinstance(axis, Iterable) else [axis]
    axes = sorted(normal_axis(one, ndim, what) for one in given)
    if len(set(axes)) < len(axes):
        raise ShapeError(f"{_text(what)}: an axis is named twice in {given}")
    return tuple(axes)
