"""Recurrent layers against loops in NumPy, their derivatives, their dropout, and a small one trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff import nn
from tests.nn.layer_support import Array, check_all_gradients, names, random_state, run, sigmoid

RNG = np.random.default_rng(0)
N, T, D, UNITS = 3, 5, 4, 2
X = sd.input("x", (sd.dim("n"), T, D))
GIVEN = RNG.normal(size=(N, T, D))
Weights = Mapping[str, Array]
State = tuple[Array, ...]


def rnn_step(w: Weights, x: Array, h: Array) -> State:
    return (np.tanh(x @ w["l.W_x"] + h @ w["l.W_h"] + w["l.b"]),)


def lstm_step(w: Weights, x: Array, h: Array, c: Array) -> State:
    i, f, g, o = np.split(x @ w["l.W_x"] + h @ w["l.W_h"] + w["l.b"], 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(w: Weights, x: Array, h: Array) -> State:
    (r, u, m), (r_h, u_h, m_h) = np.split(x @ w["l.W_x"] + w["l.b"], 3, -1), np.split(h @ w["l.W_h"], 3, -1)
    u = sigmoid(u + u_h)
    return ((1 - u) * np.tanh(m + sigmoid(r + r_h) * (m_h + w["l.b_m"])) + u * h,)


KINDS: dict[str, tuple[Callable[..., Any], Callable[..., State], int]] = {
    "rnn": (nn.rnn, rnn_step, 1),
    "lstm": (nn.lstm, lstm_step, 2),
    "gru": (nn.gru, gru_step, 1),
}


def looped(kind: str, w: Weights, x: Array, state: State, reverse: bool = False) -> tuple[Array, State]:
    ys = np.zeros((*x.shape[:2], UNITS))
    for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
        state = KINDS[kind][1](w, x[:, t], *state)
        ys[:, t] = state[0]
    return ys, state


@pytest.mark.parametrize("given_state", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_against_a_loop(kind: str, reverse: bool, given_state: bool) -> None:
    layer, _, parts = KINDS[kind]
    symbols = [sd.input(f"s{k}", (sd.dim("n"), UNITS)) for k in range(parts)] if given_state else []
    initial = (tuple(symbols) if parts == 2 else symbols[0]) if given_state else None
    y, last = layer(X, UNITS, initial=initial, reverse=reverse, name="l")
    outputs = [y, *(last if parts == 2 else [last])]
    values = [RNG.normal(size=(N, UNITS)) if given_state else np.zeros((N, UNITS)) for _ in range(parts)]
    state = random_state(y)
    given = {X: GIVEN, **dict(zip(symbols, values, strict=False))}
    ys, wanted = looped(kind, state, GIVEN, tuple(values), reverse)
    for found, expected in zip(run(outputs, given, state), [ys, *wanted], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)
    check_all_gradients(y, given, state)


@pytest.mark.parametrize("kind", KINDS)
def test_two_halves_are_the_whole(kind: str) -> None:
    """The last state starts the next piece of a sequence; a layer outside scopes is the same by its name."""
    layer = KINDS[kind][0]
    whole, _ = layer(X, UNITS, name="l")
    first, state = layer(X[:, :2], UNITS, name="l")
    second, _ = layer(X[:, 2:], UNITS, initial=state, name="l")
    one, other = run([whole, sd.concat([first, second], 1)], {X: GIVEN}, random_state(whole))
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_length_may_be_symbolic() -> None:
    x = sd.input("x", (sd.dim("n"), sd.dim("t"), D))
    y, _ = nn.gru(x, UNITS, name="l")
    f, state = sd.compile(y, inputs=[x]), random_state(y)
    for length in (1, 4):
        wanted, _ = looped("gru", state, GIVEN[:, :length], (np.zeros((N, UNITS)),))
        np.testing.assert_allclose(f(state, GIVEN[:, :length]), wanted, rtol=1e-10)


def test_parameters_and_what_they_start_from() -> None:
    y, _ = nn.lstm(X, UNITS, name="l")
    state = sd.State.initial(sd.Graph(y).params)
    assert {name: state[name].shape for name in state} == {"l.W_x": (4, 8), "l.W_h": (2, 8), "l.b": (8,)}
    np.testing.assert_array_equal(state["l.b"], [0, 0, 1, 1, 0, 0, 0, 0])
    np.testing.assert_allclose(state["l.W_h"] @ state["l.W_h"].T, np.eye(2), atol=1e-12)
    assert names(nn.gru(X, UNITS, name="l")[0]) == ["l.W_x", "l.b", "l.W_h", "l.b_m"]


def test_bidirectional() -> None:
    with nn.scope("net"):
        y, (last, first) = nn.bidirectional(nn.gru, X, UNITS)
    assert y.type.shape[2] == 2 * UNITS
    state = random_state(y)
    found, last_found, first_found = run([y, last, first], {X: GIVEN}, state)
    for part, place, name, reverse in [
        (found[..., :UNITS], -1, "forward", False),
        (found[..., UNITS:], 0, "backward", True),
    ]:
        own = {key.replace(f"net.bidirectional.{name}", "l"): state[key] for key in state}
        wanted, _ = looped("gru", own, GIVEN, (np.zeros((N, UNITS)),), reverse)
        np.testing.assert_allclose(part, wanted, rtol=1e-10)
        np.testing.assert_array_equal(part[:, place], first_found if reverse else last_found)


def test_another_activation() -> None:
    y, _ = nn.rnn(X, UNITS, "relu", name="l")
    state = random_state(y)
    h, wanted = np.zeros((N, UNITS)), []
    for t in range(T):
        h = np.maximum(GIVEN[:, t] @ state["l.W_x"] + h @ state["l.W_h"] + state["l.b"], 0)
        wanted.append(h)
    np.testing.assert_allclose(run([y], {X: GIVEN}, state)[0], np.stack(wanted, 1), rtol=1e-10)


def test_variational_dropout_has_one_mask_for_all_steps() -> None:
    x = sd.input("x", (200, T, 1))
    y, _ = nn.rnn(x, 1, lambda z: z, dropout=0.25, training=True, name="l")
    state = random_state(y)
    state["l.W_x"], state["l.W_h"], state["l.b"] = [[1.0]], [[0.0]], [0.0]
    f, mask = sd.compile(y, inputs=[x]), {}
    for step in range(3):
        state["step"][...] = step
        found = f(state, np.ones((200, T, 1)))[..., 0]
        assert (found == found[:, :1]).all()
        assert set(np.round(found[:, 0], 12)) == {0.0, round(1 / 0.75, 12)}
        assert abs(found[:, 0].mean() - 1) < 5 * np.sqrt(0.25 / 0.75 / 200)
        mask[step] = found[:, 0].tobytes()
    assert len(set(mask.values())) == 3
    assert nn.rnn(x, 1, dropout=0.25, training=False, name="l")[0] is nn.rnn(x, 1, name="l")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_errors(kind: str) -> None:
    layer, parts = KINDS[kind][0], KINDS[kind][2]

    def state(*shape: object, dtype: str = "float64") -> Any:
        one = sd.input("s", shape, dtype)
        return (one, one) if parts == 2 else one

    with pytest.raises(
        sd.ShapeError, match=rf"{kind}: takes sequences \(n, T, d\), got f: float64\[3, 4\], at .*test_recurrent"
    ):
        layer(sd.input("f", (3, 4)), UNITS, name="l")
    with pytest.raises(sd.ShapeError, match=r"a sequence has a step at least, got e: float64\[3, 0, 4\]"):
        layer(sd.input("e", (3, 0, 4)), UNITS, name="l")
    with pytest.raises(
        sd.ShapeError, match=r"initial state of 2 units for .* is float64 of shape .*got s: float64\[3, 7\]"
    ):
        layer(X, UNITS, initial=state(3, 7), name="l")
    with pytest.raises(sd.DTypeError, match="initial state"):
        layer(X, UNITS, initial=state(sd.dim("n"), UNITS, dtype="float32"), name="l")
    with pytest.raises(sd.ShapeError, match="units is a whole number above 0"):
        layer(X, 2.5, name="l")
    with pytest.raises(sd.GraphError, match=rf"{kind}: with dropout it has to know whether it is training"):
        layer(X, UNITS, dropout=0.5, name="l")
    with pytest.raises(sd.DTypeError, match="takes floats"):
        layer(sd.input("i", (3, 4, 5), "int64"), UNITS, name="l")


def test_unknown_activation_and_a_state_that_is_no_pair() -> None:
    with pytest.raises(sd.GraphError, match="rnn: no activation is called 'step'"):
        nn.rnn(X, UNITS, "step", name="l")
    with pytest.raises(sd.GraphError, match=r"lstm: the initial state is a pair \(h, c\)"):
        nn.lstm(X, UNITS, initial=sd.zeros((3, UNITS)), name="l")  # type: ignore[arg-type]


def test_a_small_lstm_learns_to_remember() -> None:
    """The first number of a sequence, after eight others."""
    x, y = sd.input("x", (sd.dim("n"), 9, 1)), sd.input("y", (sd.dim("n"), 1))
    with nn.scope("memory"):
        _, (h, _) = nn.lstm(x, 12)
        found = nn.dense(h, 1)
    step = sd.train_step(sd.losses.mean_squared_error(found, y), [x, y], sd.optim.adam(0.02))
    state, train, rng = step.init(1), sd.compile(step), np.random.default_rng(1)
    losses = []
    for _ in range(400):
        batch = rng.uniform(-1, 1, (32, 9, 1))
        losses.append(float(train(state, batch, batch[:, 0]).loss))
    assert np.mean(losses[-20:]) < 0.03 * np.mean(losses[:5])
