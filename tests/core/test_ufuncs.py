"""NumPy's ufuncs on nodes are our operators of the same name."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd

X = sd.input("x", (3,))
K = sd.input("k", (3,), dtype="int64")


@pytest.mark.parametrize(
    "name",
    [
        "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "square", "reciprocal", "sin", "cos",
        "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "degrees",
        "radians", "deg2rad", "rad2deg", "floor", "ceil", "trunc", "rint", "absolute", "fabs", "negative", "positive",
        "sign", "isnan", "isinf", "isfinite", "signbit", "logical_not",
    ],
)  # fmt: skip
def test_of_one(name: str) -> None:
    assert getattr(np, name)(X) is getattr(sd, name)(X)


@pytest.mark.parametrize(
    "name",
    [
        "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "mod", "fmod", "power", "float_power",
        "maximum", "minimum", "fmax", "fmin", "hypot", "arctan2", "logaddexp", "logaddexp2", "copysign", "heaviside",
        "nextafter", "less", "less_equal", "greater", "greater_equal", "logical_and",
        "logical_or", "logical_xor", "matmul",
    ],
)  # fmt: skip
def test_of_two(name: str) -> None:
    array = np.array([1.0, 2.0, 3.0])
    assert getattr(np, name)(X, array) is getattr(sd, name)(X, array)
    assert getattr(np, name)(array, X) is getattr(sd, name)(array, X)


@pytest.mark.parametrize(
    "name", ["bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "gcd", "lcm"]
)
def test_of_two_integers(name: str) -> None:
    assert getattr(np, name)(K, 2) is getattr(sd, name)(K, 2)


def test_of_integers() -> None:
    assert np.invert(K) is sd.invert(K)
    assert np.ldexp(X, K) is sd.ldexp(X, K)
    assert np.divmod(X, 2.0) == sd.divmod(X, 2.0)


def test_arrays_and_numpy_numbers_on_the_left() -> None:
    array = np.array([1.0, 2.0, 3.0])
    assert array + X is sd.add(array, X)
    assert array @ X is sd.matmul(array, X)
    assert (array < X) is sd.less(array, X)
    assert np.float64(2) ** X is sd.power(np.float64(2), X)
    assert np.arange(3) & K is sd.bitwise_and(np.arange(3), K)


def test_others_are_refused() -> None:
    with pytest.raises(sd.GraphError, match=r"np\.spacing of x: float64\[3\]: symdiff has no such operator"):
        np.spacing(X)
    with pytest.raises(sd.GraphError, match=r"use sd\.equal for elements"):
        np.equal(X, X)
    with pytest.raises(sd.GraphError, match=r"np\.add\.reduce of x"):
        np.add.reduce(X)
    with pytest.raises(sd.GraphError, match="takes no dtype"):
        np.exp(X, dtype="float32")
    with pytest.raises(sd.GraphError, match="takes no out"):
        np.zeros(3).__iadd__(X)
