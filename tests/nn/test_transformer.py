"""Attention with heads, transformer blocks and positions against NumPy; and a small transformer trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import symdiff as sd
from symdiff import nn
from symdiff.nn import layers
from tests.nn.layer_support import Array, check_all_gradients, names, random_state, run

RNG = np.random.default_rng(0)
N, T, S, D, HEADS = 2, 4, 3, 6, 3
X = sd.input("x", (sd.dim("n"), T, D))
MEMORY = sd.input("memory", (sd.dim("n"), S, 5))
GIVEN = {X: RNG.normal(size=(N, T, D)), MEMORY: RNG.normal(size=(N, S, 5))}


def attended(w: Mapping[str, Array], x: Array, source: Array, visible: Array, at: str = "a") -> Array:
    """Head by head, element by element."""
    q, k, v = (
        given @ w[f"{at}.W_{letter}"] + w[f"{at}.b_{letter}"]
        for given, letter in [(x, "q"), (source, "k"), (source, "v")]
    )
    found, size = np.zeros_like(q), q.shape[-1] // HEADS
    for n in range(x.shape[0]):
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            for t in range(x.shape[1]):
                scores = k[n, :, part] @ q[n, t, part] / np.sqrt(size)
                weights = np.where(visible[t], np.exp(scores - scores.max()), 0)
                found[n, t, part] = weights / weights.sum() @ v[n, :, part]
    return found @ w[f"{at}.W_o"] + w[f"{at}.b_o"]


def test_parameters() -> None:
    y = nn.multi_head_attention(X, HEADS, memory=MEMORY, name="a")
    state = random_state(y)
    assert {name: state[name].shape for name in state} == {
        "a.W_q": (D, D), "a.W_k": (5, D), "a.W_v": (5, D), "a.W_o": (D, D),
        "a.b_q": (D,), "a.b_k": (D,), "a.b_v": (D,), "a.b_o": (D,),
    }  # fmt: skip
    assert len(names(nn.multi_head_attention(X, HEADS, bias=False, name="a"))) == 4


@pytest.mark.parametrize("kind", ["plain", "causal", "mask", "memory"])
def test_attention(kind: str) -> None:
    source, visible = X, np.ones((T, T), bool)
    if kind == "causal":
        visible = np.tril(visible)
    if kind == "mask":
        visible = RNG.random((T, T)) < 0.5
        visible[:, 0] = True
    if kind == "memory":
        source, visible = MEMORY, np.ones((T, S), bool)
    mask = sd.constant(visible) if kind == "mask" else None
    memory = MEMORY if kind == "memory" else None
    y = nn.multi_head_attention(X, HEADS, memory, mask, causal=kind == "causal", name="a")
    given, state = {node: GIVEN[node] for node in dict.fromkeys([X, source])}, random_state(y)
    wanted = attended(state, GIVEN[X], GIVEN[source], visible)
    np.testing.assert_allclose(run([y], given, state)[0], wanted, rtol=1e-9, atol=1e-12)
    check_all_gradients(y, given, state)


def test_transformer_block() -> None:
    y = nn.transformer_block(X, HEADS, hidden=7, causal=True, activation="relu", name="block")
    w = random_state(y)
    own = {name.removeprefix("block."): w[name] for name in w}
    assert own["up.W"].shape == (D, 7) and own["down.W"].shape == (7, D)

    def norm(x: Array, name: str) -> Array:
        away = x - x.mean(-1, keepdims=True)
        return away / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * own[f"{name}.gamma"] + own[f"{name}.beta"]

    x, before = GIVEN[X], norm(GIVEN[X], "norm_1")
    h = x + attended(own, before, before, np.tril(np.ones((T, T), bool)), "attention")
    up = np.maximum(norm(h, "norm_2") @ own["up.W"] + own["up.b"], 0)
    np.testing.assert_allclose(run([y], {X: x}, w)[0], h + up @ own["down.W"] + own["down.b"], rtol=1e-9, atol=1e-12)


def test_gradients_of_a_block() -> None:
    y = nn.transformer_block(X, HEADS, hidden=5, causal=True, name="block")
    check_all_gradients(y, {X: GIVEN[X]}, random_state(y))


def test_causal_blocks_do_not_see_what_comes() -> None:
    y = nn.transformer_block(nn.transformer_block(X, HEADS, causal=True, name="one"), HEADS, causal=True, name="two")
    f, state, changed = sd.compile(y, inputs=[X]), random_state(y), GIVEN[X].copy()
    changed[:, 2] += 1
    one, other = f(state, GIVEN[X]), f(state, changed)
    np.testing.assert_array_equal(one[:, :2], other[:, :2])
    assert (one[:, 2:] != other[:, 2:]).any()


def test_sinusoidal_positions() -> None:
    for width in (6, 5):
        x = sd.input("x", (sd.dim("n"), T, width))
        y = nn.sinusoidal_positions(x)
        wanted = np.zeros((T, width))
        for t in range(T):
            for column in range(width):
                angle = t / 10000 ** (2 * (column // 2) / width)
                wanted[t, column] = np.cos(angle) if column % 2 else np.sin(angle)
        found = sd.compile(y, inputs=[x])(np.zeros((1, T, width)))
        np.testing.assert_allclose(found[0], wanted, rtol=1e-12, atol=1e-15)


def test_learned_positions() -> None:
    y = nn.learned_positions(X, longest=9, name="places")
    state = random_state(y)
    assert state["places.W"].shape == (9, D)
    np.testing.assert_allclose(run([y], {X: GIVEN[X]}, state)[0], GIVEN[X] + state["places.W"][:T])


def test_lengths_may_be_symbolic() -> None:
    """A prompt that grows: one compiled function for all lengths, with the weights trained at one length."""
    x = sd.input("x", (sd.dim("n"), sd.dim("t"), D))

    @nn.scope("net")
    def model(x: sd.Node) -> sd.Node:
        h = nn.learned_positions(nn.sinusoidal_positions(x), longest=T)
        return nn.transformer_block(h, HEADS, causal=True)

    state = random_state(model(X))
    f, wanted = sd.compile(model(x), inputs=[x]), sd.compile(model(X), inputs=[X])(state, GIVEN[X])
    for length in (1, 3, T):
        np.testing.assert_allclose(f(state, GIVEN[X][:, :length]), wanted[:, :length], rtol=1e-10, atol=1e-12)
    with pytest.raises(sd.IndexRangeError):
        f(state, np.zeros((1, T + 1, D)))


def test_a_block_that_is_taken_again_has_the_same_gradients() -> None:
    """sd.checkpoint around layers, dropout included: the second pass draws what the first did."""

    @nn.scope("net")
    def cost(again: bool) -> sd.Node:
        def block(h: sd.Node) -> sd.Node:
            return nn.transformer_block(h, HEADS, dropout=0.3, training=True, name="block")

        return sd.sum(sd.sin((sd.checkpoint(block) if again else block)(X)))

    wrt = [param for param in sd.Graph(cost(False)).params if param.type.is_float]
    state = random_state(cost(False))
    found = [run(sd.grad(cost(again), wrt), {X: GIVEN[X]}, state) for again in (False, True)]
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_dropout_draws_for_every_place_anew() -> None:
    """Attention weights and both branches have keys of their own."""
    y = nn.transformer_block(X, HEADS, dropout=0.5, training=True, name="block")
    state, f = random_state(y), sd.compile(y, inputs=[X])
    first = f(state, GIVEN[X])
    np.testing.assert_array_equal(first, f(state, GIVEN[X]))
    state["step"][...] = 1
    assert (first != f(state, GIVEN[X])).any()
    assert str(sd.Graph(y)).count("random_uniform(") == 3


def test_errors() -> None:
    with pytest.raises(sd.ShapeError, match=r"multi_head_attention: 4 heads do not divide .*x: float64\[n, 4, 6\]"):
        nn.multi_head_attention(X, 4, name="a")
    with pytest.raises(sd.ShapeError, match=r"takes \(n, T, d\)"):
        nn.multi_head_attention(sd.input("v", (4, 6)), 2, name="a")
    with pytest.raises(sd.ShapeError, match=r"takes memory \(n, S, e\)"):
        nn.multi_head_attention(X, 2, memory=sd.input("v", (4, 6)), name="a")
    with pytest.raises(sd.ShapeError, match="heads is a whole number above 0"):
        nn.transformer_block(X, 0, name="a")
    with pytest.raises(sd.GraphError, match="transformer_block: with dropout it has to know whether it is training"):
        nn.transformer_block(X, 3, dropout=0.1, name="a")
    with pytest.raises(sd.ShapeError, match="longest is 3"):
        nn.learned_positions(X, longest=3, name="a")
    with pytest.raises(sd.ShapeError, match="sizes in numbers"):
        nn.learned_positions(sd.input("x", (2, sd.dim("t"), D)), name="a")


def test_a_small_transformer_learns_to_copy_from_before() -> None:
    """Each symbol is the one of two places before: attention has to find it."""
    words, length = 4, 8
    x, y = (sd.input(name, (sd.dim("n"), length), "int64") for name in "xy")

    @nn.scope("copier")
    def model(x: sd.Node, training: bool) -> sd.Node:
        h = nn.learned_positions(layers.embedding(x, words, 16), init=sd.init.normal(1.0))
        h = nn.transformer_block(h, 2, hidden=32, causal=True, dropout=0.02, training=training)
        return nn.dense(layers.layer_norm(h), words)

    loss = sd.losses.softmax_cross_entropy(model(x, True)[:, 2:], y[:, 2:])
    step = sd.train_step(loss, [x, y], sd.optim.adam(1e-2))
    state, train, rng = step.init(0), sd.compile(step), np.random.default_rng(0)
    losses = []
    for _ in range(150):
        batch = rng.integers(0, words, (32, length))
        losses.append(float(train(state, batch, np.roll(batch, 2, 1)).loss))
    assert losses[0] > 1.3 and np.mean(losses[-20:]) < 0.1
    found = sd.compile(model(x, False), inputs=[x])(state, batch).argmax(-1)
    assert (found[:, 2:] == batch[:, :-2]).mean() > 0.97
