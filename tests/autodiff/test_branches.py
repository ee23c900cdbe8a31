"""A NaN or infinity in the branch not taken stays there, whatever lies between the branch and the input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.node import Node
from tests.autodiff.helpers import count, value

X = sd.input("x", (3,))
ROW = [0.0, 1.0, 4.0]
ZERO = [0.0, 0.0, 0.0]


def norm(x: Node, **how: Any) -> Node:
    return sd.sqrt(sd.sum(x * x, **how))


def half_square(x: Node) -> Node:
    return sd.sqrt(x) * sd.sqrt(x)


CASES: list[tuple[str, Callable[[Node], Node], list[float], list[float]]] = [
    ("log", lambda x: sd.where(x > 0, sd.log(x), 0), ROW, [0, 1, 0.25]),
    ("swapped", lambda x: sd.where(x <= 0, 0, sd.log(x)), ROW, [0, 1, 0.25]),
    ("sqrt", lambda x: sd.where(x > 0, sd.sqrt(x), 0), ROW, [0, 0.5, 0.25]),
    ("divide", lambda x: sd.where(sd.not_equal(x, 0), 1 / x, 0), ROW, [0, -1, -1 / 16]),
    ("power", lambda x: sd.where(x > 0, x**0.5, x), ROW, [1, 0.5, 0.25]),
    ("elementwise chain", lambda x: sd.where(x > 0, sd.exp(-3 * sd.log(x)) + 1, 0), ROW, [0, -3, -3 / 256]),
    ("two paths to one root", lambda x: sd.where(x > 0, half_square(x), 0), ROW, [0, 1, 1]),
    (
        "two uses of one log",
        lambda x: sd.where(x > 1, sd.log(x), 0) + sd.where(x > 0, sd.log(x) * 2, 0),
        ROW,
        [0, 2, 0.75],
    ),
    ("both branches", lambda x: sd.where(x > 0, sd.sqrt(x) * x, -x * sd.sqrt(-x)), [-4.0, 1.0, 4.0], [-3, 1.5, 3]),
    ("nested", lambda x: sd.where(x > 0, sd.log(x), sd.where(x < 0, sd.log(-x), 0)), [0.0, 2.0, -4.0], [0, 0.5, -0.25]),
    ("nested, inner taken", lambda x: sd.where(x > -1, sd.where(x > 0, sd.sqrt(x), 0), sd.log(x)), ROW, [0, 0.5, 0.25]),
    ("relu outside", lambda x: sd.where(x > 0, sd.relu(sd.log(x)), 0), ROW, [0, 0, 0.25]),
    ("relu inside", lambda x: sd.where(x > 0, sd.log(sd.relu(x)), 0), ROW, [0, 1, 0.25]),
    ("norm", lambda x: sd.where(sd.sum(x * x) > 0, norm(x), 0), ZERO, ZERO),
    ("normalised", lambda x: sd.where(sd.sum(x * x) > 0, x / norm(x), x), ZERO, [1, 1, 1]),
    ("keepdims", lambda x: sd.where(sd.sum(x * x) > 0, x / norm(x, keepdims=True), 0), ZERO, ZERO),
    ("log of a sum", lambda x: sd.where(sd.sum(x) > 0, sd.exp(2 * sd.sum(sd.log(x))), 0), ZERO, ZERO),
    ("maximum of logs", lambda x: sd.where(sd.sum(x) > 0, sd.max(sd.log(x)), 0), ZERO, ZERO),
    ("product of logs", lambda x: sd.where(sd.sum(x) > 0, sd.prod(sd.log(x)), 0), ZERO, ZERO),
    ("mean", lambda x: sd.where(sd.sum(x) > 0, sd.mean(sd.sqrt(x)), 0), ZERO, ZERO),
    (
        "matmul, one condition",
        lambda x: sd.where(sd.sum(x) > 0, sd.sqrt(x) @ sd.constant(np.ones((3, 2))), 0),
        ZERO,
        ZERO,
    ),
    ("softmax, one condition", lambda x: sd.where(sd.sum(x) > 0, sd.softmax(sd.log(x)), 0), ZERO, ZERO),
    ("reshape", lambda x: sd.where(x[:, None] > 0, sd.log(x).reshape(3, 1), 0), ROW, [0, 1, 0.25]),
    ("permute", lambda x: sd.where(x[None] > 0, sd.log(x[:, None]).T, 0), ROW, [0, 1, 0.25]),
    ("broadcast", lambda x: sd.where(x > 0, sd.broadcast_to(sd.log(x), (1, 3)), 0), ROW, [0, 1, 0.25]),
    ("slice", lambda x: sd.where(x[::-1] > 0, sd.log(x)[::-1], 0), ROW, [0, 1, 0.25]),
    ("part of it", lambda x: sd.where(x[:2] > 0, sd.log(x)[:2], 0), ROW, [0, 1, 0]),
    ("concat", lambda x: sd.where(x > 0, sd.concat([sd.log(x[:1]), sd.sqrt(x[1:])]), 0), ROW, [0, 0.5, 0.25]),
    ("stack", lambda x: sd.where(x > 0, sd.stack([sd.log(x), sd.log(x)]), 0), ROW, [0, 2, 0.5]),
    ("rows", lambda x: sd.where((x > 0)[:, None], x[:, None] / norm(x[:, None], axis=1, keepdims=True), 0), ROW, ZERO),
    (
        "broadcast over columns",
        lambda x: sd.where((x > 0)[:, None], sd.sqrt(x)[:, None] * np.ones((1, 2)), 0),
        ROW,
        [0, 1, 0.5],
    ),
    ("loser of a maximum", lambda x: sd.maximum(sd.sqrt(x), 0.5), ROW, [0, 0.5, 0.25]),
    ("loser of a minimum", lambda x: sd.minimum(1 / x, 3), ROW, [0, -1, -1 / 16]),
    ("astype", lambda x: sd.where(x > 0, sd.log(x).astype("float32"), 0), ROW, [0, 1, 0.25]),
]


@pytest.mark.parametrize(("name", "build", "at", "expected"), CASES, ids=[case[0] for case in CASES])
def test_branch_not_taken(name: str, build: Callable[[Node], Node], at: list[float], expected: list[float]) -> None:
    gradient = sd.grad(sd.sum(build(X)).astype("float64"), X)
    np.testing.assert_allclose(value(gradient, {X: at}), expected, rtol=1e-6, atol=0)


# Not the product: its derivative sums over axes along which the condition (which factor is left out) varies.
SMOOTH = [case[1:3] for case in CASES if case[0] != "product of logs"]


@pytest.mark.parametrize(("build", "at"), SMOOTH, ids=[case[0] for case in CASES if case[0] != "product of logs"])
def test_second_order_has_no_nan_either(build: Callable[[Node], Node], at: list[float]) -> None:
    gradient = sd.grad(sd.sum(build(X)).astype("float64"), X)
    second = value(sd.grad(sd.sum(gradient * sd.constant([1.0, 2.0, 3.0])), X, unused="zero"), {X: at})
    assert np.isfinite(second).all()


def test_nan_in_the_branch_taken_is_kept() -> None:
    gradient = value(sd.grad(sd.sum(sd.where(X >= 0, sd.log(X), 0)), X), {X: [0.0, -1.0, float("nan")]})
    np.testing.assert_array_equal(gradient, [np.inf, 0.0, 0.0])


def test_condition_of_the_users_moves_but_masks_of_relu_do_not() -> None:
    """Moving a mask costs memory; for relu there is nothing to protect before the next product."""
    x = sd.input("x", (4, 6))
    w = sd.param("w", (3, 2))
    gradients = sd.grad(sd.sum(sd.relu(x).reshape(8, 3) @ w), [x, w])
    assert count(gradients, "where") == 1
    masks = [node for node in _nodes(gradients) if node.dtype == np.bool_]
    assert [mask.shape for mask in masks] == [(4, 6)]


def _nodes(outputs: list[Node]) -> list[Node]:
    from symdiff.core.traversal import toposort

    return toposort(outputs)
