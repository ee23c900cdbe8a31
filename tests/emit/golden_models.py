"""The models of the golden texts. Run as a program, it prints the emitted source of each: in a process of its own, so
that no other test's lines get into their provenance."""

from __future__ import annotations

import json
from collections.abc import Callable

import symdiff as sd

n = sd.dim("n")


def digits() -> str:
    """The training step of examples/digits.py."""
    x, y = sd.input("x", (n, 64), dtype="float32"), sd.input("y", (n,), dtype="int64")
    W1 = sd.param("W1", (64, 128), dtype="float32")
    b1 = sd.param("b1", (128,), dtype="float32")
    W2 = sd.param("W2", (128, 10), dtype="float32")
    b2 = sd.param("b2", (10,), dtype="float32")
    h1 = sd.relu(x @ W1 + b1)
    logits = h1 @ W2 + b2
    loss = sd.losses.softmax_cross_entropy(logits, y)
    metrics = {"accuracy": sd.metrics.accuracy(logits, y)}
    return sd.compile(sd.train_step(loss, [x, y], sd.optim.adam(1e-3), metrics, name="digits")).source


def weight_decay() -> str:
    """The worked network of Goodfellow et al., Deep Learning, 6.5.7, and its gradients."""
    X, y = sd.input("X", (n, 20)), sd.input("y", (n,), dtype="int64")
    W1, W2 = sd.param("W1", (20, 30)), sd.param("W2", (30, 4))
    H = sd.relu(X @ W1)
    U2 = H @ W2
    J_MLE = sd.losses.softmax_cross_entropy(U2, y)
    J = J_MLE + 0.01 * (sd.sum(W1**2) + sd.sum(W2**2))
    d_W1, d_W2 = sd.grad(J, [W1, W2])
    return sd.compile({"J": J, "d_W1": d_W1, "d_W2": d_W2}, [X, y, W1, W2], name="decay").source


def hessian_product() -> str:
    """The Hessian of softmax cross-entropy times a vector, as the gradient of a product: no Hessian anywhere."""
    z, v = sd.input("z", (n, 5)), sd.input("v", (n, 5))
    labels = sd.input("labels", (n,), dtype="int64")
    cost = sd.sum(sd.cross_entropy(z, labels))
    (d_z,) = sd.grad(cost, [z])
    (Hv,) = sd.grad(sd.sum(d_z * v), [z])
    return sd.compile({"Hv": Hv}, [z, labels, v], name="hessian_product").source


def logistic_regression() -> str:
    """Loss and gradients in float64."""
    x, t = sd.input("x", (n, 3)), sd.input("t", (n,))
    w, b = sd.param("w", (3,)), sd.param("b", ())
    score = x @ w + b
    loss = sd.losses.sigmoid_cross_entropy(score, t)
    d_w, d_b = sd.grad(loss, [w, b])
    return sd.compile({"loss": loss, "d_w": d_w, "d_b": d_b}, [x, t, w, b], name="logistic_regression").source


MODELS: list[Callable[[], str]] = [digits, weight_decay, hessian_product, logistic_regression]

if __name__ == "__main__":
    print(json.dumps({model.__name__: model() for model in MODELS}))
