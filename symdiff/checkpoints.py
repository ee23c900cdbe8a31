"""Checkpoints: all that a run of ``fit`` has come to at the end of an epoch, in one file. A run that goes on from there
comes to the same, to the last bit."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .array_file import packed, read_arrays, unpacked, write_arrays
from .core.errors import StateError, explain
from .core.record import record
from .early_stopping import Stopper, assign
from .files import remove_parts
from .fit import Fit, interrupts_held, whole_number
from .history import History
from .state import State, same_types
from .watch import Watcher

if TYPE_CHECKING:
    from .batches import Batches

Array = np.ndarray[Any, Any]


@record
class Checkpoint:
    """Save a run to ``path`` after each ``every``-th epoch and at its end. ``path`` is always the newest; of those
    before it, ``keep - 1`` stay beside it, as ``run-12.npz`` for ``run.npz`` after 12 epochs.

    A file appears whole or not at all: a process that is killed leaves the one before. Raises ValueError for numbers
    below 1.

    >>> import symdiff as sd
    >>> sd.Checkpoint("run.npz", every=10, keep=3).every
    10
    """

    path: str | os.PathLike[str]
    every: int = 1
    keep: int = 1

    def __post_init__(self) -> None:
        whole_number("Checkpoint", "every", self.every, 1)
        whole_number("Checkpoint", "keep", self.keep, 1)


class Saver(Watcher):
    """Saves a run. ``same`` is what has to be the same for a run to go on: settings and data."""

    def __init__(self, rule: Checkpoint, state: State, stopper: Stopper | None, same: Mapping[str, Any]) -> None:
        self.rule, self.every, self.state, self.stopper, self.same = rule, rule.every, state, stopper, same
        self.saved: int | None = None  # the epochs of the file at the path
        self.older: list[int] = []  # of those beside it
        remove_parts(rule.path)

    def epoch_ended(self, fit: Fit) -> str:
        self._save(fit)
        return ""

    def ended(self, fit: Fit) -> None:
        if self.saved != fit.history.epochs:
            self._save(fit)

    def _save(self, fit: Fit) -> None:
        if self.rule.keep > 1 and self.saved not in (None, fit.history.epochs):
            self._set_aside(self.saved)
        about = {"same": self.same, "random": fit.random.bit_generator.state, "older": self.older}
        parts: dict[str, Mapping[str, Array] | State] = {"state": self.state, "history": fit.history.to_arrays()}
        if self.stopper is not None and self.stopper.best is not None:
            parts["best"] = self.stopper.best
        arrays = {f"{part}/{name}": held[name] for part, held in parts.items() for name in held}
        write_arrays(self.rule.path, "checkpoint", {"about": packed(about), **arrays})
        self.saved = fit.history.epochs

    def _set_aside(self, epochs: int) -> None:
        """The newest file gets another name beside its own, so that it is there under one of them at every moment."""
        with contextlib.suppress(FileExistsError):
            os.link(self.rule.path, self._beside(epochs))
        self.older = [*(other for other in self.older if other != epochs), epochs]
        while len(self.older) > self.rule.keep - 1:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._beside(self.older.pop(0)))

    def _beside(self, epochs: int) -> str:
        stem, ending = os.path.splitext(os.fspath(self.rule.path))
        return f"{stem}-{epochs}{ending}"


class Saved:
    """A checkpoint that was read. Nothing is changed before all of it is known to fit."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.asked, self.path = f"resume {os.fspath(path)}", path
        parts: dict[str, dict[str, Array]] = {"state": {}, "history": {}, "best": {}, "about": {}}
        try:
            for name, array in read_arrays(path, "checkpoint").items():
                part, _, rest = name.partition("/")
                parts[part][rest] = array
            about = unpacked(parts["about"][""])
            self.same, self.random, self.older = about["same"], about["random"], about["older"]
            self.history = History.from_arrays(parts["history"])
        except (KeyError, ValueError) as problem:
            if isinstance(problem, StateError):
                raise
            raise StateError(explain(self.asked, f"the file is damaged ({problem!r})")) from problem
        self.state = State.of_arrays(parts["state"])
        self.best = State.of_arrays(parts["best"]) if parts["best"] else None

    def check(self, state: State, history: History, same: Mapping[str, Any]) -> None:
        """StateError that names every difference between the run that was saved and the one that asks."""
        same_types(self.state.types, state.types, self.asked)
        problems = [
            _difference(what, self.same.get(what), same.get(what))
            for what in dict.fromkeys([*self.same, *same])
            if self.same.get(what) != same.get(what)
        ]
        if list(self.history) != list(history):
            problems.append(f"the history was of {', '.join(self.history)}, now it is of {', '.join(history)}")
        if problems:
            hint = "pass what the run began with, or resume=False"
            raise StateError(explain(self.asked, "; ".join(problems), hint=hint))

    def take_up(self, fit: Fit, state: State, stopper: Stopper | None, saver: Saver | None) -> None:
        """Make a new run what this one was."""
        if stopper is not None:
            stopper.replay(self.history)
            self._check_best(stopper)
        with interrupts_held():
            assign(state, self.state)
            history = fit.history
            history.take_up(self.history)
            fit.random.bit_generator.state = self.random
            if stopper is not None:
                stopper.take_up(history, self.best)
            if saver is not None and os.path.abspath(saver.rule.path) == os.path.abspath(self.path):
                saver.saved, saver.older = history.epochs, self.older

    def _check_best(self, stopper: Stopper) -> None:
        """The parameters that were kept are those of the epoch that is best by the rule of the new run."""
        best, kept = stopper.best_epoch, None if self.best is None else self.history.best_epoch
        if stopper.rule.restore_best and best is not None and best != kept:
            has = "no parameters of a best epoch" if kept is None else f"the parameters of epoch {kept}"
            problem = f"it has {has}, and by early_stopping epoch {best} is best"
            raise StateError(explain(self.asked, problem, hint="pass the rule it began with, or restore_best=False"))


def sameness(settings: Mapping[str, Any], batches: Mapping[str, Batches]) -> dict[str, Any]:
    """What a run has to have in common with one that it goes on from; each array by its type and checksum."""
    found = dict(settings)
    for what, each in batches.items():
        for node, array in zip(each.inputs, each.data, strict=True):
            found[f"{what}{node.attrs['name']}"] = _fingerprint(array)
    return found


def _fingerprint(array: Array) -> list[Any]:
    return [array.dtype.name, list(array.shape), zlib.crc32(array.data)]


def _difference(what: str, then: Any, now: Any) -> str:
    if not isinstance(then, list) or not isinstance(now, list):
        return f"{what} was {then}, is {now}"
    if then[:2] == now[:2]:
        return f"{what} has other values than it had"
    shown = [f"{dtype}[{', '.join(map(str, shape))}]" for dtype, shape, _ in (then, now)]
    return f"{what} was {shown[0]}, is {shown[1]}"
