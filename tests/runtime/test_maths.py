"""Every name a kernel may call has NumPy's value, at edges too: compiled, undecorated and in a standalone file."""

from __future__ import annotations

import numba
import numba.extending
import numpy as np
import pytest

from symdiff.runtime import maths
from symdiff.runtime.signature import DTYPES, Array, Size

TINY, HUGE = {"float32": (1e-40, 3e38), "float64": (5e-324, 1e308)}, {"float32": 88.8, "float64": 709.9}
INTEGERS = ("int8", "int32", "int64", "uint8", "uint64")


def floats(dtype):
    tiny, huge = TINY[dtype]
    values = [0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3.7, 5.5, 10, 100, HUGE[dtype], huge, tiny, 1e-5, 1e-20, np.pi, np.inf]
    return np.array([*values, *(-v for v in values), np.nan], dtype)


def integers(dtype):
    info = np.iinfo(dtype)
    values = (0, 1, 2, 3, 7, 100, -1, -2, -7, info.max, info.min)
    return np.array([v for v in values if info.min <= v <= info.max], dtype)


def domain(dtype):
    return floats(dtype) if dtype.startswith("float") else integers(dtype)


def compare(got, expected, dtype):
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected)
        return
    precision = np.finfo("float32" if "float32" in (dtype, str(expected.dtype)) else "float64").eps
    np.testing.assert_allclose(got, expected, rtol=4 * precision, atol=4 * np.finfo(expected.dtype).smallest_subnormal)


@pytest.fixture
def apply(run_kernel):
    """f(*arrays) elementwise by a kernel, into an array of `result` dtype."""

    def run(name, arrays, result):
        x = ", ".join(f"a{k}[i]" for k in range(len(arrays)))
        names = ", ".join(f"a{k}" for k in range(len(arrays)))
        text = f"def f(n, {names}, out):\n    for i in range(n):\n        out[i] = {name}({x})\n"
        out = np.zeros(arrays[0].shape, result)
        params = [Size(), *(Array(a.dtype.name, (1,)) for a in arrays), Array(out.dtype.name, (1,))]
        run_kernel(text, params, [out.size, *arrays, out])
        return out

    return run


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", maths.UNARY)
def test_unary_of_floats(apply, name, dtype):
    x = floats(dtype)
    with np.errstate(all="ignore"):
        expected = maths.NUMPY[name](x)
    compare(apply(name, [x], expected.dtype), expected, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", maths.BINARY)
def test_binary_of_floats(apply, name, dtype):
    x, y = (np.ascontiguousarray(a.ravel()) for a in np.meshgrid(floats(dtype), floats(dtype)))
    with np.errstate(all="ignore"):
        expected = maths.NUMPY[name](x, y)
    compare(apply(name, [x, y], dtype), expected, dtype)


@pytest.mark.parametrize("name", ["rint", "floor", "ceil", "trunc", "sqrt", "fabs", "arctan2", "copysign"])
def test_the_sign_of_zero(apply, name):
    x = np.array([0.0, -0.0, -0.3, 0.3])
    arrays = [x, x[::-1].copy()] if name in maths.BINARY else [x]
    with np.errstate(all="ignore"):
        expected = maths.NUMPY[name](*arrays)
    np.testing.assert_array_equal(np.signbit(apply(name, arrays, "float64")), np.signbit(expected))


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "abs", "sign", "isnan", "isinf", "isfinite"])
def test_unary_of_integers(apply, name, dtype):
    x = integers(dtype)
    expected = maths.NUMPY[name](x)
    compare(apply(name, [x], expected.dtype), expected, dtype)


@pytest.mark.parametrize("name", ["exp", "sqrt", "rint", "fabs", "arctan"])
def test_functions_of_floats_take_integers(apply, name):
    x = np.array([0, 1, 2, 30, 700])
    compare(apply(name, [x], "float64"), maths.NUMPY[name](x), "float64")


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", ["maximum", "minimum", "fmod", "remainder", "floor_divide"])
def test_binary_of_integers(apply, name, dtype):
    x, y = (np.ascontiguousarray(a.ravel()) for a in np.meshgrid(integers(dtype), integers(dtype)))
    with np.errstate(all="ignore"):
        expected = maths.NUMPY[name](x, y)
    compare(apply(name, [x, y], dtype), expected, dtype)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_power_of_integers_wraps_around(apply, dtype):
    powers = np.array([0, 1, 2, 3, 7, 100], dtype)
    x, y = (np.ascontiguousarray(a.ravel()) for a in np.meshgrid(integers(dtype), powers))
    compare(apply("power", [x, y], dtype), np.power(x, y), dtype)


def test_power_to_a_negative_integer_is_the_truncated_quotient(apply):
    x, y = np.array([1, -1, -1, 2, -3, 0]), np.array([-3, -3, -2, -1, -1, -1])
    assert apply("power", [x, y], "int64").tolist() == [1, -1, 1, 0, 0, 0]


def test_extrema_of_bools(apply):
    x, y = np.array([True, True, False, False]), np.array([True, False, True, False])
    np.testing.assert_array_equal(apply("maximum", [x, y], "bool"), x | y)
    np.testing.assert_array_equal(apply("minimum", [x, y], "bool"), x & y)


@pytest.mark.parametrize("name", ["maximum", "hypot"])
def test_mixed_arguments_are_promoted(apply, name):
    for left, right in (("float32", "float64"), ("int64", "float32"), ("int32", "uint32"), ("bool", "float32")):
        x, y = np.array([1, 0, 1], left), np.array([0, 3, 1], right)
        expected = maths.NUMPY[name](x, y)
        compare(apply(name, [x, y], expected.dtype), expected, "float32")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cast", maths.CASTS)
def test_casts(apply, cast, dtype):
    x = np.array([0, 1, 2, 100], dtype)
    target = np.dtype(cast.rstrip("_")).name
    np.testing.assert_array_equal(apply(cast, [x], target), x.astype(target))


def test_casts_of_special_values(apply):
    x = np.array([np.nan, np.inf, -np.inf, 1e300, -0.0, 5e-324])
    np.testing.assert_array_equal(apply("bool_", [x], "bool"), x.astype(bool))
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(apply("float32", [x], "float32"), x.astype("float32"))
    wide = np.array([2**40 + 5, -(2**40) - 5, 300, -300])
    for target in INTEGERS:
        np.testing.assert_array_equal(apply(target, [wide], target), wide.astype(target))


@pytest.mark.parametrize("name", sorted(set(maths.UNARY) - {"isnan", "isinf", "isfinite"}))
def test_float32_stays_float32(apply, name):
    """Stored as float64, the result is still one of the few values that float32 has."""
    x = np.array([0.1, 0.7], "float32")
    with np.errstate(invalid="ignore"):
        out = apply(name, [x], "float64")
    np.testing.assert_array_equal(out, out.astype("float32"))


def standalone(name):
    """`name` as a standalone file would define it, in a loop over arrays, and the same under njit."""
    arguments = "x[i], y[i]" if name in maths.BINARY else "x[i]"
    text = (
        maths.standalone(name)
        + f"def f(x, y, out):\n    for i in range(out.size):\n        out[i] = {name}({arguments})\n"
    )
    namespace = {"numba": numba, "numpy": np}
    exec(text, namespace)
    return namespace["f"], numba.njit(error_model="numpy")(namespace["f"])


@pytest.mark.parametrize("name", maths.UNARY + maths.BINARY)
def test_each_function_in_a_standalone_file(name):
    plain, compiled = standalone(name)
    integral = name in ("maximum", "minimum", "power", "fmod", "remainder", "floor_divide", "sign", "floor")
    for dtype in ("float32", "float64", "int64")[: 3 if integral else 2]:
        x = domain(dtype)
        if name in maths.BINARY:
            x, y = (np.ascontiguousarray(a.ravel()) for a in np.meshgrid(x, x))
        else:
            y = x
        if name == "power" and dtype == "int64":
            x, y = x[y >= 0], y[y >= 0]
        with np.errstate(all="ignore"):
            expected = maths.NUMPY[name](x, y) if name in maths.BINARY else maths.NUMPY[name](x)
        results = np.zeros((2, *expected.shape), expected.dtype)
        with np.errstate(all="ignore"):
            plain(x, y, results[0])
        compiled(x, y, results[1])
        if name == "power" and dtype != "int64":  # a scalar exponent of 1/2 is a square root to NumPy: NaN at -inf
            ordinary = ~((x == -np.inf) & (y == 0.5))
            results, expected = results[:, ordinary], expected[ordinary]
        for result in results:
            compare(result, expected, dtype)


@pytest.mark.parametrize("name", maths.CASTS)
def test_each_cast_in_a_standalone_file(name):
    plain, compiled = standalone(name)
    for dtype in ("float32", "float64", "int64", "bool"):
        x = np.array([0, 1, 2, 100], dtype)
        for function in (plain, compiled):
            out = np.zeros(4, name.rstrip("_"))
            function(x, x, out)
            np.testing.assert_array_equal(out, x.astype(out.dtype))
