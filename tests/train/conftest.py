"""Every test of this folder that compiles does so once per backend."""

import functools

import numpy as np
import pytest

import symdiff as sd


@pytest.fixture(params=["numpy", "native"])
def build(request):
    """``sd.compile`` with a backend."""
    return functools.partial(sd.compile, backend=request.param)


@pytest.fixture
def model():
    """A small classifier, its data and a fresh training step."""
    return Model()


class Model:
    n = sd.dim("n")
    x = sd.input("x", (n, 4), dtype="float32")
    y = sd.input("y", (n,), dtype="int64")
    W = sd.param("W", (4, 3), init=sd.init.glorot_uniform(), dtype="float32")
    b = sd.param("b", (3,), dtype="float32")
    logits = x @ W + b
    loss = sd.losses.softmax_cross_entropy(logits, y)
    accuracy = sd.metrics.accuracy(logits, y)

    def __init__(self):
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(50, 4)).astype("float32")
        self.Y = (self.X[:, :3] @ np.eye(3, dtype="float32")).argmax(1)

    def step(self, optimizer=None, **more):
        more = {"metrics": {"accuracy": self.accuracy}, **more}
        return sd.train_step(self.loss, [self.x, self.y], optimizer or sd.optim.sgd(0.5), **more)

    def by_hand(self, state, x, y, lr=0.5):
        """(loss, next W, next b) of one step of gradient descent, in NumPy."""
        z = x.astype("float64") @ state["W"] + state["b"]
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        d = (p - np.eye(3)[y]) / len(y)
        loss = -np.log(p[np.arange(len(y)), y]).mean()
        return loss, state["W"] - lr * x.T @ d, state["b"] - lr * d.sum(0)
