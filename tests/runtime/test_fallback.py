"""Numba's public interface gives the same functions when its internals are not as we know them."""

from __future__ import annotations

import numpy as np
import pytest

from symdiff.runtime import codegen, compile, load, native
from symdiff.runtime.lower_public import lower_public
from symdiff.runtime.signature import Array, Size
from symdiff.runtime.text import canonical

SOFTMAX = """
def log_sum_exp(n, m, z, out):
    for i in range(n):
        top = LOWEST
        for j in range(m):
            top = maximum(top, z[i, j])
        total = ZERO
        for j in range(m):
            total += exp(z[i, j] - top)
        out[i] = top + log(total)
        if isnan(out[i]):
            return i + 1
"""
PARAMS = [Size(), Size(), Array("float32", (None, 1)), Array("float32", (1,))]
CONSTANTS = {"LOWEST": np.float32(-np.inf), "ZERO": np.float32(0)}


def test_the_public_pipeline_gives_the_same_function(rng, call):
    kernel = canonical(SOFTMAX, PARAMS, CONSTANTS)
    text = compile.llvm_text(kernel, "by_public_route", lower=lower_public)
    public = load.load(codegen.object_code(text, "by_public_route"), "by_public_route")
    lean = native.kernel_address(SOFTMAX, "lse", PARAMS, CONSTANTS)
    z, outs = rng.standard_normal((6, 40)).astype("float32"), np.zeros((2, 6), "float32")
    assert public != lean
    for address, out in zip((public, lean), outs, strict=True):
        assert call(address, PARAMS, [6, 40, z, out]) == 0
        np.testing.assert_allclose(out, np.log(np.exp(z).sum(1)), rtol=1e-5)
    z[3, 7] = np.nan
    assert [call(address, PARAMS, [6, 40, z, outs[0]]) for address in (public, lean)] == [4, 4]


def test_a_changed_numba_is_reported_once_and_worked_around(monkeypatch, call):
    from symdiff.runtime import lower_lean

    def broken(*_):
        raise AttributeError("Flags has no attribute 'noalias'")

    monkeypatch.setattr(lower_lean, "lower_lean", broken)
    params = [Array("int64", ())]
    with pytest.warns(RuntimeWarning, match="compile slowly with this version of Numba.*noalias") as caught:
        for number in (123, 124):
            text = f"def f(x):\n    x[()] = x[()] + {number}\n"
            x = np.array(0)
            assert call(native.kernel_address(text, "f", params, {}), params, [x]) == 0
            assert x == number
    assert len(caught) == 1


def test_a_users_own_numba_code_is_untouched():
    """Kernels leave float `+=` and array indexing of other Numba functions as they were."""
    import numba

    native.kernel_address(SOFTMAX, "lse", PARAMS, CONSTANTS)

    @numba.njit
    def total(x):
        s = np.float32(0)
        for i in range(x.size):
            s += x[i]
        return s

    x = np.arange(5, dtype="float32")
    assert total(x) == 10
    assert "reassoc" not in total.inspect_llvm(total.signatures[0])


def test_only_the_lean_pipeline_says_that_arrays_do_not_overlap():
    """Vector loops of the public one begin with a check of the addresses."""
    text = "def f(n, x, y, out):\n    for i in range(n):\n        out[i] = x[i] * y[i]\n"
    kernel = canonical(text, [Size(), *[Array("float32", (1,))] * 3], {})
    checks = [
        str(codegen.optimised(compile.llvm_text(kernel, "f", lower=lower), "f")).count("diff.check")
        for lower in (None, lower_public)
    ]
    assert checks[0] == 0
    assert checks[1] > 0
