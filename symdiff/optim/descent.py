"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.errors import explain
from ..core.node import Node
from ..core.provenance import here
from ..core.record import entity
from ..ops.convert import constant
from ..ops.elementwise import astype, equal, where
from .each import each
from .rule import Rate, Updates, check, decayed, rate_for, slot, step_count


@entity
class sgd:  # noqa: N801  (reads as the rule it is: sd.optim.sgd(0.1))
    """Gradient descent: ``p <- p - lr g``; with momentum ``v <- momentum v + (1 - dampening) g;  p <- p - lr v``.

    With ``nesterov`` the step is ``p <- p - lr (g + momentum v)`` (Sutskever et al., 2013). ``weight_decay`` adds
    ``weight_decay p`` to the gradient. As in PyTorch, ``v`` is the gradient in the first step, without dampening; it is
    kept in the state as ``<parameter>.v``. :func:`momentum` is the rule whose velocity carries the learning rate.

    ``lr`` is a number, a scalar node, or a schedule: a function of the step count. Raises ValueError for a negative
    number and for a momentum outside [0, 1), ShapeError for a node that is no scalar.

    >>> import symdiff as sd
    >>> w = sd.param("w", (2,), init=4)
    >>> step = sd.train_step(sd.sum(w * w) / 2, [], sd.optim.sgd(0.25))
    >>> state = step.init()
    >>> sd.compile(step, backend="numpy")(state).loss, state["w"].tolist()
    (16.0, [3.0, 3.0])
    """

    lr: Rate = 1e-3
    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        check("sgd", self.lr, decays={"momentum": self.momentum}, weight_decay=self.weight_decay)
        if not 0 <= self.dampening <= 1:
            raise ValueError(explain("sgd", f"dampening lies in [0, 1], got {self.dampening}", at=here()))
        if self.nesterov and (not self.momentum or self.dampening):
            raise ValueError(explain("sgd", "nesterov needs a momentum, and no dampening", at=here()))

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return each(gradients, self._one)

    def _one(self, p: Node, g: Node) -> Updates:
        g = decayed(p, g, self.weight_decay)
        if not self.momentum:
            return {p: p - rate_for(self.lr, p) * g}
        v = slot(p, "v")
        following = self.momentum * v + self._share(p) * g
        direction = g + self.momentum * following if self.nesterov else following
        return {v: following, p: p - rate_for(self.lr, p) * direction}

    def _share(self, p: Node) -> float | Node:
        """The part of the gradient that goes into the velocity."""
        if not self.dampening:
            return 1.0
        first = equal(step_count(), 0)
        return astype(where(first, constant(1.0), constant(1 - self.dampening)), p.dtype).named("share")


@entity
class momentum:  # noqa: N801
    """Gradient descent with momentum (Polyak, 1964): ``v <- mu v - lr g;  p <- p + v``.

    ``v`` is kept in the state as ``<parameter>.v``. While ``lr`` stays the same this is ``sgd(lr, momentum=mu)``; when
    it changes, the velocity here keeps what it gathered. Raises ValueError unless 0 <= mu < 1.
    """

    lr: Rate
    mu: float = 0.9

    def __post_init__(self) -> None:
        check("momentum", self.lr, decays={"mu": self.mu})

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return each(gradients, self._one)

    def _one(self, p: Node, g: Node) -> Updates:
        v = slot(p, "v")
        following = self.mu * v - rate_for(self.lr, p) * g
        return {v: following, p: p + following}


@entity
class nesterov:  # noqa: N801
    """Nesterov's momentum: ``v <- mu v - lr g;  p <- p + mu v - lr g``, with the new ``v``.

    The gradient counts as if taken where the momentum leads: the parameter that the state holds is the point ahead
    (Bengio et al., 2013). ``v`` is kept as ``<parameter>.v``. Raises ValueError unless 0 <= mu < 1.
    """

    lr: Rate
    mu: float = 0.9

    def __post_init__(self) -> None:
        check("nesterov", self.lr, decays={"mu": self.mu})

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return each(gradients, self._one)

    def _one(self, p: Node, g: Node) -> Updates:
        v, push = slot(p, "v"), rate_for(self.lr, p) * g
        following = self.mu * v - push
        return {v: following, p: p + self.mu * following - push}
