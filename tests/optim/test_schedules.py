"""Schedules against their formulas, alone and as the rate of a rule."""

import math

import numpy as np
import pytest

import symdiff as sd

S = sd.optim.schedules


def values(schedule, steps=12):
    t = sd.input("t", (), dtype="int64")
    f = sd.compile(schedule(t), inputs=[t], backend="numpy")
    return [float(f(k)) for k in range(steps)]


FORMULAS = {
    "constant": (S.constant(0.3), lambda t: 0.3),
    "step": (S.step(0.8, gamma=0.5, every=3), lambda t: 0.8 * 0.5 ** (t // 3)),
    "exponential": (S.exponential(0.5, k=0.1), lambda t: 0.5 * math.exp(-0.1 * t)),
    "inverse_time": (S.inverse_time(0.5, tau=4), lambda t: 0.5 * 4 / max(t, 4)),
    "cosine": (S.cosine(0.5, 8, end=0.1), lambda t: 0.1 + 0.4 * (1 + math.cos(math.pi * min(t, 8) / 8)) / 2),
    "restarts": (S.cosine(0.5, 4, restarts=True), lambda t: 0.5 * (1 + math.cos(math.pi * (t % 4) / 4)) / 2),
    "warmup": (S.warmup(4, then=0.5), lambda t: 0.5 * min(1, (t + 1) / 4)),
    "warmup, then": (
        S.warmup(4, then=S.exponential(0.5, 0.2)),
        lambda t: 0.5 * (t + 1) / 4 if t < 4 else 0.5 * math.exp(-0.2 * (t - 4)),
    ),
    "piecewise": (S.piecewise([2, 5], [0.3, 0.2, 0.1]), lambda t: 0.3 if t < 2 else 0.2 if t < 5 else 0.1),
    "one piece": (S.piecewise([], [0.3]), lambda t: 0.3),
    "the user's own": (lambda t: 0.1 / sd.sqrt(1 + t), lambda t: 0.1 / math.sqrt(1 + t)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    schedule, formula = FORMULAS[name]
    np.testing.assert_allclose(values(schedule), [formula(t) for t in range(12)], rtol=1e-14)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_as_the_rate_of_a_rule(name, dtype):
    """The gradient is 1 everywhere, so each step goes down by the rate."""
    schedule, formula = FORMULAS[name]
    w = sd.param("w", (5,), init=0.0, dtype=dtype)
    step = sd.train_step(sd.sum(w), [], sd.optim.sgd(schedule))
    state, train = step.init(), sd.compile(step, backend="numpy")
    for _ in range(7):
        train(state)
    expected = -sum(formula(t) for t in range(7))
    assert state["w"].dtype == dtype
    np.testing.assert_allclose(state["w"], expected, rtol=1e-13 if dtype == "float64" else 1e-6)


def test_a_rate_is_one_scalar_that_has_its_name():
    w = sd.param("w", (5,), dtype="float32")
    text = str(sd.train_step(sd.sum(w * w), [], sd.optim.sgd(S.exponential(0.5, k=0.1))))
    assert "lr = float32(0.5 * exp(-0.1 * " in text and "w <- w - lr * " in text


def test_schedules_print_as_they_were_written():
    assert repr(sd.optim.momentum(S.step(0.1))) == "momentum(lr=step(lr=0.1, gamma=0.1, every=30), mu=0.9)"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: S.constant(-1), "constant: lr is not negative, got -1"),
        (lambda: S.step(0.1, every=0), "step: every is at least 1, got 0"),
        (lambda: S.exponential(0.1, -1), "exponential: k is not negative, got -1"),
        (lambda: S.inverse_time(0.1, 0), "inverse_time: tau is positive, got 0"),
        (lambda: S.cosine(0.1, 0), "cosine: steps is at least 1, got 0"),
        (lambda: S.warmup(0, 0.1), "warmup: steps is at least 1, got 0"),
        (lambda: S.piecewise([3], [0.1]), "piecewise: 1 boundaries need 2 rates, got 1"),
        (lambda: S.piecewise([3, 3], [0.1, 0.2, 0.3]), r"piecewise: the boundaries rise, got \[3, 3\]"),
        (lambda: S.piecewise([3], [0.1, -0.2]), "piecewise: a rate is not negative, got -0.2"),
    ],
)
def test_settings_that_make_no_sense(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_function_that_gives_no_scalar():
    w = sd.param("w", (5,))
    with pytest.raises(
        sd.ShapeError, match=r"schedule: a schedule is a scalar, got multiply: float64\[2\], at test_sche"
    ):
        sd.train_step(sd.sum(w), [], sd.optim.sgd(lambda t: t * np.array([0.1, 0.2])))
    with pytest.raises(sd.GraphError, match=r"schedule: a schedule is a number, a scalar node .* got 'fast'"):
        sd.train_step(sd.sum(w), [], sd.optim.sgd(lambda t: "fast"))
