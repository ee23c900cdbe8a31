"""symdiff: a call for each step, and whole runs inside ``fit``."""

from __future__ import annotations

import math

import numpy as np

import symdiff as sd
from symdiff import Node

from ..workloads import BETA1, BETA2, EPSILON, NORM_EPSILON, RATE, Array, Chain, CrossEntropy, Layer, Network
from .peer import Function, LoopingTraining, Peer


def model(network: Network) -> tuple[Node, list[Node], list[Node]]:
    """(loss, inputs, parameters); the batch size is symbolic. The parameters of layer 1 are called p1_0, p1_1, ..."""
    n = sd.dim("n")
    x = sd.input("x", (n, network.sizes[0]), dtype="float32")
    y = sd.input("y", (n,), dtype="float32" if network.binary else "int64")
    h, params = x, []
    for k, shapes in enumerate(network.shapes, start=1):
        W, b, *norm = (sd.param(f"p{k}_{i}", shape, dtype="float32") for i, shape in enumerate(shapes))
        params += [W, b, *norm]
        h = h @ W + b
        if norm:
            h = layer_norm(h, *norm)
        if k < len(network.shapes):
            h = sd.relu(h) if network.activation == "relu" else gelu(h)
    loss = sd.losses.sigmoid_cross_entropy if network.binary else sd.losses.softmax_cross_entropy
    return loss(h, y), [x, y], params


def layer_norm(h: Node, scale: Node, shift: Node) -> Node:
    centred = h - sd.mean(h, axis=1, keepdims=True)
    variance = sd.mean(sd.square(centred), axis=1, keepdims=True)
    return centred / sd.sqrt(variance + NORM_EPSILON) * scale + shift


def gelu(h: Node) -> Node:
    return 0.5 * h * (1 + sd.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))


class SymdiffTraining(LoopingTraining):
    def __init__(self, network: Network, backend: str) -> None:
        loss, inputs, self.params = model(network)
        step = sd.train_step(loss, inputs, sd.optim.adam(RATE, (BETA1, BETA2), EPSILON))
        self.train = sd.compile(step, backend=backend)
        self.state = step.init(seed=0)
        self.start = self.state.copy()

    def reset(self, weights: list[Layer]) -> None:
        for name in self.state:
            self.state[name] = self.start[name]
        for param, value in zip(self.params, (value for layer in weights for value in layer), strict=True):
            self.state[param.attrs["name"]] = value

    def step(self, x: Array, y: Array) -> float:
        return self.train(self.state, x, y).loss

    def load(self, x: Array, y: Array) -> None:
        self.count, self.batch = x.shape[:2]
        self.x, self.y = np.concatenate(x), np.concatenate(y)

    def epochs(self, count: int) -> list[float]:
        history = self.train.fit(
            self.state, self.x, self.y, batch_size=self.batch, epochs=count, shuffle=False, progress=False
        )
        return history.steps["loss"][-self.count :].tolist()


class Symdiff(Peer):
    def __init__(self, backend: str = "native") -> None:
        self.backend = backend

    def training(self, network: Network) -> SymdiffTraining:
        return SymdiffTraining(network, self.backend)

    def function(self, workload: Chain | CrossEntropy) -> Function:
        value, inputs = _chain(workload) if isinstance(workload, Chain) else _cross_entropy(workload)
        compiled = sd.compile([value, *sd.grad(value, inputs[:1])], inputs=inputs, backend=self.backend)

        def call(*arrays: Array) -> tuple[float, Array]:
            value, gradient = compiled(*arrays)
            return float(value), gradient

        return call


def _chain(chain: Chain) -> tuple[Node, list[Node]]:
    x = h = sd.input("x", (sd.dim("n"),), dtype="float32")
    for name, *number in chain.functions:
        h = getattr(sd, name)(h, *number)
    return sd.sum(h), [x]


def _cross_entropy(workload: CrossEntropy) -> tuple[Node, list[Node]]:
    n = sd.dim("n")
    logits, labels = sd.input("logits", (n, workload.classes), dtype="float32"), sd.input("labels", (n,), dtype="int64")
    return sd.losses.softmax_cross_entropy(logits, labels), [logits, labels]
