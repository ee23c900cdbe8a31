"""What an update rule is, and the pieces that rules share: slots, the step count, the learning rate, checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..core.errors import GraphError, ShapeError, explain
from ..core.node import Node, describe
from ..core.provenance import here
from ..core.types import FLOAT64
from ..ops.convert import like
from ..ops.elementwise import astype
from ..ops.leaf import param

Rate = float | Node | Callable[[Node], float | Node]
"""A number, a scalar node, or a schedule: a function of the step count."""

Updates = dict[Node, Node]


class Optimizer(Protocol):
    """A rule over graphs: from gradients to the next value of everything it changes.

    Whatever a rule remembers is a parameter like any other, made with :func:`slot`, and lives in the state.
    """

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        """The next value of each parameter and of each slot."""
        ...


def step_count() -> Node:
    """The number of steps done so far, an int64 scalar kept in the state as ``step``: 0 during the first step.

    A learning rate may be an expression of it. A training step whose updates use it also advances it.

    >>> import symdiff as sd
    >>> step = sd.train_step(sd.sum(sd.param("w", (3,)) ** 2), [], sd.optim.sgd(0.1 / (1 + sd.optim.step_count())))
    >>> list(step.init())
    ['w', 'step']
    """
    return param("step", (), dtype="int64")


def steps_with_this() -> Node:
    """The number of steps once this one is done, in float64: 1, 2, ..., the t of the formulas."""
    return astype(step_count() + 1, FLOAT64)


def slot(owner: Node, name: str, init: Any = None) -> Node:
    """A parameter ``<owner>.<name>`` of the owner's type, which starts at zero unless told otherwise."""
    return param(f"{owner.attrs['name']}.{name}", owner.shape, init, owner.dtype)


def rate_for(rate: Rate, owner: Node) -> Node:
    """A learning rate as a scalar in the dtype of the parameter it scales."""
    value = at_step(rate)
    if not isinstance(value, Node):
        return like(value, owner)
    return astype(value, owner.dtype).named("lr") if callable(rate) else astype(value, owner.dtype)


def at_step(rate: Rate) -> float | Node:
    """What a rate is in this step. Raises ShapeError when a schedule gives no scalar."""
    if isinstance(rate, Node) or not callable(rate):
        return rate
    value: float | Node = checked_scalar("schedule", "a schedule", rate(step_count()))
    return value


def decayed(p: Node, g: Node, weight_decay: float) -> Node:
    """The gradient once ``weight_decay / 2 * sum(p^2)`` is added to the loss."""
    return g + weight_decay * p if weight_decay else g


def check(name: str, lr: Rate, *, decays: Mapping[str, float] | None = None, **least: float) -> None:
    """A rule's settings: a rate, decay rates within [0, 1), and numbers that are not negative. Raises ValueError,
    and ShapeError for a rate that is no scalar."""
    checked_scalar(name, "the learning rate", lr)
    for key, value in (decays or {}).items():
        if not 0 <= value < 1:
            raise ValueError(explain(name, f"{key} lies in [0, 1), got {value}", at=here()))
    for key, value in least.items():
        if not value >= 0:
            raise ValueError(explain(name, f"{key} is not negative, got {value}", at=here()))


def checked_scalar(name: str, what: str, value: Any) -> Any:
    """A rate as it is, once it is known to be a schedule, a scalar node, or a number that is not negative."""
    if isinstance(value, Node):
        if value.shape != ():
            raise ShapeError(explain(name, f"{what} is a scalar, got {describe(value)}", at=here()))
    elif not callable(value):
        try:
            negative = not float(value) >= 0
        except (TypeError, ValueError):
            problem = f"{what} is a number, a scalar node or a function of the step, got {value!r}"
            raise GraphError(explain(name, problem, at=here())) from None
        if negative:
            raise ValueError(explain(name, f"{what} is not negative, got {value}", at=here()))
    return value


def check_betas(name: str, betas: Any) -> dict[str, float]:
    """Two decay rates by name, for :func:`check`."""
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise ValueError(explain(name, f"betas are two numbers, got {betas!r}", at=here(), hint="write (0.9, 0.999)"))
    return {"betas[0]": betas[0], "betas[1]": betas[1]}
