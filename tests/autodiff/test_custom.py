"""Functions with derivatives of their own, values computed again, roots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.node import Node
from symdiff.lower.lower import lower
from symdiff.ops.solvers import solve
from tests.autodiff.helpers import count, value

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=4), RNG.normal(size=4)
N = sd.dim("n")
x, y = sd.input("x", (N,)), sd.input("y", (N,))
AT: dict[Node, Any] = {x: X, y: Y}


def add_exp(a: Node, b: Node) -> Node:
    return sd.log(sd.exp(a) + sd.exp(b))


by_vjp = sd.custom_vjp(add_exp, lambda ct, out, a, b: [ct * sd.exp(a - out), ct * sd.exp(b - out)])
by_jvp = sd.custom_jvp(add_exp, lambda ts, out, a, b: ts[0] * sd.exp(a - out) + ts[1] * sd.exp(b - out))


@pytest.mark.parametrize("f", [by_vjp, by_jvp])
def test_all_orders_and_modes(f: Any) -> None:
    """The same values and derivatives as the function without rules, interpreted and compiled."""

    def all_of(g: Any) -> list[Node]:
        cost = sd.sum(sd.sin(g(x, y)))
        return [
            g(x, y),
            *sd.grad(cost, [x, y]),
            sd.jvp(cost, [x, y], [y, x]),
            *sd.hvp(cost, [x, y], [y, x]),
            sd.hessian(cost, x),
            *sd.grad(sd.sum(sd.vmap(g, in_axes=(0, None))(sd.stack([x, y]), x)), [x, y]),
        ]

    found, expected = all_of(f), all_of(add_exp)
    compiled = sd.compile(found, inputs=[x, y])(X, Y)
    for one, fast, plain in zip(found, compiled, expected, strict=True):
        np.testing.assert_allclose(value(one, AT, n=4), value(plain, AT, n=4), atol=1e-12)
        np.testing.assert_allclose(fast, value(one, AT, n=4), atol=1e-12)


def test_one_node_in_the_printed_graph() -> None:
    out = by_vjp(x, y)
    assert out is by_vjp(x, y)
    assert (out.op.name, out.inputs) == ("add_exp", (x, y))
    assert "out = add_exp(x, y)" in str(sd.Graph({"out": out}))


def test_the_rule_is_used() -> None:
    """Other derivatives than the function's own show that they are; also for a batch, and in both modes."""
    thrice = sd.custom_vjp(lambda a: a * 1.0, lambda ct, out, a: [3 * ct])
    tangent = sd.custom_jvp(lambda a: a * 1.0, lambda ts, out, a: 3 * ts[0])
    for f in (thrice, tangent, sd.vmap(thrice), sd.vmap(tangent)):
        np.testing.assert_array_equal(value(sd.vjp(f(x), x, 1.0), AT, n=4), np.full(4, 3.0))
        np.testing.assert_array_equal(value(sd.jvp(f(x), x, 1.0), AT, n=4), np.full(4, 3.0))


def test_arguments_without_derivative() -> None:
    i = sd.input("i", (2,), dtype="int64")
    pick = sd.custom_vjp(lambda a, k: a[k], lambda ct, out, a, k: [None, None])
    at: dict[Node, Any] = {x: X, i: [0, 2]}
    np.testing.assert_array_equal(value(sd.grad(sd.sum(pick(x, i)), x), at, n=4), np.zeros(4))
    np.testing.assert_array_equal(value(pick(x, i), at, n=4), X[[0, 2]])


def test_sizes_inside() -> None:
    """The mean needs the size, which the node carries along."""
    mean = sd.custom_vjp(sd.mean, lambda ct, out, a: [sd.broadcast_to(ct, a.shape)])
    assert value(mean(x), AT, n=4) == pytest.approx(X.mean())
    assert sd.compile(mean(x), inputs=[x])(X) == pytest.approx(X.mean())


def test_a_function_named_like_an_operator() -> None:
    """Passes know operators by their names, and must not take this for one."""

    def negative(a: Node) -> Node:
        return a + 1.0

    f = sd.custom_vjp(negative, lambda ct, out, a: [ct])
    assert f(x).op.name == "custom_negative"
    np.testing.assert_array_equal(sd.compile(-f(x), inputs=[x])(X), -(X + 1))


def test_errors() -> None:
    w = sd.param("w")
    with pytest.raises(sd.GradientError, match="scaled: the function depends on w: float64, which is not among"):

        def scaled(a: Node) -> Node:
            return a * w

        sd.custom_vjp(scaled, lambda ct, out, a: [ct])(x)
    with pytest.raises(sd.GradientError, match="the function returns one node, got"):
        sd.custom_vjp(lambda a: [a], lambda ct, out, a: [ct])(x)  # type: ignore[arg-type,return-value]
    with pytest.raises(sd.GradientError, match="its rule gives a list with one cotangent for each of x"):
        sd.vjp(sd.custom_vjp(lambda a: a * 2, lambda ct, out, a: ct)(x), x, 1.0)  # type: ignore[arg-type,return-value]
    crooked = sd.custom_jvp(lambda a: a * 2, lambda ts, out, a: ts[0] * ts[0])
    with pytest.raises(sd.GradientError, match="not linear"):
        sd.vjp(crooked(x), x, 1.0)


# -- checkpoint


def deep(block_of: Any, weights: list[Node], h: Node) -> Node:
    for start in range(0, len(weights), 4):

        def block(h: Node, part: list[Node] = weights[start : start + 4]) -> Node:
            for w in part:
                h = sd.tanh(h @ w)
            return h

        h = block_of(block)(h)
    return sd.mean(h * h)


def test_checkpoint_computes_again_what_it_does_not_keep() -> None:
    """The same bits, with less than 60 % of the workspace."""
    h = sd.input("h", (64, 16))
    weights = [sd.param(f"W{k}", (16, 16), init=RNG.normal(size=(16, 16)) / 4) for k in range(16)]
    data = RNG.normal(size=(64, 16))
    losses, sizes = [], []
    for block_of in (lambda f: f, sd.checkpoint):
        step = sd.train_step(deep(block_of, weights, h), inputs=[h], optimizer=sd.optim.sgd(0.5))
        train = sd.compile(step)
        state = step.init(seed=0)
        losses.append([float(train(state, data).loss) for _ in range(3)])
        graph, _ = sd.optimize(step.graph)
        sizes.append(sum(int(size) for size in lower(graph).slots))  # type: ignore[arg-type]
    assert losses[0] == losses[1]
    assert sizes[1] <= 0.6 * sizes[0]


def test_checkpoint_in_every_order_and_mode() -> None:
    block = sd.checkpoint(lambda a: sd.sin(a * y) * sd.exp(a))
    plain = sd.sin(x * y) * sd.exp(x)
    assert count([sd.grad(sd.sum(block(x)), x)], "again") == 1
    for f in (
        lambda out: sd.grad(sd.sum(out * out), x),
        lambda out: sd.grad(sd.sum(out * out), y),
        lambda out: sd.hvp(sd.sum(out * out), x, y),
        lambda out: sd.jvp(out, x, y),
    ):
        np.testing.assert_allclose(value(f(block(x)), AT, n=4), value(f(plain), AT, n=4), rtol=1e-12)
    twice, plain = block(block(x)), sd.sin(plain * y) * sd.exp(plain)  # y is read by both, and below the second
    for by in (x, y):
        found, expected = (sd.grad(sd.sum(out), by) for out in (twice, plain))
        np.testing.assert_allclose(value(found, AT, n=4), value(expected, AT, n=4), rtol=1e-12)
    each = sd.vmap(lambda a: sd.grad(sd.sum(sd.checkpoint(lambda b: sd.exp(b) * b)(a)), a))(sd.input("X", (3, 2)))
    at = RNG.normal(size=(3, 2))
    np.testing.assert_allclose(value(each, {sd.input("X", (3, 2)): at}), np.exp(at) * (at + 1), rtol=1e-12)


# -- implicit


def test_a_square_root_by_newton() -> None:
    """d sqrt(a) / da = 1 / (2 sqrt(a)), d2 = -1 / (4 a^1.5), whatever found the root."""
    a = sd.input("a")

    def newton(a: Node) -> Node:
        z = 1 + a / 2
        for _ in range(8):
            z = (z + a / z) / 2
        return z

    root = sd.implicit(lambda z, a: z * z - a, newton)(a)
    assert root.op.name == "root"
    d = sd.grad(root, a)
    at: dict[Node, Any] = {a: 3.0}
    assert value(root, at) == pytest.approx(np.sqrt(3), rel=1e-14)
    assert value(d, at) == pytest.approx(0.5 / np.sqrt(3), rel=1e-13)
    assert value(sd.grad(d, a), at) == pytest.approx(-0.25 * 3**-1.5, rel=1e-12)
    assert value(sd.jvp(root, a, 2.0), at) == pytest.approx(1 / np.sqrt(3), rel=1e-13)
    assert len(sd.Graph(d).nodes) < 20  # none of the steps


def test_a_system() -> None:
    """The solution of A z = b + 0.1 tanh(z), against differences, in both modes, compiled, and as a batch."""
    A, b = sd.input("A", (3, 3)), sd.input("b", (3,))

    def steps(A: Node, b: Node) -> Node:
        z = b * 0
        for _ in range(60):
            z = solve(A, b + 0.1 * sd.tanh(z))
        return z

    root = sd.implicit(lambda z, A, b: A @ z - b - 0.1 * sd.tanh(z), steps)
    at: dict[Node, Any] = {A: RNG.normal(size=(3, 3)) + 3 * np.eye(3), b: RNG.normal(size=3)}
    cost = sd.sum(sd.sin(root(A, b)))
    assert sd.check_grad(cost, [A, b], at).ok
    assert sd.check_grad(sd.sum(sd.grad(cost, b) ** 2), [A, b], at).ok
    gradients = sd.grad(cost, [A, b])
    for fast, node in zip(sd.compile(gradients, inputs=[A, b])(at[A], at[b]), gradients, strict=True):
        np.testing.assert_allclose(fast, value(node, at), rtol=1e-11)
    bs = sd.input("bs", (2, 3))
    each = sd.vmap(lambda b: sd.grad(sd.sum(sd.sin(root(A, b))), b))(bs)
    whole = value(each, {A: at[A], bs: np.stack([at[b], 2 * at[b]])})
    np.testing.assert_allclose(whole[0], value(gradients[1], at), rtol=1e-11)


def test_a_residual_of_another_shape() -> None:
    root = sd.implicit(lambda z, a: sd.sum(z) - a, lambda a: sd.broadcast_to(a, (2,)))
    a = sd.input("a")
    with pytest.raises(sd.GradientError, match=r"f has the type of the root, float64\[2\], got subtract: float64"):
        sd.grad(sd.sum(root(a)), a)
