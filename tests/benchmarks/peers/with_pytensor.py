"""PyTensor: one function with updates of shared variables, compiled by its Numba mode."""

from __future__ import annotations

import math

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from ..workloads import BETA1, BETA2, EPSILON, NORM_EPSILON, RATE, Array, Chain, CrossEntropy, Layer, Network
from .peer import Function, Peer, Training

f32 = np.float32  # Python's floats would make float64 of everything
ELEMENTWISE = {"multiply": pt.mul, "square": pt.sqr}  # what has another name here


def network_loss(
    network: Network, params: list[list[TensorVariable]], x: TensorVariable, y: TensorVariable
) -> TensorVariable:
    h = x
    for k, (W, b, *norm) in enumerate(params, start=1):
        h = h @ W + b
        if norm:
            h = layer_norm(h, *norm)
        if k < len(params):
            h = pt.maximum(h, f32(0)) if network.activation == "relu" else gelu(h)
    return mean(pt.softplus(h) - h * y) if network.binary else cross_entropy(h, y)


def mean(values: TensorVariable, **axes: object) -> TensorVariable:
    return values.sum(**axes) / values.shape[-1].astype("float32")


def layer_norm(h: TensorVariable, scale: TensorVariable, shift: TensorVariable) -> TensorVariable:
    centred = h - mean(h, axis=1, keepdims=True)
    return centred / pt.sqrt(mean(pt.sqr(centred), axis=1, keepdims=True) + f32(NORM_EPSILON)) * scale + shift


def gelu(h: TensorVariable) -> TensorVariable:
    return f32(0.5) * h * (f32(1) + pt.tanh(f32(math.sqrt(2 / math.pi)) * (h + f32(0.044715) * h * h * h)))


def cross_entropy(logits: TensorVariable, labels: TensorVariable) -> TensorVariable:
    return -mean(pt.special.log_softmax(logits, axis=1)[pt.arange(labels.shape[0]), labels])


class PyTensorTraining(Training):
    def __init__(self, network: Network) -> None:
        params, m, v = (
            [[pytensor.shared(np.zeros(shape, f32), borrow=True) for shape in layer] for layer in network.shapes]
            for _ in range(3)
        )
        self.params, self.m, self.v = ([value for layer in layers for value in layer] for layers in (params, m, v))
        self.t = pytensor.shared(f32(0))
        x, y = pt.matrix("x", dtype="float32"), pt.vector("y", dtype="float32" if network.binary else "int64")
        loss = network_loss(network, params, x, y)
        self.function = pytensor.function([x, y], loss, updates=self._adam(loss), mode="NUMBA", trust_input=True)

    def _adam(self, loss: TensorVariable) -> dict[TensorVariable, TensorVariable]:
        one, beta1, beta2 = (f32(value) for value in (1, BETA1, BETA2))
        t = self.t + one
        rate, unbias = f32(RATE) / (one - beta1**t), one / (one - beta2**t)
        updates = {self.t: t}
        for param, m, v, g in zip(self.params, self.m, self.v, pt.grad(loss, self.params), strict=True):
            updates[m] = beta1 * m + (one - beta1) * g
            updates[v] = beta2 * v + (one - beta2) * g * g
            updates[param] = param - rate * updates[m] / (pt.sqrt(updates[v] * unbias) + f32(EPSILON))
        return updates

    def reset(self, weights: list[Layer]) -> None:
        for param, new in zip(self.params, (array for layer in weights for array in layer), strict=True):
            param.set_value(new)
        for moment in (*self.m, *self.v):
            moment.set_value(np.zeros_like(moment.get_value()))
        self.t.set_value(f32(0))

    def step(self, x: Array, y: Array) -> float:
        return float(self.function(x, y))


class PyTensor(Peer):
    def training(self, network: Network) -> PyTensorTraining:
        return PyTensorTraining(network)

    def function(self, workload: Chain | CrossEntropy) -> Function:
        value, inputs = _chain(workload) if isinstance(workload, Chain) else _cross_entropy()
        outputs = [value, pt.grad(value, inputs[0])]
        compiled = pytensor.function(inputs, outputs, mode="NUMBA", trust_input=True)

        def call(*arrays: Array) -> tuple[float, Array]:
            value, gradient = compiled(*arrays)
            return float(value), gradient

        return call


def _chain(chain: Chain) -> tuple[TensorVariable, list[TensorVariable]]:
    x = h = pt.vector("x", dtype="float32")
    for name, *number in chain.functions:
        h = (ELEMENTWISE.get(name) or getattr(pt, name))(h, *map(f32, number))
    return h.sum(), [x]


def _cross_entropy() -> tuple[TensorVariable, list[TensorVariable]]:
    logits, labels = pt.matrix("logits", dtype="float32"), pt.vector("labels", dtype="int64")
    return cross_entropy(logits, labels), [logits, labels]
