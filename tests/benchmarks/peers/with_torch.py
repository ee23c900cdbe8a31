"""PyTorch: eager with the fused Adam, its fastest on a CPU, and the same through ``torch.compile``."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy, relu
from workloads import BETA1, BETA2, EPSILON, RATE, Array, Workload

from .peer import Peer


class Torch(Peer):
    def setup(self, workload: Workload) -> None:
        self.weights = [
            (torch.zeros(fan_in, fan_out, requires_grad=True), torch.zeros(fan_out, requires_grad=True))
            for fan_in, fan_out in workload.layers
        ]

    def reset(self, weights: list[tuple[Array, Array]]) -> None:
        flat = [param for pair in self.weights for param in pair]
        with torch.no_grad():
            for param, new in zip(flat, (array for pair in weights for array in pair), strict=True):
                param.copy_(torch.from_numpy(new))
        self.adam = torch.optim.Adam(flat, lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True)

    def placed(self, array: Array) -> Any:
        return torch.from_numpy(array)

    def loss_of(self, x: Any, y: Any) -> Any:
        h = x
        for k, (W, b) in enumerate(self.weights):
            h = torch.addmm(b, relu(h) if k else h, W)
        return cross_entropy(h, y)

    def step(self, x: Any, y: Any) -> Any:
        loss = self.loss_of(x, y)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss.detach()


class TorchCompile(Torch):
    """Loss, gradients and the optimiser's step each as compiled code, as PyTorch's guide does it."""

    def setup(self, workload: Workload) -> None:
        super().setup(workload)
        self.compiled = torch.compile(super().loss_of)

    def reset(self, weights: list[tuple[Array, Array]]) -> None:
        super().reset(weights)
        self.update = torch.compile(self.adam.step)

    def step(self, x: Any, y: Any) -> Any:
        loss = self.compiled(x, y)
        self.adam.zero_grad()
        loss.backward()
        self.update()
        return loss.detach()
