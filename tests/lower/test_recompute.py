"""Steps taken again, for any graph: programs stay sound, the text of both computes the same bits in less memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given

import symdiff as sd
from symdiff.core.dim import evaluate
from symdiff.emit.driver import peak
from symdiff.emit.module import Module
from symdiff.lower.budget import Budget
from symdiff.lower.lower import lower
from symdiff.lower.program import Gemm, KernelCall, Program, Step, Storage, touches
from symdiff.lower.verify import verify_program
from symdiff.passes.pipeline import optimize
from tests.emit.test_patterns import PATTERNS
from tests.emit.three_ways import some_values
from tests.lower.support import N, program
from tests.strategies import Array, SampledGraph, examples, random_graphs

SHARES = (0.9, 0.7, 0.5, 0.3)
Values = Mapping[sd.Node, Array]


def run(found: Program, values: Values, sizes: Mapping[str, int]) -> list[Array]:
    """Outputs and updated parameters by the emitted text on NumPy; memory starts with a value that shows."""
    names = Module(found).undecorated()
    own = {node: np.array(value) for node, value in values.items()}
    with np.errstate(all="ignore"):
        work = names["workspace"](*(sizes[name] for name in found.sizes))
        for array in work:
            array.fill(77)
        graph = found.graph
        results = names[found.name](*(own[leaf] for leaf in dict.fromkeys((*graph.inputs, *graph.params))), work)
    results = results if isinstance(results, tuple) else (results,)
    return [np.array(one) for one in (*results, *(own[param] for param in graph.updates))]


def check(graph: sd.Graph, values: Values, sizes: Mapping[str, int]) -> int:
    """How many budgets were kept; each gives a sound program and the same bits."""
    graph, _ = optimize(graph)
    plain = lower(graph)
    sizes = {name: sizes[name] for name in plain.sizes}
    expected = run(plain, values, sizes)
    most, kept = evaluate(peak(plain), sizes), 0
    for share in SHARES:
        budget = int(share * most)
        try:
            found = lower(graph, Budget(budget, sizes)) if budget else plain
        except sd.GraphError as error:
            assert "is too little" in str(error)
            continue
        verify_program(found)
        assert evaluate(peak(found), sizes) <= budget
        results = run(found, values, sizes)
        assert all(np.array_equal(one, other, equal_nan=True) for one, other in zip(results, expected, strict=True))
        kept += 1
    return kept


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.__name__)
def test_patterns(pattern: object) -> None:
    graph: sd.Graph = pattern()  # type: ignore[operator]
    sizes = {name: 5 for node in graph.inputs for size in node.shape if isinstance(size, sd.Dim) for name in size.names}
    check(graph, some_values(*graph.inputs, *graph.params, **sizes), sizes)


@pytest.mark.sweep
@examples(40)
@given(random_graphs(gradients=True, batches=(1, 3, 7)))
def test_random_graphs(sample: SampledGraph) -> None:
    check(sample.graph, sample.values, sample.sizes)


def test_a_deep_network_keeps_every_budget() -> None:
    x = h = sd.input("x", (N, 4))
    for k in range(30):
        h = sd.tanh(h @ sd.param(f"w{k}", (4, 4)) + sd.param(f"b{k}", (4,)))
    graph = sd.train_step(sd.mean(sd.square(h)), [x], sd.optim.momentum(0.1)).graph
    assert check(graph, some_values(*graph.inputs, *graph.params, n=20), {"n": 20}) == len(SHARES)


def layers(count: int) -> sd.Graph:
    x = h = sd.input("x", (N, 4))
    for k in range(count):
        h = sd.tanh(h @ sd.param(f"w{k}", (4, 4)))
    return sd.train_step(sd.sum(h), [x], sd.optim.sgd(0.1)).graph


def test_a_limit_that_is_tight_takes_steps_more_than_twice() -> None:
    """Less memory than a checkpoint for every few layers needs: values are made again from values made again."""
    graph, _ = optimize(layers(40))
    most = evaluate(peak(lower(graph)), {"n": 100})
    found = lower(graph, Budget(most // 5, {"n": 100}))
    assert found.recomputed is not None
    times = max(sum(_same(one, step) for one in found.steps) for step in found.recomputed.steps)
    assert times > 2


def _same(one: Step, other: Step) -> bool:
    if isinstance(one, Gemm) and isinstance(other, Gemm):
        return one.node is other.node
    return isinstance(one, KernelCall) and isinstance(other, KernelCall) and one.results == other.results


def test_no_kernel_is_added() -> None:
    graph, _ = optimize(layers(10))
    most = evaluate(peak(lower(graph)), {"n": 100})
    plain, found = Module(lower(graph)), Module(lower(graph, Budget(most // 2, {"n": 100})))
    assert {kernel.digest for kernel in found.kernels} == {kernel.digest for kernel in plain.kernels}


def test_a_product_made_again_has_memory_of_its_own() -> None:
    graph, _ = optimize(layers(10))
    found = lower(graph, Budget(20_000, {"n": 100}))
    assert found.recomputed is not None
    first: dict[Storage, Step] = {}
    for step in found.steps:
        for buffer in touches(step):
            first.setdefault(buffer.storage, step)
    products = {step for step in found.recomputed.steps if isinstance(step, Gemm)}
    assert products
    assert products <= set(first.values())


def test_the_plan_does_not_depend_on_chance() -> None:
    graph, _ = optimize(layers(12))
    sources = {Module(lower(graph, Budget(20_000, {"n": 100}))).source() for _ in range(3)}
    assert len(sources) == 1


def test_a_budget_that_is_large_enough_changes_nothing() -> None:
    graph, _ = optimize(layers(6))
    plain = Module(lower(graph)).source()
    assert Module(lower(graph, Budget(10**9, {"n": 100}))).source() == plain


def test_without_a_budget_nothing_is_said() -> None:
    assert program(sd.tanh(sd.input("x", (N,)))).recomputed is None
