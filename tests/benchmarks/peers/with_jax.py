"""JAX: a jitted step that is given its old state to overwrite, and many steps inside one ``lax.scan``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..problems import (
    BY_IMAGES,
    BY_WEIGHTS,
    CHOLESKY,
    FORWARD,
    GRADIENT,
    HESSIAN,
    INVERSE,
    SOLVE,
    VALUE,
    Convolution,
    Hessian,
    Integration,
    Matrices,
    Problem,
    Recurrence,
)
from ..workloads import BETA1, BETA2, EPSILON, NORM_EPSILON, RATE, Array, Chain, CrossEntropy, Layer, Network
from .peer import Function, LoopingTraining, Peer


def network_loss(network: Network, weights: Any, x: Any, y: Any) -> Any:
    h = x
    for k, (W, b, *norm) in enumerate(weights, start=1):
        h = h @ W + b
        if norm:
            h = layer_norm(h, *norm)
        if k < len(weights):
            h = jax.nn.relu(h) if network.activation == "relu" else jax.nn.gelu(h, approximate=True)
    return (jax.nn.softplus(h) - h * y).mean() if network.binary else cross_entropy(h, y)


def layer_norm(h: Any, scale: Any, shift: Any) -> Any:
    centred = h - h.mean(axis=1, keepdims=True)
    variance = jnp.square(centred).mean(axis=1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + NORM_EPSILON) * scale + shift


def cross_entropy(logits: Any, labels: Any) -> Any:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()


def chain_sum(chain: Chain, x: Any) -> Any:
    for name, *number in chain.functions:
        x = (jax.nn.sigmoid if name == "sigmoid" else getattr(jnp, name))(x, *number)
    return x.sum()


def adam_step(loss_of: Callable[..., Any], state: Any, batch: Any) -> tuple[Any, Any]:
    weights, m, v, t = state
    loss, gradient = jax.value_and_grad(loss_of)(weights, *batch)
    t = t + 1
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, gradient)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, gradient)
    rate, unbias = RATE / (1 - BETA1**t), 1 / (1 - BETA2**t)
    weights = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v * unbias) + EPSILON), weights, m, v)
    return (weights, m, v, t), loss


class JaxTraining(LoopingTraining):
    def __init__(self, network: Network) -> None:
        one_step = partial(adam_step, partial(network_loss, network))
        self.compiled = jax.jit(one_step, donate_argnums=0)
        self.scan = jax.jit(lambda state, batches: jax.lax.scan(one_step, state, batches), donate_argnums=0)

    def reset(self, weights: list[Layer]) -> None:
        weights = jax.tree.map(jnp.array, weights)
        zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
        self.state = jax.block_until_ready((weights, *zeros, jnp.float32(0)))

    def step(self, x: Array, y: Array) -> float:
        self.state, loss = self.compiled(self.state, (x, y))
        return float(loss)

    def load(self, x: Array, y: Array) -> None:
        self.batches = jax.device_put((x, y))

    def epochs(self, count: int) -> list[float]:
        for _ in range(count):
            self.state, losses = self.scan(self.state, self.batches)
        return np.asarray(losses).tolist()


class Jax(Peer):
    def prepared(self, array: Array) -> Array:
        return array.astype(np.int32) if array.dtype == np.int64 else array

    def training(self, network: Network) -> JaxTraining:
        return JaxTraining(network)

    def function(self, workload: Chain | CrossEntropy) -> Function:
        value = partial(chain_sum, workload) if isinstance(workload, Chain) else cross_entropy
        compiled = jax.jit(jax.value_and_grad(value))

        def call(*arrays: Array) -> tuple[float, Array]:
            value, gradient = compiled(*arrays)
            return float(value), np.asarray(gradient)

        return call

    def functions(self, problem: Problem) -> dict[str, Function]:
        return {mode: _called(jax.jit(function)) for mode, function in _FUNCTIONS[type(problem)](problem).items()}


Functions = dict[str, Callable[..., Any]]


def _called(compiled: Callable[..., Any]) -> Function:
    return lambda *arrays: tuple(np.asarray(each) for each in jax.tree.leaves(compiled(*arrays)))


def _convolution(problem: Convolution) -> Functions:
    def conv(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (1, 1), [(problem.padding, problem.padding)] * 2)

    return {
        FORWARD: lambda x, w, ct: conv(x, w),
        BY_IMAGES: lambda x, w, ct: jax.vjp(lambda x: conv(x, w), x)[1](ct),
        BY_WEIGHTS: lambda x, w, ct: jax.vjp(lambda w: conv(x, w), w)[1](ct),
    }


def _hessian(problem: Hessian) -> Functions:
    return {HESSIAN: jax.hessian(partial(problem.loss, jnp))}


def _integration(problem: Integration) -> Functions:
    def value(rates: Any, start: Any) -> Any:
        step = partial(problem.step, jnp, rates)
        last, _ = jax.lax.scan(lambda z, _: (step(z), None), start, length=problem.steps)
        return jnp.square(last).sum()

    return {VALUE: value, GRADIENT: jax.value_and_grad(value, (0, 1))}


def _recurrence(problem: Recurrence) -> Functions:
    def value(*arrays: Any) -> Any:
        *weights, xs = arrays
        zeros = jnp.zeros((problem.batch, problem.hidden), jnp.float32)
        _, hs = jax.lax.scan(partial(problem.step, jnp, jax.nn.sigmoid, weights), (zeros, zeros), xs)
        return jnp.square(hs).mean()

    return {VALUE: value, GRADIENT: jax.value_and_grad(value, (0, 1, 2))}


def _matrices(_: Matrices) -> Functions:
    return {
        CHOLESKY: lambda a, b: jnp.linalg.cholesky(a),
        SOLVE: jnp.linalg.solve,
        INVERSE: lambda a, b: jnp.linalg.inv(a),
    }


_FUNCTIONS: dict[type, Callable[..., Functions]] = {
    Convolution: _convolution,
    Hessian: _hessian,
    Integration: _integration,
    Recurrence: _recurrence,
    Matrices: _matrices,
}
