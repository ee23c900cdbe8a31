"""What LLVM can begin with before there is a program."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd
from symdiff import ahead
from symdiff.core.graph import Graph
from symdiff.runtime import blas, native, team

own_products = pytest.mark.skipif(blas.provider() != "own", reason="somebody else multiplies matrices")


@pytest.fixture
def begun(monkeypatch):
    """``begun(node)``: the names of the functions that are begun for a graph of that node."""
    names: list[str] = []
    monkeypatch.setattr(native, "begin_function", lambda name, make: names.append(name))

    def ask(node):
        names.clear()
        ahead.begin(Graph({"y": node}))
        return set(names)

    return ask


@own_products
def test_products_and_what_shares_them_out(begun):
    x = sd.input("x", (sd.dim("n"), 3))
    expected = {"run", "gemm_float64"} | ({"split"} if team.can_share() else set())
    assert begun(sd.exp(x)) == {"run"}
    assert begun(sd.exp(x @ sd.param("w", (3, 2)))) == expected
    w = sd.param("v", (3, 2), dtype="float32")
    assert begun(sd.astype(x, "float32") @ w) == {name.replace("64", "32") for name in expected}


def test_products_that_become_loops_of_a_kernel_are_not_begun(begun):
    a, b = sd.input("a", (sd.dim("n"), 3, 3)), sd.input("b", (sd.dim("n"), 3, 3))
    assert begun(a @ b) == {"run"}


@own_products
def test_a_product_inside_a_loop(begun):
    w, h = sd.input("w", (8, 8)), sd.input("h", (8, 8))
    assert "gemm_float64" in begun(sd.fori_loop(0, 5, lambda k, h: h @ w, h))


@own_products
def test_convolutions(begun):
    x, w = sd.input("x", (2, 3, 8, 8)), sd.input("w", (4, 3, 3, 3))
    assert begun(sd.nn.conv2d(x, w)) >= {"conv float64"}


def test_what_was_begun_is_what_is_called():
    x, w = sd.input("x", (5, 3)), sd.input("w", (3, 2))
    f = sd.compile(sd.tanh(x @ w), inputs=[x, w])
    given = np.random.default_rng(0).normal(size=(5, 3)), np.random.default_rng(1).normal(size=(3, 2))
    np.testing.assert_allclose(f(*given), np.tanh(given[0] @ given[1]), rtol=1e-14)
    called = set(f._executor._table.functions) - {"copy"}
    assert called <= {"run", "gemm_float64", "split"}
