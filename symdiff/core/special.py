"""Functions with a meaning for arrays that NumPy does not have. Exactness first: the interpreter is an oracle."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), which keeps the digits of small results."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, e.dtype.type(1), e)[()] / (1 + e)


def erf(x: Any) -> Any:
    """2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x."""
    return _of_math(math.erf, x)


def erfc(x: Any) -> Any:
    """1 - erf x, which keeps the digits of small results."""
    return _of_math(math.erfc, x)


def _of_math(function: Callable[[float], float], x: Any) -> Any:
    """In float64, then rounded to the dtype of x; integers become float64."""
    values = np.asarray(x)
    dtype = values.dtype if values.dtype.kind == "f" else np.dtype("float64")
    results = np.array([function(value) for value in values.ravel().tolist()], dtype)
    return results.reshape(values.shape)[()]
