"""Conventions where a derivative has a choice: kinks, ties, zeros, infinities. Each is written at its operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.node import Node
from tests.autodiff.helpers import value

INF, NAN = float("inf"), float("nan")
X = sd.input("x", (3,))


def slope(build: Callable[[Node], Node], at: list[float]) -> Any:
    """d sum(build(x)) / dx."""
    return value(sd.grad(sd.sum(build(X)), X), {X: at})


@pytest.mark.parametrize(
    ("build", "at", "expected"),
    [
        (sd.relu, [-1, 0, 2], [0, 0, 1]),
        (sd.relu, [-0.0, INF, NAN], [0, 1, 0]),
        (sd.abs, [-2, 0, 3], [-1, 0, 1]),
        (sd.sqrt, [0, 1, 4], [INF, 0.5, 0.25]),
        (sd.log, [0, 1, 2], [INF, 1, 0.5]),
        (lambda x: sd.maximum(x, 1), [0, 1, 2], [0, 0.5, 1]),
        (lambda x: sd.minimum(x, 1), [0, 1, 2], [1, 0.5, 0]),
        (lambda x: sd.maximum(x, x), [0, 1, 2], [1, 1, 1]),
        (sd.max, [2, 5, 5], [0, 0.5, 0.5]),
        (sd.max, [1, 1, 1], [1 / 3, 1 / 3, 1 / 3]),
        (sd.min, [2, 5, 2], [0.5, 0, 0.5]),
        (lambda x: sd.where(x > 0, x, -x), [-1, 0, 1], [-1, -1, 1]),
        (lambda x: x % 2, [-1, 0, 3], [1, 1, 1]),
        (lambda x: 7 % x, [2, 4, 5], [-3, -1, -1]),
        (sd.prod, [0, 2, 3], [6, 0, 0]),
        (sd.prod, [0, 0, 3], [0, 0, 0]),
        (lambda x: x**2, [0, 1, 3], [0, 2, 6]),
        (lambda x: x**1, [0, 1, 3], [1, 1, 1]),
        (lambda x: x**0, [0, 1, INF], [0, 0, 0]),
        (lambda x: x**0.5, [0, 1, 4], [INF, 0.5, 0.25]),
        (lambda x: 0**x, [0, 1, 2], [0, 0, 0]),
        (lambda x: (x * 0 + 1) ** 2, [0, 1, 2], [0, 0, 0]),
        (sd.logsumexp, [-INF, 0, 0], [0, 0.5, 0.5]),
        (lambda x: sd.log_softmax(x)[0], [0, -800, -900], [0, 0, 0]),
        (sd.softplus, [-800, 0, 800], [0, 0.5, 1]),
        (sd.sigmoid, [-800, 0, 800], [0, 0.25, 0]),
        (sd.tanh, [-800, 0, 800], [0, 1, 0]),
    ],
)  # fmt: skip
def test_slope_at_a_kink(build: Callable[[Node], Node], at: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(slope(build, at), expected, rtol=1e-15, atol=0)


def test_power_at_zero() -> None:
    """d/dx = y x^(y-1), 0 where y = 0; d/dy = x^y log x, 0 where x = 0 <= y, NaN for x < 0."""
    x, y = sd.input("base", (5,)), sd.input("exponent", (5,))
    at = {x: [0, 0, 0, 2, -2], y: [0, 1, 2, 0, 2]}
    dx, dy = (value(g, at) for g in sd.grad(sd.sum(x**y), [x, y]))
    np.testing.assert_array_equal(dx, [0, 1, 0, 0, -4])
    np.testing.assert_array_equal(dy, [0, 0, 0, np.log(2), NAN])


def test_power_mixed_second_derivative_where_the_exponent_is_zero() -> None:
    """d2 x^y / dx dy = x^(y-1) (1 + y log x), which is 1/x at y = 0."""
    x, y = sd.input("base"), sd.input("exponent")
    assert value(sd.grad(sd.grad(x**y, x), y), {x: 4.0, y: 0.0}) == 0.25
    assert value(sd.grad(sd.grad(x**y, y), x), {x: 4.0, y: 0.0}) == 0.25


def test_ties_of_two_operands_share() -> None:
    x, y = sd.input("left", (2, 3)), sd.input("right", (3,))
    at = {x: [[1, 2, 3], [4, 2, 0]], y: [1, 2, 2]}
    dx, dy = (value(g, at) for g in sd.grad(sd.sum(sd.maximum(x, y)), [x, y]))
    np.testing.assert_array_equal(dx, [[0.5, 0.5, 1], [1, 0.5, 0]])
    np.testing.assert_array_equal(dy, [0.5, 1, 1])


@pytest.mark.parametrize("zeros", [(), (0,), (0, 2), (0, 1, 2)])
def test_product_with_zeros_to_second_order(zeros: tuple[int, ...]) -> None:
    """d2 prod / dx_i dx_j is the product of all others, 0 for i = j: exact, whatever is zero."""
    x = sd.input("factors", (4,))
    at = np.array([1.5, -2.0, 3.0, 0.5])
    at[list(zeros)] = 0
    gradient = sd.grad(sd.prod(x), x)
    np.testing.assert_array_equal(value(gradient, {x: at}), [np.prod(np.delete(at, i)) for i in range(4)])
    for i in range(4):
        row = [0 if i == j else np.prod(np.delete(at, [i, j])) for j in range(4)]
        np.testing.assert_array_equal(value(sd.grad(gradient[i], x), {x: at}), row)


def test_integer_operands_have_no_cotangent() -> None:
    x, k = sd.input("x", (3,)), sd.input("k", (3,), dtype="int64")
    np.testing.assert_array_equal(value(sd.grad(sd.sum(x * k), x), {x: [1, 2, 3], k: [4, 5, 6]}), [4, 5, 6])
    with pytest.raises(sd.GradientError, match="only float nodes"):
        sd.grad(sd.sum(x * k), k)


def test_gradients_keep_their_operands_dtype() -> None:
    x, w = sd.input("x", (3,), dtype="float32"), sd.input("w", (3,))
    cost = sd.sum(x * w)
    assert cost.dtype == np.float64
    dx, dw = sd.grad(cost, [x, w])
    assert (dx.dtype, dw.dtype) == (np.float32, np.float64)


# -- values


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (sd.softplus(X), [0.0, np.log(2), 800]),
        (sd.sigmoid(X), [0.0, 0.5, 1.0]),
        (sd.log_softmax(X), [-1600, -800, 0]),
        (sd.softmax(X), [0, 0, 1]),
        (sd.logsumexp(X), 800.0),
        (sd.cross_entropy(X, 0), 1600.0),
    ],
)
def test_large_arguments_do_not_overflow(node: Node, expected: Any) -> None:
    np.testing.assert_allclose(value(node, {X: [-800, 0, 800]}), expected)


def test_nan_and_infinity_pass_through() -> None:
    at = {X: [NAN, INF, -INF]}
    np.testing.assert_array_equal(value(sd.relu(X), at), [NAN, INF, 0])
    np.testing.assert_array_equal(value(sd.maximum(X, 0), at), [NAN, INF, 0])
    np.testing.assert_array_equal(value(sd.sign(X), at), [NAN, 1, -1])
    np.testing.assert_array_equal(value(sd.max(X), at), NAN)
    np.testing.assert_array_equal(value(sd.argmax(X), at), 0)
    np.testing.assert_array_equal(value(sd.softplus(X), at), [NAN, INF, 0])
    np.testing.assert_array_equal(value(sd.logsumexp(X[2:]), at), -INF)
    np.testing.assert_array_equal(value(sd.isfinite(X), at), [False, False, False])


@pytest.mark.parametrize(
    ("build", "bad"),
    [
        (lambda i: sd.take(X, i), 3), (lambda i: sd.take(X, i), -4), (lambda i: sd.one_hot(i, 3), -1),
        (lambda i: sd.take_along_axis(X, i), 3), (lambda i: sd.take_along_axis(X, i, wrap=False), -1),
        (lambda i: sd.cross_entropy(sd.stack([X, X]), i), 3),
    ],
)  # fmt: skip
def test_positions_outside_are_found_when_run(build: Callable[[Node], Node], bad: int) -> None:
    i = sd.input("i", (2,), dtype="int64")
    node = build(i)
    value(node, {X: [1, 2, 3], i: [0, 2]})
    with pytest.raises(
        sd.IndexRangeError, match=rf"index {bad} at .* is out of range for size 3: .*at test_conventions"
    ):
        value(node, {X: [1, 2, 3], i: [0, bad]})


def test_a_slice_outside_a_symbolic_axis_is_found_when_run() -> None:
    x = sd.input("rows", (sd.dim("n"),))
    np.testing.assert_array_equal(value(x[2:], {x: [1, 2, 3]}, n=3), [3])
    for part in (x[2:], x[:2], x[-2:], x[1]):
        with pytest.raises(sd.ShapeError, match="a slice must lie inside its axis"):
            value(part, {x: [1]}, n=1)


@pytest.mark.parametrize(
    "index",
    [
        0, -1, slice(None), slice(1, 3), slice(None, None, -1), slice(4, 0, -2), slice(-2, None),
        slice(10, 20), None, ...,
        (slice(None), 1), (..., -1), (None, 2), (1, None), (slice(None), None, slice(1, 2)), (..., None), (0, ..., 0),
        (slice(None, None, 3), slice(None, None, -2)), ([1, 0, -1],), (slice(None), [2, 2]),
        (None, [0, 1], slice(1, 3)),
        (slice(1, 4), None, [0, 2]), np.int64(2), (np.array([[0, 1], [2, 3]]),), (slice(0, 0), [1]),
    ],
    ids=str,
)  # fmt: skip
def test_indexing_is_numpys(index: Any) -> None:
    x = sd.input("table", (5, 3))
    at = np.arange(15.0).reshape(5, 3)
    np.testing.assert_array_equal(value(x[index], {x: at}), at[index])
    expected = np.zeros((5, 3))
    np.add.at(expected, index, 1.0)
    np.testing.assert_array_equal(value(sd.grad(sd.sum(x[index]), x), {x: at}), expected)
