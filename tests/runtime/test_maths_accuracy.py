"""Our own functions are as exact as they state, everywhere; SYMDIFF_SWEEP=997 takes every float32 there is."""

from __future__ import annotations

import math
import os

import mpmath
import numpy as np
import pytest

from symdiff.core import special
from symdiff.runtime import codegen, compile, native
from symdiff.runtime.elementary import FUNCTIONS
from symdiff.runtime.signature import Array, Size
from symdiff.runtime.text import canonical

SWEEP = int(os.environ.get("SYMDIFF_SWEEP", "1"))
STRIDE = max(1, 997 // SWEEP)
UNARY = [name for name, function in FUNCTIONS.items() if function.arity == 1]
SLOW = {"erf", "erfc"}  # whose reference is Python's
CHUNK = 1 << 22

REFERENCE32 = {"sigmoid": special.sigmoid, "erf": special.erf, "erfc": special.erfc}
REFERENCE64 = {"sigmoid": lambda x: 1 / (1 + mpmath.exp(-x))}
RANGES = {  # where float64 is sampled, besides all sizes
    "exp": [(-750, 715), (-1, 1), (-746, -700)],
    "expm1": [(-50, 715), (-1, 1)],
    "log": [(0.3, 3), (0.9, 1.1)],
    "log1p": [(-1, 1), (-0.1, 0.1)],
    "sin": [(-100, 100), (-1e7, 1e7), (-1, 1)],
    "cos": [(-100, 100), (-1e7, 1e7), (-1, 1)],
    "tanh": [(-22, 22), (-1, 1)],
    "sigmoid": [(-750, 40), (-5, 5)],
    "erf": [(-6, 6), (-1, 1)],
    "erfc": [(-6, 28), (-2, 2), (26, 28)],
}


@pytest.fixture
def compiled(call):
    """compiled(name, dtype)(*arrays): the function over arrays, by a kernel of one loop."""

    def make(name, dtype, code="{}"):
        arrays = [f"a{k}" for k in range(FUNCTIONS[name].arity)]
        value = code.format(f"{name}({', '.join(f'{a}[i]' for a in arrays)})")
        text = f"def f(n, {', '.join(arrays)}, out):\n    for i in range(n):\n        out[i] = {value}\n"
        params = [Size(), *[Array(dtype, (1,))] * (len(arrays) + 1)]
        address = native.kernel_address(text, "f", params, {})

        def function(*values):
            out = np.empty_like(values[0])
            call(address, params, [out.size, *values, out])
            return out

        return function

    return make


def errors32(got, exact):
    """In units in the last place of float32; infinity counts as the power of two where numbers end."""
    exact = np.asarray(exact, "float64")
    _, exponent = np.frexp(np.where(np.isfinite(exact), exact, 0))
    unit = np.ldexp(1.0, np.maximum(exponent - 1, -126) - 23)
    nearest = np.clip(exact, -(2.0**128), 2.0**128)
    errors = np.abs(np.clip(got.astype("float64"), -(2.0**128), 2.0**128) - nearest) / unit
    return np.where(np.isnan(exact), np.where(np.isnan(got), 0, np.inf), np.where(np.isnan(errors), np.inf, errors))


def error64(got, exact):
    if mpmath.isnan(exact):
        return 0.0 if math.isnan(got) else math.inf
    if math.isnan(got):
        return math.inf
    end = mpmath.ldexp(1, 1024)
    got, exact = (min(max(mpmath.mpf(number), -end), end) for number in (got, exact))
    exponent = max(mpmath.frexp(exact)[1] - 1, -1022) if exact else -1022
    return float(abs(got - exact) / mpmath.ldexp(1, exponent - 52))


def hold(name, dtype, worst, at):
    print(f"{name} {dtype}: {worst:.3f} ULP at {at!r}, bound {FUNCTIONS[name].ulp}")
    assert worst <= FUNCTIONS[name].ulp, f"{name} of {dtype}: {worst:.3f} ULP at {at!r}"


@pytest.mark.sweep
@pytest.mark.parametrize("name", UNARY)
def test_float32(compiled, name):
    function, worst, at = compiled(name, "float32"), 0.0, None
    reference = REFERENCE32.get(name) or getattr(np, name)
    stride = STRIDE * (16 if name in SLOW and STRIDE > 1 else 1)
    for start in range(0, 2**32, CHUNK * stride):
        patterns = np.arange(start, min(start + CHUNK * stride, 2**32), stride, dtype="uint64")
        x = patterns.astype("uint32").view("float32")
        with np.errstate(all="ignore"):
            errors = errors32(function(x), reference(x.astype("float64")))
        k = int(errors.argmax())
        if errors[k] > worst:
            worst, at = float(errors[k]), x[k]
    hold(name, "float32", worst, at)


def samples64(name, rng, count):
    sizes = np.exp(rng.uniform(-745, 709.7, count))
    signed = sizes * rng.choice([-1, 1], count)
    edges = [0.0, -0.0, 5e-324, -5e-324, 2.2e-308, 1.0, -1.0, 1.7976931348623157e308, -1e308, np.inf, -np.inf, np.nan]
    return np.concatenate([signed, *(rng.uniform(a, b, count) for a, b in RANGES[name]), edges])


def exactly(name, x):
    if math.isnan(x) or (name in ("sin", "cos") and math.isinf(x)):
        return mpmath.nan
    if name in ("log", "log1p") and x <= (0 if name == "log" else -1):
        return -mpmath.inf if x == (0 if name == "log" else -1) else mpmath.nan
    if abs(x) > 1e4 and name not in ("sin", "cos", "log", "log1p"):  # what mpmath would need its memory for
        return mpmath.mpf(float((REFERENCE32.get(name) or getattr(np, name))(np.float64(x))))
    return REFERENCE64.get(name, getattr(mpmath, name, None))(mpmath.mpf(x))


@pytest.mark.sweep
@pytest.mark.parametrize("name", UNARY)
def test_float64(compiled, rng, name):
    x = samples64(name, rng, 700 * SWEEP)
    with mpmath.workdps(40), np.errstate(all="ignore"):
        pairs = zip(compiled(name, "float64")(x).tolist(), x.tolist(), strict=True)
        errors = [error64(got, exactly(name, at)) for got, at in pairs]
    k = int(np.argmax(errors))
    hold(name, "float64", errors[k], x[k])


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_arguments_next_to_multiples_of_half_pi(compiled, name):
    """For each exponent, the float64 whose distance to such a multiple is the smallest: by continued fractions."""
    x, start = [], 32 if SWEEP == 1 else 1
    with mpmath.workprec(1300):
        for exponent in range(-52, 971, start):
            a = mpmath.ldexp(2 / mpmath.pi, exponent)
            a, (q0, q1) = 1 / (a - mpmath.floor(a)), (0, 1)
            while q1 < 2**53:
                x.append(math.ldexp(q1, exponent))
                q0, q1 = q1, int(mpmath.floor(a)) * q1 + q0
                a = 1 / (a - mpmath.floor(a))
        exact = [getattr(mpmath, name)(mpmath.mpf(at)) for at in x]
        got = compiled(name, "float64")(np.array(x)).tolist()
        errors = [error64(one, true) for one, true in zip(got, exact, strict=True)]
    k = int(np.argmax(errors))
    hold(name, "float64", errors[k], x[k])


def bases_and_exponents(rng, dtype, count):
    """Moderate ones; results of all sizes; bases near 1; whole exponents."""
    top = 700 if dtype == "float64" else 87
    x = np.exp(rng.uniform(-top, top, count))
    near = 1 + rng.uniform(-1e-3, 1e-3, count)
    mild = rng.uniform(0.5, 2, count)
    whole = rng.integers(-20, 21, count)
    groups = [
        (rng.uniform(0, 10, count), rng.uniform(-30, 30, count)),
        (x, rng.uniform(-1.1, 1.1, count) * top / np.log(x)),
        (near, rng.uniform(-1.1, 1.1, count) * top / np.log(near)),
        (mild, rng.uniform(-1.1, 1.1, count) * top / np.log(mild)),
        (rng.uniform(-10, 10, count), whole),
    ]
    return tuple(np.concatenate([group[k] for group in groups]).astype(dtype) for k in (0, 1))


@pytest.mark.sweep
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_power(compiled, rng, dtype):
    x, y = bases_and_exponents(rng, dtype, (500 if dtype == "float64" else 40000) * SWEEP)
    got = compiled("power", dtype)(x, y)
    if dtype == "float32":
        with np.errstate(all="ignore"):
            errors = errors32(got, np.power(x.astype("float64"), y.astype("float64")))
    else:
        with mpmath.workdps(40):
            exact = [mpmath.power(mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
            errors = np.array([error64(one, true) for one, true in zip(got.tolist(), exact, strict=True)])
    k = int(errors.argmax())
    hold("power", dtype, errors[k], (x[k], y[k]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_power_is_exact_where_the_result_is_a_number(compiled, dtype):
    roots = np.arange(1, 1000, dtype=dtype)
    for exponent in (2, 0.5, -1):
        x = roots if exponent == 2 else roots**2 if exponent == 0.5 else 2.0 ** np.arange(-100, 101).astype(dtype)
        exact = roots**2 if exponent == 2 else roots if exponent == 0.5 else 1 / x
        np.testing.assert_array_equal(compiled("power", dtype)(x, np.full_like(x, exponent)), exact)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_vector_lane_has_the_bits_of_the_scalar(compiled, rng, name, dtype):
    """Also where the result goes into a sum that may be contracted."""
    function = compiled(name, dtype, "{} * a0[i] + a0[i]")
    arrays = [rng.uniform(0.1, 50, 67).astype(dtype) for _ in range(FUNCTIONS[name].arity)]
    one_by_one = [function(*(a[k : k + 1] for a in arrays))[0] for k in range(67)]
    np.testing.assert_array_equal(function(*arrays), np.array(one_by_one, dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_loops_become_vectors(name, dtype):
    arguments = "x[i], x[i]" if FUNCTIONS[name].arity == 2 else "x[i]"
    text = f"def f(n, x, out):\n    for i in range(n):\n        out[i] = {name}({arguments})\n"
    kernel = canonical(text, [Size(), *[Array(dtype, (1,))] * 2], {})
    assert "llvm.fma.v" in str(codegen.optimised(compile.llvm_text(kernel, "f"), "f"))


def test_softplus_and_gelu_keep_their_digits():
    """Operators that are made of these functions. A step flushes what is below the smallest normal number."""
    import symdiff as sd

    x = np.linspace(-90, 90, 20001, dtype="float32")
    v = sd.input("v", x.shape, "float32")
    outputs = [sd.softplus(v), sd.gelu(v), sd.gelu(v, approximate="tanh")]
    wide = x.astype("float64")
    values = [value.astype("float64") for value in sd.compile(outputs, inputs=[v])(x)]
    exact = [
        np.logaddexp(wide, 0),
        wide * special.erfc(-wide / math.sqrt(2)) / 2,
        wide * special.sigmoid(2 * math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)),
    ]
    for got, expected, argument in zip(values, exact, (np.abs(wide), wide**2, np.abs(wide**3)), strict=True):
        rounding = (4 + argument) * 2.0**-23 * np.abs(expected)  # 4, and what the rounding of exp's argument makes
        assert (np.abs(got - expected) <= rounding + 2.0**-120).all()
