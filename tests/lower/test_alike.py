"""Regions that are alike share a kernel, and what a kernel depends on makes a difference."""

from __future__ import annotations

from collections.abc import Hashable
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given

import symdiff as sd
from symdiff.core.node import Node
from symdiff.emit.canonical import canonical
from symdiff.lower import lower as lowering
from symdiff.lower.alike import form
from symdiff.lower.ir import Param
from tests.emit.three_ways import assert_three_ways
from tests.lower.support import N, kernels, program, program_of
from tests.strategies import SampledGraph, examples, random_graphs

x, z = sd.input("x", (N, 10)), sd.input("z", (N, 10))
w = sd.input("w", (10, 10))
k, three = sd.input("k", (N,), dtype="int64"), sd.input("three", (3,), dtype="int64")
table, rows = sd.input("table", (7, 10)), sd.input("rows", (7, 10))


def network(layers: int) -> sd.TrainStep:
    value = x
    for layer in range(layers):
        value = sd.relu(value @ sd.param(f"w{layer}", (10, 10)) + sd.param(f"b{layer}", (10,)))
    return sd.train_step(sd.losses.softmax_cross_entropy(value, k), [x, k], sd.optim.adam(1e-3))


def test_layers_call_the_kernels_of_the_first() -> None:
    few, many = (set(kernels(program_of(network(layers).graph))) for layers in (4, 12))
    assert len(few) == len(many)


def test_a_shared_kernel_works_on_each_layers_own_arrays() -> None:
    graph = network(3).graph
    rng = np.random.default_rng(0)
    values = {node: rng.normal(size=[4 if size == N else size for size in node.shape]) for node in (x, *graph.params)}
    values |= {node: np.asarray(abs(values[node]), node.dtype) for node in graph.params}
    assert_three_ways(graph, {**values, k: np.array([1, 0, 9, 3])}, {"n": 4})


def apart(one: Node, other: Node) -> bool:
    """Whether two values, which products keep apart, share no kernel."""
    found = kernels(program(one @ w, other @ w))
    assert len(found) > 1
    return len(set(found)) == len(found)


def test_the_same_of_other_arrays() -> None:
    assert not apart(sd.tanh(x) * 2, sd.tanh(z) * 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(sd.tanh(x) * 2, sd.tanh(z) * 3, id="a constant"),
        pytest.param(sd.tanh(x) * 0.0, sd.tanh(z) * -0.0, id="the sign of zero"),
        pytest.param(sd.tanh(x), sd.sin(z), id="an operator"),
        pytest.param(sd.exp(x) - x, z - sd.exp(z), id="the order of operands"),
        pytest.param(sd.exp(x) / sd.input("v", (N, 10)), sd.exp(z) / z, id="one array twice"),
        pytest.param(x / sd.sum(x, 1, keepdims=True), z / sd.sum(z, 0, keepdims=True), id="an axis"),
        pytest.param(
            sd.take(table, three, axis=0), sd.take(rows, np.array([1, 2, 0]), axis=0), id="positions that are known"
        ),
        pytest.param(sd.exp(x), sd.exp(sd.broadcast_to(z[:, :1], x.shape)), id="a view"),
        pytest.param(sd.exp(x), sd.exp(sd.astype(sd.input("f", (N, 10), dtype="float32"), "float64")), id="a dtype"),
    ],
)
def test_differences_that_matter(one: Node, other: Node) -> None:
    assert apart(one, other)


seen: dict[Hashable, Hashable] = {}


@pytest.mark.sweep
@examples(150)
@given(random_graphs(gradients=True, batches=(1,)))
def test_equal_forms_are_equal_kernels(sample: SampledGraph) -> None:
    """Built each for itself, in all graphs drawn so far."""
    build = lowering._Lowering._built

    def recorded(self, region, in_memory, number):
        key, _ = form(region, self.fusion.rank, in_memory)
        made = build(self, region, in_memory, number)
        operands = tuple((o.dtype.name, o.shape) if isinstance(o, Param) else o for o in made.operands)
        result = (canonical(made.kernel), made.sizes, operands)
        assert seen.setdefault(key, result) == result
        return made

    with (
        patch.object(lowering._Lowering, "_built", recorded),
        patch.object(lowering, "form", lambda *asked: (object(), form(*asked)[1])),
    ):
        lowering.lower(sample.graph)
