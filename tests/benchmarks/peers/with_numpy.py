"""NumPy as one writes it by hand for speed: in place, nothing allocated in a step but small rows."""

from __future__ import annotations

import numpy as np
from workloads import BETA1, BETA2, EPSILON, RATE, Array, Workload

from .peer import Peer


class NumPy(Peer):
    def setup(self, workload: Workload) -> None:
        batch, sizes = workload.batch, workload.sizes
        count = sum((fan_in + 1) * fan_out for fan_in, fan_out in workload.layers)
        self.values, self.gradient, self.m, self.v, self.scratch = (np.zeros(count, np.float32) for _ in range(5))
        self.weights, self.d_weights = _views(self.values, workload), _views(self.gradient, workload)
        self.outputs = [np.empty((batch, size), np.float32) for size in sizes[1:]]
        self.d_outputs = [np.empty((batch, size), np.float32) for size in sizes[1:]]
        self.masks = [np.empty((batch, size), bool) for size in sizes[1:-1]]
        self.rows = np.arange(batch)

    def reset(self, weights: list[tuple[Array, Array]]) -> None:
        for (W, b), (new_W, new_b) in zip(self.weights, weights, strict=True):
            W[...], b[...] = new_W, new_b
        self.m[...], self.v[...], self.t = 0, 0, 0

    def step(self, x: Array, y: Array) -> float:
        loss = self._forward(x, y)
        self._backward(x)
        self._update()
        return loss

    def _forward(self, x: Array, y: Array) -> float:
        h = x
        for (W, b), out, mask in zip(self.weights, self.outputs, [*self.masks, None], strict=True):
            np.matmul(h, W, out=out)
            out += b
            if mask is not None:
                np.greater(out, 0, out=mask)
                np.maximum(out, 0, out=out)
            h = out
        p = self.d_outputs[-1]
        np.subtract(h, h.max(axis=1, keepdims=True), out=p)
        picked = p[self.rows, y]
        np.exp(p, out=p)
        total = p.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - picked).mean())
        p /= total
        p[self.rows, y] -= 1
        p /= np.float32(len(y))
        return loss

    def _backward(self, x: Array) -> None:
        for k in range(len(self.weights) - 1, -1, -1):
            ct, (d_W, d_b) = self.d_outputs[k], self.d_weights[k]
            if k < len(self.masks):
                ct *= self.masks[k]
            np.matmul((self.outputs[k - 1] if k else x).T, ct, out=d_W)
            ct.sum(axis=0, out=d_b)
            if k:
                np.matmul(ct, self.weights[k][0].T, out=self.d_outputs[k - 1])

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


def _views(flat: Array, workload: Workload) -> list[tuple[Array, Array]]:
    """(W, b) of each layer in one flat array."""
    views, end = [], 0
    for fan_in, fan_out in workload.layers:
        start, middle, end = end, end + fan_in * fan_out, end + (fan_in + 1) * fan_out
        views.append((flat[start:middle].reshape(fan_in, fan_out), flat[middle:end]))
    return views
