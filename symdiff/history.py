"""What training reports: the figures of one step, and how they went over the epochs."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from .array_file import packed, read_arrays, unpacked, write_arrays
from .core.errors import StateError, explain
from .drawing import new_figure, saved
from .files import write_whole

if TYPE_CHECKING:
    from .summaries import Report

Array = np.ndarray[Any, Any]
VALIDATION = "val_"  # begins the names of validation metrics


class MetricError(KeyError, AttributeError):
    """A metric that there is not."""

    __str__ = Exception.__str__  # that of KeyError is the repr of the message


class Metrics(dict[str, float]):
    """Loss and metrics of one step or epoch: ``m["loss"]``, or ``m.loss`` where no method of dict has that name."""

    __slots__ = ()

    loss = property(itemgetter("loss"))  # every step has one, and __getattr__ takes 0.8 us

    def __missing__(self, name: str) -> float:
        raise MetricError(f"no metric is called {name!r}; there are {', '.join(self)}")

    def __getattr__(self, name: str) -> float:
        return self[name]

    def __repr__(self) -> str:
        return f"Metrics({self})"

    def __str__(self) -> str:
        return ", ".join(f"{name}={value:.6g}" for name, value in self.items())


class History:
    """Loss and metrics over a run of ``fit``.

    ``history.loss`` and ``history["loss"]`` are lists with the mean of each whole epoch, every sample counted once;
    ``history.val_loss`` the same on the validation data, after the epoch; ``history.steps["loss"]`` is an array with
    the value of each step. ``seconds`` is the time spent; ``interrupted`` tells that Ctrl-C ended the run, in which
    case ``steps`` may reach into an epoch that has no mean yet; ``stopped`` is the reason why it ended early, or empty;
    ``best_epoch`` the one that early stopping found best, from 0; ``statistics`` the reports of ``sd.statistics`` by
    epoch.
    """

    def __init__(self, names: Sequence[str], validation: Sequence[str] = ()) -> None:
        self.seconds = 0.0
        self.interrupted = False
        self.stopped = ""
        self.best_epoch: int | None = None
        self.statistics: dict[int, Report] = {}
        self.trained = tuple(names)
        self.validation = Metrics()  # the newest metrics
        self._validated = tuple(VALIDATION + name for name in validation)
        self._epochs: dict[str, list[float]] = {name: [] for name in (*self.trained, *self._validated)}
        self._steps: list[Array] = []

    @property
    def epochs(self) -> int:
        """The number of whole epochs."""
        return len(next(iter(self._epochs.values())))

    @property
    def steps(self) -> Mapping[str, Array]:
        """For each name, its value in every step."""
        rows = self._step_rows()
        return {name: rows[:, column] for column, name in enumerate(self.trained)}

    def _step_rows(self) -> Array:
        return np.concatenate([np.empty((0, len(self.trained))), *self._steps])

    def add_steps(self, rows: Array) -> None:
        """Enter the figures of consecutive steps: float64[steps, names]."""
        self._steps.append(rows)

    def add_epochs(self, means: Array) -> None:
        """Enter the means of whole epochs: float64[epochs, names]. They have no validation metrics yet: NaN."""
        for name, column in zip(self.trained, means.T.tolist(), strict=True):
            self._epochs[name] += column
        for name in self._validated:
            self._epochs[name] += [math.nan] * len(means)

    def set_validation(self, values: Array) -> None:
        """Enter the validation metrics of the last epoch."""
        self.validation = Metrics(zip(self._validated, values.tolist(), strict=True))
        for name, value in self.validation.items():
            self._epochs[name][-1] = value

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
        ended = ", interrupted" if self.interrupted else f", stopped: {self.stopped}" if self.stopped else ""
        lines = [f"History: {self.epochs} epochs, {steps} steps in {self.seconds:.3g} s{ended}"]
        width = max(map(len, self._epochs))
        for name, values in self._epochs.items():
            if values:
                lines.append(f"  {name:<{width}}  {values[0]:.6g} -> {values[-1]:.6g}")
        return "\n".join(lines)

    def take_up(self, other: History) -> None:
        """Go on from where another history of the same metrics was."""
        self._epochs = {name: list(values) for name, values in other._epochs.items()}
        self._steps = list(other._steps)
        self.seconds, self.best_epoch, self.statistics = other.seconds, other.best_epoch, other.statistics

    # -- pictures and files

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Learning curves as a matplotlib figure: a panel for each metric, with training and validation in it; written
        to ``path`` when one is given. Raises ImportError where there is no matplotlib.

        >>> from symdiff import History
        >>> history = History(["loss"])
        >>> history.add_epochs(np.array([[0.5], [0.25]]))
        >>> len(history.plot().axes)
        1
        """
        figure = new_figure("History.plot", 4.5 * len(self._panels()), 3.5)
        panels = figure.subplots(1, len(self._panels()), squeeze=False)[0]
        epochs = range(1, self.epochs + 1)
        for panel, (title, curves) in zip(panels, self._panels().items(), strict=True):
            for name in curves:
                label = "validation" if name in self._validated else "training"
                panel.plot(epochs, self._epochs[name], label=label, marker="." if self.epochs < 2 else None)
            if self.best_epoch is not None:
                panel.axvline(self.best_epoch + 1, color="gray", linestyle=":", label="best")
            panel.set(title=title, xlabel="epoch")
            panel.legend()
        return saved(figure, path)

    def _panels(self) -> dict[str, list[str]]:
        """The curves that are drawn together, by title."""
        found: dict[str, list[str]] = {}
        for name in self._epochs:
            plain = name.removeprefix(VALIDATION) if name in self._validated else name
            found.setdefault(plain, []).append(name)
        return found

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file that appears whole or not at all: ``.csv`` has a line for each epoch, ``.npz`` everything.
        Raises ValueError for another ending."""
        if _is_csv("History.save", path):
            lines = [",".join(["epoch", *self._epochs])]
            columns = zip(*self._epochs.values(), strict=True)
            lines += [",".join([str(epoch), *map(repr, values)]) for epoch, values in enumerate(columns)]
            write_whole(path, lambda file: file.write("".join(f"{line}\n" for line in lines).encode()))
        else:
            write_arrays(path, "history", self.to_arrays())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> History:
        """What :meth:`save` wrote; a ``.csv`` has metrics of epochs only. Raises StateError for a file that is
        damaged or something else."""
        if not _is_csv("History.load", path):
            return cls.from_arrays(read_arrays(path, "history"))
        try:
            with open(path, encoding="utf-8") as file:
                names, *rows = [line.rstrip("\n").split(",") for line in file]
            values = np.array([[float(value) for value in row] for row in rows]).reshape(len(rows), len(names))
            if names[0] != "epoch" or values[:, 0].tolist() != list(range(len(rows))):
                raise ValueError("epochs are not counted from 0")
        except ValueError as problem:
            asked = f"load {os.fspath(path)}"
            raise StateError(explain(asked, f"the file is damaged or no saved history ({problem})")) from problem
        trained = [name for name in names[1:] if not name.startswith(VALIDATION)]
        return cls._filled(names[1:], trained, values[:, 1:])

    def to_arrays(self) -> dict[str, Array]:
        """Everything, as :meth:`from_arrays` takes it."""
        about = {name: getattr(self, name) for name in _KEPT} | {"names": list(self._epochs), "trained": self.trained}
        about["statistics"] = [(epoch, report.plain()) for epoch, report in self.statistics.items()]
        values = np.array(list(self._epochs.values())).reshape(len(self._epochs), self.epochs)
        return {"about": packed(about), "epochs": values.T, "steps": self._step_rows()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> History:
        about = unpacked(arrays["about"])
        history = cls._filled(about["names"], about["trained"], arrays["epochs"])
        history.add_steps(arrays["steps"])
        for name in _KEPT:
            setattr(history, name, about[name])
        if about["statistics"]:
            from .summaries import Report

            history.statistics = {epoch: Report.of_plain(report) for epoch, report in about["statistics"]}
        return history

    @classmethod
    def _filled(cls, names: Sequence[str], trained: Sequence[str], values: Array) -> History:
        history = cls(trained, [name.removeprefix(VALIDATION) for name in names if name not in trained])
        for name, column in zip(names, values.T.tolist(), strict=True):
            history._epochs[name] += column
        return history


_KEPT = ("seconds", "interrupted", "stopped", "best_epoch")


def _is_csv(asked: str, path: str | os.PathLike[str]) -> bool:
    ending = os.path.splitext(os.fspath(path))[1]
    if ending not in (".csv", ".npz"):
        raise ValueError(explain(asked, f"the file ends in .csv or .npz, got {os.fspath(path)!r}"))
    return ending == ".csv"
