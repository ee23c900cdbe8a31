"""Losses and metrics against NumPy and against their stable limits."""

import numpy as np
import pytest

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


def test_logits_of_any_size():
    z = np.array([[800.0, -800, 0, 0], [-800, 800, 0, 0]])
    none = {"reduction": "none"}
    found = value(sd.losses.softmax_cross_entropy(logits, labels, **none), (logits, z), (labels, np.array([0, 0])))
    np.testing.assert_array_equal(found, [0, 1600])
    found = value(sd.losses.sigmoid_cross_entropy(logits, targets, **none), (logits, z), (targets, np.ones((2, 4))))
    np.testing.assert_allclose(found[0], [0, 800, np.log(2), np.log(2)])


@pytest.mark.parametrize("label", [-1, 4])
def test_labels_outside_the_range(label):
    loss = sd.losses.softmax_cross_entropy(logits, labels)
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
        sd.losses.mean_squared_error(z, t > 0),
        sd.metrics.accuracy(z, y),
        sd.metrics.binary_accuracy(z, t),
    ):
        assert node.dtype == "float32" and node.shape == ()


def test_shapes_never_broadcast_by_surprise():
    column, row = sd.input("column", (n, 1)), sd.input("row", (n,))
    for loss in (sd.losses.mean_squared_error, sd.losses.sigmoid_cross_entropy, sd.metrics.binary_accuracy):
        message = (
            rf"^{loss.__name__}: both operands have one shape, got column: float64\[n, 1\] and row: float64\[n\], at"
        )
        with pytest.raises(sd.ShapeError, match=message):
            loss(column, row)
    with pytest.raises(sd.ShapeError, match=r"^accuracy: labels have the shape of the logits without their last axis"):
        sd.metrics.accuracy(logits, sd.input("k", (n, 1), "int64"))
    with pytest.raises(sd.DTypeError, match="indices are integers"):
        sd.metrics.accuracy(logits, row)


def test_accuracy():
    assert value(sd.metrics.accuracy(logits, labels), (logits, Z), (labels, Y)) == (Z.argmax(1) == Y).mean()
    found = value(sd.metrics.binary_accuracy(logits, targets), (logits, Z), (targets, T))
    assert found == ((Z > 0) == (T > 0.5)).mean()
