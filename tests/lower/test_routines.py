"""Operators whose loops are written by hand, and operators with several results."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.node import Node, build
from symdiff.core.op import Layout, Op, Routine
from symdiff.core.types import several
from symdiff.lower.lower import lower
from symdiff.lower.verify import verify_program
from symdiff.native import NativeExecutor
from symdiff.ops.record import free
from symdiff.ops.scans import cumsum
from symdiff.ops.several import items
from symdiff.ops.shape import broadcast_to
from tests.emit.three_ways import assert_three_ways, some_values


def extremes(size, x, low, high):
    """The smallest and the largest element; 1 where there are none, or the first is NaN."""
    if size == 0 or x[0] != x[0]:
        return 1
    low[()] = x[0]
    high[()] = x[0]
    for i in range(1, size):
        low[()] = minimum(low[()], x[i])  # noqa: F821
        high[()] = maximum(high[()], x[i])  # noqa: F821
    return 0


def evaluate(x):
    if x.size == 0 or x[0] != x[0]:
        raise np.linalg.LinAlgError("it has no elements")
    return x.min(), x.max()


def derivative(cotangents, out, x):
    low, high = items(out)
    total = broadcast_to(sd.constant(0.0), x.shape)
    for ct, result in zip(cotangents, (low, high), strict=True):
        if ct is not None:
            total = total + sd.where(sd.equal(x, result), ct, 0.0)
    return (total,)


EXTREMES = Op(
    name="extremes",
    infer=lambda inputs, attrs: several(*[inputs[0].type._replace(shape=())] * 2),
    evaluate=evaluate,
    vjp=(derivative,),
    lowering=Routine(extremes, lambda node: Layout(node.inputs[0].shape, (node.inputs[0].shape, (), ())), "no element"),
    flops=free,
)


def both(x: Node) -> tuple[Node, ...]:
    return items(build(EXTREMES, [x]))


N = sd.dim("n")


def test_several_results_three_ways():
    x = sd.input("x", (N,))
    low, high = both(sd.exp(x))
    graph = sd.Graph({"spread": high - low, "d": sd.grad(high - 2 * low, x)}, inputs=[x])
    assert_three_ways(graph, {x: np.array([0.5, -1.0, 2.0, 0.25])}, {"n": 4})


@pytest.mark.parametrize("kept", [0, 1])
def test_a_result_that_nobody_uses_needs_memory_all_the_same(kept):
    x = sd.input("x", (N,))
    graph = sd.Graph({"one": both(x)[kept] * 2}, inputs=[x])
    verify_program(lower(graph))
    assert_three_ways(graph, {x: np.array([0.5, -1.0, 2.0])}, {"n": 3})


@pytest.mark.parametrize("kept", [0, 1])
def test_the_derivative_of_one_result_alone(kept):
    x = sd.input("x", (N,))
    f = sd.compile(sd.grad(3 * both(x)[kept], x), inputs=[x])
    expected = np.zeros(3)
    expected[kept + 1] = 3
    np.testing.assert_array_equal(f(np.array([0.5, -1.0, 2.0])), expected)


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_failure_names_the_operator_and_its_operand(backend):
    x = sd.input("x", (N,))
    f = sd.compile(both(x)[0], inputs=[x], backend=backend)
    assert f(np.array([3.0, 1.0])) == 1
    with pytest.raises(sd.LinAlgError, match=r"extremes: .*no element.*x: float64\[n\].*test_routines.py"):
        f(np.zeros(0))
    assert f(np.array([3.0, 1.0])) == 1


def test_a_failing_step_leaves_the_state_as_it_was():
    x, w = sd.input("x", (N,)), sd.param("w", (), init=1.0)
    loss = both(x * w)[1]
    step = sd.train_step(loss, inputs=[x], optimizer=sd.optim.sgd(0.1))
    state, train = step.init(seed=0), sd.compile(step)
    with pytest.raises(sd.LinAlgError):
        train(state, np.array([np.nan, 1.0]))
    assert state["w"] == 1
    train(state, np.array([2.0, 1.0]))
    assert state["w"] == 1 - 0.1 * 2


def test_one_function_serves_all_shapes_of_a_dtype():
    x, y = sd.input("x", (N, 3)), sd.input("y", (4, 5, 2))
    graph = sd.Graph([cumsum(x, 0), cumsum(x, 1), cumsum(y, 1), cumsum(y)], inputs=[x, y])
    assert len(NativeExecutor(graph, "sums").module.kernels) == 1
    assert_three_ways(graph, some_values(x, y, n=4), {"n": 4})


def test_a_saved_file_holds_the_function(tmp_path):
    x = sd.input("x", (N,))
    f = sd.compile(both(x)[1], inputs=[x])
    f.save(tmp_path / "saved.py")
    text = (tmp_path / "saved.py").read_text()
    assert "def extremes(size, x, low, high):" in text and "raise np.linalg.LinAlgError('no element')" in text
    names: dict = {}
    exec(compile(text, "saved", "exec"), names)
    assert names["compiled"](np.array([1.0, 5.0, 2.0]), names["workspace"](3)) == 5
    with pytest.raises(np.linalg.LinAlgError):
        names["compiled"](np.zeros(0), names["workspace"](0))


def test_printed_with_its_results():
    x = sd.input("x", (N,))
    low, high = both(x)
    text = str(sd.Graph({"spread": high - low}))
    assert "extremes_1 = extremes(x)" in text and "(float64, float64)" in text
    assert "spread = extremes_1[1] - extremes_1[0]" in text


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_view_of_the_same_rank_is_another_shape(axis):
    """A routine sees an array of three axes as (before, along, after), which is no more than three axes itself."""
    x = sd.input("x", (4, 5, 6))
    graph = sd.Graph([sd.argsort(x, axis), sd.logcumsumexp(x, axis), sd.grad(sd.sum(sd.sort(x, axis)[0] ** 2), x)])
    assert_three_ways(graph, some_values(x), {})
