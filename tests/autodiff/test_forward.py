"""Tangents: every row of the operators' table against differences and against reverse mode, and the conventions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.node import Node, build
from symdiff.core.op import Op, Reduction
from symdiff.core.traversal import toposort
from symdiff.core.types import TensorType
from tests.autodiff.helpers import value
from tests.ops.table import Row
from tests.ops.test_table import STEP, Array, Values, floats, run, sampled, smooth_cases, weights


def tangents_for(wrt: list[Node], values: Values) -> tuple[list[Node], Values]:
    """Symbols for tangents, and random values."""
    rng = np.random.default_rng(1)
    symbols = [sd.input(f"t{place}", x.shape) for place, x in enumerate(wrt)]
    return symbols, {t: weights(rng, values[x]) for t, x in zip(symbols, wrt, strict=True)}


def check_tangent(out: Node, wrt: list[Node], values: Values, n: int) -> None:
    """jvp(t) = (f(x + h t) - f(x - h t)) / 2h, and <ct, jvp(t)> = <vjp(ct), t> to rounding."""
    symbols, tangents = tangents_for(wrt, values)
    steps = dict(zip(wrt, tangents.values(), strict=True))
    ahead, behind = (run([out], values | {x: values[x] + h * steps[x] for x in wrt}, n)[0] for h in (STEP, -STEP))
    expected = (ahead - behind) / (2 * STEP)
    ct = sd.input("cotangent", out.shape)
    values = values | tangents | {ct: weights(np.random.default_rng(2), expected)}
    outputs = [sd.jvp(out, wrt, symbols, unused="zero"), *sd.vjp(out, wrt, ct, unused="zero")]
    actual, *gradients = run(outputs, values, n)
    scale = 1 + np.abs(expected).max(initial=0)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=5e-7 * scale)
    forward = float(np.sum(values[ct] * actual))
    reverse = sum(float(np.sum(g * values[t])) for g, t in zip(gradients, symbols, strict=True))
    assert abs(forward - reverse) <= 1e-11 * (1 + float(np.abs(values[ct] * actual).sum()))


@pytest.mark.parametrize(("row", "n"), smooth_cases(1))
def test_tangent(row: Row, n: int) -> None:
    leaves, values = sampled(row, "float64", n)
    check_tangent(row.build(*leaves), floats(leaves), values, n)


@pytest.mark.parametrize(("row", "n"), [case for case in smooth_cases(2) if case.values[1] != 0])
def test_tangent_of_gradient(row: Row, n: int) -> None:
    """Forward over reverse."""
    leaves, values = sampled(row, "float64", n)
    out, wrt = row.build(*leaves), floats(leaves)
    gradient = sd.vjp(out, wrt[0], 1.0, unused="zero")
    check_tangent(gradient, wrt, values, n)


@pytest.mark.parametrize(("row", "n"), [case for case in smooth_cases(2) if case.values[1] == 1])
def test_tangent_of_tangent(row: Row, n: int) -> None:
    leaves, values = sampled(row, "float64", n)
    out, wrt = row.build(*leaves), floats(leaves)
    symbols, tangents = tangents_for(wrt, values)
    check_tangent(sd.jvp(out, wrt, symbols, unused="zero"), [*wrt, *symbols], values | tangents, n)


# -- conventions


def slope(y: Node, x: Node, at: Any) -> Any:
    return value(sd.jvp(y, x, 1.0), {x: at})


def test_conventions_at_kinks_are_those_of_reverse() -> None:
    x = sd.input("x", (3,))
    at = [0.0, 1.0, 1.0]
    for y in (sd.abs(x), sd.relu(x), sd.maximum(x, 1.0), sd.minimum(x, x), x**0, sd.sign(x) + x):
        np.testing.assert_array_equal(slope(y, x, at), value(sd.vjp(y, x, 1.0), {x: at}))
    assert slope(sd.max(x), x, at) == 1.0
    t = sd.input("t", (3,))
    assert value(sd.jvp(sd.max(x), x, t), {x: at, t: [5.0, 1.0, 2.0]}) == 1.5
    assert slope(sd.sqrt(x), x, at)[0] == np.inf


def test_no_nan_out_of_a_branch_not_taken() -> None:
    x = sd.input("x", (3,))
    safe = sd.where(x > 0, x, 0)
    at = [-1.0, 0.0, 4.0]
    for y in (
        sd.where(x > 0, sd.sqrt(x), 0),
        sd.sqrt(safe),
        sd.sqrt(safe.reshape(3, 1)[:, 0]),
        sd.sqrt(sd.concat([safe, sd.input("z", (2,))])),
        sd.sqrt(sd.take(safe, np.array([0, 1, 2]), axis=0)),
    ):
        found = value(sd.jvp(y, x, 1.0), {x: at, sd.input("z", (2,)): [0.0, 1.0]})
        np.testing.assert_array_equal(found[:3], [0, 0, 0.25])
        np.testing.assert_array_equal(found[3:], np.zeros(found.size - 3))


def test_where_carries_both_branches_in_one_selection() -> None:
    x, y = sd.input("x", (3,)), sd.input("y", (3,))
    s, t = sd.input("s", (3,)), sd.input("t", (3,))
    assert sd.jvp(sd.where(x > y, x, y), [x, y], [s, t]) is sd.where(x > y, s, t)


def test_what_moves_or_adds_is_applied_to_the_tangent() -> None:
    x, t = sd.input("x", (2, 3)), sd.input("t", (2, 3))
    w = sd.input("w", (3, 4))
    for f in (lambda a: sd.sum(a, axis=1), lambda a: a.T, lambda a: a @ w, lambda a: a.reshape(6), lambda a: a[:, 1:]):
        assert sd.jvp(f(x), x, t) is f(t)


def test_stable_before_differentiation() -> None:
    x = sd.input("x")
    assert slope(sd.log(1 + sd.exp(x)), x, 800.0) == 1.0


def test_intermediate_nodes_count_as_in_reverse() -> None:
    """The tangent given for h is added to the one that x carries to it: the transpose of what vjp gives for both."""
    x = sd.input("x")
    h = sd.square(x)
    assert value(sd.jvp(sd.exp(h), [x, h], [1.0, 10.0]), {x: 1.0}) == pytest.approx(12 * np.e)


def test_forms_and_seeds() -> None:
    x, y = sd.input("x", (2,)), sd.input("y", dtype="float32")
    one = sd.jvp([x * 3, sd.astype(y, "float64") * x], [x, y], [1, 2.0])
    assert isinstance(one, list)
    assert [node.type for node in one] == [x.type, x.type]
    np.testing.assert_array_equal(value(one[1], {x: [1, 2], y: 5}), [7, 9])
    assert sd.jvp(sd.stop_gradient(x) * y, x, 1.0, unused="zero").shape == (2,)


def test_errors() -> None:
    x, i = sd.input("x", (3,)), sd.input("i", (3,), dtype="int64")
    with pytest.raises(sd.GradientError, match=r"jvp: only float nodes have derivatives, got i: int64\[3\]"):
        sd.jvp(x, i, 1.0)
    with pytest.raises(sd.GradientError, match=r"jvp: tangent t: float64\[4\] does not fit x: float64\[3\]"):
        sd.jvp(x, x, sd.input("t", (4,)))
    with pytest.raises(sd.GradientError, match=r"jvp: sum: float64 does not depend on x: .*stop_gradient at .*purpose"):
        sd.jvp(sd.sum(sd.stop_gradient(x)), x, 1.0)
    with pytest.raises(sd.GradientError, match="takes a list with one tangent for each of x"):
        sd.jvp(x, [x], x)
    with pytest.raises(sd.GradientError, match="unused is 'error' or 'zero'"):
        sd.jvp(x, x, 1.0, unused="none")


def test_a_rule_that_is_not_linear_is_named() -> None:
    op = Op(
        name="crooked",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, ()),
        evaluate=np.max,
        vjp=(lambda ct, out, x: ct * ct * x,),
        lowering=Reduction("maximum", None),
        flops=lambda node: 1,
    )
    x = sd.input("x", (3,))
    with pytest.raises(sd.GradientError, match="crooked: its derivative rule is not linear"):
        sd.jvp(build(op, [x]), x, 1.0)


def test_a_long_chain_takes_linear_work() -> None:
    """Transposing a rule looks at its own nodes, never at the graph below."""
    x = sd.input("x", (4,))
    y = x
    for _ in range(400):
        y = sd.log_softmax(y)
    assert len(toposort([sd.jvp(y, x, 1.0)])) < 400 * 12


def test_provenance() -> None:
    x, v = sd.input("x", (3,)), sd.input("v", (3,))
    h = sd.tanh(x)
    y = sd.sum(h * h)
    graph = sd.Graph(inputs=[x, v], outputs={"y": y, "slope": sd.jvp(y, x, v)})
    assert "t_h = v * (1 - square(h))" in str(graph)
    assert "h wrt x" in str(graph)
    assert "is the whole tangent of h" in graph.why("t_h")
    assert "jvp of tanh h = tanh(x)" in graph.why("t_h")


def test_compiled() -> None:
    x, v = sd.input("x", (sd.dim("n"), 3)), sd.input("v", (sd.dim("n"), 3))
    cost = sd.mean(sd.logsumexp(sd.sin(x) * x, axis=1))
    rng = np.random.default_rng(0)
    arrays: list[Array] = [rng.normal(size=(5, 3)), rng.normal(size=(5, 3))]
    outputs = [sd.jvp(cost, x, v), sd.hvp(cost, x, v)]
    fast, slow = (sd.compile(outputs, inputs=[x, v], backend=one)(*arrays) for one in ("native", "numpy"))
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
