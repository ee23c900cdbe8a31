"""Functions with a meaning for arrays that NumPy does not have. Exactness first: the interpreter is an oracle.

What needs loops or branches is a plain Python function of float64 numbers in one of the files beside this one: here it
runs over arrays, compiled code has it as LLVM text (runtime/branching.py), a saved file has its text.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from . import bessel, entropy, gamma_functions, incomplete_gamma, normal, series, trigonometry

Scalar = Callable[..., Any]

FUNCTIONS: MappingProxyType[str, Scalar] = MappingProxyType(
    {
        name: function
        for module in (series, trigonometry, gamma_functions, incomplete_gamma, normal, bessel, entropy)
        for name, function in vars(module).items()
        if getattr(function, "__module__", None) == module.__name__
    }
)
"""The scalar functions by name."""


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), which keeps the digits of small results."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, e.dtype.type(1), e)[()] / (1 + e)


def logit(x: Any) -> Any:
    """log(x / (1 - x)), which keeps the digits of small results."""
    middle = (x > 0.25) & (x < 0.75)
    return np.where(middle, np.log1p(2 * x - 1) - np.log1p(1 - 2 * x), np.log(x) - np.log1p(-x))[()]


def xlogy(x: Any, y: Any) -> Any:
    """x log(y), 0 where x is 0."""
    return np.where((x == 0) & ~np.isnan(y), x * 0, x * np.log(y))[()]


def xlog1py(x: Any, y: Any) -> Any:
    """x log(1 + y), 0 where x is 0."""
    return np.where((x == 0) & ~np.isnan(y), x * 0, x * np.log1p(y))[()]


def entr(x: Any) -> Any:
    """-x log(x), 0 at 0 and -inf below."""
    return np.where(x < 0, x.dtype.type(-np.inf), -xlogy(x, x))[()]


def over_arrays(function: Scalar) -> Scalar:
    """``function`` of numbers as one of arrays: in float64, then rounded to the operands' dtype; integers give
    float64."""

    def of_arrays(*operands: Any) -> Any:
        arrays = [np.asarray(operand) for operand in operands]
        dtype = np.result_type(*arrays)
        columns = np.broadcast_arrays(*[array.astype("float64") for array in arrays])
        shape = columns[0].shape
        with np.errstate(all="ignore"):
            values = [function(*numbers) for numbers in zip(*[column.ravel() for column in columns], strict=True)]
            return np.array(values, dtype if dtype.kind == "f" else "float64").reshape(shape)[()]

    of_arrays.__name__ = function.__name__
    of_arrays.__doc__ = function.__doc__
    return of_arrays


erf = over_arrays(math.erf)
erfc = over_arrays(math.erfc)
lgamma = over_arrays(gamma_functions.lgamma)
gamma = over_arrays(gamma_functions.gamma)
digamma = over_arrays(gamma_functions.digamma)
polygamma = over_arrays(gamma_functions.polygamma)
zeta = over_arrays(gamma_functions.zeta)
betaln = over_arrays(gamma_functions.betaln)
beta = over_arrays(gamma_functions.beta)
gamma_density = over_arrays(incomplete_gamma.gamma_density)
gammainc = over_arrays(incomplete_gamma.gammainc)
gammaincc = over_arrays(incomplete_gamma.gammaincc)
gammainc_slope = over_arrays(incomplete_gamma.gammainc_slope)
erfinv = over_arrays(normal.erfinv)
erfcinv = over_arrays(normal.erfcinv)
erfcx = over_arrays(normal.erfcx)
ndtri = over_arrays(normal.ndtri)
log_ndtr = over_arrays(normal.log_ndtr)
iv = over_arrays(bessel.iv)
ive = over_arrays(bessel.ive)
rel_entr = over_arrays(entropy.rel_entr)
kl_div = over_arrays(entropy.kl_div)
sinc_derivative = over_arrays(trigonometry.sinc_derivative)
