"""Every row of the table: value against plain NumPy, type, gradients against central differences to second order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.dim import evaluate
from symdiff.core.node import Node
from symdiff.interpret import interpret
from symdiff.ops.record import OPS
from tests.ops.table import ROWS, Operand, Row

Array = np.ndarray[Any, Any]
Values = dict[Node, Array]
STEP = 1e-5
BATCHES = (7, 1, 0)
WRITTEN_OTHERWISE = ("no axes", "scalar", "dot", "int32 dot", "to float64", "as it is", "of integers", "truth values")
"""Variants of operators that are another one there, or nothing to do."""
MEAN_OF_BATCH = next(row for row in ROWS if row.label == "mean-of a batch")


def sampled(row: Row, dtype: str, n: int, seed: int = 0) -> tuple[list[Node], Values]:
    """Leaves for the operands of a row, and values drawn from their domains."""
    rng = np.random.default_rng(seed)
    leaves = [_leaf(f"x{place}", operand, dtype) for place, operand in enumerate(row.operands)]
    values = {}
    for node, operand in zip(leaves, row.operands, strict=True):
        shape = tuple(evaluate(size, {"n": n}) for size in node.shape)
        values[node] = np.asarray(operand.domain(rng, shape)).astype(node.dtype)
    return leaves, values


def _leaf(name: str, operand: Operand, dtype: str) -> Node:
    make = sd.param if operand.leaf == "param" else sd.input
    return make(name, operand.shape, dtype=operand.dtype or dtype)


def batches(row: Row) -> tuple[int, ...]:
    return BATCHES if any(isinstance(size, sd.Dim) for operand in row.operands for size in operand.shape) else (1,)


def cases() -> list[Any]:
    return [pytest.param(row, n, id=f"{row.label}-n{n}") for row in ROWS for n in batches(row)]


def smooth_cases(order: int) -> list[Any]:
    """Rows differentiable that often, where they have a value at all: the mean of nothing is NaN."""
    return [case for case in cases() if (case.values[0].order or 0) >= order and case.values != (MEAN_OF_BATCH, 0)]


def run(outputs: list[Node], values: Values, n: int) -> list[Array]:
    return interpret(outputs, values, {"n": n})


def test_every_operator_has_a_row() -> None:
    assert set(OPS) - {row.op for row in ROWS} == set(), "add a row to tests/ops/table.py for each of these"


def test_rows_exercise_the_operator_they_name() -> None:
    """A row's operator occurs in its graph (composites such as mean are not operators)."""
    from symdiff.core.traversal import toposort

    for row in ROWS:
        leaves, _ = sampled(row, "float64", 1)
        used = {node.op.name for node in toposort([row.build(*leaves)])}
        known = row.op not in OPS or row.variant in WRITTEN_OTHERWISE
        assert row.op in used or known, f"{row.label} builds {sorted(used)}"


def test_labels_are_unique() -> None:
    labels = [row.label for row in ROWS]
    assert sorted(set(labels)) == sorted(labels)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("row", "n"), cases())
def test_value_is_numpys(row: Row, n: int, dtype: str) -> None:
    leaves, values = sampled(row, dtype, n)
    node = row.build(*leaves)
    (actual,) = run([node], values, n)
    with np.errstate(all="ignore"):
        expected = np.asarray(row.numpy(*(values[leaf] for leaf in leaves)))
    assert node.dtype == actual.dtype == expected.dtype
    assert actual.shape == expected.shape == tuple(evaluate(size, {"n": n}) for size in node.shape)
    rtol = row.rtol32 if actual.dtype == np.float32 else 1e-11
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol)


def weights(rng: np.random.Generator, like: Array) -> Array:
    return np.asarray(rng.normal(size=like.shape))


def check_derivative(outputs: list[Node], wrt: list[Node], values: Values, n: int) -> None:
    """<ct, (f(x + h t) - f(x - h t)) / 2h> = <t, vjp(ct)> for random t and ct."""
    rng = np.random.default_rng(1)
    tangents = {x: weights(rng, values[x]) for x in wrt}
    results = run(outputs, values, n)
    cotangents = [weights(rng, result) for result in results]
    ahead, behind = (run(outputs, values | {x: values[x] + h * tangents[x] for x in wrt}, n) for h in (STEP, -STEP))
    slopes = [(a - b) / (2 * STEP) for a, b in zip(ahead, behind, strict=True)]
    expected = sum(float(np.sum(ct * slope)) for ct, slope in zip(cotangents, slopes, strict=True))
    names = [sd.input(f"ct{place}", node.shape) for place, node in enumerate(outputs)]
    found = run(sd.vjp(outputs, wrt, names, unused="zero"), values | dict(zip(names, cotangents, strict=True)), n)
    for x, gradient in zip(wrt, found, strict=True):
        assert gradient.shape == values[x].shape
    actual = sum(float(np.sum(tangents[x] * g)) for x, g in zip(wrt, found, strict=True))
    scale = 1 + sum(float(np.sum(np.abs(ct * slope))) for ct, slope in zip(cotangents, slopes, strict=True))
    assert abs(actual - expected) <= 2e-7 * scale, f"vjp says {actual}, differences say {expected}"


def floats(leaves: list[Node]) -> list[Node]:
    return [leaf for leaf in leaves if leaf.type.is_float]


@pytest.mark.parametrize(("row", "n"), smooth_cases(1))
def test_first_derivative(row: Row, n: int) -> None:
    leaves, values = sampled(row, "float64", n)
    check_derivative([row.build(*leaves)], floats(leaves), values, n)


@pytest.mark.parametrize(("row", "n"), smooth_cases(2))
def test_second_derivative(row: Row, n: int) -> None:
    """The first check again, on the gradient's own nodes (with a cotangent that is differentiated as well)."""
    leaves, values = sampled(row, "float64", n)
    out = row.build(*leaves)
    ct = sd.input("ct", out.shape)
    values[ct] = weights(np.random.default_rng(2), run([out], values, n)[0])
    wrt = floats(leaves)
    check_derivative(sd.vjp([out], wrt, [ct]), [*wrt, ct], values, n)


@pytest.mark.parametrize(("row", "n"), smooth_cases(1))
def test_float32_derivative(row: Row, n: int) -> None:
    """In float32 the gradient is that of float64, to float32's tolerance."""
    found = []
    for dtype in ("float64", "float32"):
        leaves, values = sampled(row, dtype, n)
        _, rounded = sampled(row, "float32", n)
        values = {leaf: array.astype(leaf.dtype) for leaf, array in zip(leaves, rounded.values(), strict=True)}
        out = row.build(*leaves)
        found.append(run(sd.vjp(out, floats(leaves), 1.0), values, n))
    for wide, narrow in zip(*found, strict=True):
        assert narrow.dtype == np.float32
        np.testing.assert_allclose(
            narrow, wide, rtol=20 * row.rtol32, atol=20 * row.rtol32 * (1 + np.abs(wide).max(initial=0))
        )


@pytest.mark.parametrize("row", [pytest.param(row, id=row.label) for row in ROWS if row.order == 0])
def test_no_derivative_is_said(row: Row) -> None:
    """Operators without a derivative say why; operands that are no floats have none to ask for."""
    leaves, _ = sampled(row, "float64", 1)
    out = row.build(*leaves)
    for leaf in leaves:
        with pytest.raises(sd.GradientError):
            sd.grad(sd.sum(sd.astype(out, "float64")), leaf)
