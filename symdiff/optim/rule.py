"""What an update rule is, and the pieces that rules share: slots, the step count, the learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..core.errors import ShapeError, explain
from ..core.node import Node, describe
from ..core.provenance import here
from ..ops.convert import like
from ..ops.elementwise import astype
from ..ops.leaf import param

Rate = float | Node


class Optimizer(Protocol):
    """A rule over graphs: from gradients to the next value of everything it changes.

    Whatever a rule remembers is a parameter like any other, made with :func:`slot`, and lives in the state.
    """

    def updates(self, gradients: Mapping[Node, Node]) -> dict[Node, Node]:
        """The next value of each parameter and of each slot."""
        ...


def step_count() -> Node:
    """The number of steps done so far, an int64 scalar kept in the state as ``step``: 0 during the first step.

    A learning rate may be an expression of it. A training step whose updates use it also advances it.

    >>> import symdiff as sd
    >>> sd.optim.sgd(0.1 / (1 + 0.01 * sd.optim.step_count()))
    sgd(lr=<divide: float64>)
    """
    return param("step", (), dtype="int64")


def slot(owner: Node, name: str) -> Node:
    """A parameter ``<owner>.<name>`` of the owner's type that starts at zero."""
    return param(f"{owner.attrs['name']}.{name}", owner.shape, dtype=owner.dtype)


def rate_for(rate: Rate, owner: Node) -> Node:
    """A learning rate as a scalar in the dtype of the parameter it scales."""
    return astype(rate, owner.dtype) if isinstance(rate, Node) else like(rate, owner)


def checked_rate(name: str, rate: Rate) -> Rate:
    """The rate as it is, once it is known to be a scalar that is not negative."""
    if isinstance(rate, Node):
        if rate.shape != ():
            raise ShapeError(explain(name, f"the learning rate is a scalar, got {describe(rate)}", at=here()))
        return rate
    if not rate >= 0:
        raise ValueError(explain(name, f"the learning rate is not negative, got {rate}", at=here()))
    return float(rate)


def checked_decay(name: str, **decays: float) -> None:
    """Decay rates lie in [0, 1)."""
    for key, value in decays.items():
        if not 0 <= value < 1:
            raise ValueError(explain(name, f"{key} lies in [0, 1), got {value}", at=here()))
