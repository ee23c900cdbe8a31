"""What every library provides, so that all are measured and checked in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from ..problems import Problem
from ..workloads import Array, Chain, CrossEntropy, Layer, Network

Function = Callable[..., tuple[float | Array, ...]]


class Training(ABC):
    """A network with its parameters and Adam's moments, to be trained."""

    @abstractmethod
    def reset(self, weights: list[Layer]) -> None:
        """Start from these weights, with fresh moments."""

    @abstractmethod
    def step(self, x: Array, y: Array) -> float:
        """Train on one batch; the loss before it."""


class LoopingTraining(Training):
    """A library that can also take many steps in one call."""

    @abstractmethod
    def load(self, x: Array, y: Array) -> None:
        """The batches of an epoch, x[k] and y[k], in the form the loop wants them."""

    @abstractmethod
    def epochs(self, count: int) -> list[float]:
        """Go through the batches ``count`` times; the losses of the last time."""


class Peer(ABC):
    """A library, and how its users write what is measured."""

    def prepared(self, array: Array) -> Array:
        """An argument in the dtype that the library computes with."""
        return array

    @abstractmethod
    def training(self, network: Network) -> Training: ...

    @abstractmethod
    def function(self, workload: Chain | CrossEntropy) -> Function:
        """From ``workload.arrays()`` to the value and its gradient with respect to the first of them."""

    def functions(self, problem: Problem) -> dict[str, Function]:
        """For each mode what it computes from ``problem.arrays()``; for libraries that the problem names."""
        raise NotImplementedError(f"{type(self).__name__} is not compared on {problem.name}")
