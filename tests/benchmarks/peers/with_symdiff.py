"""symdiff: one Python call for each step, and a whole run inside ``fit``."""

from __future__ import annotations

import numpy as np
from workloads import BETA1, BETA2, EPSILON, RATE, Array, Workload

import symdiff as sd

from .peer import Peer


class SymdiffCall(Peer):
    def setup(self, workload: Workload) -> None:
        n = sd.dim("n")
        x = sd.input("x", (n, workload.sizes[0]), dtype="float32")
        y = sd.input("y", (n,), dtype="int64")
        h = x
        for k, (fan_in, fan_out) in enumerate(workload.layers, start=1):
            W = sd.param(f"W{k}", (fan_in, fan_out), dtype="float32")
            b = sd.param(f"b{k}", (fan_out,), dtype="float32")
            h = (sd.relu(h) if k > 1 else h) @ W + b
        loss = sd.losses.softmax_cross_entropy(h, y)
        step = sd.train_step(loss, [x, y], sd.optim.adam(RATE, BETA1, BETA2, EPSILON))
        self.train = sd.compile(step)
        self.state = step.init(seed=0)
        self.start = self.state.copy()

    def reset(self, weights: list[tuple[Array, Array]]) -> None:
        for name in self.state:
            self.state[name] = self.start[name]
        for k, (W, b) in enumerate(weights, start=1):
            self.state[f"W{k}"], self.state[f"b{k}"] = W, b

    def step(self, x: Array, y: Array) -> float:
        return self.train(self.state, x, y).loss


class SymdiffFit(SymdiffCall):
    """Each time through the batches is one epoch."""

    def load(self, x: Array, y: Array) -> None:
        self.batch = x.shape[1]
        self.x, self.y = np.concatenate(x), np.concatenate(y)

    def run(self, repeats: int) -> list[float]:
        history = self.train.fit(
            self.state, self.x, self.y, batch_size=self.batch, epochs=repeats, shuffle=False, progress=False
        )
        return history.steps["loss"][-len(self.x) // self.batch :].tolist()
