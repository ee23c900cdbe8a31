"""Functions with branches: compiled and in a saved file they are what they are in plain Python."""

from __future__ import annotations

import ast

import numba
import numba.extending
import numpy as np
import pytest

from symdiff.runtime import branching, maths
from symdiff.runtime.signature import Array, Size

POSITIVE = [0.0, 0.01, 0.3, 0.7, 1.0, 1.46, 2.0, 3.7, 14.0, 60.0, 200.0, 1e5, 1e300, 5e-324, np.inf]
POINTS = np.array([*POSITIVE, np.nan, -0.0, -0.01, -0.5, -1.0, -1.5, -2.0, -7.3, -40.0, -200.5, -np.inf])
ORDERS = {"polygamma", "iv", "ive", "sinc_derivative"}  # whose first operand is a small integer


def operands(name: str) -> list[np.ndarray]:
    if branching.arity(name) == 1:
        return [POINTS]
    first = np.arange(5.0) if name in ORDERS else POINTS[np.abs(POINTS) != 1e300]
    second = POINTS[~(np.abs(POINTS) > 1e4)]
    return [np.ascontiguousarray(a.ravel()) for a in np.meshgrid(first, second)]


def loop(name: str) -> str:
    arguments = ", ".join("xy"[k] + "[i]" for k in range(branching.arity(name)))
    return f"    for i in range(n):\n        out[i] = {name}({arguments})\n"


def check(name: str, out: np.ndarray, expected: np.ndarray) -> None:
    """The order of operations is the same; they may be contracted, and exp, log, sin are our own."""
    rtol = 1e-6 if out.dtype == np.float32 else 2e-11 if name in ("zeta", "gamma_density") else 1e-12
    np.testing.assert_allclose(out, expected, rtol=rtol, atol=1e-37 if out.dtype == np.float32 else 1e-300)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", maths.SPECIAL)
def test_compiled(run_kernel, name: str, dtype: str) -> None:
    with np.errstate(all="ignore"):
        arrays = [a.astype(dtype) for a in operands(name)]
        expected = maths.NUMPY[name](*arrays)
    out = np.zeros(expected.shape, dtype)
    names = ["x", "y"][: len(arrays)]
    text = f"def f(n, {', '.join(names)}, out):\n{loop(name)}"
    run_kernel(text, [Size(), *[Array(dtype, (1,))] * (len(arrays) + 1)], [out.size, *arrays, out])
    check(name, out, expected)


@pytest.mark.parametrize("name", ["digamma", "polygamma", "gammainc_slope", "beta", "ive", "ndtri", "kl_div"])
def test_in_a_saved_file(name: str) -> None:
    """Whatever a file needs for the name, put together as in one; float32 operands are computed in float64."""
    text = "".join(maths.standalone(needed) for needed in maths.requirements(name))
    namespace = {"numba": numba, "numpy": np}
    exec(f"{text}def f(n, x, y, out):\n{loop(name)}", namespace)
    arrays = operands(name)
    with np.errstate(all="ignore"):
        expected = maths.NUMPY[name](*arrays)
        narrow = maths.NUMPY[name](*[a.astype("float32") for a in arrays])
    out, out32 = np.zeros(expected.shape), np.zeros(expected.shape, "float32")
    function = numba.njit(error_model="numpy")(namespace["f"])
    function(out.size, arrays[0], arrays[-1], out)
    check(name, out, expected)
    with np.errstate(all="ignore"):
        function(out.size, arrays[0].astype("float32"), arrays[-1].astype("float32"), out32)
    check(name, out32, narrow)


@pytest.mark.parametrize(
    "text",
    ["return x @ x", "return [x]", "x: float = 1.0\n    return x", "if x:\n        return x\n    return x"],
)
def test_what_is_no_scalar_function_is_refused(text: str) -> None:
    (function,) = ast.parse(f"def f(x):\n    {text}\n").body
    with pytest.raises((SyntaxError, KeyError)):
        branching._Function(function)
