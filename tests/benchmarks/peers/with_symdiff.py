"""symdiff: a call for each step, and whole runs inside ``fit``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

import symdiff as sd
from symdiff import Node

from ..problems import (
    BY_IMAGES,
    BY_WEIGHTS,
    CHOLESKY,
    FORWARD,
    GRADIENT,
    HESSIAN,
    INVERSE,
    SOLVE,
    TRAINING,
    VALUE,
    Convolution,
    ConvolutionalNetwork,
    Hessian,
    Integration,
    Matrices,
    Problem,
    Recurrence,
)
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

    def functions(self, problem: Problem) -> dict[str, Function]:
        arrays = problem.arrays()
        symbols = [sd.input(f"x{k}", array.shape, dtype=array.dtype) for k, array in enumerate(arrays)]
        outputs = _OUTPUTS[type(problem)](problem, *symbols)
        found = {mode: sd.compile(nodes, inputs=symbols, backend=self.backend) for mode, nodes in outputs.items()}
        if isinstance(problem, ConvolutionalNetwork):
            found[TRAINING] = _training(problem, symbols[:2], arrays[2:], self.backend)
        return found


def _chain(chain: Chain) -> tuple[Node, list[Node]]:
    x = h = sd.input("x", (sd.dim("n"),), dtype="float32")
    for name, *number in chain.functions:
        h = getattr(sd, name)(h, *number)
    return sd.sum(h), [x]


def _cross_entropy(workload: CrossEntropy) -> tuple[Node, list[Node]]:
    n = sd.dim("n")
    logits, labels = sd.input("logits", (n, workload.classes), dtype="float32"), sd.input("labels", (n,), dtype="int64")
    return sd.losses.softmax_cross_entropy(logits, labels), [logits, labels]


Outputs = dict[str, list[Node]]


def _convolution(problem: Convolution, x: Node, w: Node, ct: Node) -> Outputs:
    y = sd.nn.conv2d(x, w, padding=problem.padding)
    return {FORWARD: [y], BY_IMAGES: sd.vjp([y], [x], [ct]), BY_WEIGHTS: sd.vjp([y], [w], [ct])}


def _network_loss(problem: ConvolutionalNetwork, x: Node, y: Node, weights: Sequence[Node]) -> Node:
    given = iter(weights)
    for block in problem.blocks:
        for _, window in block:
            if problem.norm:
                x = sd.nn.conv2d(x, next(given), padding=window // 2)
                x = sd.nn.batch_norm(x, weight=next(given), bias=next(given), training=True)
            else:
                x = sd.nn.conv2d(x, next(given), next(given), padding=window // 2)
            x = sd.relu(x)
        x = sd.nn.max_pool2d(x, 2)
    x = x.reshape((problem.batch, -1))
    for k in range(len(problem.dense)):
        x = (sd.relu(x) if k else x) @ next(given) + next(given)
    return sd.losses.softmax_cross_entropy(x, y)


def _network(problem: ConvolutionalNetwork, x: Node, y: Node, *weights: Node) -> Outputs:
    return _value_and_gradient(_network_loss(problem, x, y, weights), list(weights))


def _training(problem: ConvolutionalNetwork, inputs: list[Node], values: Sequence[Array], backend: str) -> Function:
    """Takes all arrays, as the other functions do, and goes on from the weights it has."""
    params = [sd.param(f"p{k}", shape, dtype="float32") for k, shape in enumerate(problem.shapes)]
    loss = _network_loss(problem, *inputs, params)
    step = sd.train_step(loss, inputs, sd.optim.adam(RATE, (BETA1, BETA2), EPSILON))
    train, state = sd.compile(step, backend=backend), step.init(seed=0)
    for param, value in zip(params, values, strict=True):
        state[param.attrs["name"]] = value
    return lambda x, y, *weights: (train(state, x, y).loss,)


def _hessian(problem: Hessian, theta: Node, x: Node, y: Node) -> Outputs:
    return {HESSIAN: [sd.hessian(problem.loss(sd, theta, x, y), theta)]}


def _integration(problem: Integration, rates: Node, start: Node) -> Outputs:
    last, _ = sd.scan(lambda z, _: (problem.step(sd, rates, z), ()), start, length=problem.steps)
    return _value_and_gradient(sd.sum(sd.square(last)), [rates, start])


def _recurrence(problem: Recurrence, *symbols: Node) -> Outputs:
    *weights, xs = symbols
    zeros = sd.constant(np.zeros((problem.batch, problem.hidden), np.float32))
    _, hs = sd.scan(lambda state, x: problem.step(sd, sd.sigmoid, weights, state, x), (zeros, zeros), xs)
    return _value_and_gradient(sd.mean(sd.square(hs)), weights)


def _value_and_gradient(value: Node, wrt: list[Node]) -> Outputs:
    return {VALUE: [value], GRADIENT: [value, *sd.grad(value, wrt)]}


def _matrices(_: Matrices, a: Node, b: Node) -> Outputs:
    return {CHOLESKY: [sd.cholesky(a)], SOLVE: [sd.solve(a, b)], INVERSE: [sd.inv(a)]}


_OUTPUTS: dict[type, Callable[..., Outputs]] = {
    Convolution: _convolution,
    ConvolutionalNetwork: _network,
    Hessian: _hessian,
    Integration: _integration,
    Recurrence: _recurrence,
    Matrices: _matrices,
}
