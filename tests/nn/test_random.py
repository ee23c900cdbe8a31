"""Random numbers: known answers, the same bits everywhere, statistics, and what is said of misuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import symdiff as sd
from symdiff import nn
from symdiff.core.threefry import threefry
from tests.emit.three_ways import assert_three_ways

R = sd.random
N = sd.dim("n")
KEY = sd.input("key", (), dtype="uint64")
MANY = 200_000


def drawn(*nodes: sd.Node, seed: int = 5) -> list[Any]:
    return sd.compile(list(nodes), inputs=[KEY])(np.uint64(seed))


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers(counter: Any, key: Any, words: Any) -> None:
    """Those that come with the authors' library Random123, for threefry2x32 with 20 rounds."""
    number, name, expected = (np.uint64(low | high << 32) for low, high in (counter, key, words))
    assert threefry(name, number) == expected
    from symdiff.core.node import build
    from symdiff.ops.record import OPS

    at = sd.input("at", (1,), dtype="uint64")
    f = sd.compile(build(OPS["threefry"], [KEY, at]), inputs=[KEY, at])
    assert f(name, np.array([number])) == expected


def test_three_ways() -> None:
    x = sd.input("x", (N, 3))
    outputs = {
        "bits": R.bits(KEY, (N, 3)),
        "narrow": R.bits(KEY, (5,), "uint16"),
        "uniform": R.uniform(KEY, (2, N, 2), dtype="float32"),
        "normal": x + R.normal(R.fold_in(KEY, 3), (N, 3)),
        "bernoulli": R.bernoulli(KEY, 0.3, (4,)),
        "permutation": R.permutation(KEY, 7),
        "categorical": R.categorical(R.split(KEY)[1], x),
        "integers": R.randint(KEY, -5, 9, (N,)),
        "dropped": nn.dropout(x, 0.4, key=KEY),
    }
    values = {KEY: np.array(2**63 + 12345, np.uint64), x: np.arange(12.0).reshape(4, 3)}
    assert_three_ways(sd.Graph(outputs, inputs=[KEY, x]), values, {"n": 4})


def test_bits_do_not_depend_on_the_backend_or_on_the_rest() -> None:
    nodes = [R.bits(KEY, (100,)), R.uniform(KEY, (100,)), R.uniform(KEY, (100,), dtype="float32")]
    for node in nodes:
        one = sd.compile(node, inputs=[KEY])(np.uint64(9))
        np.testing.assert_array_equal(one, sd.compile(node, inputs=[KEY], backend="numpy")(np.uint64(9)))
    both = sd.compile([nodes[1] * 2, nodes[2]], inputs=[KEY])(np.uint64(9))
    np.testing.assert_array_equal(both[0] / 2, sd.compile(nodes[1], inputs=[KEY])(np.uint64(9)))


def test_a_saved_file_draws_the_same(tmp_path: Any) -> None:
    f = sd.compile(R.uniform(KEY, (6,)), inputs=[KEY])
    f.save(tmp_path / "saved.py")
    names: dict[str, Any] = {}
    exec(compile((tmp_path / "saved.py").read_text(), "saved", "exec"), names)
    np.testing.assert_array_equal(names["compiled"](np.array(7, np.uint64), names["workspace"]()), f(np.uint64(7)))


def test_moments_and_distributions() -> None:
    tests = {
        "uniform": R.uniform(KEY, (MANY,)),
        "norm": R.normal(KEY, (MANY,)),
        "expon": R.exponential(KEY, (MANY,)),
        "gumbel_r": R.gumbel(KEY, (MANY,)),
    }
    for name, numbers in zip(tests, drawn(*tests.values()), strict=True):
        assert stats.kstest(numbers, name).pvalue > 1e-3, name
    narrow = drawn(R.normal(KEY, (MANY,), dtype="float32"))[0]
    assert narrow.dtype == np.float32 and stats.kstest(narrow, "norm").pvalue > 1e-3
    between = drawn(R.truncated_normal(KEY, -1.0, 0.5, (MANY,)))[0]
    assert stats.kstest(between, stats.truncnorm(-1, 0.5).cdf).pvalue > 1e-3 and between.min() >= -1


def test_counts() -> None:
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    chosen, integers, coins, permuted = drawn(
        R.categorical(KEY, sd.constant(np.log(weights)), shape=(MANY,)),
        R.randint(KEY, 3, 9, (MANY,)),
        R.bernoulli(KEY, 0.3, (MANY,)),
        R.permutation(KEY, 1000),
    )
    assert stats.chisquare(np.bincount(chosen), MANY * weights).pvalue > 1e-3
    assert stats.chisquare(np.bincount(integers)[3:]).pvalue > 1e-3 and set(integers) == set(range(3, 9))
    assert stats.binomtest(int(coins.sum()), MANY, 0.3).pvalue > 1e-3
    assert sorted(permuted) == list(range(1000)) and abs(np.corrcoef(permuted, range(1000))[0, 1]) < 0.1


def test_every_bit_is_as_likely_as_its_opposite() -> None:
    numbers = drawn(R.bits(KEY, (MANY,)))[0]
    for place in range(64):
        ones = int(((numbers >> np.uint64(place)) & np.uint64(1)).sum())
        assert abs(ones - MANY / 2) < 5 * np.sqrt(MANY / 4), place


def test_keys_have_nothing_to_do_with_each_other() -> None:
    """Children, their parent, and keys that differ in one bit."""
    first, second = R.split(KEY)
    keys = [KEY, first, second, R.fold_in(KEY, 0), R.fold_in(KEY, 1), R.key(4), R.key(6)]
    found = np.corrcoef(drawn(*(R.normal(key, (MANY,)) for key in keys)))
    np.fill_diagonal(found, 0)
    assert np.abs(found).max() < 5 / np.sqrt(MANY)
    numbers = np.concatenate(drawn(*(R.bits(key, (1000,)) for key in keys), R.split(KEY, 1000)))
    assert len(set(numbers)) == len(numbers)


def test_a_constant_key_is_constant_and_a_folded_step_is_not() -> None:
    step = sd.input("step", (), dtype="int64")
    f = sd.compile([R.normal(R.key(0), (3,)), R.normal(R.fold_in(R.key(0), step), (3,))], inputs=[step])
    (same, one), (again, other) = f(0), f(1)
    np.testing.assert_array_equal(same, again)
    assert not np.isclose(one, other).any()


def test_a_training_step_drops_others_each_time() -> None:
    w = sd.param("w", (50,), init=1.0)
    noise = nn.dropout(w, 0.5, key=R.fold_in(R.key(1), sd.optim.step_count()))
    step = sd.train_step(sd.sum(noise), inputs=[], optimizer=sd.optim.sgd(0.0))
    state, train = step.init(seed=0), sd.compile(step)
    losses = [float(train(state).loss) for _ in range(4)]
    assert len(set(losses)) > 1 and all(loss % 2 == 0 for loss in losses)


def test_gradients_of_parameters() -> None:
    loc, scale = sd.input("loc", (3,)), sd.input("scale", (3,))
    draw = R.normal(R.key(3), loc=loc, scale=scale)
    d_loc, d_scale = sd.grad(sd.sum(draw), [loc, scale])
    values = np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, 2.0])
    drawn_, ones, z = sd.compile([draw, d_loc, d_scale], inputs=[loc, scale])(*values)
    np.testing.assert_array_equal(ones, 1)
    np.testing.assert_allclose(drawn_, values[0] + values[1] * z)


@pytest.mark.parametrize("name", ["dropout", "dropout1d", "alpha_dropout", "feature_alpha_dropout"])
def test_dropout_keeps_means(name: str) -> None:
    x = sd.input("x", (400, 50, 2))
    y = getattr(nn, name)(x, 0.3, training=True, key=KEY)
    values = np.random.default_rng(0).normal(size=(400, 50, 2)) if "alpha" in name else np.ones((400, 50, 2))
    found = sd.compile(y, inputs=[x, KEY])(values, np.uint64(3))
    assert abs(found.mean() - values.mean()) < 0.03
    if name == "dropout":
        assert set(np.unique(found)) == {0, 1 / 0.7}
    elif "alpha" in name:
        assert abs(found.var() - values.var()) < 0.05
    if name in ("dropout1d", "feature_alpha_dropout"):
        fallen = found == stats.mode(found, axis=None).mode if "alpha" in name else found == 0
        assert (fallen.all(2) == fallen.any(2)).all() and 0.25 < fallen.mean() < 0.35
    assert getattr(nn, name)(x, 0.3, training=False) is x


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: R.normal(3, (2,)), sd.DTypeError, "a key is a uint64 without axes, got 3"),
        (lambda: R.normal(R.split(KEY), (2,)), sd.DTypeError, "a key is a uint64 without axes"),
        (lambda: R.key(1.5), sd.DTypeError, "a seed is one integer"),
        (lambda: R.fold_in(KEY, 0.5), sd.DTypeError, "data is one integer"),
        (lambda: R.uniform(KEY, (2,), dtype="int32"), sd.DTypeError, "dtype is a float"),
        (lambda: R.bits(KEY, (2,), dtype="int32"), sd.DTypeError, "dtype is an unsigned integer"),
        (lambda: R.normal(KEY, (2,), loc=sd.input("m", (3,))), sd.ShapeError, "do not fit"),
        (lambda: R.categorical(KEY, sd.input("z", (2, 3)), shape=(5,)), sd.ShapeError, "does not end in"),
        (lambda: nn.dropout(sd.input("x", (2,))), sd.GraphError, "takes a key while training"),
        (lambda: nn.dropout(sd.input("x", (2,)), 1.5, key=KEY), sd.GraphError, "p is a probability"),
        (lambda: sd.grad(sd.sum(R.bernoulli(KEY, sd.input("p"), (3,)).astype("float64")), sd.input("p")),
         sd.GradientError, "bernoulli|less|p: float64"),
    ],
)  # fmt: skip
def test_errors(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
