"""What training reports: the figures of one step, and how they went over the epochs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Metrics(dict[str, float]):
    """Loss and metrics of one step or epoch: ``m["loss"]``, or ``m.loss`` where no method of dict has that name."""

    __slots__ = ()

    def __getattr__(self, name: str) -> float:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no metric is called {name!r}; there are {', '.join(self)}") from None

    def __repr__(self) -> str:
        return f"Metrics({self})"

    def __str__(self) -> str:
        return ", ".join(f"{name}={value:.6g}" for name, value in self.items())


class History:
    """Loss and metrics over a run of ``fit``.

    ``history.loss`` and ``history["loss"]`` are lists with the mean of each whole epoch, every sample counted once;
    ``history.steps["loss"]`` is an array with the value of each step. ``seconds`` is the time spent; ``interrupted``
    tells that Ctrl-C ended the run, in which case ``steps`` may reach into an epoch that has no mean yet.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.seconds = 0.0
        self.interrupted = False
        self._epochs: dict[str, list[float]] = {name: [] for name in names}
        self._steps: list[Array] = []

    @property
    def epochs(self) -> int:
        """The number of whole epochs."""
        return len(next(iter(self._epochs.values())))

    @property
    def steps(self) -> Mapping[str, Array]:
        """For each name, its value in every step."""
        rows = np.concatenate([np.empty((0, len(self._epochs))), *self._steps])
        return {name: rows[:, column] for column, name in enumerate(self._epochs)}

    def add_steps(self, rows: Array) -> None:
        """Enter the figures of consecutive steps: float64[steps, names]."""
        self._steps.append(rows)

    def add_epochs(self, means: Array) -> None:
        """Enter the means of whole epochs: float64[epochs, names]."""
        for values, column in zip(self._epochs.values(), means.T.tolist(), strict=True):
            values += column

    def means(self, epoch: int) -> Metrics:
        """The means of one epoch."""
        return Metrics((name, values[epoch]) for name, values in self._epochs.items())

    def __getitem__(self, name: str) -> list[float]:
        return self._epochs[name]

    def __getattr__(self, name: str) -> list[float]:
        found: dict[str, list[float]] = self.__dict__.get("_epochs", {})
        if name not in found:
            raise AttributeError(f"no metric is called {name!r}; there are {', '.join(found)}")
        return found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._epochs)

    def __contains__(self, name: object) -> bool:
        return name in self._epochs

    def __repr__(self) -> str:
        steps = sum(map(len, self._steps))
        stopped = ", interrupted" if self.interrupted else ""
        lines = [f"History: {self.epochs} epochs, {steps} steps in {self.seconds:.3g} s{stopped}"]
        width = max(map(len, self._epochs))
        for name, values in self._epochs.items():
            if values:
                lines.append(f"  {name:<{width}}  {values[0]:.6g} -> {values[-1]:.6g}")
        return "\n".join(lines)
