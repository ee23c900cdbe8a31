"""NumPy as one writes it by hand for speed: in place, nothing allocated in a step but rows and columns.

Parts have ``forward`` and ``backward``; both may overwrite their argument, and return where the result lies.
"""

from __future__ import annotations

import math

import numpy as np

from ..problems import CHOLESKY, INVERSE, SOLVE, Matrices, Problem
from ..workloads import BETA1, BETA2, EPSILON, NORM_EPSILON, RATE, Array, Chain, CrossEntropy, Layer, Network
from .peer import Function, Peer, Training


class Dense:
    def __init__(self, batch: int, params: list[Array], gradients: list[Array], is_first: bool) -> None:
        (self.W, self.b), (self.d_W, self.d_b) = params, gradients
        self.out = np.empty((batch, *self.W.shape[1:]), np.float32)
        self.d_x = None if is_first else np.empty((batch, self.W.shape[0]), np.float32)

    def forward(self, x: Array) -> Array:
        self.x = x
        np.matmul(x, self.W, out=self.out)
        self.out += self.b
        return self.out

    def backward(self, ct: Array) -> Array | None:
        np.matmul(self.x.T, ct, out=self.d_W)
        ct.sum(axis=0, out=self.d_b)
        return None if self.d_x is None else np.matmul(ct, self.W.T, out=self.d_x)


class LayerNorm:
    def __init__(self, batch: int, params: list[Array], gradients: list[Array]) -> None:
        (self.scale, self.shift), (self.d_scale, self.d_shift) = params, gradients
        self.out, self.scratch = np.empty((2, batch, self.scale.size), np.float32)

    def forward(self, x: Array) -> Array:
        x -= x.mean(axis=1, keepdims=True)
        self.inverse = 1 / np.sqrt(_row_means(x, x) + NORM_EPSILON)
        x *= self.inverse
        self.normal = x
        np.multiply(x, self.scale, out=self.out)
        self.out += self.shift
        return self.out

    def backward(self, ct: Array) -> Array:
        np.einsum("ij,ij->j", ct, self.normal, out=self.d_scale)
        ct.sum(axis=0, out=self.d_shift)
        ct *= self.scale
        np.multiply(self.normal, _row_means(ct, self.normal), out=self.scratch)
        ct -= ct.mean(axis=1, keepdims=True)
        ct -= self.scratch
        ct *= self.inverse
        return ct


def _row_means(a: Array, b: Array) -> Array:
    return np.einsum("ij,ij->i", a, b)[:, None] / np.float32(a.shape[1])


class Relu:
    def __init__(self, batch: int, size: int) -> None:
        self.mask = np.empty((batch, size), bool)

    def forward(self, x: Array) -> Array:
        np.greater(x, 0, out=self.mask)
        return np.maximum(x, 0, out=x)

    def backward(self, ct: Array) -> Array:
        ct *= self.mask
        return ct


class Gelu:
    """``h = x / 2 * (1 + tanh(a * (x + c * x^3)))``."""

    a, c = np.float32(math.sqrt(2 / math.pi)), np.float32(0.044715)

    def __init__(self, batch: int, size: int) -> None:
        self.out, self.tanh, self.scratch = np.empty((3, batch, size), np.float32)

    def forward(self, x: Array) -> Array:
        self.x, t, out = x, self.tanh, self.out
        np.multiply(x, x, out=t)
        t *= self.a * self.c
        t += self.a
        t *= x
        np.tanh(t, out=t)
        np.add(t, 1, out=out)
        out *= x
        out *= 0.5
        return out

    def backward(self, ct: Array) -> Array:
        """The derivative is ``(1 + t) / 2 + x / 2 * (1 - t^2) * a * (1 + 3 * c * x^2)``."""
        x, t, slope = self.x, self.tanh, self.scratch
        np.multiply(x, x, out=slope)
        slope *= 3 * self.a * self.c
        slope += self.a
        slope *= x
        x[...] = t
        x *= t
        np.subtract(1, x, out=x)
        slope *= x
        slope += t
        slope += 1
        slope *= 0.5
        ct *= slope
        return ct


class SoftmaxCrossEntropy:
    def __init__(self, rows: int, classes: int) -> None:
        self.rows, self.ct = np.arange(rows), np.empty((rows, classes), np.float32)

    def __call__(self, logits: Array, labels: Array) -> tuple[float, Array]:
        """The loss, and its gradient."""
        p = self.ct
        np.subtract(logits, logits.max(axis=1, keepdims=True), out=p)
        picked = p[self.rows, labels]
        np.exp(p, out=p)
        total = p.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - picked).mean())
        p *= 1 / (total * np.float32(len(labels)))
        p[self.rows, labels] -= np.float32(1 / len(labels))
        return loss, p


def sigmoid_cross_entropy(logits: Array, targets: Array) -> tuple[float, Array]:
    loss = float((np.logaddexp(0, logits) - logits * targets).mean())
    return loss, (1 / (1 + np.exp(-logits)) - targets) / np.float32(len(targets))


class NumPyTraining(Training):
    def __init__(self, network: Network) -> None:
        count = sum(math.prod(shape) for layer in network.shapes for shape in layer)
        self.values, self.gradient, self.m, self.v, self.scratch = np.zeros((5, count), np.float32)
        self.weights = _views(self.values, network)
        self.parts = _parts(network, self.weights, _views(self.gradient, network))
        self.loss = sigmoid_cross_entropy if network.binary else SoftmaxCrossEntropy(network.batch, network.sizes[-1])

    def reset(self, weights: list[Layer]) -> None:
        for layer, new_layer in zip(self.weights, weights, strict=True):
            for value, new in zip(layer, new_layer, strict=True):
                value[...] = new
        self.m[...], self.v[...], self.t = 0, 0, 0

    def step(self, x: Array, y: Array) -> float:
        h = x
        for part in self.parts:
            h = part.forward(h)
        loss, ct = self.loss(h, y)
        for part in reversed(self.parts):
            ct = part.backward(ct)
        self._update()
        return loss

    def _update(self) -> None:
        """Adam over all parameters at once."""
        self.t += 1
        g, m, v, scratch = self.gradient, self.m, self.v, self.scratch
        m *= np.float32(BETA1)
        np.multiply(g, np.float32(1 - BETA1), out=scratch)
        m += scratch
        v *= np.float32(BETA2)
        np.multiply(g, g, out=scratch)
        scratch *= np.float32(1 - BETA2)
        v += scratch
        np.multiply(v, np.float32(1 / (1 - BETA2**self.t)), out=scratch)
        np.sqrt(scratch, out=scratch)
        scratch += np.float32(EPSILON)
        np.divide(m, scratch, out=scratch)
        scratch *= np.float32(RATE / (1 - BETA1**self.t))
        self.values -= scratch


def _views(flat: Array, network: Network) -> list[list[Array]]:
    """The parameters of each layer in one flat array."""
    sizes = [math.prod(shape) for layer in network.shapes for shape in layer]
    pieces = iter(np.split(flat, np.cumsum(sizes)[:-1]))
    return [[next(pieces).reshape(shape) for shape in layer] for layer in network.shapes]


def _parts(network: Network, weights: list[list[Array]], gradients: list[list[Array]]) -> list:
    parts, batch = [], network.batch
    activation = Relu if network.activation == "relu" else Gelu
    for k, (params, d_params) in enumerate(zip(weights, gradients, strict=True)):
        parts.append(Dense(batch, params[:2], d_params[:2], is_first=k == 0))
        if params[2:]:
            parts.append(LayerNorm(batch, params[2:], d_params[2:]))
        if k < len(weights) - 1:
            parts.append(activation(batch, network.sizes[k + 1]))
    return parts


ELEMENTWISE = {  # name -> (function, derivative from its argument and its result)
    "multiply": (np.multiply, lambda x, out, c: c),
    "add": (np.add, lambda x, out, c: 1),
    "tanh": (np.tanh, lambda x, out: 1 - out * out),
    "exp": (np.exp, lambda x, out: out),
    "sin": (np.sin, lambda x, out: np.cos(x)),
    "cos": (np.cos, lambda x, out: -np.sin(x)),
    "log": (np.log, lambda x, out: 1 / x),
    "abs": (np.abs, lambda x, out: np.sign(x)),
    "sqrt": (np.sqrt, lambda x, out: 0.5 / out),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x, out: out * (1 - out)),
    "reciprocal": (np.reciprocal, lambda x, out: -out * out),
    "square": (np.square, lambda x, out: 2 * x),
}


def chain_function(chain: Chain, x: Array) -> tuple[float, Array]:
    values = [x]
    for name, *number in chain.functions:
        values.append(ELEMENTWISE[name][0](values[-1], *number))
    gradient = np.ones_like(x)
    for k in range(len(chain.functions) - 1, -1, -1):
        name, *number = chain.functions[k]
        gradient *= ELEMENTWISE[name][1](values[k], values[k + 1], *number)
    return float(values[-1].sum()), gradient


class NumPy(Peer):
    def training(self, network: Network) -> NumPyTraining:
        return NumPyTraining(network)

    def function(self, workload: Chain | CrossEntropy) -> Function:
        if isinstance(workload, Chain):
            return lambda x: chain_function(workload, x)
        return SoftmaxCrossEntropy(workload.rows, workload.classes)

    def functions(self, problem: Problem) -> dict[str, Function]:
        if not isinstance(problem, Matrices):
            return super().functions(problem)
        return {
            CHOLESKY: lambda a, b: (np.linalg.cholesky(a),),
            SOLVE: lambda a, b: (np.linalg.solve(a, b),),
            INVERSE: lambda a, b: (np.linalg.inv(a),),
        }
