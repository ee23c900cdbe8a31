"""interpreter == emitted source undecorated == compiled code, on random graphs and every batch size."""

from __future__ import annotations

import pytest
from hypothesis import given

from symdiff.interpret import interpret_graph
from symdiff.native import NativeExecutor
from symdiff.passes.pipeline import optimize
from tests.emit.three_ways import compiled, undecorated
from tests.strategies import BATCHES, SampledGraph, assert_close, examples, random_graphs


def assert_same(graph, found, expected):
    for name, one, other in zip(graph.outputs, found, expected, strict=True):
        assert_close(one, other, other.dtype), name


@pytest.mark.sweep
@examples(150)
@given(random_graphs(batches=(0, 1, 3)))
def test_undecorated_source_is_the_interpreter(sample: SampledGraph) -> None:
    expected = interpret_graph(sample.graph, sample.values, sample.sizes)
    assert_same(sample.graph, undecorated(sample.graph, sample.values, sample.sizes), expected)


@pytest.mark.sweep
@examples(60)
@given(random_graphs(gradients=True, batches=(0, 1, 3)))
def test_undecorated_source_after_the_passes(sample: SampledGraph) -> None:
    expected = interpret_graph(sample.graph, sample.values, sample.sizes)
    graph, _ = optimize(sample.graph)
    assert_same(graph, undecorated(graph, sample.values, sample.sizes), expected)


@pytest.mark.sweep
@examples(25)
@given(random_graphs())
def test_compiled_code_is_the_interpreter_for_every_batch_size(sample: SampledGraph) -> None:
    graph, _ = optimize(sample.graph)
    executor = NativeExecutor(graph, "random")
    for n in BATCHES:
        again = sample.resized(n, seed=n)
        expected = interpret_graph(sample.graph, again.values, again.sizes)
        assert_same(graph, compiled(executor, again.values, again.sizes), expected)
