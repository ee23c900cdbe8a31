"""The networks that are trained: sizes, the weights all implementations start from, and their batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8  # Adam, for every implementation


@dataclass(frozen=True)
class Workload:
    """A ReLU network with softmax cross-entropy: ``sizes`` from input to classes, float32."""

    name: str
    sizes: tuple[int, ...]
    batch: int

    @property
    def layers(self) -> list[tuple[int, int]]:
        return list(zip(self.sizes, self.sizes[1:], strict=False))

    @property
    def gemm_flops(self) -> int:
        """Floating point operations of one step's matrix products: forward, and two backward except in layer 1."""
        products = [2 * self.batch * fan_in * fan_out for fan_in, fan_out in self.layers]
        return 3 * sum(products) - products[0]

    def weights(self) -> list[tuple[Array, Array]]:
        """(W, b) of each layer: He's initial values."""
        rng = np.random.default_rng(0)
        drawn = [(rng.normal(0, np.sqrt(2 / fan_in), (fan_in, fan_out)), fan_out) for fan_in, fan_out in self.layers]
        return [(w.astype(np.float32), np.zeros(fan_out, np.float32)) for w, fan_out in drawn]

    def batches(self, count: int) -> tuple[Array, Array]:
        """x: float32[count, batch, inputs], y: int64[count, batch]; the classes can be learnt, but not to the end."""
        rng = np.random.default_rng(1)
        x = rng.normal(size=(count, self.batch, self.sizes[0])).astype(np.float32)
        scores = x @ rng.normal(size=(self.sizes[0], self.sizes[-1]))
        return x, (scores + rng.gumbel(size=scores.shape)).argmax(axis=-1)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("2-3-2", (2, 3, 2), 4),
        Workload("64-128-10", (64, 128, 10), 64),
        Workload("784-128-10", (784, 128, 10), 64),
        Workload("784-512-256-10", (784, 512, 256, 10), 128),
    )
}
