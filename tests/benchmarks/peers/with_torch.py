"""PyTorch: eager with the fused Adam, its fastest on a CPU, and the same through ``torch.compile``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from ..problems import (
    BY_IMAGES,
    BY_WEIGHTS,
    FORWARD,
    GRADIENT,
    HESSIAN,
    TRAINING,
    VALUE,
    Convolution,
    ConvolutionalNetwork,
    Hessian,
    Problem,
)
from ..workloads import BETA1, BETA2, EPSILON, NORM_EPSILON, RATE, Array, Chain, CrossEntropy, Layer, Network
from .peer import Function, Peer, Training


def network_loss(network: Network, weights: list[list[Any]], x: Any, y: Any) -> Any:
    h = x
    for k, (W, b, *norm) in enumerate(weights, start=1):
        h = torch.addmm(b, h, W) if W.ndim == 2 else torch.addmv(b, h, W)
        if norm:
            h = functional.layer_norm(h, b.shape, *norm, eps=NORM_EPSILON)
        if k < len(weights):
            h = functional.relu(h) if network.activation == "relu" else functional.gelu(h, approximate="tanh")
    return functional.binary_cross_entropy_with_logits(h, y) if network.binary else functional.cross_entropy(h, y)


def chain_sum(chain: Chain, x: Any) -> Any:
    for name, *number in chain.functions:
        x = getattr(torch, name)(x, *number)
    return x.sum()


class TorchTraining(Training):
    def __init__(self, network: Network) -> None:
        self.network = network
        self.weights = [[torch.zeros(shape, requires_grad=True) for shape in layer] for layer in network.shapes]
        self.loss_of = network_loss

    def reset(self, weights: list[Layer]) -> None:
        params = [param for layer in self.weights for param in layer]
        with torch.no_grad():
            for param, new in zip(params, (array for layer in weights for array in layer), strict=True):
                param.copy_(torch.from_numpy(new))
        self.adam = torch.optim.Adam(params, lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True)
        self.update = self.adam.step

    def step(self, x: Array, y: Array) -> float:
        loss = self.loss_of(self.network, self.weights, torch.from_numpy(x), torch.from_numpy(y))
        self.adam.zero_grad()
        loss.backward()
        self.update()
        return loss.item()


class CompiledTorchTraining(TorchTraining):
    """Loss, gradients and the optimiser's step each as compiled code, as PyTorch's guide does it."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.loss_of = torch.compile(network_loss)

    def reset(self, weights: list[Layer]) -> None:
        super().reset(weights)
        self.update = torch.compile(self.adam.step)


class Torch(Peer):
    def training(self, network: Network) -> TorchTraining:
        return TorchTraining(network)

    def function(self, workload: Chain | CrossEntropy) -> Function:
        value_of = self.value_of(workload)

        def call(first: Array, *others: Array) -> tuple[float, Array]:
            x = torch.from_numpy(first).requires_grad_()
            value = value_of(x, *map(torch.from_numpy, others))
            value.backward()
            return value.item(), x.grad.numpy()

        return call

    def functions(self, problem: Problem) -> dict[str, Function]:
        return {mode: _called(function) for mode, function in _FUNCTIONS[type(problem)](problem).items()}

    def value_of(self, workload: Chain | CrossEntropy) -> Any:
        return (lambda x: chain_sum(workload, x)) if isinstance(workload, Chain) else functional.cross_entropy


class TorchCompile(Torch):
    def training(self, network: Network) -> CompiledTorchTraining:
        return CompiledTorchTraining(network)

    def value_of(self, workload: Chain | CrossEntropy) -> Any:
        return torch.compile(super().value_of(workload))


Functions = dict[str, Callable[..., tuple[Any, ...]]]


def _called(function: Callable[..., tuple[Any, ...]]) -> Function:
    return lambda *arrays: tuple(each.detach().numpy() for each in function(*map(torch.from_numpy, arrays)))


def _convolution(problem: Convolution) -> Functions:
    pads = problem.padding
    return {
        FORWARD: lambda x, w, ct: (functional.conv2d(x, w, padding=pads),),
        BY_IMAGES: lambda x, w, ct: (torch.nn.grad.conv2d_input(x.shape, w, ct, padding=pads),),
        BY_WEIGHTS: lambda x, w, ct: (torch.nn.grad.conv2d_weight(x, w.shape, ct, padding=pads),),
    }


def _network_loss_of(problem: ConvolutionalNetwork, x: Any, y: Any, weights: Sequence[Any]) -> Any:
    given = iter(weights)
    for block in problem.blocks:
        for _, window in block:
            if problem.norm:
                x = functional.conv2d(x, next(given), padding=window // 2)
                x = functional.batch_norm(x, None, None, next(given), next(given), training=True)
            else:
                x = functional.conv2d(x, next(given), next(given), padding=window // 2)
            x = functional.relu(x)
        x = functional.max_pool2d(x, 2)
    x = x.flatten(1)
    for k in range(len(problem.dense)):
        W, b = next(given), next(given)
        x = torch.addmm(b, functional.relu(x) if k else x, W)
    return functional.cross_entropy(x, y)


def _network(problem: ConvolutionalNetwork) -> Functions:
    weights = [torch.from_numpy(array).clone().requires_grad_() for array in problem.arrays()[2:]]
    adam = torch.optim.Adam(weights, lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True)

    def gradient(x: Any, y: Any, *weights: Any) -> tuple[Any, ...]:
        leaves = [weight.requires_grad_() for weight in weights]
        loss = _network_loss_of(problem, x, y, leaves)
        return loss, *torch.autograd.grad(loss, leaves)

    def train(x: Any, y: Any, *_: Any) -> tuple[Any, ...]:
        adam.zero_grad()
        loss = _network_loss_of(problem, x, y, weights)
        loss.backward()
        adam.step()
        return (loss,)

    return {
        VALUE: lambda x, y, *weights: (_network_loss_of(problem, x, y, weights),),
        GRADIENT: gradient,
        TRAINING: train,
    }


def _hessian(problem: Hessian) -> Functions:
    hessian = torch.func.hessian(partial(problem.loss, torch))
    return {HESSIAN: lambda *arrays: (hessian(*arrays),)}


_FUNCTIONS: dict[type, Callable[..., Functions]] = {
    Convolution: _convolution,
    ConvolutionalNetwork: _network,
    Hessian: _hessian,
}
