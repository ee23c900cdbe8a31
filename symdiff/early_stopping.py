"""Early stopping: end a run when a metric has not improved for some epochs, with the parameters of its best epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .core.errors import explain
from .core.record import record
from .fit import whole_number
from .history import History
from .state import State
from .watch import Watcher

if TYPE_CHECKING:
    from .fit import Fit

_BETTER = {"min": ("loss", "error"), "max": ("accuracy",)}  # which way metrics with these endings go


@record
class EarlyStopping:
    """Stop when ``monitor`` has not improved by more than ``min_delta`` for ``patience`` epochs.

    ``monitor`` is a name of the history: by default ``val_loss``, or ``loss`` where nothing is validated. ``mode`` says
    whether less (``"min"``) or more (``"max"``) is better; names that end in loss, error or accuracy need none. With
    ``restore_best`` the state is that of the best epoch once the run ends by itself (not by Ctrl-C). NaN is no
    improvement. Raises ValueError for numbers and names that make no sense.

    >>> import symdiff as sd
    >>> sd.EarlyStopping(patience=5, monitor="val_accuracy").patience
    5
    """

    patience: int
    monitor: str | None = None
    min_delta: float = 0.0
    restore_best: bool = True
    mode: str | None = None

    def __post_init__(self) -> None:
        asked = "EarlyStopping"
        whole_number(asked, "patience", self.patience, 1)
        if not 0 <= self.min_delta < math.inf:
            raise ValueError(explain(asked, f"min_delta is not negative, got {self.min_delta!r}"))
        if self.mode not in (None, "min", "max"):
            raise ValueError(explain(asked, f"mode is 'min' or 'max', got {self.mode!r}"))


class Stopper(Watcher):
    """Applies a rule to a run. What it knows follows from the history, but for the best parameters."""

    def __init__(self, rule: EarlyStopping, asked: str, history: History, state: State) -> None:
        self.rule, self.state = rule, state
        self.monitor = rule.monitor or ("val_loss" if "val_loss" in history else "loss")
        if self.monitor not in history:
            problem = f"early stopping watches {self.monitor!r}, and the history has {', '.join(history)}"
            raise ValueError(explain(asked, problem, hint="validation= adds names that begin with val_"))
        self.sign = 1 if (rule.mode or _mode(asked, self.monitor)) == "min" else -1
        self.least = math.inf  # of the best epoch so far, negated where more is better
        self.best_epoch: int | None = None
        self.best: State | None = None

    def epoch_ended(self, fit: Fit) -> str:
        history = fit.history
        if self._improved(history, history.epochs - 1):
            history.best_epoch = self.best_epoch
            if self.rule.restore_best:
                self.best = self.state.copy()
        return self._reason(history)

    def replay(self, history: History) -> None:
        """Look at the epochs of a run that this one goes on from."""
        for epoch in range(history.epochs):
            self._improved(history, epoch)

    def take_up(self, history: History, best: State | None) -> None:
        """Go on from there, with the parameters of the best epoch."""
        history.best_epoch, self.best = self.best_epoch, best if self.rule.restore_best else None
        history.stopped = self._reason(history)

    def ended(self, fit: Fit) -> None:
        if self.best is not None:
            assign(self.state, self.best)

    def _improved(self, history: History, epoch: int) -> bool:
        """Whether an epoch is the best so far; it is so from here on."""
        value = self.sign * history[self.monitor][epoch]
        if not value < self.least - (self.rule.min_delta if self.best_epoch is not None else 0):
            return False
        self.least, self.best_epoch = value, epoch
        return True

    def _reason(self, history: History) -> str:
        waited = history.epochs - (0 if self.best_epoch is None else self.best_epoch + 1)
        if waited < self.rule.patience:
            return ""
        best = "" if self.best_epoch is None else f", {self.sign * self.least:.6g} in epoch {self.best_epoch}, is best"
        return f"{self.monitor} has not improved for {waited} epochs{best}"


def assign(state: State, values: Mapping[str, object] | State) -> None:
    """Give every parameter its value."""
    for name in state:
        state[name][...] = values[name]


def _mode(asked: str, monitor: str) -> str:
    for mode, endings in _BETTER.items():
        if monitor.endswith(endings):
            return mode
    problem = f"early stopping cannot know whether less or more of {monitor} is better"
    raise ValueError(explain(asked, problem, hint='say mode="min" or mode="max"'))
