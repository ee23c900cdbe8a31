"""What every implementation provides, so that all are measured and checked in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from workloads import Array, Workload


class Peer(ABC):
    """One implementation of a training step.

    Only ``run`` is timed. It steps through the batches as a user of the library would: data lies where the library
    wants it, and a library that computes in the background is waited for once, at the end.
    """

    @abstractmethod
    def setup(self, workload: Workload) -> None:
        """Build the step."""

    @abstractmethod
    def reset(self, weights: list[tuple[Array, Array]]) -> None:
        """Start from these weights, with fresh moments of Adam."""

    @abstractmethod
    def step(self, x: Any, y: Any) -> Any:
        """Train on one batch; the loss before it, perhaps not yet computed."""

    def placed(self, array: Array) -> Any:
        """One batch of inputs or classes in the library's own form."""
        return array

    def finish(self, loss: Any) -> Any:
        """Wait until all work is done."""
        return loss

    def load(self, x: Array, y: Array) -> None:
        """Take the batches that ``run`` goes through: x[k], y[k] are one batch."""
        self.batches = [(self.placed(one), self.placed(two)) for one, two in zip(x, y, strict=True)]

    def run(self, repeats: int) -> list[float]:
        """Step through all batches ``repeats`` times; the losses of the last time."""
        for _ in range(repeats):
            losses = [self.step(x, y) for x, y in self.batches]
        self.finish(losses[-1])
        return losses
