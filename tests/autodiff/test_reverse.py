"""Gradients as nodes: the worked examples of the sources, higher order, and what the backward graph looks like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy

import symdiff as sd
from symdiff.core.node import Node
from symdiff.core.traversal import toposort
from tests.autodiff.helpers import count, value


def test_two_paths_meet() -> None:
    """f = x1 x2 + sin(x2): df/dx1 = x2, df/dx2 = x1 + cos(x2)."""
    x1, x2 = sd.input("x1"), sd.input("x2")
    d1, d2 = sd.grad(x1 * x2 + sd.sin(x2), [x1, x2])
    at = {x1: 2.0, x2: 5.0}
    assert value(d1, at) == 5.0
    assert value(d2, at) == 2.0 + np.cos(5.0)


def test_add_copies_multiply_swaps_max_routes() -> None:
    x, y, ct = sd.input("x"), sd.input("y"), sd.input("ct")
    assert sd.vjp(x + y, [x, y], ct) == [ct, ct]
    assert sd.vjp(x * y, [x, y], ct) == [ct * y, ct * x]
    at = {x: 3.0, y: -1.0, ct: 2.0}
    assert [value(g, at) for g in sd.vjp(sd.maximum(x, y), [x, y], ct)] == [2.0, 0.0]


def test_softmax_cross_entropy_hessian() -> None:
    """d^2 CE / dz^2 = diag(p) - p p^T, each row the gradient of one component of the gradient."""
    z = sd.input("z", (4,))
    gradient = sd.grad(sd.cross_entropy(z, 2), z)
    hessian = sd.stack([sd.grad(gradient[i], z) for i in range(4)])
    at = np.array([0.3, -1.2, 2.0, 0.1])
    p = np.exp(at) / np.exp(at).sum()
    np.testing.assert_allclose(value(gradient, {z: at}), p - np.eye(4)[2], atol=1e-15)
    np.testing.assert_allclose(value(hessian, {z: at}), np.diag(p) - np.outer(p, p), atol=1e-15)


@pytest.mark.parametrize("spelling", ["log_softmax", "logsumexp", "by hand"])
def test_hessian_of_other_spellings(spelling: str) -> None:
    z = sd.input("z", (3,))
    cost = {
        "log_softmax": lambda: -sd.log_softmax(z)[1],
        "logsumexp": lambda: sd.logsumexp(z) - z[1],
        "by hand": lambda: -sd.log(sd.exp(z) / sd.sum(sd.exp(z)))[1],
    }[spelling]()
    gradient = sd.grad(cost, z)
    at = np.array([0.5, -1.0, 1.5])
    p = np.exp(at) / np.exp(at).sum()
    for i in range(3):
        np.testing.assert_allclose(value(sd.grad(gradient[i], z), {z: at}), p[i] * (np.eye(3)[i] - p), atol=1e-14)


def test_tanh_to_order_four() -> None:
    x, s = sd.input("x"), sympy.Symbol("x")
    node, formula = sd.tanh(x), sympy.tanh(s)
    for order in range(1, 5):
        node, formula = sd.grad(node, x), sympy.diff(formula, s)
        for at in (-1.3, 0.0, 0.2, 2.0):
            expected = float(formula.evalf(30, subs={s: sympy.Rational(str(at))}))
            assert value(node, {x: at}) == pytest.approx(expected, rel=1e-12, abs=1e-13), order


# -- what the graph looks like


def test_linear_layer_never_forms_a_jacobian() -> None:
    """The full Jacobian dY/dW would have n * k * m * k elements; the largest node here is a forward or weight shape."""
    n = sd.dim("n")
    x, w, b = sd.input("x", (n, 30)), sd.param("w", (30, 20)), sd.param("b", (20,))
    y = sd.tanh(x @ w + b)
    gradients = sd.grad(sd.sum(sd.square(y)), [w, b])
    assert [g.shape for g in gradients] == [(30, 20), (20,)]
    shapes = {node.shape for node in toposort(gradients)}
    assert shapes <= {(), (1, 1), (n, 30), (30, n), (30, 20), (20, 30), (20,), (n, 20)}
    assert len(toposort(gradients)) < 25


def sources_b(with_input_gradient: bool = False) -> tuple[Node, list[Node], list[Node]]:
    """H = max(0, X W1), U2 = H W2, J = cross-entropy + lambda (sum W1^2 + sum W2^2)."""
    n = sd.dim("n")
    x, labels = sd.input("X", (n, 5)), sd.input("y", (n,), dtype="int64")
    w1, w2 = sd.param("W1", (5, 8)), sd.param("W2", (8, 3))
    u2 = sd.relu(x @ w1) @ w2
    cost = sd.mean(sd.cross_entropy(u2, labels)) + 0.01 * (sd.sum(sd.square(w1)) + sd.sum(sd.square(w2)))
    wrt = [w1, w2, x] if with_input_gradient else [w1, w2]
    return cost, wrt, [x, labels]


def test_worked_mlp_has_three_matmuls_backward() -> None:
    cost, wrt, _ = sources_b()
    gradients = sd.grad(cost, wrt)
    forward = count([cost], "matmul")
    assert (forward, count([cost, *gradients], "matmul") - forward) == (2, 3)


def test_input_gradient_is_not_computed_unless_asked() -> None:
    cost, wrt, (x, _) = sources_b()
    shapes = [node.shape for node in toposort(sd.grad(cost, wrt)) if node not in toposort([cost])]
    assert x.shape not in shapes
    cost, wrt, _ = sources_b(with_input_gradient=True)
    gradients = sd.grad(cost, wrt)
    assert count([cost, *gradients], "matmul") - count([cost], "matmul") == 4
    assert gradients[2].shape == x.shape


def test_worked_mlp_values() -> None:
    """The derivation of the notes, in NumPy: G = dJ/dU2; H^T G; G W2^T where U1 > 0; X^T G'."""
    cost, (w1, w2), (x, labels) = sources_b()
    rng = np.random.default_rng(0)
    at = {
        x: rng.normal(size=(7, 5)),
        labels: rng.integers(0, 3, 7),
        w1: rng.normal(size=(5, 8)),
        w2: rng.normal(size=(8, 3)),
    }
    u1 = at[x] @ at[w1]
    h = np.maximum(u1, 0)
    p = np.exp(h @ at[w2])
    g = (p / p.sum(1, keepdims=True) - np.eye(3)[at[labels]]) / 7
    d1, d2 = (value(d, at, n=7) for d in sd.grad(cost, [w1, w2]))
    np.testing.assert_allclose(d2, h.T @ g + 0.02 * at[w2], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(d1, at[x].T @ np.where(u1 > 0, g @ at[w2].T, 0) + 0.02 * at[w1], rtol=1e-12, atol=1e-14)


# -- with respect to what


def test_intermediate_nodes() -> None:
    x = sd.input("x", (3,))
    h = sd.exp(x)
    cost = sd.sum(h * h)
    gx, gh = sd.grad(cost, [x, h])
    at = {x: [0.0, 0.5, -1.0]}
    np.testing.assert_allclose(value(gh, at), 2 * np.exp(at[x]))
    np.testing.assert_allclose(value(gx, at), 2 * np.exp(2 * np.array(at[x])))


def test_cost_with_respect_to_itself_is_one() -> None:
    x = sd.input("x")
    assert value(sd.grad(x, x), {x: 3.0}) == 1.0
    cost = sd.square(x)
    assert value(sd.grad(cost, cost), {x: 3.0}) == 1.0


def test_same_node_twice_and_the_form_of_the_answer() -> None:
    x, w = sd.input("x"), sd.param("w")
    gx = sd.grad(x * w, x)
    assert isinstance(gx, Node)
    assert sd.grad(x * w, (x, w, x)) == [gx, sd.grad(x * w, w), gx]
    assert sd.value_and_grad(x * w, [x]) == (x * w, [gx])
    assert sd.vjp(x * w, x, 1.0) is gx


def test_unused_zero() -> None:
    x, w = sd.input("x", (sd.dim("n"), 2), dtype="float32"), sd.param("w", (3,), dtype="float32")
    zeros = sd.grad(sd.sum(x), w, unused="zero")
    assert zeros.type == w.type
    np.testing.assert_array_equal(value(zeros, {}), np.zeros(3, "float32"))
    assert sd.grad(sd.sum(w), x, unused="zero").type == x.type


def test_true_zero_is_a_zero() -> None:
    """A path with slope zero is no missing path."""
    x = sd.input("x", (2,))
    np.testing.assert_array_equal(value(sd.grad(sd.sum(x - x), x), {x: [1.0, 2.0]}), [0.0, 0.0])
    np.testing.assert_array_equal(value(sd.grad(sd.sum(x**0), x), {x: [1.0, 0.0]}), [0.0, 0.0])


def test_gradient_of_gradient_through_matmul() -> None:
    """c = sum((x w)^2): dc/dw = 2 x^T x w, and the gradient of sum(v dc/dw) in w is 2 x^T x v."""
    x, w, v = sd.input("x", (4, 3)), sd.param("w", (3, 2)), sd.input("v", (3, 2))
    gradient = sd.grad(sd.sum(sd.square(x @ w)), w)
    gw, gx = sd.grad(sd.sum(gradient * v), [w, x])
    rng = np.random.default_rng(0)
    at = {x: rng.normal(size=(4, 3)), w: rng.normal(size=(3, 2)), v: rng.normal(size=(3, 2))}
    np.testing.assert_allclose(value(gw, at), 2 * at[x].T @ at[x] @ at[v], rtol=1e-12)
    mixed = 2 * at[x] @ (at[v] @ at[w].T + at[w] @ at[v].T)
    np.testing.assert_allclose(value(gx, at), mixed, rtol=1e-12)


def test_several_outputs_and_a_number_as_cotangent() -> None:
    x = sd.input("x", (2,))
    (g,) = sd.vjp([x * 3, sd.sum(x)], [x], [1, 10.0])
    np.testing.assert_array_equal(value(g, {x: [1.0, 2.0]}), [13.0, 13.0])


def test_gradient_nodes_say_where_they_come_from() -> None:
    x, w = sd.input("x", (2, 3)), sd.param("w", (3, 4))
    product = x @ w
    gw = sd.grad(sd.sum(sd.tanh(product)), w)
    rule = next(origin for origin in gw.origins if origin.operand is not None)
    assert (rule.of, rule.operand, rule.section) == (product, 1, "backward")
    assert rule.line == product.origin.line
    whole = next(origin for origin in gw.origins if origin.operand is None)
    assert whole.of is w


# -- size


def test_long_chain() -> None:
    x = sd.input("x")
    y = x
    for _ in range(20_000):
        y = sd.sin(y)
    gradient = sd.grad(y, x)
    assert len(toposort([gradient])) < 4 * 20_000 + 10
    assert np.isfinite(value(gradient, {x: 0.5}))


def test_long_chain_of_selections() -> None:
    """Masks of relu are merged, not nested: the graph grows linearly."""
    x = sd.input("x", (2,))

    def nodes(depth: int) -> int:
        y = x
        for _ in range(depth):
            y = sd.relu(y * 0.5 + 1)
        return len(toposort([sd.grad(sd.sum(y), x)]))

    assert nodes(2_000) < 2.1 * nodes(1_000)


@pytest.mark.parametrize("step", [lambda x: x + x, lambda x: sd.sin(x) * sd.cos(x)])
def test_diamond_of_depth_forty(step: Callable[[Node], Node]) -> None:
    x = sd.input("x")
    y = x
    for _ in range(40):
        y = step(y)
    gradient = sd.grad(y, x)
    assert len(toposort([gradient])) < 600
    ahead, behind = (value(y, {x: 1 + h}) for h in (1e-7, -1e-7))
    assert value(gradient, {x: 1.0}) == pytest.approx((ahead - behind) / 2e-7, rel=1e-4)


@pytest.mark.parametrize("step", [lambda x: x + x, lambda x: x * x])
def test_two_to_the_forty_paths(step: Callable[[Node], Node]) -> None:
    x = sd.input("x")
    y = x
    for _ in range(40):
        y = step(y)
    assert value(sd.grad(y, x), {x: 1.0}) == 2.0**40


def test_the_seed_multiplies_nothing():
    x, y = sd.input("x_seed", (3,)), sd.input("y_seed", (3,))
    assert sd.grad(sd.sum(sd.exp(x)), x) is sd.exp(x)
    assert sd.grad(sd.sum(sd.cos(x)), x) is -sd.sin(x)
    d_x, d_y = sd.grad(sd.sum(x * y), [x, y])
    assert d_x is y and d_y is x


def test_the_seed_leaves_the_shape_of_what_it_multiplied():
    x, y = sd.input("x_seeded", (2, 3)), sd.input("y_seeded", (3,))
    d_x, d_y = sd.grad(sd.sum(x * y), [x, y])
    assert (d_x.shape, d_y.shape) == ((2, 3), (3,))
    values = {x: np.ones((2, 3)), y: np.arange(3.0)}
    np.testing.assert_array_equal(value(d_x, values), [[0, 1, 2], [0, 1, 2]])
    np.testing.assert_array_equal(value(d_y, values), [2, 2, 2])


def test_only_the_cotangent_itself_is_dropped():
    x = sd.input("x_powers", (3,))
    gradient = sd.grad(sd.sum(1 * x * (1 * x)), x)
    np.testing.assert_array_equal(value(gradient, {x: [1, 2, 3]}), [2, 4, 6])


def test_a_mean_divides_what_is_averaged():
    n = sd.dim("n_mean")
    x, y = sd.input("x_mean", (n, 3)), sd.input("y_mean", (n, 3))
    gradient = sd.grad(sd.mean(sd.exp(x)), x)
    assert gradient.op.name == "divide"
    assert gradient.inputs[0] is sd.exp(x)
    assert gradient.inputs[1].op.name == "size"
    gradient = sd.grad(sd.mean(sd.cos(x) * y), x)
    given = np.random.default_rng(3).normal(size=(2, 4, 3))
    expected = -np.sin(given[0]) * given[1] / 12
    np.testing.assert_allclose(value(gradient, {x: given[0], y: given[1]}, n_mean=4), expected, rtol=1e-14)


def test_a_number_in_every_element_is_not_repeated_before_it_multiplies():
    n = sd.dim("n_number")
    x, s = sd.input("x_number", (n, 3)), sd.input("s_number")
    assert sd.grad(s * sd.sum(sd.exp(x)), x) is s * sd.exp(x)
    assert sd.grad(sd.sum(sd.cos(x)) / s, x) is -(1 / s * sd.sin(x))
    assert sd.vjp(sd.exp(x), x, s) is s * sd.exp(x)
    tangent = sd.jvp(sd.exp(x), x, sd.broadcast_to(s, (n, 3)))
    assert tangent is s * sd.exp(x)


@pytest.mark.parametrize("parts", [lambda x: sd.sin(x) + sd.cos(x), lambda x: sd.cos(x) + sd.sin(x)])
def test_a_sum_of_cotangents_with_a_minus_sign_is_a_difference(parts):
    x = sd.input("x_signs", (3,))
    assert sd.grad(sd.sum(parts(x)), x) is sd.cos(x) - sd.sin(x)


def test_only_the_last_of_a_sum_of_cotangents_is_called_the_cotangent():
    x = sd.input("x_called", (3,))
    graph = sd.Graph({"d": sd.grad(sd.sum(sd.cos(x) + sd.sin(x) + sd.exp(x)), x)})
    partial = sd.exp(x) + sd.cos(x)
    assert graph.outputs["d"] is partial - sd.sin(x)
    assert graph.names[partial] != "d_x_called"
