"""Initialisers: their distributions, and values that depend on seed and name alone."""

import numpy as np
import pytest

import symdiff as sd

FLOAT32 = np.dtype("float32")


def draw(init, shape=(200, 300), dtype=FLOAT32):
    return init(shape, dtype, np.random.default_rng(0))


def test_constants():
    assert (draw(sd.init.zeros()) == 0).all() and (draw(sd.init.ones()) == 1).all()
    assert (draw(sd.init.constant(2.5)) == 2.5).all()
    assert sd.init.constant(3)((2,), np.dtype("int64"), None).tolist() == [3, 3]


@pytest.mark.parametrize(
    ("init", "std", "limit"),
    [
        (sd.init.normal(0.5), 0.5, None),
        (sd.init.uniform(-1, 1), 1 / np.sqrt(3), 1),
        (sd.init.glorot_uniform(), np.sqrt(2 / 500), np.sqrt(6 / 500)),
        (sd.init.glorot_normal(), np.sqrt(2 / 500), None),
        (sd.init.he_uniform(), np.sqrt(2 / 200), np.sqrt(6 / 200)),
        (sd.init.he_normal(), np.sqrt(2 / 200), None),
    ],
    ids=str,
)
def test_spread(init, std, limit):
    values = draw(init)
    assert values.dtype == FLOAT32 and values.shape == (200, 300)
    assert values.std() == pytest.approx(std, rel=0.02) and abs(values.mean()) < 0.02 * std
    if limit is not None:
        assert 0.999 * limit < np.abs(values).max() <= np.float32(limit)


def test_mean_and_bounds():
    assert draw(sd.init.normal(0.1, mean=3)).mean() == pytest.approx(3, abs=0.01)
    values = draw(sd.init.uniform(2, 4))
    assert values.min() >= 2 and values.max() <= 4 and values.mean() == pytest.approx(3, abs=0.02)


def test_a_kernel_of_a_convolution_is_out_in_window():
    values = draw(sd.init.he_normal(), (64, 32, 3, 3))
    assert values.std() == pytest.approx(np.sqrt(2 / (32 * 9)), rel=0.02)


def test_equal_settings_are_the_same_parameter():
    make = lambda init: sd.param("W", (2, 3), init=init)  # noqa: E731
    assert make(sd.init.glorot_uniform()) is make(sd.init.glorot_uniform())
    assert make(sd.init.normal(0.1)) is make(sd.init.normal(0.1))
    assert make(sd.init.normal(0.1)) is not make(sd.init.normal(0.2))
    assert make([[1, 2, 3]]) is make(np.array([[1, 2, 3]]))


def test_values_depend_on_seed_and_name_alone():
    def params(names):
        return [sd.param(name, (4, 4), init=sd.init.normal(1)) for name in names]

    one, other = sd.State.initial(params("abc"), 7), sd.State.initial(params("cxa"), 7)
    assert (one["a"] == other["a"]).all() and (one["c"] == other["c"]).all()
    assert (one["a"] != one["b"]).all()
    assert (one["a"] != sd.State.initial(params("a"), 8)["a"]).all()


def test_values_are_the_same_in_every_process_and_version():
    (value,) = sd.State.initial([sd.param("W", (1,), init=sd.init.uniform(0, 1))], 0)["W"]
    assert value == 0.09528266906937499


@pytest.mark.parametrize("seed", [-1, 1.5, None, True])
def test_seeds(seed):
    with pytest.raises(ValueError, match="a seed is an int that is not negative"):
        sd.State.initial([sd.param("W", (2,), init=sd.init.normal())], seed)


def test_settings_that_make_no_sense():
    with pytest.raises(ValueError, match="standard deviation is not negative, got -1"):
        sd.init.normal(-1)
    with pytest.raises(ValueError, match="low is at most high, got 2 and 1"):
        sd.init.uniform(2, 1)


def test_errors_name_the_parameter():
    message = r"^param b: float64\[8\]: glorot_uniform: shape \(8,\) has no fan-in and fan-out; use .*, at test_init.py"
    with pytest.raises(sd.ShapeError, match=message):
        sd.State.initial([sd.param("b", (8,), init=sd.init.glorot_uniform())])
    with pytest.raises(sd.DTypeError, match=r"^param k: int64: normal: draws floats, not int64"):
        sd.State.initial([sd.param("k", (), init=sd.init.normal(), dtype="int64")])
    with pytest.raises(sd.DTypeError, match=r"constant: 0.5 does not fit in int64"):
        sd.State.initial([sd.param("k", (), init=sd.init.constant(0.5), dtype="int64")])


def test_a_function_of_the_users_own():
    param = sd.param("W", (2, 3), init=lambda shape, dtype, rng: np.full(shape, 5), dtype="float32")
    assert (sd.State.initial([param])["W"] == 5).all()
    wrong = sd.param("W", (2, 3), init=lambda shape, dtype, rng: np.zeros(3), dtype="float32")
    with pytest.raises(sd.StateError, match=r"^param W: float32\[2, 3\]: the initialiser gave float64\[3\], at "):
        sd.State.initial([wrong])
