"""while_loop and cond: values, derivatives, limits, nesting."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd
from tests.emit.three_ways import assert_three_ways


def root(x, max_steps=60):
    """Newton's method."""
    return sd.while_loop(lambda r: abs(r * r - x) > 1e-12, lambda r: (r + x / r) / 2, x, max_steps=max_steps)


X = sd.input("x")


def test_root_and_its_derivatives():
    r = root(X)
    first = sd.grad(r, X)
    graph = sd.Graph([r, first, sd.grad(first, X), sd.jvp(root(X, None), X, 1.0)], inputs=[X])
    assert_three_ways(graph, {X: np.array(2.0)})
    found = sd.compile(list(graph.outputs.values()), inputs=[X])(2.0)
    np.testing.assert_allclose(found, [2**0.5, 0.5 * 2**-0.5, -0.25 * 2**-1.5, 0.5 * 2**-0.5], rtol=1e-12)


def test_without_a_limit_reverse_mode_says_what_to_do():
    with pytest.raises(sd.GradientError, match=r"while_loop.*max_steps"):
        sd.grad(root(X, None), X)


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_a_loop_that_does_not_end_in_time_is_an_error(backend):
    f = sd.compile(sd.while_loop(lambda r: r > 0.5, lambda r: r + X, X, max_steps=5), inputs=[X], backend=backend)
    assert f(0.25) == 0.25
    with pytest.raises(sd.GraphError, match="max_steps=5"):
        f(1.0)
    assert f(0.25) == 0.25


def test_exactly_as_many_steps_as_there_may_be():
    f = sd.compile(
        sd.while_loop(lambda s: s[0] < 5, lambda s: (s[0] + 1, s[1] * X), (0, X), max_steps=5)[1], inputs=[X]
    )
    assert f(2.0) == 64.0


def test_no_step_at_all():
    r = sd.while_loop(lambda r: r < 0, lambda r: r * X, X * X, max_steps=3)
    f = sd.compile([r, sd.grad(r, X)], inputs=[X])
    np.testing.assert_allclose(f(3.0), [9.0, 6.0])


def descent(theta, steps):
    """The minimum of (w - theta)^2 / 2 + w^4 / 10 by gradient descent, which is differentiated from outside."""

    def slope(w):
        return sd.grad(sd.sum((w - theta) ** 2) / 2 + sd.sum(w**4) / 10, w)

    return sd.while_loop(lambda w: sd.sum(slope(w) ** 2) > 1e-18, lambda w: w - 0.2 * slope(w), theta * 0, steps)


def test_an_optimiser_inside_an_optimiser():
    """Against the implicit function theorem: d w / d theta = 1 / (1 + 6 w^2 / 5)."""
    theta = sd.input("theta", (2,))
    last = sd.while_loop(lambda s: s[1] < 3, lambda s: (s[0] - 0.1 * descent(s[0], 300), s[1] + 1), (theta, 0), 4)[0]
    gradient = sd.grad(sd.sum(last**2), theta)
    given = np.array([0.7, -1.1])
    assert_three_ways(sd.Graph([last, gradient], inputs=[theta]), {theta: given})
    minimum = sd.compile(descent(theta, 300), inputs=[theta])
    value, slope = given, np.ones(2)
    for _ in range(3):
        w = minimum(value)
        slope = slope * (1 - 0.1 / (1 + 1.2 * w**2))
        value = value - 0.1 * w
    found = sd.compile([last, gradient], inputs=[theta])(given)
    np.testing.assert_allclose(found[0], value, rtol=1e-12)
    np.testing.assert_allclose(found[1], 2 * value * slope, rtol=1e-7)


def test_a_batch_in_which_each_item_takes_its_own_number_of_steps():
    xs = sd.input("xs", (sd.dim("n"),))
    both = sd.vmap(lambda x: (root(x), sd.grad(root(x), x)))(xs)
    f = sd.compile(list(both), inputs=[xs])
    given = np.array([2.0, 9.0, 1e4, 0.3])
    found = f(given)
    np.testing.assert_allclose(found[0], np.sqrt(given), rtol=1e-10)
    np.testing.assert_allclose(found[1], 0.5 / np.sqrt(given), rtol=1e-9)


# -- cond


def choice(x):
    return sd.cond(x > 1, lambda: sd.log(x), lambda: 3 * x)


@pytest.mark.parametrize(
    ("x", "expected"), [(2.0, (np.log(2), 0.5, -0.25)), (-2.0, (-6.0, 3.0, 0.0)), (0.0, (0, 3, 0))]
)
def test_cond_and_its_derivatives(x, expected):
    y = choice(X)
    first = sd.grad(y, X)
    nodes = [y, first, sd.grad(first, X, unused="zero"), sd.jvp(y, X, 1.0)]
    assert_three_ways(sd.Graph(nodes, inputs=[X]), {X: np.array(x)})
    np.testing.assert_allclose(sd.compile(nodes, inputs=[X])(x), [*expected, expected[1]], rtol=1e-14)


def test_only_the_branch_taken_is_computed():
    """A branch that would fail does not, where it is not taken."""
    at, table = sd.input("at", (), dtype="int64"), sd.input("table", (3,))
    y = sd.cond(at < 3, lambda: sd.take(table, at), lambda: sd.constant(-1.0))
    for backend in ("native", "numpy"):
        f = sd.compile(y, inputs=[at, table], backend=backend)
        assert f(2, np.array([1.0, 2.0, 4.0])) == 4
        assert f(7, np.array([1.0, 2.0, 4.0])) == -1


def test_cond_with_operands_and_structures():
    y = sd.input("y", (3,))
    found = sd.cond(X > 0, lambda a, b: {"s": a * b, "t": (b,)}, lambda a, b: {"s": b, "t": (a + b,)}, X, y)
    nodes = [found["s"], found["t"][0], *sd.grad(sd.sum(found["s"] * found["t"][0]), [X, y])]
    for x in (2.0, -2.0):
        assert_three_ways(sd.Graph(nodes, inputs=[X, y]), {X: np.array(x), y: np.array([1.0, -2.0, 0.5])})


def test_cond_over_a_batch():
    xs = sd.input("xs", (sd.dim("n"),))
    values, slopes = sd.vmap(lambda x: (choice(x), sd.grad(choice(x), x)))(xs)
    given = np.array([2.0, -1.0, 0.0, 4.0])
    found = sd.compile([values, slopes], inputs=[xs])(given)
    np.testing.assert_allclose(found[0], [np.log(2), -3, 0, np.log(4)])
    np.testing.assert_allclose(found[1], [0.5, 3, 3, 0.25])


@pytest.mark.parametrize(("build", "message"), [
    (lambda: sd.cond(sd.input("b", (2,)) > 0, X, X), "bool scalar"),
    (lambda: sd.cond(X > 0, lambda: X, lambda: (X, X)), "different types"),
    (lambda: sd.cond(X > 0, lambda: X, lambda: sd.input("v", (2,))), "different types"),
    (lambda: sd.while_loop(lambda r: r, lambda r: r, X), "bool scalar"),
    (lambda: sd.while_loop(lambda r: r > 0, lambda r: (r, r), X), "another structure"),
])  # fmt: skip
def test_errors(build, message):
    with pytest.raises(sd.SymdiffError, match=message):
        build()


def test_saved_and_run_as_a_plain_file(tmp_path):
    f = sd.compile([root(X), choice(X), sd.grad(root(X), X)], inputs=[X])
    f.save(tmp_path / "saved.py")
    names: dict = {}
    exec(compile((tmp_path / "saved.py").read_text(), "saved", "exec"), names)
    np.testing.assert_allclose(names["compiled"](np.array(2.0), names["workspace"]()), f(2.0), rtol=1e-14)
