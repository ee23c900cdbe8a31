"""Penalties: their values and gradients, what counts as a bias, and what makes no sense."""

import numpy as np
import pytest

import symdiff as sd

R = sd.regularize
W1, W2 = sd.param("W1", (2, 3), init=[[1, -2, 0], [3, -1, 2]]), sd.param("W2", (3, 1), init=[[0.5], [-4], [1]])
b = sd.param("b", (3,), init=[7, 7, 7])


def value(node):
    return float(sd.compile(node, backend="numpy")(sd.State.initial([W1, W2, b])))


def test_values():
    assert value(R.l1([W1, W2, b], 0.5)) == pytest.approx(0.5 * (9 + 5.5))
    assert value(R.l2([W1, W2, b], 0.5)) == pytest.approx(0.5 * (19 + 17.25))
    assert value(R.elastic_net([W1, W2, b], 0.5, 0.1)) == pytest.approx(0.5 * 14.5 + 0.1 * 36.25)


def test_biases_count_when_asked_for():
    assert value(R.l1([W1, b], 1, biases=True)) == 9 + 21
    assert value(R.l2([W1, b], 1, biases=True)) == 19 + 147
    assert value(R.elastic_net(b, 1, 1, biases=True)) == 21 + 147


def test_a_parameter_given_twice_counts_once():
    assert value(R.l2([W1, W1], 1)) == value(R.l2(W1, 1)) == 19


def test_gradients():
    state = sd.State.initial([W1, W2, b])
    l2, l1 = (sd.compile(sd.grad(R_(W1, 0.3), W1), backend="numpy")(state) for R_ in (R.l2, R.l1))
    np.testing.assert_allclose(l2, 2 * 0.3 * state["W1"])
    np.testing.assert_allclose(l1, 0.3 * np.sign(state["W1"]))


def test_the_worked_network_of_the_book():
    """J = J_MLE + lambda (sum W1^2 + sum W2^2): weight decay gives 2 lambda W (Deep Learning, chapter 6)."""
    x, y = sd.input("x", (5, 2)), sd.input("y", (5,), dtype="int64")
    U1, U2 = sd.param("U1", (2, 4), init=sd.init.he_normal()), sd.param("U2", (4, 3), init=sd.init.he_normal())
    cross_entropy = sd.losses.softmax_cross_entropy(sd.relu(x @ U1) @ U2, y)
    both = [sd.grad(loss, [U1, U2]) for loss in (cross_entropy, cross_entropy + R.l2([U1, U2], 0.05))]
    state, random = sd.State.initial([U1, U2]), np.random.default_rng(0)
    f = sd.compile(both[1] + both[0], inputs=[x, y], backend="numpy")
    found = f(state, random.normal(size=(5, 2)), random.integers(0, 3, 5))
    for k, name in enumerate(["U1", "U2"]):
        np.testing.assert_allclose(found[k] - found[k + 2], 2 * 0.05 * state[name], atol=1e-15)


def test_the_loss_of_the_xor_notes():
    """lambda / (2 N) sum W^2 is l2 with that strength, which may be a node."""
    strength = sd.constant(0.2) / (2 * 4)
    assert value(R.l2([W1, W2], strength)) == pytest.approx(0.2 / 8 * 36.25)


def test_half_of_the_weight_decay_of_an_optimiser():
    x = sd.input("x", (2, 2))
    loss = sd.sum(sd.square(x @ W1))
    data, ends = np.ones((2, 2)), []
    for cost, rule in [(loss + R.l2(W1, 0.05), sd.optim.sgd(0.1)), (loss, sd.optim.sgd(0.1, weight_decay=0.1))]:
        step = sd.train_step(cost, [x], rule)
        state = step.init()
        sd.compile(step, backend="numpy")(state, data)
        ends.append(state["W1"])
    np.testing.assert_allclose(*ends, rtol=1e-13)


def test_dtype():
    W = sd.param("W", (2, 2), dtype="float32")
    assert R.l2(W, 1e-3).dtype == R.l1(W, 1e-3).dtype == R.elastic_net([W], 1, 1).dtype == np.float32


def test_what_makes_no_sense():
    with pytest.raises(
        sd.GraphError, match=r"l2: no weight of two axes or more among b: float64\[3\], at .*biases=True"
    ):
        R.l2([b], 0.1)
    with pytest.raises(sd.GraphError, match="l1: no weight of two axes or more among no parameters"):
        R.l1([], 0.1)
    with pytest.raises(ValueError, match="l1: the strength is not negative, got -1"):
        R.l1(W1, -1)
    with pytest.raises(sd.ShapeError, match=r"l2: the strength is a scalar, got b: float64\[3\]"):
        R.l2(W1, b)
    with pytest.raises(sd.GraphError, match="elastic_net: penalties are for float nodes, got 'W1'"):
        R.elastic_net(["W1"], 1, 1)
    with pytest.raises(sd.GraphError, match=r"l2: penalties are for float nodes, got k: int64\[2, 2\]"):
        R.l2(sd.param("k", (2, 2), dtype="int64"), 1)
