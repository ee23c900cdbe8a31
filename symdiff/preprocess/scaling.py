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


def standardise(train: Any, axis: int | Sequence[int] = 0) -> Scaling:
    """``(x - mean) / std``: each feature of the training data gets mean 0 and standard deviation 1 (over n, not n - 1).

    A feature that is the same in all training rows has no spread to divide by: it is centred only (its scale is 1), so
    it is 0 in the training data, and in new data its difference from that. Arguments and errors as for :func:`centre`.

    >>> import symdiff as sd
    >>> scaling = sd.preprocess.standardise([[1.0, 7.0], [3.0, 7.0]])
    >>> scaling.transform([[5.0, 8.0]]).tolist(), scaling.scale.tolist()
    ([[3.0, 1.0]], [[1.0, 1.0]])
    """
    array, axes = _with_axes("standardise", train, axis)
    mean = _mean(array, axes)
    away = array - mean
    largest = np.abs(away).max(axis=axes, keepdims=True)
    largest = np.where(largest > 0, largest, 1.0)
    spread = np.sqrt(np.mean(np.square(away / largest), axis=axes, keepdims=True))  # squares stay within range
    return Scaling(mean, np.where(spread > 0, largest * spread, 1.0), axes)


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
