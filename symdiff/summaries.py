"""Statistics of activations, parameters and their gradients, computed by a compiled program of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .autodiff.reverse import grad
from .core.errors import GraphError, explain
from .core.graph import Graph
from .core.naming import given_names, is_leaf
from .core.node import Node, describe
from .core.provenance import here
from .core.record import record
from .core.traversal import depends_on, toposort
from .core.types import FLOAT64, INT64
from .drawing import new_figure, saved
from .fit import whole_number
from .ops.elementwise import astype, clip, equal, floor, isfinite, square, where
from .ops.leaf import size
from .ops.reduce import max, min, sum
from .ops.segments import bincount
from .ops.shape import reshape, stack
from .state import State
from .train import TrainStep
from .watch import Watcher

if TYPE_CHECKING:
    from .compiled import Compiled
    from .fit import Fit

Array = np.ndarray[Any, Any]
_LEVELS = " ▁▂▃▄▅▆▇█"
_SHOWN_BINS = 20  # the most that the table draws


@record
class Summary:
    """Mean, standard deviation, least and largest of the finite values of an array, the share that is zero, how many
    are not finite, and how many lie in each of the equal parts of [min, max]."""

    kind: str
    mean: float
    std: float
    min: float
    max: float
    zeros: float
    not_finite: int
    counts: Array


class Report(Mapping[str, Summary]):
    """Summaries by name; printed, a table."""

    def __init__(self, summaries: Mapping[str, Summary]) -> None:
        self._summaries = dict(summaries)

    def __getitem__(self, name: str) -> Summary:
        try:
            return self._summaries[name]
        except KeyError:
            raise KeyError(f"statistics: nothing is called {name!r}; there are {', '.join(self._summaries)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._summaries)

    def __len__(self) -> int:
        return len(self._summaries)

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("", "", "mean", "std", "min", "max", "zeros", "histogram")]
        for name, one in self.items():
            numbers = [f"{value:.3g}" for value in (one.mean, one.std, one.min, one.max)]
            bad = f"{one.not_finite} not finite" if one.not_finite else ""
            rows.append((name, one.kind, *numbers, f"{one.zeros:.1%}", f"{_drawn(one.counts)} {bad}".rstrip()))
        widths = [np.max([len(row[column]) for row in rows]) for column in range(len(rows[0]) - 1)]
        lines = []
        for *cells, last in rows:
            words = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
            words += [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
            lines.append("  ".join([*words, last]).rstrip())
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def plain(self) -> dict[str, list[Any]]:
        """In numbers, text and lists, as :meth:`of_plain` takes it."""
        fields = Summary.__match_args__[:-1]
        return {name: [*(getattr(one, field) for field in fields), one.counts.tolist()] for name, one in self.items()}

    @classmethod
    def of_plain(cls, found: Mapping[str, list[Any]]) -> Report:
        summaries = {}
        for name, (kind, mean, std, low, high, zeros, not_finite, counts) in found.items():
            summaries[name] = Summary(kind, mean, std, low, high, zeros, not_finite, np.array(counts, np.int64))
        return cls(summaries)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """The histograms as a matplotlib figure, written to ``path`` when one is given. Raises ImportError where there
        is no matplotlib."""
        columns = int(np.clip(len(self), 1, 4))
        rows = -(-len(self) // columns)
        figure = new_figure("statistics plot", 3 * columns, 2.2 * rows)
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for panel, (name, one) in zip(panels, self.items(), strict=False):
            if one.counts.any():
                margin = 0.5 if one.min == one.max else 0.0
                edges = np.linspace(one.min - margin, one.max + margin, len(one.counts) + 1)
                panel.stairs(one.counts, edges, fill=True)
            panel.set(title=f"{name}: {one.kind}")
        for panel in panels[len(self) :]:
            panel.set_axis_off()
        return saved(figure, path)


class Statistics:
    """A function ``statistics(state, *batch) -> Report``, made by :func:`statistics`; compiled at the first call."""

    def __init__(
        self, nodes: Mapping[str, tuple[str, Node]], inputs: Sequence[Node], every: int, bins: int, backend: str
    ) -> None:
        self.nodes, self.every, self.bins = dict(nodes), every, bins
        self._inputs, self._backend = list(inputs), backend
        self._function: Compiled | None = None

    def __call__(self, *values: Any) -> Report:
        """The statistics for a state and a batch. Raises what a call of a compiled function raises."""
        if self._function is None:
            from .compiled import compile

            targets = [part for _, node in self.nodes.values() for part in _summarized(node, self.bins)]
            self._function = compile(targets, self._inputs, backend=self._backend, name="statistics")
        given = values if self._function.needs_state or not isinstance(values[0], State) else values[1:]
        found = self._function(*given)
        numbers = zip(self.nodes.items(), found[::2], found[1::2], strict=True)
        return Report({name: _summary(kind, *parts) for (name, (kind, _)), *parts in numbers})

    def __repr__(self) -> str:
        return f"<Statistics of {', '.join(self.nodes)}>"


def statistics(
    target: TrainStep | Sequence[Node] | Mapping[str, Node],
    nodes: Sequence[Node] | None = None,
    *,
    inputs: Sequence[Node] | None = None,
    every: int = 1,
    bins: int = 20,
    backend: str = "native",
) -> Statistics:
    """Mean, standard deviation, range, share of zeros and histogram of arrays inside a model.

    For a training step these are the values that the user gave names on the way from the parameters to the loss (or
    ``nodes``), the trained parameters, and the gradients of the loss with respect to all of them, as ``d_`` and the
    name. Otherwise the ``target`` is nodes, in a sequence or by name, and ``inputs`` are their inputs in order.

    It is called with a state and a batch. ``train.fit(..., statistics=...)`` does so after each ``every``-th epoch on
    the first rows of the data, as many as a batch has; the reports are in ``history.statistics``, by epoch. Raises
    GraphError for nodes that are no arrays of floats, ValueError for numbers below 1.

    >>> import symdiff as sd
    >>> x, W = sd.input("x", (sd.dim("n"), 3)), sd.param("W", (3, 2), init=1.0)
    >>> h = sd.relu(x @ W)
    >>> step = sd.train_step(sd.mean(h), [x], sd.optim.sgd(0.1))
    >>> report = sd.statistics(step, backend="numpy")(step.init(), [[1.0, 1.0, 1.0], [-1.0, 0.0, 0.0]])
    >>> report["h"].mean, report["h"].zeros, report["d_W"].max
    (1.5, 0.5, 0.25)
    """
    for what, value in (("every", every), ("bins", bins)):
        whole_number("statistics", what, value, 1)
    if isinstance(target, TrainStep):
        if inputs is not None:
            raise GraphError(explain("statistics", "a training step has its own inputs", at=here()))
        return Statistics(_of_step(target, nodes), target.graph.inputs, every, bins, backend)
    if nodes is not None:
        raise GraphError(explain("statistics", "nodes are chosen from a training step", at=here()))
    named = dict(target) if isinstance(target, Mapping) else _named(list(target))
    graph = Graph(_checked(named), inputs)
    return Statistics({name: ("value", node) for name, node in named.items()}, graph.inputs, every, bins, backend)


class Recorder(Watcher):
    """Takes the statistics of one batch into the history."""

    def __init__(self, statistics: Statistics, state: State, batch: Sequence[Array]) -> None:
        self.statistics, self.state, self.batch = statistics, state, batch
        self.every = statistics.every

    def epoch_ended(self, fit: Fit) -> str:
        fit.history.statistics[fit.history.epochs - 1] = self.statistics(self.state, *self.batch)
        return ""


# -- what is looked at


def _of_step(step: TrainStep, nodes: Sequence[Node] | None) -> dict[str, tuple[str, Node]]:
    loss = step.graph.outputs["loss"]
    names = Graph({"loss": loss}).names
    chosen = _activations(loss, step.trained) if nodes is None else list(_checked(_named(list(nodes))).values())
    for node in chosen:
        if node not in names:
            raise GraphError(explain("statistics", f"the loss does not depend on {describe(node)}", at=here()))
    parameters = [param for param in step.trained if param not in chosen]
    found = {names[node]: ("activation", node) for node in chosen}
    found |= {names[param]: ("parameter", param) for param in parameters}
    gradients = grad(loss, [*chosen, *parameters], unused="zero")
    for node, gradient in zip([*chosen, *parameters], gradients, strict=True):
        found[f"d_{names[node]}"] = ("gradient", gradient)
    return found


def _activations(loss: Node, trained: Sequence[Node]) -> list[Node]:
    """Arrays that carry a name of the user's, between the parameters and the loss."""
    given, between = given_names(toposort([loss]), {}), depends_on([loss], trained)
    return [node for node in given if node in between and not is_leaf(node) and node.ndim and node.type.is_float]


def _named(nodes: Sequence[Node]) -> dict[str, Node]:
    graph = Graph(nodes)
    return {graph.names[node]: node for node in nodes}


def _checked(nodes: dict[str, Node]) -> dict[str, Node]:
    for name, node in nodes.items():
        if not node.type.is_float or node.type.parts:
            raise GraphError(explain("statistics", f"takes arrays of floats, got {name} = {describe(node)}", at=here()))
    if not nodes:
        raise GraphError(explain("statistics", "there is nothing to look at", at=here()))
    return nodes


# -- their summaries


def _summarized(node: Node, bins: int) -> tuple[Node, Node]:
    """mean, std, min, max, zeros: float64[5]; the counts of the bins, and of what is not finite: int64[bins + 1]."""
    values = astype(reshape(node, (-1,)), FLOAT64)
    good = isfinite(values)
    count = sum(astype(good, FLOAT64))
    mean = sum(where(good, values, 0)) / count
    std = (sum(where(good, square(values - mean), 0)) / count) ** 0.5
    low, high = min(where(good, values, np.inf)), max(where(good, values, -np.inf))
    part = where(high > low, (values - low) / (high - low) * bins, 0)
    places = astype(where(good, clip(floor(part), 0, bins - 1), bins), INT64)
    zeros = sum(astype(equal(values, 0), FLOAT64)) / size(values.shape[0])
    return stack([mean, std, low, high, zeros]), bincount(places, length=bins + 1)


def _summary(kind: str, numbers: Array, counts: Array) -> Summary:
    mean, std, low, high, zeros = numbers.tolist()
    return Summary(kind, mean, std, low, high, zeros, int(counts[-1]), counts[:-1])


def _drawn(counts: Array) -> str:
    """A histogram in one line."""
    parts = np.array_split(counts, _SHOWN_BINS) if len(counts) > _SHOWN_BINS else counts
    heights = np.array([np.sum(part) for part in parts], float)
    steps = np.ceil(heights / np.max(heights, initial=1) * (len(_LEVELS) - 1)).astype(int)
    return "".join(_LEVELS[step] for step in steps)
