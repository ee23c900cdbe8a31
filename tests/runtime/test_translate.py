"""Kernels mean the same in our own translation, in Numba's, and in plain Python."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from symdiff.runtime import codegen, compile, load, native
from symdiff.runtime.by_numba import by_numba
from symdiff.runtime.maths import NUMPY
from symdiff.runtime.signature import Array, Size
from symdiff.runtime.text import canonical

_entries = (f"symdiff_test_{number}" for number in itertools.count())
VECTORS = [Size(), Array("float32", (1,)), Array("int64", (1,)), Array("float64", (1,))]
"""f(n, x, k, out), with k a permutation of 0 ... n - 1."""
CONSTANTS = {"HALF": np.float32(0.5), "BIG": np.uint64(2**63 + 5), "FLAG": np.bool_(True)}

BODIES = {
    "ranges": """
    for i in range(n):
        out[i] = 0
        for j in range(i, n):
            out[i] += x[j]
        for j in range(n - 1, i, -2):
            out[i] -= k[j] * j
        for j in range(0, n, k[0] + 2):
            out[i] += j
        for j in range(n, k[0] * 0, -k[0] - 1):
            out[i] += 3 * j
        for j in range(n, 0):
            out[i] = 1000
""",
    "what a loop leaves": """
    last = -1
    for i in range(n):
        last = i
        i = i + 5
        if last == 4:
            break
    else_where = last
    for j in range(n):
        out[j] = else_where + i
""",
    "break and continue": """
    for i in range(n):
        total = 0.0
        for j in range(n):
            if k[j] == 3:
                continue
            if j > i:
                break
            total += x[j]
        out[i] = total
""",
    "while": """
    i = 0
    while i < n and k[i] != n - 1:
        out[i] = i
        i += 1
    while i < n:
        out[i] = -x[i]
        i = i + 1
        if i == 7:
            continue
        if i == 8:
            break
    while i < n:
        i += 1
        out[i - 1] = 9
""",
    "if, elif, else": """
    for i in range(n):
        if x[i] < 0:
            out[i] = 1
        elif x[i] == 0 or k[i] > 5:
            out[i] = 2
        elif not k[i]:
            pass
        else:
            out[i] = 3
""",
    "what may not be evaluated": """
    for i in range(n):
        out[i] = x[i + 1] if i + 1 < n else 0
        if i + 1 < n and x[i + 1] > 0 or i > 0 and x[i - 1] > 0:
            out[i] += 0.25
        out[i] += (x[i - 1] if i > 3 else x[0]) if i > 0 else 5
""",
    "a status": """
    for i in range(n):
        out[i] = k[i]
        if k[i] == 3 and FLAG:
            return i + 1
    return 0
""",
    "several at once": """
    a, b, c = 0, 1, 0.5
    for i in range(n):
        a, b = b, (a + b) % 1000
        out[i] = a * c
""",
    "literals widen": """
    for i in range(n):
        out[i] = x[i] * 0.1 + k[i] / 3 - HALF * x[i]
        out[i] += x[i] == 0
""",
    "a local that widens": """
    total = x[0]
    for i in range(n):
        total = total + x[i]
        out[i] = total
        total = total + out[i] / 3.0
""",
    "integers": """
    for i in range(n):
        a = int32(k[i] * 100000000)
        b = int8(k[i])
        out[i] = (a + a) // 7 + (b * b) % 5 - (~k[i] ^ 6) + (k[i] & 5 | 2) + (-b)
        out[i] += uint8(k[i] - 3) + float64(uint32(a)) + maximum(b, k[i] - 2)
""",
    "unsigned": """
    for i in range(n):
        word = uint64(k[i]) + BIG
        out[i] = (1 if word > BIG else 2) + (1 if word != 0 else 0) + float64(word >= BIG + BIG)
        out[i] += 3 if (word ^ BIG) < BIG else 4
""",
    "bools": """
    for i in range(n):
        small = x[i] < HALF
        odd = bool_(k[i] & 1)
        out[i] = 1 if (small == odd) else 2
        out[i] += 4 if (small | odd) and not (small & odd) else 8
        out[i] += small
""",
    "functions": """
    for i in range(n):
        out[i] = exp(x[i]) + abs(x[i]) - maximum(x[i], 0) * sqrt(abs(k[i])) + floor(x[i] * 3.5) + sign(x[i])
        out[i] += arctan2(x[i], HALF) + power(abs(x[i]), 1.5) + gcd(k[i], 6) + power(k[i], 2) + lgamma(k[i] + 1.5)
""",
    "a product in a local": """
    product = 1.0
    for i in range(n):
        product *= x[i] + 1.5
        out[i] = product
""",
    "nan is not equal": """
    for i in range(n):
        bad = x[i] / float32(0 * i)
        out[i] = 1 if bad != bad else 2
        out[i] += 4 if bad == bad else 8
        out[i] += 16 if bad < 0 or bad >= 0 else 32
""",
}


def compiled(kernel, lower=None):
    entry = next(_entries)
    return load.load(codegen.object_code(compile.llvm_text(kernel, entry, lower), entry), entry)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of divisions by zero and of overflow
@pytest.mark.parametrize("name", BODIES)
def test_three_meanings_are_one(name, call, rng):
    n = 11
    x, k = rng.standard_normal(n).astype("float32"), rng.permutation(n)
    x[2] = 0
    text = f"def f(n, x, k, out):{BODIES[name]}"
    kernel = canonical(text, VECTORS, CONSTANTS)
    namespace = {**NUMPY, **CONSTANTS}
    exec(text, namespace)
    outs = np.full((3, n), 7.0)
    statuses = [namespace["f"](n, x, k, outs[0]) or 0]
    for lower, out in zip((None, by_numba), outs[1:], strict=True):
        statuses.append(call(compiled(kernel, lower), VECTORS, [n, x, k, out]))
    assert len(set(map(int, statuses))) == 1
    np.testing.assert_allclose(outs[1], outs[2], rtol=1e-13)
    np.testing.assert_allclose(outs[0], outs[1], rtol=1e-6)


def test_a_matrix_with_strides_given_at_run_time(call, rng):
    text = (
        "def f(n, m, x, out):\n    for i in range(n):\n        for j in range(m):\n            out[j, i] += x[i, j]\n"
    )
    params = [Size(), Size(), Array("float64", (None, 1)), Array("float64", (None, 2))]
    x = rng.standard_normal((3, 4))
    for lower in (None, by_numba):
        out = np.zeros((4, 6))
        assert call(compiled(canonical(text, params, {}), lower), params, [3, 4, x, out]) == 0
        np.testing.assert_array_equal(out[:, ::2], x.T)


OUTSIDE = "def f(n, x):\n    for i in range(n):\n        if 2 < i < 5:\n            x[i] = {number}\n"
"""Two comparisons in one, which the language of kernels does not have."""


def test_what_is_outside_the_language_goes_to_numba_and_says_so_once(call):
    params = [Size(), Array("int64", (1,))]
    compile._warn_of_numba.cache_clear()
    with pytest.warns(RuntimeWarning, match=r"compiled by Numba, which takes longer: `2 < v\d < 5` is not") as caught:
        for number in (7, 8):
            x = np.zeros(7, "int64")
            address = native.kernel_address(OUTSIDE.format(number=number), "f", params, {})
            assert call(address, params, [7, x]) == 0
            assert list(x) == [number if 2 < i < 5 else 0 for i in range(7)]
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("total = 0\n    for i in range(n):\n        total = x[i]\n    out[0] = total", "int64 and float32"),
        ("out[0] = x[k[0] * 1.0]", "is a float64 where an integer is needed"),
        ("for i in range(n):\n        out[i] = (i < 2) + (i > 4)", "Add of bool and bool"),
        ("for i in range(n):\n        out[i] = 1 if i < 2 else i < 3", "int64 here and bool there"),
        ("if uint64(n) < k[0]:\n        out[0] = 1", "a comparison of uint64 and int64"),
        ("out[0] = maximum(x[0], x[1], x[2])", "maximum of 3 numbers; it takes 2"),
        ("if n > 1:\n        out[0] = late\n    late = 1", "is read before it is assigned"),
        ("out[0] = x", "is read before it is assigned"),
    ],
)
def test_what_the_translator_does_not_guess(body, reason):
    from symdiff.runtime.translate import translated
    from symdiff.runtime.values import UntranslatableError

    kernel = canonical(f"def f(n, x, k, out):\n    {body}\n", VECTORS, CONSTANTS)
    with pytest.raises(UntranslatableError, match=reason):
        translated(kernel, "f", compile._primitives())


def test_a_users_own_numba_code_is_untouched(call):
    """Kernels leave float `+=` and array indexing of other Numba functions as they were."""
    import numba

    kernel = canonical(f"def f(n, x, k, out):{BODIES['break and continue']}", VECTORS, CONSTANTS)
    compiled(kernel, by_numba)

    @numba.njit
    def total(x):
        s = np.float32(0)
        for i in range(x.size):
            s += x[i]
        return s

    x = np.arange(5, dtype="float32")
    assert total(x) == 10
    assert "reassoc" not in total.inspect_llvm(total.signatures[0])


def test_arrays_do_not_overlap():
    """Numba's vector loops begin with a check of the addresses, ours do not."""
    text = "def f(n, x, y, out):\n    for i in range(n):\n        out[i] = x[i] * y[i]\n"
    kernel = canonical(text, [Size(), *[Array("float32", (1,))] * 3], {})
    checks = [
        str(codegen.optimised(compile.llvm_text(kernel, "f", lower), "f")).count("diff.check")
        for lower in (None, by_numba)
    ]
    assert checks[0] == 0
    assert checks[1] > 0
