"""Losses and metrics against NumPy and against their stable limits."""

import numpy as np
import pytest
import scipy.special

import symdiff as sd

n = sd.dim("n")
logits = sd.input("logits", (n, 4))
labels = sd.input("labels", (n,), dtype="int64")
targets = sd.input("targets", (n, 4))
Z = np.random.default_rng(0).normal(size=(7, 4)) * 3
Y = np.array([0, 3, 1, 1, 2, 0, 3])
T = np.random.default_rng(1).uniform(size=(7, 4))


def value(node, *pairs):
    leaves, arrays = [leaf for leaf, _ in pairs], [array for _, array in pairs]
    return sd.compile(node, inputs=leaves, backend="numpy")(*arrays)


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


REFERENCES = {
    "softmax_cross_entropy": (logits, labels, Z, Y, -np.log(softmax(Z))[np.arange(7), Y]),
    "sigmoid_cross_entropy": (logits, targets, Z, T, T * np.log1p(np.exp(-Z)) + (1 - T) * np.log1p(np.exp(Z))),
    "mean_squared_error": (logits, targets, Z, T, (Z - T) ** 2),
    "mean_absolute_error": (logits, targets, Z, T, np.abs(Z - T)),
    "huber": (logits, targets, Z, T, scipy.special.huber(1, Z - T)),
    "hinge": (logits, targets, Z, np.sign(T - 0.5), np.maximum(0, 1 - np.sign(T - 0.5) * Z)),
    "max_margin": (logits, targets, Z, T, np.maximum(0, 1 + T - Z)),
    "multiclass_hinge": (logits, labels, Z, Y, [sum(max(0, z[j] - z[k] + 1) for j in range(4) if j != k)
                                                for z, k in zip(Z, Y, strict=True)]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFERENCES)
def test_values_and_reductions(name):
    first, second, a, b, expected = REFERENCES[name]
    loss = getattr(sd.losses, name)
    for reduction, reduce in [("mean", np.mean), ("sum", np.sum), ("none", np.asarray)]:
        found = value(loss(first, second, reduction=reduction), (first, a), (second, b))
        np.testing.assert_allclose(found, reduce(expected), rtol=1e-12)
    assert loss(first, second) is loss(first, second, reduction="mean")
    with pytest.raises(
        sd.GraphError, match=f"^{name}: reduction is 'mean', 'sum' or 'none', got 'avg', at test_losses.py"
    ):
        loss(first, second, reduction="avg")


def test_gradients():
    d = sd.grad(sd.losses.softmax_cross_entropy(logits, labels), logits)
    np.testing.assert_allclose(value(d, (logits, Z), (labels, Y)), (softmax(Z) - np.eye(4)[Y]) / 7, rtol=1e-12)
    d = sd.grad(sd.losses.sigmoid_cross_entropy(logits, targets), logits)
    np.testing.assert_allclose(value(d, (logits, Z), (targets, T)), (1 / (1 + np.exp(-Z)) - T) / 28, rtol=1e-12)
    d = sd.grad(sd.losses.mean_squared_error(logits, targets), logits)
    np.testing.assert_allclose(value(d, (logits, Z), (targets, T)), 2 * (Z - T) / 28, rtol=1e-12)


def test_gradients_of_margins():
    """1 / n for each pair that is too close, and nothing for the others; at the kink nothing."""
    s, s_c = sd.input("s", (n,)), sd.input("s_c", (n,))
    a, b = np.array([3.0, 1.5, 2, 0]), np.array([1.0, 1, 1, 1])
    for delta, close in ((1.0, [0, 1, 0, 1]), (0.25, [0, 0, 0, 1]), (2.0, [0, 1, 1, 1])):
        d_s, d_s_c = sd.grad(sd.losses.max_margin(s, s_c, delta=delta), [s, s_c])
        np.testing.assert_array_equal(value(d_s, (s, a), (s_c, b)), -np.array(close) / 4)
        np.testing.assert_array_equal(value(d_s_c, (s, a), (s_c, b)), np.array(close) / 4)
    d = sd.grad(sd.losses.hinge(s, s_c), s)
    np.testing.assert_array_equal(
        value(d, (s, np.array([0.5, 1, 2])), (s_c, np.array([1.0, 1, -1]))), [-1 / 3, 0, 1 / 3]
    )


def test_the_margin_of_each_other_class():
    """The three images of the lecture notes of CS231n, with scores of cat, car and frog: 2.9, 0 and 12.9."""
    scores = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
    s = sd.input("s", (n, 3))
    loss = sd.losses.multiclass_hinge(s, labels, reduction="none")
    pairs = (s, scores), (labels, np.arange(3))
    np.testing.assert_allclose(value(loss, *pairs), [2.9, 0, 12.9], atol=1e-14)
    assert value(sd.grad(sd.sum(loss), s), *pairs).tolist() == [[-1, 1, 0], [0, 0, 0], [1, 1, -2]]


def test_huber_limits_the_pull_of_outliers():
    d = sd.grad(sd.losses.huber(logits, targets, delta=0.5, reduction="sum"), logits)
    np.testing.assert_allclose(value(d, (logits, Z), (targets, T)), np.clip(Z - T, -0.5, 0.5), rtol=1e-15)
    for delta in (0, -1, float("nan")):
        with pytest.raises(sd.GraphError, match=f"huber: delta is positive, got {delta}, at test_losses.py"):
            sd.losses.huber(logits, targets, delta=delta)


def test_logits_of_any_size():
    z = np.array([[800.0, -800, 0, 0], [-800, 800, 0, 0]])
    none = {"reduction": "none"}
    found = value(sd.losses.softmax_cross_entropy(logits, labels, **none), (logits, z), (labels, np.array([0, 0])))
    np.testing.assert_array_equal(found, [0, 1600])
    found = value(sd.losses.sigmoid_cross_entropy(logits, targets, **none), (logits, z), (targets, np.ones((2, 4))))
    np.testing.assert_allclose(found[0], [0, 800, np.log(2), np.log(2)])


@pytest.mark.parametrize("loss", [sd.losses.softmax_cross_entropy, sd.losses.multiclass_hinge])
@pytest.mark.parametrize("label", [-1, 4])
def test_labels_outside_the_range(label, loss):
    loss = loss(logits, labels)
    with pytest.raises(sd.IndexRangeError, match=rf"index {label} at \[1\] is out of range for size 4"):
        value(loss, (logits, Z[:2]), (labels, np.array([0, label])))


def test_more_leading_axes():
    z, y = sd.input("z", (2, n, 4)), sd.input("y", (2, n), dtype="int64")
    a, b = np.stack([Z, -Z]), np.stack([Y, Y[::-1]])
    expected = -np.log(softmax(a))[np.arange(2)[:, None], np.arange(7), b]
    np.testing.assert_allclose(value(sd.losses.softmax_cross_entropy(z, y), (z, a), (y, b)), expected.mean())
    np.testing.assert_allclose(value(sd.metrics.accuracy(z, y), (z, a), (y, b)), (a.argmax(-1) == b).mean())


def test_dtypes_follow_the_logits():
    z, t = sd.input("z", (n, 4), "float32"), sd.input("t", (n, 4), "int64")
    y = sd.input("y", (n,), "int32")
    for node in (
        sd.losses.softmax_cross_entropy(z, y),
        sd.losses.sigmoid_cross_entropy(z, t),
        sd.losses.multiclass_hinge(z, y),
        sd.losses.mean_squared_error(z, t > 0),
        sd.losses.mean_absolute_error(z, t),
        sd.losses.huber(z, t),
        sd.losses.hinge(z, t),
        sd.losses.max_margin(z, t),
        sd.metrics.accuracy(z, y),
        sd.metrics.binary_accuracy(z, t),
    ):
        assert node.dtype == "float32" and node.shape == ()


def test_shapes_never_broadcast_by_surprise():
    column, row = sd.input("column", (n, 1)), sd.input("row", (n,))
    losses = sd.losses
    of_one_shape = (
        losses.mean_squared_error,
        losses.mean_absolute_error,
        losses.huber,
        losses.hinge,
        losses.max_margin,
    )
    for loss in (*of_one_shape, losses.sigmoid_cross_entropy, sd.metrics.binary_accuracy):
        message = (
            rf"^{loss.__name__}: both operands have one shape, got column: float64\[n, 1\] and row: float64\[n\], at"
        )
        with pytest.raises(sd.ShapeError, match=message):
            loss(column, row)
    with pytest.raises(sd.ShapeError, match=r"^multiclass_hinge: labels have the shape of the scores without the last"):
        losses.multiclass_hinge(logits, sd.input("k", (n, 1), "int64"))
    with pytest.raises(sd.ShapeError, match=r"^accuracy: labels have the shape of the logits without their last axis"):
        sd.metrics.accuracy(logits, sd.input("k", (n, 1), "int64"))
    with pytest.raises(sd.DTypeError, match="indices are integers"):
        sd.metrics.accuracy(logits, row)


def test_accuracy():
    assert value(sd.metrics.accuracy(logits, labels), (logits, Z), (labels, Y)) == (Z.argmax(1) == Y).mean()
    found = value(sd.metrics.binary_accuracy(logits, targets), (logits, Z), (targets, T))
    assert found == ((Z > 0) == (T > 0.5)).mean()
