"""Data as it comes in: arrays of real numbers, one row per example, all of them finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import DTypeError, NonFiniteError, ShapeError, explain
from ..core.provenance import here
from ..core.types import TensorType

Array = np.ndarray[Any, Any]


def numbers(name: str, data: Any) -> Array:
    """The data as an array of at least one axis whose values are finite real numbers."""
    array = np.asarray(data)
    if array.dtype.kind not in "biuf":
        raise DTypeError(explain(name, f"the data are real numbers, got dtype {array.dtype}", at=here()))
    if array.ndim == 0:
        raise ShapeError(explain(name, "the data have one row per example, got a single number", at=here()))
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        _refuse_not_finite(name, array)
    return array


def training_rows(name: str, data: Any) -> Array:
    """Data to fit on: numbers, and some of them."""
    array = numbers(name, data)
    if not array.size:
        raise ShapeError(explain(name, f"there is nothing to fit on in {type_text(array)}", at=here()))
    return array


def type_text(array: Array) -> str:
    """dtype and shape as a tensor type is printed."""
    return str(TensorType(array.dtype, array.shape))


def result_dtype(array: Array) -> np.dtype[Any]:
    """What the transformed data are stored in: floats stay what they are, all else becomes float64."""
    return array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)


def _refuse_not_finite(name: str, array: Array) -> None:
    places = np.argwhere(~np.isfinite(array))
    row, *feature = (int(k) for k in places[0])
    value = array[(row, *feature)]
    which = f"feature {feature[0] if len(feature) == 1 else feature} of row {row}" if feature else f"row {row}"
    problem = f"{which} is {value}; {len(places)} of {array.size} values of {type_text(array)} are not finite"
    raise NonFiniteError(explain(name, problem, at=here(), hint="leave those rows out, or fill them in"))
