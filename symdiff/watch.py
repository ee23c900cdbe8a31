"""What looks at a run of ``fit`` between epochs: validation, early stopping, statistics, callbacks, checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .history import Metrics

if TYPE_CHECKING:
    from .fit import Fit

Callback = Callable[[int, Metrics], object]


class Watcher:
    """Looks up after each ``every``-th epoch. Until the next that somebody looks at, the loop stays compiled."""

    every = 1

    def epoch_ended(self, fit: Fit) -> str:
        """The reason to stop, or nothing."""
        return ""

    def ended(self, fit: Fit) -> None:
        """The run is over: all epochs are done, or somebody gave a reason to stop. Last watchers come first."""


class Callbacks(Watcher):
    """Functions of the epoch's number and metrics; one that gives True ends the run."""

    def __init__(self, functions: Sequence[Callback]) -> None:
        self.functions = functions

    def epoch_ended(self, fit: Fit) -> str:
        epoch = fit.history.epochs - 1
        answers = [function(epoch, fit.history.means(epoch)) for function in self.functions]
        asked = any(isinstance(answer, bool | np.bool_) and answer for answer in answers)
        return f"a callback asked to stop after epoch {epoch}" if asked else ""
