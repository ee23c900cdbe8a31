"""The pipeline as a whole: the worked MLP, values, idempotence on random graphs, the verifier and the report."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pass_support import ops, run

import symdiff as sd
from symdiff.core.errors import GraphError, SymdiffError
from symdiff.core.node import Node
from symdiff.core.types import TensorType
from symdiff.ops.record import OPS
from symdiff.passes import DEFAULT, FAST, optimize, verify_graph
from symdiff.passes.verify import verify_step

n = sd.dim("n")


def worked_mlp(rows=n):
    """SOURCES: H = relu(X W1), U2 = H W2, J = mean cross-entropy + lambda (sum W1^2 + sum W2^2)."""
    X, y = sd.input("X", (rows, 4)), sd.input("y", (rows,), dtype="int64")
    W1, W2 = sd.param("W1", (4, 8)), sd.param("W2", (8, 3))
    H = sd.relu(X @ W1)
    U2 = H @ W2
    J = sd.mean(sd.cross_entropy(U2, y)) + 0.01 * (sd.sum(W1**2) + sd.sum(W2**2))
    dW1, dW2 = sd.grad(J, [W1, W2])
    return sd.Graph({"J": J, "d_W1": dW1, "d_W2": dW2}, inputs=[X, y]), (X, y, W1, W2, H, U2)


def test_the_worked_mlp_has_the_gradient_one_derives_by_hand():
    graph, (X, y, W1, W2, H, U2) = worked_mlp()
    graph, report = optimize(graph, verify=True)
    (count,) = [node for node in graph.nodes if node.op.name == "size"]
    G = (sd.softmax(U2) - sd.one_hot(y, 3)) / count
    d_H = sd.where(H > 0, G @ W2.T, 0.0)
    assert graph.outputs["d_W2"] is 0.02 * W2 + H.T @ G
    assert graph.outputs["d_W1"] is 0.02 * W1 + X.T @ d_H
    assert ops(*graph.roots).count("matmul") == 2 + 3
    assert report.settled


def test_the_worked_mlp_with_a_batch_of_known_size():
    graph, (_, y, _, _, _, U2) = worked_mlp(16)
    graph, _ = optimize(graph, verify=True)
    G = 0.0625 * (sd.softmax(U2) - sd.one_hot(y, 3))
    assert G in graph.nodes
    assert ops(*graph.roots).count("matmul") == 2 + 3
    assert "broadcast_to" not in ops(*graph.roots)


def test_the_worked_mlp_written_out_by_hand_is_the_same_graph():
    X, y = sd.input("X", (n, 4)), sd.input("y", (n,), dtype="int64")
    W1, W2 = sd.param("W1", (4, 8)), sd.param("W2", (8, 3))
    U2 = sd.maximum(X @ W1, 0) @ W2
    weights = sd.exp(U2 - sd.max(U2, 1, keepdims=True))
    p = weights / sd.sum(weights, 1, keepdims=True)
    J = -sd.mean(sd.sum(sd.one_hot(y, 3) * sd.log(p), 1))
    graph, _ = optimize(sd.Graph({"J": J, "g": sd.grad(J, W2)}, inputs=[X, y]))
    cost = graph.outputs["J"]
    assert cost.op.name == "divide" and cost.inputs[0] is sd.sum(sd.cross_entropy(U2, y))
    assert "one_hot" in ops(*graph.roots) and "log" not in ops(*graph.roots) and "exp" not in ops(*graph.roots)


def test_values_of_the_worked_mlp_stay():
    before, (X, y, W1, W2, _, _) = worked_mlp()
    after, _ = optimize(before)
    rng = np.random.default_rng(1)
    values = {
        X: rng.normal(size=(7, 4)),
        y: rng.integers(0, 3, 7),
        W1: rng.normal(size=(4, 8)),
        W2: rng.normal(size=(8, 3)),
    }
    for old, new in zip(*(run(graph.roots, values, {"n": 7}) for graph in (before, after)), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-12, atol=1e-15)


# -- random graphs

UNARY = [
    sd.exp, sd.tanh, sd.sigmoid, sd.softplus, sd.square, sd.abs, sd.relu, sd.sin, sd.reciprocal, sd.log,
    sd.stop_gradient,
    lambda x: -x, lambda x: 1 - sd.sigmoid(x), lambda x: sd.log(1 + sd.exp(x)), lambda x: sd.sqrt(sd.square(x) + 1),
    lambda x: x**0, lambda x: x**1, lambda x: x**2, lambda x: x**3, lambda x: x**-1, lambda x: x**0.5,
    lambda x: x * 0.5, lambda x: x + 0.0, lambda x: 2 * x, lambda x: x / 4, lambda x: 3 - x,
]  # fmt: skip
BINARY = [
    lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / y, sd.maximum,
    lambda x, y: sd.where(sd.input("S") > 0, x, y), lambda x, y: sd.where(sd.input("X", (n, 4)) > 0, x, y),
]  # fmt: skip
VIEWS = [
    lambda x: sd.expand_dims(x, 0), lambda x: sd.expand_dims(x, -1), lambda x: x.T, sd.squeeze, sd.softmax,
    lambda x: sd.reshape(x, -1), lambda x: sd.broadcast_to(x, (n, 4)), lambda x: sd.concat([x, x], -1)[..., :1],
]  # fmt: skip
REDUCE = [sd.sum, sd.mean, sd.max, sd.logsumexp]


def random_graph(seed):
    """A graph of up to 20 operators and some of its gradients, decided by the seed alone."""
    choose = random.Random(seed)
    leaves = [sd.input("X", (n, 4)), sd.input("V", (4,)), sd.input("S"), sd.input("C", (n, 1))]
    pool = list(leaves)
    for _ in range(choose.randrange(4, 20)):
        x, y = choose.choice(pool[-6:] + leaves), choose.choice(pool[-6:] + leaves)
        axis = choose.choice([None, *range(x.ndim)])
        try:
            made = choose.choice(
                [
                    lambda x=x: choose.choice(UNARY)(x),
                    lambda x=x, y=y: choose.choice(BINARY)(x, y),
                    lambda x=x, axis=axis: choose.choice(REDUCE)(x, axis, keepdims=choose.random() < 0.5),
                    lambda x=x: choose.choice(VIEWS)(x),
                ]
            )()
        except SymdiffError:
            continue
        if made.ndim < 4:
            pool.append(made)
    outputs = {"y": pool[-1], "z": pool[-2]}
    for leaf in leaves[:3]:
        outputs[f"d_{leaf.attrs['name']}"] = sd.grad(sd.sum(pool[-1]), leaf, unused="zero")
    return sd.Graph(outputs, inputs=leaves)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_optimising_again_changes_nothing(seed):
    graph, report = optimize(random_graph(seed), verify=True)
    assert report.settled
    again, second = optimize(graph, verify=True)
    assert again is graph and str(second) == "nothing to optimise"


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([0.0, 1.0, -1.0, np.nan, np.inf, 0.3, 50.0]))
def test_values_stay(seed, special):
    before = random_graph(seed)
    after, _ = optimize(before)
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(3, 4)), rng.normal(size=4), np.float64(rng.normal()), rng.normal(size=(3, 1))]
    arrays[0][1, 2] = special
    values = dict(zip(before.inputs, arrays, strict=True))
    for old, new in zip(*(run(graph.roots, values, {"n": 3}) for graph in (before, after)), strict=True):
        finite = np.isfinite(old)
        tolerance = 1e-9 * (1 + np.abs(old[finite]).max(initial=0.0))
        np.testing.assert_allclose(new[finite], old[finite], rtol=1e-6, atol=tolerance)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([np.nan, np.inf, 0.0]))
def test_nan_stays_nan_where_no_overflow_is_repaired(seed, special):
    before = random_graph(seed)
    after, _ = optimize(before, passes=[step for step in DEFAULT if step.name != "stabilize"])
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(3, 4)), rng.normal(size=4), np.float64(rng.normal()), rng.normal(size=(3, 1))]
    arrays[0][1, 2] = special
    values = dict(zip(before.inputs, arrays, strict=True))
    for old, new in zip(*(run(graph.roots, values, {"n": 3}) for graph in (before, after)), strict=True):
        assert np.isnan(new[np.isnan(old)]).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_the_fast_set_settles_too(seed):
    graph, report = optimize(random_graph(seed), passes=(*DEFAULT, *FAST), verify=True)
    assert report.settled
    assert optimize(graph, passes=(*DEFAULT, *FAST))[0] is graph


# -- the pipeline as a value, and the report


def test_the_pipeline_is_a_tuple_of_named_passes_to_shorten_and_extend():
    assert [step.name for step in DEFAULT] == ["canonicalize", "fold", "stabilize", "simplify", "cse", "dce", "loops"]
    x = sd.input("x")
    graph = sd.Graph({"y": sd.log(1 + x) * 1})
    without = [step for step in DEFAULT if step.name != "stabilize"]
    assert ops(*optimize(graph, passes=without)[0].roots) == ["add", "log"]
    assert optimize(graph, passes=())[0] is graph

    def to_sine(graph):
        return graph.with_roots([sd.sin(x)])

    found, report = optimize(graph, passes=(*DEFAULT, to_sine))
    assert found.outputs["y"] is sd.sin(x)
    assert "to_sine" in str(report)


def test_a_pipeline_that_never_settles_is_cut_short_and_says_so():
    x = sd.input("x")

    def grow(graph):
        return graph.with_roots([sd.sin(graph.roots[0])])

    _, report = optimize(sd.Graph({"y": x}), passes=(grow,))
    assert not report.settled and "have not settled" in str(report)


def test_updates_are_optimised_like_outputs():
    w = sd.param("w", (3,))
    graph, _ = optimize(sd.Graph({"y": sd.sum(w)}, updates={w: w * 1 - 0.1 * (w + 0)}), verify=True)
    assert graph.updates == {w: w - 0.1 * w}


def test_the_report_is_a_table():
    x = sd.input("x")
    _, report = optimize(sd.Graph({"y": sd.log(1 + sd.exp(x)) * 1}))
    assert [(stage.name, stage.before, stage.after) for stage in report.stages if stage.changed] == [
        ("canonicalize", 6, 6),
        ("stabilize", 6, 4),
        ("simplify", 4, 2),
    ]
    fired = {one.rule: one for stage in report.stages for one in stage.fired}
    assert fired["softplus"].equation == "log1p(exp(x)) -> softplus(x)"
    assert fired["softplus"].place.startswith("test_pipeline.py:") and fired["softplus"].times == 1
    assert "stabilize          6 ->    4     1 x log1p: log(1 + x) -> log1p(x)  (test_pipeline.py:" in str(report)


# -- the verifier


def _broken(op, inputs, attrs, type):
    """A node that the builders would refuse, made behind their back."""
    node = object.__new__(Node)
    node.op, node.inputs, node.attrs, node.type = op, tuple(inputs), attrs, type
    node.serial, node.origin, node._others = -1, sd.sin(sd.input("x")).origin, ()
    return node


def test_the_verifier_finds_a_wrong_type():
    x = sd.input("x", (3,))
    bad = _broken(OPS["exp"], [x], {}, TensorType(x.dtype, (4,)))
    with pytest.raises(GraphError, match=r"after lie: exp: float64\[4\] .* which give float64\[3\]"):
        optimize(sd.Graph({"y": x}), passes=[_named("lie", lambda graph: sd.Graph({"y": bad}))], verify=True)


def test_the_verifier_finds_a_wrong_number_of_operands_and_unhashable_attributes():
    x = sd.input("x", (3,))
    with pytest.raises(GraphError, match="has 1 operands, add takes 2"):
        verify_graph(sd.Graph({"y": _broken(OPS["add"], [x], {}, x.type)}), "lie")
    with pytest.raises(GraphError, match="not hashable: axis="):
        verify_graph(sd.Graph({"y": _broken(OPS["sum"], [x], {"axis": [0], "keepdims": True}, x.type)}), "lie")


def test_the_verifier_finds_operands_that_do_not_fit():
    x, w = sd.input("x", (3,)), sd.input("w", (4,))
    with pytest.raises(GraphError, match="has no type: add: shapes do not broadcast"):
        verify_graph(sd.Graph({"y": _broken(OPS["add"], [x, w], {}, x.type)}), "lie")


def test_the_verifier_finds_nodes_out_of_order():
    x = sd.input("x", (3,))
    graph = sd.Graph({"y": sd.exp(sd.sin(x))})
    graph.nodes.reverse()
    with pytest.raises(GraphError, match="stands before its operand"):
        verify_graph(graph, "shuffle")


def test_the_verifier_finds_changed_interfaces():
    x, w = sd.input("x", (3,)), sd.param("w", (3,))
    before = sd.Graph({"y": sd.exp(x)}, inputs=[x])
    with pytest.raises(GraphError, match=r"after p: .* which has another type"):
        verify_step(before, before.with_roots([sd.sum(x)]), "p")
    with pytest.raises(GraphError, match=r"after p: w: .* is a leaf that was not in the graph before"):
        verify_step(before, before.with_roots([x * w]), "p")
    with pytest.raises(GraphError, match="after p: the outputs"):
        verify_step(before, sd.Graph({"other": x}), "p")
    with pytest.raises(GraphError, match="after p: the inputs"):
        verify_step(before, sd.Graph({"y": sd.exp(x)}, inputs=[x, sd.input("more")]), "p")


def _named(name, function):
    function.__name__ = name
    return function


def test_every_default_pass_leaves_a_sound_graph():
    graph, _ = worked_mlp()
    for step in (*DEFAULT, *FAST):
        after = step(graph)
        verify_step(graph, after, step.name)
        assert step(after) is after, step.name
