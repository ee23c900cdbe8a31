"""Learning rates that change: functions of the step count ``t`` = 0, 1, ..., given to a rule as its ``lr``.

A schedule of your own is any such function: ``sd.optim.sgd(lambda t: 0.1 / sd.sqrt(1 + t))``. The rate is one scalar of
the graph, worked out in float64 once a step. ``t`` counts steps, not epochs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from ..core.errors import explain
from ..core.node import Node
from ..core.provenance import here
from ..core.record import entity
from ..core.types import FLOAT64
from ..ops.convert import constant as constant_node
from ..ops.elementwise import astype, cos, exp, floor_divide, less, maximum, minimum, remainder, where
from .rule import Rate, checked_scalar

__all__ = [
    "constant",
    "cosine",
    "exponential",
    "inverse_time",
    "piecewise",
    "step",
    "warmup",
]


@entity
class constant:  # noqa: N801
    """``lr``, as a schedule to build others from.

    >>> import symdiff as sd
    >>> schedules = sd.optim.schedules
    >>> sd.optim.sgd(schedules.warmup(100, then=schedules.constant(0.1))).lr
    warmup(steps=100, then=constant(lr=0.1))
    """

    lr: float

    def __post_init__(self) -> None:
        checked_scalar("constant", "lr", self.lr)

    def __call__(self, t: Node) -> Node:
        return constant_node(float(self.lr))


@entity
class step:  # noqa: N801
    """Step annealing: ``lr gamma^floor(t / every)``. Raises ValueError unless ``every`` is at least 1.

    >>> import symdiff as sd
    >>> rate = sd.optim.schedules.step(0.8, gamma=0.5, every=10)
    >>> t = sd.input("t", (), dtype="int64")
    >>> f = sd.compile(rate(t), inputs=[t], backend="numpy")
    >>> [float(f(k)) for k in (0, 9, 10, 20)]
    [0.8, 0.8, 0.4, 0.2]
    """

    lr: float
    gamma: float = 0.1
    every: int = 30

    def __post_init__(self) -> None:
        checked_scalar("step", "lr", self.lr)
        checked_scalar("step", "gamma", self.gamma)
        _at_least_one("step", "every", self.every)

    def __call__(self, t: Node) -> Node:
        return self.lr * constant_node(float(self.gamma)) ** astype(floor_divide(t, self.every), FLOAT64)


@entity
class exponential:  # noqa: N801
    """Exponential decay: ``lr exp(-k t)``."""

    lr: float
    k: float

    def __post_init__(self) -> None:
        checked_scalar("exponential", "lr", self.lr)
        checked_scalar("exponential", "k", self.k)

    def __call__(self, t: Node) -> Node:
        return self.lr * exp(-float(self.k) * t)


@entity
class inverse_time:  # noqa: N801
    """``lr tau / max(t, tau)``: ``lr`` for the first ``tau`` steps, then falling like ``1 / t``."""

    lr: float
    tau: float

    def __post_init__(self) -> None:
        checked_scalar("inverse_time", "lr", self.lr)
        if not self.tau > 0:
            raise ValueError(explain("inverse_time", f"tau is positive, got {self.tau}", at=here()))

    def __call__(self, t: Node) -> Node:
        return self.lr * self.tau / maximum(astype(t, FLOAT64), float(self.tau))


@entity
class cosine:  # noqa: N801
    """Cosine annealing from ``lr`` to ``end``: ``end + (lr - end) (1 + cos(pi t / steps)) / 2``, then ``end``.

    With ``restarts`` it begins anew every ``steps`` steps (SGDR, Loshchilov and Hutter, 2017).
    """

    lr: float
    steps: int
    end: float = 0.0
    restarts: bool = False

    def __post_init__(self) -> None:
        checked_scalar("cosine", "lr", self.lr)
        checked_scalar("cosine", "end", self.end)
        _at_least_one("cosine", "steps", self.steps)

    def __call__(self, t: Node) -> Node:
        within = remainder(t, self.steps) if self.restarts else minimum(t, self.steps)
        above_end = (self.lr - self.end) / 2 * (1 + cos(math.pi / self.steps * astype(within, FLOAT64)))
        return above_end + self.end if self.end else above_end


@entity
class warmup:  # noqa: N801
    """Linear warm-up: ``(t + 1) / steps`` of what ``then`` begins with, for ``steps`` steps; then ``then``, a rate or a
    schedule, which counts from there.

    >>> import symdiff as sd
    >>> rate = sd.optim.schedules.warmup(4, then=lambda t: 0.8 * 0.5 ** t)
    >>> t = sd.input("t", (), dtype="int64")
    >>> f = sd.compile(rate(t), inputs=[t], backend="numpy")
    >>> [float(f(k)) for k in range(7)]
    [0.2, 0.4, 0.6000000000000001, 0.8, 0.8, 0.4, 0.2]
    """

    steps: int
    then: Rate

    def __post_init__(self) -> None:
        _at_least_one("warmup", "steps", self.steps)
        checked_scalar("warmup", "then", self.then)

    def __call__(self, t: Node) -> Node:
        part = minimum(1.0, astype(t + 1, FLOAT64) / self.steps)
        following = maximum(t - self.steps, 0)
        then = self.then
        return part * (then if isinstance(then, Node) or not callable(then) else then(following))


@entity
class piecewise:  # noqa: N801
    """``rates[0]`` while ``t < boundaries[0]``, then ``rates[1]`` while ``t < boundaries[1]``, ..., at last the last.

    Raises ValueError unless the boundaries rise and there is one rate more than boundaries.

    >>> import symdiff as sd
    >>> rate = sd.optim.schedules.piecewise([100, 200], [0.1, 0.01, 0.001])
    """

    boundaries: Sequence[int]
    rates: Sequence[float]

    def __post_init__(self) -> None:
        boundaries, rates = list(self.boundaries), list(self.rates)
        if len(rates) != len(boundaries) + 1:
            problem = f"{len(boundaries)} boundaries need {len(boundaries) + 1} rates, got {len(rates)}"
            raise ValueError(explain("piecewise", problem, at=here()))
        if any(not left < right for left, right in pairwise(boundaries)):
            raise ValueError(explain("piecewise", f"the boundaries rise, got {boundaries}", at=here()))
        for rate in rates:
            checked_scalar("piecewise", "a rate", rate)

    def __call__(self, t: Node) -> Node:
        found = constant_node(float(self.rates[-1]))
        for boundary, rate in reversed(list(zip(self.boundaries, self.rates, strict=False))):
            found = where(less(t, boundary), float(rate), found)
        return found


def _at_least_one(name: str, what: str, value: int) -> None:
    if not value >= 1:
        raise ValueError(explain(name, f"{what} is at least 1, got {value}", at=here()))
