"""Derivatives that are easy to get wrong, through the compiled code: higher order, overflow, branches not taken."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import symdiff as sd


@pytest.mark.parametrize("label", [0, 3])
def test_hessian_of_softmax_cross_entropy(label: int) -> None:
    z, y = sd.input("z", (5,)), sd.input("y", (), dtype="int64")
    gradient = sd.grad(sd.cross_entropy(z, y), z)
    hessian = sd.stack([sd.grad(gradient[k], z) for k in range(5)])
    p, found = sd.compile([sd.softmax(z), hessian], inputs=[z, y])([0.3, -1.2, 2.0, 0.0, 0.7], label)
    np.testing.assert_allclose(found, np.diag(p) - np.outer(p, p), rtol=0, atol=1e-15)


def test_tanh_to_the_fourth_order() -> None:
    x = sd.input("x", (7,))
    orders = [sd.tanh(x)]
    for _ in range(4):
        orders.append(sd.grad(sd.sum(orders[-1]), x))
    places = np.linspace(-2, 2, 7)
    symbol = sympy.Symbol("t")
    for order, found in enumerate(sd.compile(orders, inputs=[x])(places)):
        exact = sympy.lambdify(symbol, sympy.diff(sympy.tanh(symbol), symbol, order), "math")
        np.testing.assert_allclose(found, [exact(place) for place in places], rtol=0, atol=1e-13)


def test_log_of_one_plus_exp_far_out() -> None:
    x = sd.input("x", (5,))
    value = sd.log(1 + sd.exp(x))
    found, slope = sd.compile([value, sd.grad(sd.sum(value), x)], inputs=[x])([800, -800, 0, 40, -40])
    np.testing.assert_allclose(found, [800, 0, np.log(2), 40, np.exp(-40)], rtol=1e-15)
    np.testing.assert_allclose(slope, [1, 0, 0.5, 1, np.exp(-40)], rtol=1e-15)


def test_the_branch_not_taken_gives_no_nan() -> None:
    x = sd.input("x", (3,))
    norm = sd.sqrt(sd.sum(x * x))
    costs = [
        sd.sum(sd.where(x > 0, sd.sqrt(x), 0)),
        sd.where(sd.sum(x * x) > 0, norm, 0),
        sd.sum(sd.where(x > 0, sd.log(x), 0)),
    ]
    for gradient in sd.compile([sd.grad(cost, x) for cost in costs], inputs=[x])(np.zeros(3)):
        np.testing.assert_array_equal(gradient, 0)
