"""A graph for a whole batch equals a loop over its items: every row of the operators' table, and ``vmap``."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.node import Node, build
from symdiff.core.op import Index, Op
from symdiff.core.traversal import toposort
from symdiff.core.types import TensorType
from tests.autodiff.helpers import value
from tests.ops.table import Row
from tests.ops.test_table import Values, cases, floats, run, sampled

ITEMS = 3


def some_of(leaves: list[Node]) -> Iterable[tuple[Node, ...]]:
    """Every choice of operands that have the batch; of many, one at a time and all."""
    sizes = range(1, len(leaves) + 1) if len(leaves) < 4 else (1, len(leaves))
    return (chosen for size in sizes for chosen in combinations(leaves, size))


def check_batch(outputs: list[Node], leaves: list[Node], draws: list[Values], n: int) -> None:
    for chosen in some_of(leaves):
        batches = {x: sd.input(f"{x.attrs['name']}_batch", (ITEMS, *x.shape), x.dtype) for x in chosen}
        values = draws[0] | {batch: np.stack([draw[x] for draw in draws]) for x, batch in batches.items()}
        whole = run(sd.batched(outputs, batches), values, n)
        for item, draw in enumerate(draws):
            single = run(outputs, draws[0] | {x: draw[x] for x in chosen}, n)
            for found, expected in zip(whole, single, strict=True):
                assert found.dtype == expected.dtype
                np.testing.assert_allclose(found[item], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("row", "n"), [case for case in cases() if case.values[0].operands])
def test_batch_of_value_and_gradient(row: Row, n: int) -> None:
    leaves = sampled(row, "float64", n)[0]
    draws = [sampled(row, "float64", n, seed)[1] for seed in range(ITEMS)]
    out = row.build(*leaves)
    gradients = sd.vjp(out, floats(leaves), 1.0, unused="zero") if row.order and floats(leaves) else []
    check_batch([out, *gradients], leaves, draws, n)


def test_an_operator_without_a_rule_takes_one_item_after_the_other() -> None:
    """Sorting a flattened array cannot be done for all items by the same call."""
    op = Op(
        name="unruly",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, inputs[0].shape),
        evaluate=lambda x, y: np.sort(x * y, axis=None),
        vjp=(lambda ct, out, x, y: ct, lambda ct, out, x, y: ct),
        lowering=Index(),
        flops=lambda node: 1,
    )
    x, y, xs = sd.input("x", (3,)), sd.input("y", (3,)), sd.input("xs", (5, 3))
    X, Y = np.random.default_rng(0).normal(size=(5, 3)), np.array([1.0, -1.0, 2.0])
    found = sd.batched(build(op, [x, y]) + x, {x: xs})
    np.testing.assert_array_equal(value(found, {xs: X, y: Y}), np.sort(X * Y, axis=1) + X)


def test_batches_must_fit() -> None:
    x, y = sd.input("x", (3,)), sd.input("y", (3,))
    for batch in (sd.input("b", (5, 4)), sd.input("b", ()), sd.input("b", (5, 3), "float32")):
        with pytest.raises(sd.ShapeError, match="a batch has one leading axis more than its node"):
            sd.batched(x, {x: batch})
    with pytest.raises(sd.ShapeError, match="of one size for all"):
        sd.batched(x * y, {x: sd.input("xs", (5, 3)), y: sd.input("ys", (6, 3))})
    with pytest.raises(sd.ShapeError, match="at least one node"):
        sd.batched(x, {})


# -- vmap


def test_axes() -> None:
    rng = np.random.default_rng(0)
    a, b = sd.input("a", (3, 5)), sd.input("b", (5, 4))
    A, B = rng.normal(size=(3, 5)), rng.normal(size=(5, 4))
    out = sd.vmap(lambda x, y: sd.sum(x) * y, in_axes=(1, 0), out_axes=-1)(a, b)
    np.testing.assert_allclose(value(out, {a: A, b: B}), (A.sum(0)[:, None] * B).T)
    kept = sd.vmap(lambda x, y: x @ y, in_axes=(0, None))(a, b)
    np.testing.assert_allclose(value(kept, {a: A, b: B}), A @ B)
    same = sd.vmap(lambda x: {"first": x, "second": sd.exp(b)})(a)
    assert same["second"].shape == (3, 5, 4)
    two = sd.vmap(lambda x: (x, x[:, None] * x), out_axes=(1, 2))(a)
    assert isinstance(two, tuple)
    assert [node.shape for node in two] == [(5, 3), (5, 5, 3)]


def test_nested() -> None:
    a, b = sd.input("a", (3, 2)), sd.input("b", (4, 2))
    A, B = np.arange(6.0).reshape(3, 2), np.arange(8.0).reshape(4, 2)
    pairs = sd.vmap(lambda x: sd.vmap(lambda y: sd.sum(sd.exp(-((x - y) ** 2))))(b))(a)
    np.testing.assert_allclose(value(pairs, {a: A, b: B}), np.exp(-((A[:, None] - B) ** 2)).sum(-1))


def test_gradients_of_each_example() -> None:
    """vmap of grad is a loop over grad; the batch may have any size."""
    n = sd.dim("n")
    xs, ys, w = sd.input("xs", (n, 3)), sd.input("ys", (n,), dtype="int64"), sd.param("w", (3, 4))

    def loss(x: Node, y: Node) -> Node:
        return sd.cross_entropy(sd.tanh(x @ w), y)

    each = sd.vmap(lambda x, y: sd.grad(loss(x, y), w))(xs, ys)
    assert each.shape == (n, 3, 4)
    rng = np.random.default_rng(0)
    X, Y, W = rng.normal(size=(5, 3)), rng.integers(0, 4, 5), rng.normal(size=(3, 4))
    whole = sd.grad(sd.mean(loss(xs, ys)), w)
    values: dict[Node, Any] = {xs: X, ys: Y, w: W}
    np.testing.assert_allclose(value(each, values, n=5).mean(0), value(whole, values, n=5), rtol=1e-12)
    fast = sd.compile(each, inputs=[xs, ys, w])
    np.testing.assert_allclose(fast(X, Y, W), value(each, values, n=5), rtol=1e-12)


def test_differentiated_from_outside() -> None:
    x = sd.input("x", (4, 3))
    y = sd.vmap(lambda row: sd.softmax(row) @ row)(x)
    X = np.random.default_rng(1).normal(size=(4, 3))
    assert sd.check_grad(sd.sum(y * y), x, {x: X}).ok


def test_a_batch_shares_one_large_product() -> None:
    xs, w = sd.input("xs", (7, 3)), sd.param("w", (3, 4))
    for out in (sd.vmap(lambda x: x @ w)(xs), sd.vmap(lambda x: w.T @ x)(xs)):
        (product,) = [node for node in toposort([out]) if node.op.name == "matmul"]
        assert product.shape == (7, 4)


def test_errors() -> None:
    x = sd.input("x", (3,))
    with pytest.raises(sd.ShapeError, match="in_axes has 2 entries for 1 arguments"):
        sd.vmap(lambda a: a, in_axes=(0, 0))(x)
    with pytest.raises(sd.ShapeError, match="no argument has a batch"):
        sd.vmap(lambda a: a, in_axes=None)(x)
    with pytest.raises(sd.ShapeError, match=r"vmap over x: float64\[3\] at .*: axis 1 is out of range"):
        sd.vmap(lambda a: a, in_axes=1)(x)
    with pytest.raises(sd.ShapeError, match="returns a node, or a list, tuple or dict of nodes, got 3"):
        sd.vmap(lambda a: 3)(x)
    kept: list[Node] = []
    sd.vmap(lambda a: kept.append(a) or a)(x)  # type: ignore[func-returns-value]
    with pytest.raises(sd.GraphError, match="x: it has a value only inside the function"):
        value(kept[0] + 1, {})
