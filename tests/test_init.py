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
        (sd.init.lecun_uniform(), np.sqrt(1 / 200), np.sqrt(3 / 200)),
        (sd.init.lecun_normal(), np.sqrt(1 / 200), None),
        (sd.init.glorot_normal(gain=3.0), 3 * np.sqrt(2 / 500), None),
        (sd.init.glorot_uniform(5 / 3), 5 / 3 * np.sqrt(2 / 500), 5 / 3 * np.sqrt(6 / 500)),
        (sd.init.variance_scaling(3.0, "fan_out", "uniform"), np.sqrt(3 / 300), np.sqrt(9 / 300)),
        (sd.init.variance_scaling(3.0, "fan_avg", "normal"), np.sqrt(3 / 250), None),
        (sd.init.variance_scaling(), np.sqrt(1 / 200), 2 * np.sqrt(1 / 200) / 0.8796256610342398),
        (sd.init.truncated_normal(0.5), 0.5 * 0.8796256610342398, 1),
    ],
    ids=str,
)
def test_spread(init, std, limit):
    values = draw(init)
    assert values.dtype == FLOAT32 and values.shape == (200, 300)
    assert values.std() == pytest.approx(std, rel=0.02) and abs(values.mean()) < 0.02 * std
    if limit is not None:
        assert 0.99 * limit < np.abs(values).max() <= np.float32(limit)


def test_mean_and_bounds():
    assert draw(sd.init.normal(0.1, mean=3)).mean() == pytest.approx(3, abs=0.01)
    values = draw(sd.init.uniform(2, 4))
    assert values.min() >= 2 and values.max() <= 4 and values.mean() == pytest.approx(3, abs=0.02)


def test_a_kernel_of_a_convolution_is_out_in_window():
    values = draw(sd.init.he_normal(), (64, 32, 3, 3))
    assert values.std() == pytest.approx(np.sqrt(2 / (32 * 9)), rel=0.02)


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        (sd.init.glorot_uniform(), 2 / (64 * 9 + 32 * 9)),
        (sd.init.lecun_normal(), 1 / (32 * 9)),
        (sd.init.variance_scaling(2.0, "fan_out"), 2 / (64 * 9)),
        (sd.init.orthogonal(), 1 / (32 * 9)),
    ],
    ids=["glorot", "lecun", "fan_out", "orthogonal"],
)
def test_fans_of_a_kernel(init, variance):
    assert draw(init, (64, 32, 3, 3)).var() == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (4, 2, 3, 3), (20, 2, 3, 3)])
def test_orthogonal(shape):
    values = draw(sd.init.orthogonal(gain=2.0), shape, np.dtype("float64")).reshape(shape[0], -1) / 2
    rows, columns = values.shape
    product = values @ values.T if rows <= columns else values.T @ values
    np.testing.assert_allclose(product, np.eye(min(rows, columns)), atol=1e-14)


def test_orthogonal_prefers_no_sign():
    """QR as LAPACK computes it makes the first element negative nearly always."""
    firsts = [sd.init.orthogonal()((4, 4), np.dtype("float64"), np.random.default_rng(k))[0, 0] for k in range(400)]
    assert abs(np.mean(np.sign(firsts))) < 0.2


def test_identity():
    assert (draw(sd.init.identity(), (3, 5)) == np.eye(3, 5)).all()
    assert (draw(sd.init.identity(2.0), (3, 3), np.dtype("int64")) == 2 * np.eye(3)).all()
    x, W = sd.input("x", (1, 2, 5, 5)), sd.param("W", (2, 2, 3, 3), init=sd.init.identity())
    image = np.random.default_rng(0).random((1, 2, 5, 5))
    kept = sd.compile(sd.nn.conv2d(x, W, padding=1), inputs=[x], backend="numpy")(sd.State.initial([W]), image)
    np.testing.assert_allclose(kept, image)


def test_truncated_draws_lie_within_two_deviations():
    values = draw(sd.init.truncated_normal(0.5, mean=3.0), dtype=np.dtype("float64"))
    assert np.abs(values - 3).max() <= 1 and values.mean() == pytest.approx(3, abs=0.01)


def test_the_same_as_another():
    W = sd.param("W", (4, 4), init=sd.init.normal(1.0))
    for seed in (0, 7):
        state = sd.State.initial([sd.param("copy", (4, 4), init=sd.init.same_as(W)), W], seed)
        assert (state["copy"] == state["W"]).all() and (state["W"] != 0).all()
    again = sd.init.same_as(sd.param("copy", (4, 4), init=sd.init.same_as(W)))
    assert (sd.State.initial([sd.param("third", (4, 4), init=again)], 7)["third"] == state["W"]).all()
    with pytest.raises(sd.StateError, match=r"^param small: float64\[2\]: the initialiser gave float64\[4, 4\]"):
        sd.State.initial([sd.param("small", (2,), init=sd.init.same_as(W))])


@pytest.mark.parametrize(
    ("nonlinearity", "gain"),
    [("linear", 1), ("sigmoid", 1), ("conv2d", 1), ("tanh", 5 / 3), ("relu", 2**0.5), ("selu", 0.75)],
)
def test_gains(nonlinearity, gain):
    assert sd.init.calculate_gain(nonlinearity) == pytest.approx(gain)


def test_gain_of_leaky_relu_depends_on_its_slope():
    assert sd.init.calculate_gain("leaky_relu") == pytest.approx((2 / (1 + 0.01**2)) ** 0.5)
    assert sd.init.calculate_gain("leaky_relu", 0.3) == pytest.approx((2 / 1.09) ** 0.5)
    with pytest.raises(ValueError, match="no gain is known for 'gelu', only for leaky_relu, linear"):
        sd.init.calculate_gain("gelu")


def mean_squares(activation, init, scale):
    """Of the activations of 10 layers of 256 units, and of the gradients that reach them."""
    x = sd.input("x", (256, 256))
    weights = [sd.param(f"W{k}", (256, 256), init=init) for k in range(10)]
    sums, outputs, h = [], [], x
    for W in weights:
        sums.append(h @ W)
        h = activation(sums[-1])
        outputs.append(h)
    random = np.random.default_rng(1)
    gradients = sd.grad(sd.sum(h * random.normal(size=(256, 256))), sums)
    found = sd.compile([sd.mean(sd.square(node)) for node in [*outputs, *gradients]], inputs=[x])
    sizes = np.array(found(sd.State.initial(weights), scale * random.normal(size=(256, 256))))
    return sizes[:10], sizes[10:]


@pytest.mark.parametrize(
    ("activation", "init", "scale"),
    [
        (sd.tanh, sd.init.glorot_uniform(), 0.1),
        (sd.tanh, sd.init.glorot_normal(), 0.1),
        (sd.tanh, sd.init.orthogonal(), 0.1),
        (sd.relu, sd.init.he_uniform(), 1),
        (sd.relu, sd.init.he_normal(), 1),
    ],
    ids=["tanh glorot_uniform", "tanh glorot_normal", "tanh orthogonal", "relu he_uniform", "relu he_normal"],
)
def test_signals_and_gradients_keep_their_size_through_ten_layers(activation, init, scale):
    for sizes in mean_squares(activation, init, scale):
        assert sizes.max() / sizes.min() < 1.6


def test_and_lose_it_with_other_weights():
    signals, gradients = mean_squares(sd.tanh, sd.init.normal(0.01), 1)
    assert signals[-1] < 1e-12 * signals[0] and gradients[0] < 1e-12 * gradients[-1]
    _, gradients = mean_squares(sd.tanh, sd.init.normal(1.0), 1)
    assert gradients[0] > 1e6 * gradients[-1]
    signals, _ = mean_squares(sd.relu, sd.init.glorot_normal(), 1)
    assert signals[-1] < 1e-2 * signals[0]


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
    with pytest.raises(ValueError, match="variance_scaling: mode is one of fan_in, fan_out, fan_avg, got 'fan'"):
        sd.init.variance_scaling(1.0, "fan")
    with pytest.raises(ValueError, match="distribution is one of normal, uniform, truncated_normal, got 'flat'"):
        sd.init.variance_scaling(1.0, "fan_in", "flat")
    with pytest.raises(ValueError, match="glorot_uniform: gain is not negative, got -1"):
        sd.init.glorot_uniform(-1)


def test_errors_name_the_parameter():
    message = r"^param b: float64\[8\]: glorot_uniform: shape \(8,\) has no fan-in and fan-out; use .*, at test_init.py"
    with pytest.raises(sd.ShapeError, match=message):
        sd.State.initial([sd.param("b", (8,), init=sd.init.glorot_uniform())])
    with pytest.raises(sd.ShapeError, match=r"^param b: float64\[8\]: orthogonal: shape \(8,\) has no fan-in"):
        sd.State.initial([sd.param("b", (8,), init=sd.init.orthogonal())])
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
