"""Feature by feature: centre and standardise."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ShapeError, explain
from ..core.provenance import here
from ..core.record import entity
from .data import Array, numbers, result_dtype, training_rows, type_text
from .store import write

SHOWN = 5  # features that an error names at most


@entity
class Scaling:
    """``(x - mean) / scale``, with the mean and scale of the training data. Made by :func:`centre` and
    :func:`standardise`.

    ``mean`` and ``scale`` are float64 and have size 1 along ``axes``, which new data may have in any size.
    """

    mean: Array
    scale: Array
    axes: tuple[int, ...]

    def transform(self, data: Any) -> Array:
        """The data transformed: floats in their own dtype, other numbers as float64. Raises ShapeError for other
        features than those of the training data, NonFiniteError for NaN or infinity."""
        array = self._fitting("transform", data)
        return ((array - self.mean) / self.scale).astype(result_dtype(array), copy=False)

    def inverse(self, data: Any) -> Array:
        """The data before they were transformed: ``y scale + mean``."""
        array = self._fitting("inverse", data)
        return (array * self.scale + self.mean).astype(result_dtype(array), copy=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz file that :func:`load` reads."""
        write(path, "scaling", {"mean": self.mean, "scale": self.scale, "axes": np.array(self.axes, np.int64)})

    def _fitting(self, name: str, data: Any) -> Array:
        array = numbers(name, data)
        wanted = tuple("any" if k in self.axes else size for k, size in enumerate(self.mean.shape))
        fits = array.ndim == len(wanted) and all(
            size in ("any", given) for size, given in zip(wanted, array.shape, strict=True)
        )
        if not fits:
            shape = ", ".join(map(str, wanted))
            problem = f"the training data had shape ({shape}), got {type_text(array)}"
            raise ShapeError(explain(name, problem, at=here(), hint="a single row is x[None]"))
        return array


def centre(train: Any, axis: int | Sequence[int] = 0) -> Scaling:
    """``x - mean``: the mean of each feature of the training data becomes 0.

    train: numbers [rows, ...]. ``axis`` are the axes that the mean is taken over: the rows, or for images
    [rows, channels, height, width] with one mean for each channel ``(0, 2, 3)``. Raises ShapeError for no data, and
    NonFiniteError, which names row and feature, for NaN or infinity.

    >>> import numpy as np, symdiff as sd
    >>> sd.preprocess.centre([[1.0, 10.0], [3.0, 30.0]]).transform([[2.0, 10.0]]).tolist()
    [[0.0, -10.0]]
    """
    array, axes = _with_axes("centre", train, axis)
    mean = _mean(array, axes)
    return Scaling(mean, np.ones_like(mean), axes)


def standardise(train: Any, axis: int | Sequence[int] = 0, *, constant: str = "error") -> Scaling:
    """``(x - mean) / std``: each feature of the training data gets mean 0 and standard deviation 1 (over n, not n - 1).

    A feature that is the same in all training rows has no spread to divide by: a ValueError names it. With
    ``constant="centre"`` it is centred only (its scale is 1), so it is 0 in the training data, and in new data its
    difference from that. Other arguments and errors as for :func:`centre`.

    >>> import symdiff as sd
    >>> sd.preprocess.standardise([[1.0, 7.0], [3.0, 9.0]]).transform([[5.0, 8.0]]).tolist()
    [[3.0, 0.0]]
    >>> sd.preprocess.standardise([[1.0, 7.0], [3.0, 7.0]], constant="centre").transform([[5.0, 8.0]]).tolist()
    [[3.0, 1.0]]
    """
    if constant not in ("error", "centre"):
        raise ValueError(explain("standardise", f"constant is 'error' or 'centre', got {constant!r}", at=here()))
    array, axes = _with_axes("standardise", train, axis)
    mean = _mean(array, axes)
    away = array - mean
    largest = np.abs(away).max(axis=axes, keepdims=True)
    if constant == "error" and not largest.all():
        _refuse_constant(array, largest)
    largest = np.where(largest > 0, largest, 1.0)
    spread = np.sqrt(np.mean(np.square(away / largest), axis=axes, keepdims=True))  # squares stay within range
    return Scaling(mean, np.where(spread > 0, largest * spread, 1.0), axes)


def _refuse_constant(array: Array, largest: Array) -> None:
    places = [[int(k) for k in place] for place in np.argwhere(largest == 0)]
    features = [place[1] if len(place) == 2 else tuple(place[1:]) for place in places]
    shown = ", ".join(map(str, features[:SHOWN])) + (", ..." if len(features) > SHOWN else "")
    which = f"feature {shown} is" if len(features) == 1 else f"features {shown} are"
    problem = f"{which} the same in all training rows, {len(features)} of {largest.size} in {type_text(array)}"
    hint = 'leave such features out, or pass constant="centre" to centre them only'
    raise ValueError(explain("standardise", problem, at=here(), hint=hint))


def _mean(array: Array, axes: tuple[int, ...]) -> Array:
    """The mean of each feature, as a distance from the first row, so that a constant is its own mean to the last bit:
    the sum of three times 0.1 is not three times 0.1."""
    first = array[tuple(slice(1) if k in axes else slice(None) for k in range(array.ndim))].astype(np.float64)
    mean: Array = first + np.mean(array - first, axis=axes, keepdims=True)
    return mean


def _with_axes(name: str, train: Any, axis: int | Sequence[int]) -> tuple[Array, tuple[int, ...]]:
    array = training_rows(name, train)
    listed = (axis,) if isinstance(axis, int) else tuple(axis)
    axes = tuple(sorted({int(k) + array.ndim * (k < 0) for k in listed}))
    if 0 not in axes or axes[0] < 0 or axes[-1] >= array.ndim:
        problem = f"axis has 0, the rows, and other axes of {type_text(array)}, got {axis!r}"
        raise ShapeError(explain(name, problem, at=here()))
    return array, axes
