"""Gradients kept within bounds before a rule sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.errors import GraphError, explain
from ..core.node import Node
from ..core.provenance import here
from ..core.record import entity
from ..core.types import FLOAT64
from ..ops.elementwise import astype, clip, minimum, sqrt, square
from ..ops.reduce import sum
from .rule import Optimizer, Updates

_EPSILON = 1e-6  # PyTorch's, so that a norm of zero divides nothing


@entity
class clip_by_value:  # noqa: N801
    """A rule that gets ``g`` cut to ``[-limit, limit]``, element by element. Raises ValueError unless limit > 0.

    >>> import symdiff as sd
    >>> sd.optim.clip_by_value(sd.optim.momentum(0.1), 5.0)
    clip_by_value(rule=momentum(lr=0.1, mu=0.9), limit=5.0)
    """

    rule: Optimizer
    limit: float

    def __post_init__(self) -> None:
        _check("clip_by_value", self.rule, self.limit)

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        limit = float(self.limit)
        return self.rule.updates({p: clip(g, -limit, limit) for p, g in gradients.items()})


@entity
class clip_by_norm:  # noqa: N801
    """A rule that gets ``g min(1, limit / (|g| + 1e-6))``: no parameter's gradient longer than limit.

    Raises ValueError unless limit > 0.
    """

    rule: Optimizer
    limit: float

    def __post_init__(self) -> None:
        _check("clip_by_norm", self.rule, self.limit)

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return self.rule.updates({p: _scaled(g, global_norm([g]), self.limit) for p, g in gradients.items()})


@entity
class clip_by_global_norm:  # noqa: N801
    """A rule that gets ``g min(1, limit / (N + 1e-6))``, with ``N`` the norm of all gradients together (Pascanu et al.,
    2013; PyTorch's ``clip_grad_norm_``). Directions stay as they are.

    Raises ValueError unless limit > 0.

    >>> import symdiff as sd
    >>> w = sd.param("w", (2,), init=[3, 4])
    >>> step = sd.train_step(sd.sum(w * w) / 2, [], sd.optim.clip_by_global_norm(sd.optim.sgd(1.0), 1.0))
    >>> state = step.init()
    >>> _ = sd.compile(step, backend="numpy")(state)
    >>> state["w"].round(3).tolist()
    [2.4, 3.2]
    """

    rule: Optimizer
    limit: float

    def __post_init__(self) -> None:
        _check("clip_by_global_norm", self.rule, self.limit)

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        norm = global_norm(list(gradients.values())).named("norm")
        return self.rule.updates({p: _scaled(g, norm, self.limit) for p, g in gradients.items()})


def global_norm(gradients: Sequence[Node]) -> Node:
    """``sqrt(sum of all squares)`` of several nodes, a float64 scalar: 0 for none. It may serve as a metric.

    >>> import symdiff as sd
    >>> w, b = sd.param("w", (3, 2)), sd.param("b", (2,))
    >>> loss = sd.sum(w) ** 2 + sd.sum(b * b)
    >>> norm = sd.optim.global_norm(sd.grad(loss, [w, b]))
    >>> step = sd.train_step(loss, [], sd.optim.sgd(0.1), metrics={"gradient": norm})
    """
    squares = [astype(sum(square(g)), FLOAT64) for g in gradients]
    total = squares[0] if squares else astype(0.0, FLOAT64)
    for part in squares[1:]:
        total = total + part
    return sqrt(total)


def _scaled(g: Node, norm: Node, limit: float) -> Node:
    return g * astype(minimum(1.0, float(limit) / (norm + _EPSILON)), g.dtype).named("shrink")


def _check(name: str, rule: Optimizer, limit: float) -> None:
    if not callable(getattr(rule, "updates", None)):
        hint = f"write sd.optim.{name}(sd.optim.adam(1e-3), 1.0)"
        raise GraphError(explain(name, f"it goes around a rule with updates, got {rule!r}", at=here(), hint=hint))
    if not limit > 0:
        raise ValueError(explain(name, f"limit is positive, got {limit}", at=here()))
