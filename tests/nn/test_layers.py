"""Dense, convolutional, normalising and dropping layers, against NumPy; their errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import symdiff as sd
from symdiff import nn
from symdiff.nn import layers
from tests.nn.layer_support import Array, check_all_gradients, names, random_state, run

RNG = np.random.default_rng(0)
N = sd.dim("n")
X = sd.input("x", (N, 5, 4))
IMAGES = sd.input("images", (N, 4, 6, 5))
GIVEN = {X: RNG.normal(size=(3, 5, 4)), IMAGES: RNG.normal(size=(3, 4, 6, 5))}


def test_dense() -> None:
    y = nn.dense(X, 3, "tanh", name="d")
    assert y.type.shape == (N, 5, 3)
    state = random_state(y)
    assert {name: state[name].shape for name in state} == {"d.W": (4, 3), "d.b": (3,)}
    (found,) = run([y], {X: GIVEN[X]}, state)
    np.testing.assert_allclose(found, np.tanh(GIVEN[X] @ state["d.W"] + state["d.b"]), rtol=1e-12)
    check_all_gradients(y, {X: GIVEN[X]}, state)


def test_layers_have_the_dtype_of_their_input() -> None:
    x = sd.input("x", (N, 5, 4), "float32")
    with nn.scope("net"):
        h = nn.transformer_block(layers.layer_norm(nn.dense(x, 4)), 2)
        h, _ = nn.bidirectional(nn.lstm, h, 3)
        h, _ = nn.gru(nn.rnn(h, 3)[0], 3)
        y = nn.learned_positions(nn.sinusoidal_positions(h))
    assert {param.dtype.name for param in sd.Graph(y).params} == {"float32"} and y.dtype == np.float32


def test_initialisers_and_activations_are_given_by_name_or_value() -> None:
    y = nn.dense(X, 2, lambda h: 2 * h, "doubled", sd.init.constant(0.5), bias=False)
    state = sd.State.initial(sd.Graph(y).params)
    assert list(state) == ["doubled.W"]
    np.testing.assert_allclose(run([y], {X: GIVEN[X]}, state)[0][..., 0], GIVEN[X].sum(-1), rtol=1e-12)
    assert nn.dense(X, 2, "relu", "d") is sd.relu(nn.dense(X, 2, None, "d"))


@pytest.mark.parametrize("settings", [{}, {"stride": 2, "padding": 1}, {"groups": 2, "bias": False}])
def test_conv2d(settings: dict[str, object]) -> None:
    y = layers.conv2d(IMAGES, 6, (3, 2), "tanh", name="c", **settings)  # type: ignore[arg-type]
    state = random_state(y)
    w, b = sd.input("w", state["c.W"].shape), sd.input("b", (6,))
    options = {key: value for key, value in settings.items() if key != "bias"}
    plain = sd.tanh(nn.conv2d(IMAGES, w, b, **options))  # type: ignore[arg-type]
    bias = state["c.b"] if "c.b" in state else np.zeros(6)
    (wanted,) = run([plain], {IMAGES: GIVEN[IMAGES], w: state["c.W"], b: bias}, random_state(plain))
    np.testing.assert_allclose(run([y], {IMAGES: GIVEN[IMAGES]}, state)[0], wanted, rtol=1e-12)


def test_conv1d() -> None:
    y = layers.conv1d(X, 3, 2, padding="same", name="c")
    state = random_state(y)
    assert state["c.W"].shape == (3, 5, 2) and y.type.shape == (N, 3, 4)
    padded = np.concatenate([GIVEN[X], np.zeros((3, 5, 1))], -1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2, -1)
    wanted = np.einsum("nclk,ock->nol", windows, state["c.W"]) + state["c.b"][:, None]
    np.testing.assert_allclose(run([y], {X: GIVEN[X]}, state)[0], wanted, rtol=1e-10)


def test_embedding() -> None:
    ids = sd.input("ids", (N, 7), "int64")
    y = layers.embedding(ids, 10, 3, padding_idx=0, name="words")
    state, given = random_state(y), RNG.integers(0, 10, (2, 7))
    np.testing.assert_array_equal(run([y], {ids: given}, state)[0], state["words.W"][given])
    d_W = sd.compile(sd.grad(sd.sum(y * y), sd.Graph(y).params[0]), inputs=[ids])(state, given)
    times = np.where(np.arange(10) == 0, 0, np.bincount(given.ravel(), minlength=10))
    np.testing.assert_allclose(d_W, 2 * times[:, None] * state["words.W"], rtol=1e-12)


# -- normalization


def normalized(x: Array, axes: tuple[int, ...]) -> Array:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


def root_mean_square(x: Array) -> Array:
    return np.sqrt((x * x).mean(2, keepdims=True) + 1e-5)


NORMS: list[tuple[str, Callable[[], sd.Node], Callable[[Array], Array], tuple[int, ...]]] = [
    ("layer_norm", lambda: layers.layer_norm(X, name="norm"), lambda x: normalized(x, (2,)), (4,)),
    ("rms_norm", lambda: layers.rms_norm(X, 1e-5, name="norm"), lambda x: x / root_mean_square(x), (4,)),
    ("batch_norm", lambda: layers.batch_norm(X, True, name="norm"), lambda x: normalized(x, (0, 2)), (5, 1)),
    ("one group", lambda: layers.group_norm(X, 1, name="norm"), lambda x: normalized(x, (1, 2)), (5, 1)),
    ("five groups", lambda: layers.group_norm(X, 5, name="norm"), lambda x: normalized(x, (2,)), (5, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("label", "layer", "wanted", "shape"), NORMS, ids=[norm[0] for norm in NORMS])
def test_norms(
    label: str, layer: Callable[[], sd.Node], wanted: Callable[[Array], Array], shape: tuple[int, ...]
) -> None:
    y = layer()
    state = random_state(y)
    beta = state["norm.beta"].reshape(shape) if label != "rms_norm" else 0.0
    expected = wanted(GIVEN[X]) * state["norm.gamma"].reshape(shape) + beta
    np.testing.assert_allclose(run([y], {X: GIVEN[X]}, state)[0], expected, rtol=1e-9)
    check_all_gradients(y, {X: GIVEN[X]}, state)
    fresh = sd.State.initial(sd.Graph(y).params)
    assert (fresh["norm.gamma"] == 1).all() and ("norm.beta" not in fresh or (fresh["norm.beta"] == 0).all())


@nn.scope("net")
def normalizing(x: sd.Node, training: bool) -> sd.Node:
    return nn.dense(layers.batch_norm(x, training, momentum=0.2), 1)


def test_running_statistics_move_as_by_hand_and_evaluation_uses_them() -> None:
    target = sd.input("target", (N, 1, 6, 1))
    x = sd.input("x", (N, 4, 6, 5))
    loss = sd.losses.mean_squared_error(normalizing(x, True)[:, :1], target)
    step = sd.train_step(loss, [x, target], sd.optim.sgd(0.05))
    assert {"net.batch_norm.mean", "net.batch_norm.var"}.isdisjoint(leaf.attrs["name"] for leaf in step.trained)
    state, train = step.init(), sd.compile(step)
    mean, var = np.zeros(4), np.ones(4)
    for k in range(5):
        batch = RNG.normal(k, 1 + k, size=(3 + k, 4, 6, 5))
        train(state, batch, np.zeros((3 + k, 1, 6, 1)))
        mean = 0.8 * mean + 0.2 * batch.mean((0, 2, 3))
        var = 0.8 * var + 0.2 * batch.var((0, 2, 3), ddof=1)
        np.testing.assert_allclose(state["net.batch_norm.mean"], mean, rtol=1e-10)
        np.testing.assert_allclose(state["net.batch_norm.var"], var, rtol=1e-10)
    given = RNG.normal(size=(2, 4, 6, 5))
    before = {name: state[name].copy() for name in state}
    (found,) = run([normalizing(x, False)], {x: given}, state)
    column = (4, 1, 1)
    scaled = (given - mean.reshape(column)) / np.sqrt(var.reshape(column) + 1e-5)
    h = scaled * state["net.batch_norm.gamma"].reshape(column) + state["net.batch_norm.beta"].reshape(column)
    np.testing.assert_allclose(found, h @ state["net.dense.W"] + state["net.dense.b"], rtol=1e-9)
    assert all((state[name] == before[name]).all() for name in state)


def test_statistics_move_in_fit() -> None:
    x = sd.input("x", (N, 4))
    step = sd.train_step(sd.mean(sd.sin(layers.batch_norm(x, True, name="norm"))), [x], sd.optim.sgd(0.1))
    state, batch = step.init(), RNG.normal(3, 2, (20, 4))
    sd.compile(step).fit(state, batch, batch_size=20, epochs=3, seed=0)
    np.testing.assert_allclose(state["norm.mean"], (1 - 0.9**3) * batch.mean(0), rtol=1e-9)


def test_statistics_that_are_used_are_not_trained() -> None:
    x = sd.input("x", (N, 4, 6, 5))
    step = sd.train_step(sd.mean(normalizing(x, False) ** 2), [x], sd.optim.sgd(0.1))
    state, train = step.init(), sd.compile(step)
    train(state, GIVEN[IMAGES])
    assert (state["net.batch_norm.mean"] == 0).all() and (state["net.batch_norm.var"] == 1).all()
    assert (state["net.batch_norm.gamma"] != 1).any()


def test_a_shared_layer_moves_once_for_each_use() -> None:
    other = sd.input("other", (N, 4))
    x = sd.input("x", (N, 4))
    with nn.scope("net"):
        ys = []
        for given in (x, other):
            with nn.scope("encoder", share=True):
                ys.append(layers.batch_norm(given, True))
    step = sd.train_step(sd.sum(ys[0] ** 3) + sd.sum(ys[1] ** 3), [x, other], sd.optim.sgd(0.1))
    state = step.init()
    a, b = RNG.normal(1, 1, (5, 4)), RNG.normal(2, 3, (6, 4))
    sd.compile(step)(state, a, b[:5])
    mean = 0.9 * (0.1 * a.mean(0)) + 0.1 * b[:5].mean(0)
    np.testing.assert_allclose(state["net.encoder.batch_norm.mean"], mean, rtol=1e-10)


def test_a_batch_of_one_element_keeps_the_statistics_finite() -> None:
    x = sd.input("x", (N, 4))
    step = sd.train_step(sd.sum(layers.batch_norm(x, True, name="norm") ** 2), [x], sd.optim.sgd(0.1))
    state = step.init()
    sd.compile(step)(state, np.ones((1, 4)))
    np.testing.assert_allclose(state["norm.mean"], 0.1)
    np.testing.assert_allclose(state["norm.var"], 0.9)


def test_statistics_in_a_body_are_an_error() -> None:
    x = sd.input("x", (N, 4))

    def layer(given: sd.Node) -> sd.Node:
        with nn.scope("net"):
            return layers.batch_norm(given, True)

    for tried in (
        lambda: sd.checkpoint(layer)(x),
        lambda: sd.map(layer, sd.input("xs", (3, 5, 4))),
        lambda: sd.vmap(layer)(sd.input("xs", (3, 5, 4))),
        lambda: sd.cond(sd.sum(x) > 0, lambda: layer(x), lambda: x),
    ):
        with pytest.raises(sd.GraphError, match="running statistics cannot be moved from inside"):
            tried()


# -- updates of a step


def test_further_updates() -> None:
    w, total = sd.param("w", (3,), init=1.0), sd.param("total", (3,))
    x = sd.input("x", (3,))
    step = sd.train_step(sd.sum(w * x), [x], sd.optim.sgd(0.1), updates={total: total + w})
    state, train = step.init(), sd.compile(step)
    for _ in range(2):
        train(state, np.ones(3))
    np.testing.assert_allclose(state["total"], 1.0 + 0.9, rtol=1e-12)
    np.testing.assert_allclose(state["w"], 0.8, rtol=1e-12)


def test_further_updates_that_do_not_fit() -> None:
    w, x = sd.param("w", (3,)), sd.input("x", (3,))
    loss, rule = sd.sum(w * x), sd.optim.sgd(0.1)
    for updates, message in [
        ({w: w + 1}, "which the optimizer changes"),
        ({sd.param("v", (2,)): w}, r"the next value of v: float64\[2\] has its type"),
        ({sd.param("v", (3,), dtype="float32"): w}, "has its type"),
        ({x: w}, "updates map parameters to nodes"),
        ({sd.param("v"): 1.0}, "updates map parameters to nodes"),
    ]:
        with pytest.raises(sd.GraphError, match=message):
            sd.train_step(loss, [x], rule, updates=updates)  # type: ignore[arg-type]


# -- dropout


def masks(seed: int, steps: int, name: str = "drop") -> list[Array]:
    """Which elements of w get no gradient, step by step."""
    w = sd.param("w", (2000,), init=1.0)
    loss = sd.sum(layers.dropout(w, 0.25, True, name))
    step = sd.train_step(loss, [], sd.optim.sgd(1.0))
    state, train, found = step.init(seed), sd.compile(step), []
    for _ in range(steps):
        state["w"][:] = 0.0
        train(state)
        found.append(state["w"].copy())
    return found


def test_dropout_scales_draws_anew_and_repeats_itself() -> None:
    first = masks(0, 4)
    for kept in first:
        assert set(np.round(-kept, 12)) == {0.0, round(1 / 0.75, 12)}
        assert abs(-kept.mean() - 1) < 5 * np.sqrt(0.25 / 0.75 / 2000)
    assert len({kept.tobytes() for kept in first}) == 4
    np.testing.assert_array_equal(first, masks(0, 4))
    assert not any((one == other).all() for one, other in zip(first, masks(1, 4), strict=True))
    assert not any((one == other).all() for one, other in zip(first, masks(0, 4, "another"), strict=True))


def test_a_saved_state_goes_on_with_the_same_draws(tmp_path: Path) -> None:
    x = sd.input("x", (N, 4))
    with nn.scope("net"):
        y = layers.dropout(layers.batch_norm(x, True), 0.5, True)
    step = sd.train_step(sd.sum(sd.sin(y) ** 2), [x], sd.optim.sgd(0.1))
    train, state, batch = sd.compile(step), step.init(3), RNG.normal(size=(6, 4))
    for _ in range(2):
        train(state, batch)
    state.save(tmp_path / "state.npz")
    other = step.load(tmp_path / "state.npz")
    for _ in range(2):
        assert train(state, batch).loss == train(other, batch).loss
    assert all((state[name] == other[name]).all() for name in state)


def test_dropout_is_off_in_evaluation() -> None:
    assert layers.dropout(X, 0.5, False, "d") is X
    assert layers.dropout(X, 0.0, True, "d") is X
    block = nn.transformer_block(X, 2, dropout=0.5, training=False, name="block")
    assert block is nn.transformer_block(X, 2, name="block")


# -- errors


INTEGERS = sd.input("integers", (N, 4), "int64")
BAD: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: nn.dense(sd.input("s", ()), 3, name="d"), sd.ShapeError, r"\(..., I\), got s: float64, at .*test_layers"),
    (lambda: nn.dense(INTEGERS, 3, name="d"), sd.DTypeError, "takes floats"),
    (lambda: nn.dense(X, 0, name="d"), sd.ShapeError, "units is a whole number above 0, got 0"),
    (lambda: nn.dense(X, 3, "rellu", name="d"), sd.GraphError, "no activation is called 'rellu'; there are .*relu"),
    (lambda: nn.dense(sd.input("t", (3, N)), 3, name="d"), sd.ShapeError, "sizes in numbers"),
    (lambda: layers.conv2d(X, 3, 3, name="c"), sd.ShapeError, r"takes \(N, C, 2 spatial axes\)"),
    (lambda: layers.conv2d(IMAGES, 6, 3, groups=3, name="c"), sd.ShapeError, "3 groups do not divide the 4 channels"),
    (lambda: layers.conv2d(IMAGES, 6, (3, 3, 3), name="c"), sd.ShapeError, "kernel_size is an int or 2 of them"),
    (lambda: layers.batch_norm(sd.input("v", (3,)), True, name="n"), sd.ShapeError, r"takes \(N, C, ...\)"),
    (lambda: layers.group_norm(IMAGES, 3, name="n"), sd.ShapeError, "number of groups that divides C"),
    (lambda: layers.dropout(X, 1.5, True, "d"), sd.GraphError, "dropout is a probability, got 1.5"),
    (lambda: layers.embedding(X, 10, 3, name="e"), sd.DTypeError, "embedding"),
    (lambda: layers.embedding(INTEGERS, 0, 3, name="e"), sd.ShapeError, "vocabulary is a whole number above 0"),
]  # fmt: skip


@pytest.mark.parametrize(("tried", "error", "message"), BAD, ids=range(len(BAD)))
def test_errors(tried: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tried()


def test_a_failed_layer_leaves_its_name_free() -> None:
    with nn.scope("net"):
        with pytest.raises(sd.ShapeError):
            nn.dense(X, 0, name="d")
        assert names(nn.dense(X, 2, name="d")) == ["net.d.W", "net.d.b"]
