"""The order of steps: gradients are used up as soon as they are there, and nothing is written before the last check."""

from __future__ import annotations

import pytest

import symdiff as sd
from symdiff.core.dim import evaluate
from symdiff.emit.driver import peak, sections
from symdiff.lower.program import CheckRange, Gemm, KernelCall, Program, written
from tests.emit.three_ways import assert_three_ways, some_values
from tests.lower.support import N, program, program_of

x = sd.input("x", (N, 8))
w = sd.param("w", (8, 8))
b = sd.param("b", (8,))


def deep(layers: int, optimizer: sd.optim.Optimizer) -> sd.Graph:
    h = x
    for k in range(layers):
        h = sd.tanh(h @ sd.param(f"w{k}", (8, 8)) + sd.param(f"b{k}", (8,)))
    return sd.train_step(sd.mean(h * h), [x], optimizer).graph


def written_at(found: Program) -> dict[str, int]:
    """The step that writes each parameter."""
    buffers = {buffer.storage: buffer.name for buffer in found.params}
    places = enumerate(found.steps)
    return {buffers[b.storage]: k for k, step in places for b in written(step) if b.storage in buffers}


@pytest.mark.parametrize("optimizer", [sd.optim.sgd(0.1), sd.optim.adam(1e-3)], ids=["sgd", "adam"])
def test_a_gradient_needs_memory_for_a_moment(optimizer: sd.optim.Optimizer) -> None:
    """One activation for each layer and a few more, one gradient of a weight, whatever the depth."""
    few, many = (peak(program_of(deep(layers, optimizer))) for layers in (5, 20))
    assert evaluate(many - few, {"n": 1000}) == 15 * 8 * 8 * 1000
    assert evaluate(many - few, {"n": 0}) == 0


def test_an_update_follows_its_gradient() -> None:
    found = program_of(deep(6, sd.optim.sgd(0.1)))
    writes = written_at(found)
    for k in range(6):
        gradient = found.steps[writes[f"w{k}"] - 1]
        assert isinstance(gradient, Gemm)
        assert gradient.out.name == f"d_w{k}"


def test_an_update_waits_for_the_last_reader_of_the_old_value() -> None:
    found = program_of(deep(6, sd.optim.sgd(0.1)))
    for k, step in enumerate(found.steps):
        for target, place in written_at(found).items():
            reads = isinstance(step, Gemm) and target in (step.a.name, step.b.name)
            assert not (reads and k > place), target


def test_sections_that_take_turns_share_a_title() -> None:
    titles = dict.fromkeys(sections(program_of(deep(6, sd.optim.sgd(0.1)))))
    assert list(titles) == ["forward", "backward and update", "update"]


def test_no_update_before_an_index_that_is_computed_was_checked() -> None:
    scores = sd.tanh(x @ w)
    picked = sd.take(b, sd.astype(scores[:, 0] * 3, "int64"), axis=0)
    updates = {w: w - 0.1 * sd.sum(sd.exp(x), 0), b: b * 2}
    graph = sd.Graph([sd.sum(picked)], [x], updates=updates)
    found = program_of(graph)
    last = max(k for k, step in enumerate(found.steps) if isinstance(step, CheckRange))
    assert min(written_at(found).values()) > last
    assert_three_ways(graph, some_values(x, w, b, n=4), {"n": 4})


def test_updates_that_read_each_other() -> None:
    v = sd.param("v", (8, 8))
    graph = sd.Graph([sd.sum(w @ v)], updates={w: w - v @ w, v: v + w @ v})
    program_of(graph)
    assert_three_ways(graph, some_values(w, v))


def test_what_outputs_share_with_updates_stays() -> None:
    """A gradient that is reported as well: the outputs come first, the update after them."""
    loss = sd.mean(sd.square(x @ w + b))
    gradient = sd.grad(loss, w)
    graph = sd.Graph([loss, sd.sum(gradient * gradient)], [x], updates={w: w - 0.1 * gradient})
    assert_three_ways(graph, some_values(x, w, b, n=3), {"n": 3})


def test_without_updates_the_order_is_that_of_the_graph() -> None:
    found = program(sd.tanh(x @ w) @ w)
    assert [type(step) for step in found.steps] == [Gemm, KernelCall, Gemm]
