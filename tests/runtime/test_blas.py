"""Every BLAS provider computes the same products, empty ones included."""

from __future__ import annotations

import numpy as np
import pytest

from symdiff.runtime import blas, driver, gemm

PROVIDERS = ("own", "openblas", "scipy", "numpy")
SIZES = [(3, 4, 5), (1, 1, 1), (0, 4, 5), (3, 0, 5), (3, 4, 0), (0, 0, 0), (17, 9, 33)]


@pytest.fixture(params=PROVIDERS)
def provider(request, monkeypatch):
    monkeypatch.setenv("SYMDIFF_BLAS", request.param)
    try:
        return blas.provider()
    except RuntimeError as error:  # not every CPU has the vectors, nor every NumPy OpenBLAS, nor every machine SciPy
        pytest.skip(str(error))


def run_gemm(dtype, trans_a, trans_b, m, n, k, a, b, c, beta, count=1, strides=(0, 0, 0), leading=None):
    lda, ldb, ldc = leading or (a.shape[-1], b.shape[-1], c.shape[-1])
    values = [blas.gemm_address(dtype), trans_a, trans_b, m, n, k, a.ctypes.data, lda, b.ctypes.data, ldb, beta,
              c.ctypes.data, ldc, count, *strides]  # fmt: skip
    slots = np.array([0, 0, *values], dtype=np.int64)
    table = np.array([driver.builtin(f"gemm_{dtype}"), len(values), *range(2, 2 + len(values))], dtype=np.int64)
    assert driver.run()(table.ctypes.data, 1, slots.ctypes.data) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gemm_is_matmul(provider, dtype, sizes, rng):
    m, n, k = sizes
    for trans_a, trans_b, beta in np.ndindex(2, 2, 2):
        a = rng.standard_normal((k, m) if trans_a else (m, k)).astype(dtype)
        b = rng.standard_normal((n, k) if trans_b else (k, n)).astype(dtype)
        c = np.full((m, n), 7.0, dtype)
        expected = (a.T if trans_a else a) @ (b.T if trans_b else b) + 7 * beta
        run_gemm(dtype, trans_a, trans_b, m, n, k, a, b, c, beta)
        np.testing.assert_allclose(c, expected, rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-5)


def test_beta_zero_overwrites_nan(provider):
    for k in (0, 2):
        c = np.full((2, 2), np.nan)
        run_gemm("float64", 0, 0, 2, 2, k, np.ones((2, k)), np.ones((k, 2)), c, 0)
        np.testing.assert_array_equal(c, np.full((2, 2), float(k)))


def test_a_stack_of_products(provider, rng):
    a, b, c = rng.standard_normal((4, 3, 5)), rng.standard_normal((5, 2)), np.zeros((4, 3, 2))
    run_gemm("float64", 0, 0, 3, 2, 5, a, b, c, 0, count=4, strides=(15, 0, 6))
    np.testing.assert_allclose(c, a @ b, rtol=1e-12)


def test_rows_may_be_apart(provider, rng):
    a, b, c = rng.standard_normal((3, 10)), rng.standard_normal((5, 7)), np.full((3, 9), 8.0)
    run_gemm("float64", 0, 0, 3, 2, 5, a, b, c, 0, leading=(10, 7, 9))
    np.testing.assert_allclose(c[:, :2], a[:, :5] @ b[:, :2], rtol=1e-12)
    assert (c[:, 2:] == 8).all()


def test_the_first_choice_is_our_own(monkeypatch):
    monkeypatch.delenv("SYMDIFF_BLAS", raising=False)
    assert blas.provider() == next(name for name, found in blas._PROVIDERS.items() if found())
    assert next(iter(blas._PROVIDERS)) == "own"


def test_a_cpu_without_the_vectors_takes_another(monkeypatch):
    monkeypatch.delenv("SYMDIFF_BLAS", raising=False)
    monkeypatch.setattr(gemm, "shape", lambda: None)
    blas._addresses.cache_clear()
    try:
        assert blas.provider() != "own"
        monkeypatch.setenv("SYMDIFF_BLAS", "own")
        with pytest.raises(RuntimeError, match="SYMDIFF_BLAS=own: this CPU has neither AVX-512 nor AVX2 with FMA"):
            blas.provider()
    finally:
        blas._addresses.cache_clear()


def test_an_unknown_provider_is_an_error(monkeypatch):
    monkeypatch.setenv("SYMDIFF_BLAS", "mkl")
    with pytest.raises(RuntimeError, match="SYMDIFF_BLAS=mkl: unknown; use one of own, openblas, scipy, numpy"):
        blas.gemm_address("float32")


def test_a_missing_provider_is_an_error(monkeypatch):
    monkeypatch.setenv("SYMDIFF_BLAS", "scipy")
    monkeypatch.setitem(blas._PROVIDERS, "scipy", lambda: None)
    blas._addresses.cache_clear()
    try:
        with pytest.raises(RuntimeError, match="SYMDIFF_BLAS=scipy: SciPy cannot be imported"):
            blas.gemm_address("float32")
    finally:
        blas._addresses.cache_clear()
