"""Updates: every new value is computed from the old ones, wherever it is computed and in whatever order."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd
from symdiff.lower.lower import lower
from symdiff.lower.program import Copy, KernelCall
from symdiff.native import NativeExecutor
from symdiff.passes.pipeline import optimize
from tests.emit.three_ways import assert_three_ways, compiled, some_values, undecorated

N = sd.dim("n")
p, q, r = (sd.param(name, (3,)) for name in "pqr")
square = sd.param("square", (3, 3))
table = sd.param("table", (5, 2))
flat = sd.param("flat", (10,))
x = sd.input("x", (3,))
rows = sd.input("rows", (N, 3))
indices = sd.input("indices", (5,), dtype="int64")
new = p - 0.5 * x

UPDATES = {
    "swap": ({}, {p: q, q: p}),
    "swap, old values out": ({"old_p": p, "both": p + q}, {p: q, q: p}),
    "rotate": ({}, {p: q, q: r, r: p + 1}),
    "from an input": ({"dot": sd.sum(p * x)}, {p: x}),
    "from a constant": ({"total": sd.sum(p)}, {p: sd.constant([1.0, 2.0, 3.0])}),
    "from a number": ({}, {p: sd.broadcast_to(sd.constant(2.0), (3,))}),
    "no change": ({"product": p * q}, {p: p, q: p + q}),
    "transpose": ({}, {square: square.T}),
    "function of the transpose": ({}, {square: sd.tanh(square.T) * 2 + square}),
    "product": ({}, {square: square @ square}),
    "product that is also an output": ({"new": square @ square}, {square: square @ square}),
    "also an output": ({"new": new, "old": p}, {p: new}),
    "average of the new value": ({"total": sd.sum(p)}, {p: new, q: 0.75 * q + 0.25 * new}),
    "average that comes first": ({}, {q: 0.75 * q + 0.25 * new, p: new}),
    "two from one node": ({}, {p: new, q: new}),
    "two from one node and its reshape": ({}, {table: sd.tanh(table), flat: sd.reshape(sd.tanh(table), (10,))}),
    "each from the other's reshape": ({}, {table: sd.reshape(flat, (5, 2)), flat: sd.reshape(table, (10,))}),
    "each from the other's function": ({}, {p: sd.tanh(q), q: sd.sin(p)}),
    "gather of itself": ({}, {table: sd.take(table, indices, axis=0)}),
    "gather of itself, old rows out": (
        {"old": sd.take(table, indices, axis=0)},
        {table: sd.take(table, indices, axis=0) * 2},
    ),
    "neighbours": ({}, {p: sd.concat([p[1:] + p[:-1], p[:1]])}),
    "reversed": ({}, {p: p[::-1] + p}),
    "its first element": ({}, {p: p - p[0]}),
    "its first row": ({}, {square: square - square[0]}),
    "its column sums": ({}, {square: square - sd.sum(square, 0)}),
    "its row sums": ({}, {square: square - sd.sum(square, 1, keepdims=True)}),
    "its norm": ({}, {square: square / sd.sum(square * square)}),
    "softmax of rows": ({}, {square: sd.softmax(square, -1)}),
    "softmax of columns": ({}, {square: sd.softmax(square, 0)}),
    "sum over a batch": ({"loss": sd.sum(rows * p)}, {p: p - sd.sum(rows * p, 0)}),
    "read by later products": ({"product": new @ square}, {p: new, q: new @ square}),
}


@pytest.mark.parametrize("case", UPDATES)
def test_new_values_come_from_old_ones(case: str) -> None:
    outputs, updates = UPDATES[case]
    graph = sd.Graph(outputs, updates=updates)
    assert_three_ways(graph, some_values(*graph.inputs, *graph.params, n=4), {"n": 4})


def test_new_values_read_under_another_shape() -> None:
    """A later kernel that reads the new value as a vector may not write over it: it lives in the parameter."""
    new, places = table * 0.5 + 1, sd.input("places", (4,), dtype="int64")
    flattened = sd.reshape(new, (10,))
    scaled = sd.exp(flattened * 2) + sd.sum(sd.sin(flattened))
    outputs = {"a": sd.take(scaled, places, axis=0), "b": sd.take(sd.tanh(flattened), places, axis=0)}
    graph = sd.Graph(outputs, updates={table: new})
    assert_three_ways(graph, some_values(*graph.inputs, *graph.params))


def test_in_place_when_it_is_safe() -> None:
    program = lower(optimize(sd.Graph({"loss": sd.sum(p)}, updates={p: new, q: 0.75 * q + 0.25 * new}))[0])
    assert not any(isinstance(step, Copy) for step in program.steps)


@pytest.mark.parametrize("case", ["swap", "function of the transpose", "gather of itself", "its first row"])
def test_by_a_copy_when_it_is_not(case: str) -> None:
    outputs, updates = UPDATES[case]
    program = lower(optimize(sd.Graph(outputs, updates=updates))[0])
    assert any(isinstance(step, Copy) for step in program.steps)


@pytest.mark.parametrize("computed", [False, True])
def test_a_failing_index_leaves_every_parameter_as_it_was(computed: bool) -> None:
    """Also when the indices are computed in the step, after the first kernels have run."""
    given = sd.input("given", (3,), dtype="int32" if computed else "int64")
    at = given * 2 if computed else given
    loss = sd.sum(sd.square(sd.take(table, at, axis=0))) + sd.sum(sd.tanh(p))
    gradients = sd.grad(loss, [table, p])
    updates = {table: table - gradients[0], p: p - gradients[1], q: p}
    graph, _ = optimize(sd.Graph({"loss": loss}, [given], updates=updates))
    values = some_values(*graph.params) | {given: np.array([0, 1, 7], given.dtype)}
    executor = NativeExecutor(graph, "failing")
    for run in (lambda own: compiled(executor, own, {}), lambda own: undecorated(graph, own, {})):
        own = {node: value.copy() for node, value in values.items()}
        with pytest.raises(IndexError, match="out of range for size 5"):
            run(own)
        for node, value in values.items():
            np.testing.assert_array_equal(own[node], value)


def test_updates_come_after_everything_that_can_fail() -> None:
    given = sd.input("given", (3,), dtype="int32")
    graph = sd.Graph({"rows": sd.take(table, given + 1, axis=0)}, updates={p: p * 2, q: p + q})
    steps = lower(graph).steps
    last = max(place for place, step in enumerate(steps) if type(step).__name__ == "CheckRange")
    writers = [
        place
        for place, step in enumerate(steps)
        for buffer in (step.buffers if isinstance(step, KernelCall) else ())
        if buffer.role == "param" and buffer.name in ("p", "q")
    ]
    assert min(writers) > last


def test_an_argument_of_the_call_is_not_updated() -> None:
    """The array is the caller's, or a converted copy that nobody would see change."""
    with pytest.raises(sd.GraphError, match=r"q: float64\[3\] is an argument of each call, so it cannot be updated"):
        sd.Graph({}, [q], updates={q: q + 1})
