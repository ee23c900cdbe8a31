"""What the random graphs promise, and what every later test builds on: their gradients are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given

from symdiff.interpret import interpret, interpret_graph
from tests.strategies import SampledGraph, assert_close, examples, random_graphs


@pytest.mark.sweep
@examples(150)
@given(random_graphs())
def test_values_are_finite_and_moderate(sample: SampledGraph) -> None:
    for node, value in zip(sample.graph.roots, interpret_graph(sample.graph, sample.values, sample.sizes), strict=True):
        assert value.dtype == node.dtype
        assert np.isfinite(value).all()
        assert np.abs(value).max(initial=0) < 1e6


@pytest.mark.sweep
@examples(100)
@given(random_graphs(dtype="float32", gradients=True))
def test_float32_agrees_with_float64(sample: SampledGraph) -> None:
    """The same program in two precisions: the graphs are well conditioned, so ``assert_close`` can be strict."""
    from symdiff.core.node import Node, build
    from symdiff.core.traversal import toposort

    wide: dict[Node, Node] = {}
    values = {}
    for node in toposort(sample.graph.roots):
        attrs = {name: np.dtype("float64") if value == np.float32 else value for name, value in node.attrs.items()}
        if node.op.name == "constant":
            array = node.attrs["value"].array
            from symdiff.ops.convert import constant

            wide[node] = constant(array.astype("float64") if array.dtype == np.float32 else array)
        else:
            wide[node] = build(node.op, [wide[parent] for parent in node.inputs], attrs)
        if node in sample.values:
            values[wide[node]] = sample.values[node].astype(wide[node].dtype)
    narrow = interpret_graph(sample.graph, sample.values, sample.sizes)
    for a, b in zip(narrow, interpret([wide[root] for root in sample.graph.roots], values, sample.sizes), strict=True):
        assert_close(a, b.astype("float32"), "float32")


@pytest.mark.sweep
@examples(150)
@given(random_graphs(dtype="float64", gradients=True, batches=(0, 1, 5)))
def test_gradients_are_the_slopes(sample: SampledGraph) -> None:
    """At random points off the grid, where kinks have probability zero."""
    graph, rng = sample.graph, np.random.default_rng(0)
    assume(all(node.op.name != "stop_gradient" for node in graph.nodes))
    values = {x: v + rng.uniform(-0.06, 0.06, v.shape) if v.dtype.kind == "f" else v for x, v in sample.values.items()}
    wrt = [x for x in graph.inputs if f"d_{x.attrs['name']}" in graph.outputs]
    tangents = {x: rng.normal(size=values[x].shape) for x in wrt}

    def slope(step: float) -> float:
        ahead, behind = (
            interpret([graph.outputs["cost"]], values | {x: values[x] + h * tangents[x] for x in wrt}, sample.sizes)[0]
            for h in (step, -step)
        )
        return float(ahead - behind) / (2 * step)

    expected = slope(1e-6)
    scale = 1 + abs(expected)
    assume(abs(slope(4e-6) - expected) < 1e-6 * scale)  # no kink within the step
    gradients = interpret([graph.outputs[f"d_{x.attrs['name']}"] for x in wrt], values, sample.sizes)
    actual = sum(float(np.sum(tangents[x] * g)) for x, g in zip(wrt, gradients, strict=True))
    assert abs(actual - expected) < 2e-5 * scale
