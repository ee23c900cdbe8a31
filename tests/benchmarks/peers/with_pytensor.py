"""PyTensor: one function with updates of shared variables, compiled by its Numba mode."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
from workloads import BETA1, BETA2, EPSILON, RATE, Array, Workload

from .peer import Peer


class PyTensor(Peer):
    def setup(self, workload: Workload) -> None:
        shapes = [shape for fan_in, fan_out in workload.layers for shape in ((fan_in, fan_out), (fan_out,))]
        self.params, self.m, self.v = (
            [pytensor.shared(np.zeros(shape, np.float32), borrow=True) for shape in shapes] for _ in range(3)
        )
        self.t = pytensor.shared(np.float32(0))
        x, y = pt.matrix("x", dtype="float32"), pt.lvector("y")
        h = x
        for k in range(len(workload.layers)):
            W, b = self.params[2 * k : 2 * k + 2]
            h = (pt.maximum(h, np.float32(0)) if k else h) @ W + b
        picked = pt.special.log_softmax(h, axis=1)[pt.arange(y.shape[0]), y]
        loss = -picked.sum() / y.shape[0].astype("float32")
        self.function = pytensor.function([x, y], loss, updates=self._adam(loss), mode="NUMBA", trust_input=True)

    def _adam(self, loss: pt.TensorVariable) -> dict[pt.TensorVariable, pt.TensorVariable]:
        one, beta1, beta2 = (np.float32(value) for value in (1, BETA1, BETA2))
        t = self.t + one
        rate, unbias = np.float32(RATE) / (one - beta1**t), one / (one - beta2**t)
        updates = {self.t: t}
        for param, m, v, g in zip(self.params, self.m, self.v, pt.grad(loss, self.params), strict=True):
            updates[m] = beta1 * m + (one - beta1) * g
            updates[v] = beta2 * v + (one - beta2) * g * g
            updates[param] = param - rate * updates[m] / (pt.sqrt(updates[v] * unbias) + np.float32(EPSILON))
        return updates

    def reset(self, weights: list[tuple[Array, Array]]) -> None:
        for param, new in zip(self.params, (array for pair in weights for array in pair), strict=True):
            param.set_value(new)
        for moment in (*self.m, *self.v):
            moment.set_value(np.zeros_like(moment.get_value()))
        self.t.set_value(np.float32(0))

    def step(self, x: Array, y: Array) -> Array:
        return self.function(x, y)
