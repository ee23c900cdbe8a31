"""Kernels that sum over rows: their columns are a size where threads can share them."""

from __future__ import annotations

import pytest

import symdiff as sd
from symdiff.core.node import Node
from symdiff.cut import cut_of
from symdiff.lower.columns import COLUMNS, MANY
from symdiff.lower.lower import lower
from symdiff.lower.program import KernelCall

N = sd.dim("n")


def calls(*outputs: Node, inputs: list[Node]) -> list[KernelCall]:
    graph = sd.Graph(inputs=inputs, outputs={f"out{k}": node for k, node in enumerate(outputs)})
    return [step for step in lower(graph).steps if isinstance(step, KernelCall)]


@pytest.mark.parametrize("width, shared", [(MANY, True), (3 * MANY, True), (MANY - 1, False)])
def test_a_sum_over_rows_is_shared_by_columns_where_there_are_many(width: int, shared: bool) -> None:
    x, b = sd.input("x", (N, width)), sd.input("b", (width,))
    y = sd.relu(x + b)
    (call,) = calls(y, sd.sum(y, axis=0), inputs=[x, b])
    assert (COLUMNS.name in call.kernel.sizes) == shared
    cut = cut_of(call)
    assert (cut is not None) == shared
    if cut is not None:
        assert call.sizes[cut.size] == width
        assert cut.across
        assert set(cut.apart) == {8}  # bytes between columns, in matrices and vectors alike


def test_what_all_columns_read_is_seen_whole() -> None:
    x, scale = sd.input("x", (N, 200)), sd.input("scale", (N, 1))
    (call,) = calls(sd.sum(x * scale, axis=0), inputs=[x, scale])
    cut = cut_of(call)
    assert cut is not None
    apart = dict(zip([param.name for param in call.kernel.params], cut.apart, strict=True))
    assert apart.pop("scale") is None
    assert list(apart.values()) == [8, 8]


def test_what_passes_between_columns_is_not_shared() -> None:
    x = sd.input("x", (N, 200))
    softmax = sd.softmax(x, axis=1)
    for call in calls(softmax, sd.sum(softmax, axis=0), inputs=[x]):
        assert COLUMNS.name not in call.kernel.sizes


def test_a_kernel_that_knows_the_number_of_its_column_is_not_shared() -> None:
    x = sd.input("x", (N, 200))
    (call,) = calls(sd.sum(x * sd.arange(200, dtype="float64"), axis=0), inputs=[x])
    assert COLUMNS.name not in call.kernel.sizes


def test_rows_that_can_be_shared_are() -> None:
    x = sd.input("x", (N, 200))
    (call,) = calls(x + sd.sum(x, axis=1, keepdims=True), inputs=[x])
    assert COLUMNS.name not in call.kernel.sizes
    cut = cut_of(call)
    assert cut is not None
    assert not cut.across
