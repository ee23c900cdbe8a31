"""An average of the weights over the steps, kept beside them, which often predicts better than the last weights do."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.errors import GraphError, StateError, explain
from ..core.node import Node
from ..core.provenance import here
from ..core.record import entity
from ..init import same_as
from ..ops.convert import constant
from ..ops.elementwise import astype, equal, where
from ..state import State
from .rule import Optimizer, Rate, Updates, at_step, checked_scalar, slot, step_count

_SLOT = "ema"


@entity
class ema:  # noqa: N801
    """A rule that also keeps an exponential moving average of each parameter: ``a <- decay a + (1 - decay) p``, with
    the new ``p``; after the first step ``a = p``.

    ``a`` is kept in the state as ``<parameter>.ema``; :func:`averaged` puts it in the parameter's place. ``decay`` is a
    number in [0, 1), a scalar node, or a function of the step count. Raises ValueError for another number.

    >>> import symdiff as sd
    >>> w = sd.param("w", (3,), init=sd.init.normal())
    >>> step = sd.train_step(sd.sum(w * w), [], sd.optim.ema(sd.optim.sgd(0.1), decay=0.99))
    >>> list(step.init())
    ['w', 'w.ema', 'step']
    """

    rule: Optimizer
    decay: Rate = 0.999

    def __post_init__(self) -> None:
        if not callable(getattr(self.rule, "updates", None)):
            problem, hint = f"it goes around a rule with updates, got {self.rule!r}", "write ema(sd.optim.adam(1e-3))"
            raise GraphError(explain("ema", problem, at=here(), hint=hint))
        decay = checked_scalar("ema", "decay", self.decay)
        if not isinstance(decay, Node) and not callable(decay) and not 0 <= decay < 1:
            raise ValueError(explain("ema", f"decay lies in [0, 1), got {decay}", at=here()))

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        found: Updates = {}
        decay = at_step(self.decay)
        keep = where(equal(step_count(), 0), 0.0, decay if isinstance(decay, Node) else constant(float(decay)))
        for leaf, following in self.rule.updates(gradients).items():
            found[leaf] = following
            if leaf in gradients:
                average = slot(leaf, _SLOT, same_as(leaf))
                kept, new = astype(keep, leaf.dtype).named("keep"), astype(1 - keep, leaf.dtype).named("take")
                found[average] = kept * average + new * following
        return found


def averaged(state: State) -> State:
    """A copy of a state in which every parameter has the value of its average. For evaluation: training goes on with
    the state itself.

    Raises StateError when the state holds no averages.

    >>> import symdiff as sd
    >>> w = sd.param("w", init=1.0)
    >>> step = sd.train_step(w * w, [], sd.optim.ema(sd.optim.sgd(0.25), decay=0.5))
    >>> state, train = step.init(), sd.compile(step, backend="numpy")
    >>> for _ in range(2):
    ...     m = train(state)
    >>> float(state["w"]), float(sd.optim.averaged(state)["w"])
    (0.25, 0.375)
    """
    owners = [name.removesuffix(f".{_SLOT}") for name in state if name.endswith(f".{_SLOT}")]
    if not any(owner in state for owner in owners):
        problem = f"the state holds no averages, only {', '.join(state)}"
        raise StateError(explain("averaged", problem, at=here(), hint="train with sd.optim.ema(rule)"))
    found = state.copy()
    for owner in owners:
        if owner in state:
            found[owner][...] = state[f"{owner}.{_SLOT}"]
    return found
