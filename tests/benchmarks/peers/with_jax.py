"""JAX: a jitted step that is given its old state to overwrite, and many steps inside one ``lax.scan``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from workloads import BETA1, BETA2, EPSILON, RATE, Array, Workload

from .peer import Peer


def loss_of(weights: Any, x: Any, y: Any) -> Any:
    h = x
    for k, (W, b) in enumerate(weights):
        h = (jax.nn.relu(h) if k else h) @ W + b
    return -jnp.take_along_axis(jax.nn.log_softmax(h), y[:, None], axis=1).mean()


def adam_step(state: Any, batch: Any) -> tuple[Any, Any]:
    weights, m, v, t = state
    loss, gradient = jax.value_and_grad(loss_of)(weights, *batch)
    t = t + 1
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, gradient)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, gradient)
    rate, unbias = RATE / (1 - BETA1**t), 1 / (1 - BETA2**t)
    weights = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v * unbias) + EPSILON), weights, m, v)
    return (weights, m, v, t), loss


class Jax(Peer):
    def setup(self, workload: Workload) -> None:
        self.compiled = jax.jit(adam_step, donate_argnums=0)

    def reset(self, weights: list[tuple[Array, Array]]) -> None:
        weights = jax.tree.map(jnp.array, weights)
        zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
        self.state = jax.block_until_ready((weights, *zeros, jnp.float32(0)))

    def placed(self, array: Array) -> Any:
        return jax.device_put(array.astype(np.int32) if array.dtype.kind == "i" else array)

    def step(self, x: Any, y: Any) -> Any:
        self.state, loss = self.compiled(self.state, (x, y))
        return loss

    def finish(self, loss: Any) -> Any:
        return jax.block_until_ready((self.state, loss))[1]


class JaxScan(Jax):
    """Each time through the batches is one call."""

    def setup(self, workload: Workload) -> None:
        self.compiled = jax.jit(lambda state, batches: jax.lax.scan(adam_step, state, batches), donate_argnums=0)

    def load(self, x: Array, y: Array) -> None:
        self.batches = self.placed(x), self.placed(y)

    def run(self, repeats: int) -> list[float]:
        for _ in range(repeats):
            losses = self.step(*self.batches)
        self.finish(losses)
        return list(losses)
