"""Rules that scale each element's step by the size its gradients had: AdaGrad, RMSProp, Adadelta."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.node import Node
from ..core.record import entity
from ..init import constant as starting_at
from ..ops.elementwise import astype, maximum, sqrt, square
from .each import each
from .rule import Rate, Updates, check, decayed, rate_for, slot, step_count


@entity
class adagrad:  # noqa: N801
    """AdaGrad (Duchi et al., 2011): ``s <- s + g^2;  p <- p - lr g / (sqrt(s) + eps)``.

    ``lr_decay`` divides the rate of step ``t = 1, 2, ...`` by ``1 + (t - 1) lr_decay``. ``s`` is kept in the state as
    ``<parameter>.s`` and starts at ``initial_accumulator_value``. Raises ValueError for a negative number.

    >>> import symdiff as sd
    >>> w = sd.param("w", (2,), init=[4, -2])
    >>> step = sd.train_step(sd.sum(w * w), [], sd.optim.adagrad(0.5, eps=0.0))
    >>> state = step.init()
    >>> _ = sd.compile(step, backend="numpy")(state)
    >>> state["w"].tolist()
    [3.5, -1.5]
    """

    lr: Rate = 1e-2
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    initial_accumulator_value: float = 0.0
    eps: float = 1e-10

    def __post_init__(self) -> None:
        check(
            "adagrad",
            self.lr,
            lr_decay=self.lr_decay,
            weight_decay=self.weight_decay,
            initial_accumulator_value=self.initial_accumulator_value,
            eps=self.eps,
        )

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return each(gradients, self._one)

    def _one(self, p: Node, g: Node) -> Updates:
        g = decayed(p, g, self.weight_decay)
        start = self.initial_accumulator_value
        s = slot(p, "s", starting_at(start) if start else None)
        following = s + square(g)
        return {s: following, p: p - self._rate(p) * g / (sqrt(following) + self.eps)}

    def _rate(self, p: Node) -> Node:
        rate = rate_for(self.lr, p)
        if not self.lr_decay:
            return rate
        return (rate / astype(1 + self.lr_decay * step_count(), p.dtype)).named("rate")


@entity
class rmsprop:  # noqa: N801
    """RMSProp (Tieleman and Hinton, 2012): ``s <- alpha s + (1 - alpha) g^2;  p <- p - lr g / (sqrt(s) + eps)``.

    ``centered`` puts the variance in place of ``s``: ``s - m^2`` with ``m <- alpha m + (1 - alpha) g`` (Graves, 2013),
    taken as 0 where rounding makes it negative. With ``momentum`` the quotient q goes into a velocity:
    ``v <- momentum v + q;  p <- p - lr v``. Kept in the state as ``<parameter>.s``, ``.m`` and ``.v``. Raises
    ValueError for a negative number, and for ``alpha`` or ``momentum`` outside [0, 1).
    """

    lr: Rate = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        decays = {"alpha": self.alpha, "momentum": self.momentum}
        check("rmsprop", self.lr, decays=decays, eps=self.eps, weight_decay=self.weight_decay)

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return each(gradients, self._one)

    def _one(self, p: Node, g: Node) -> Updates:
        g, s = decayed(p, g, self.weight_decay), slot(p, "s")
        found = {s: self.alpha * s + (1 - self.alpha) * square(g)}
        spread = found[s]
        if self.centered:
            m = slot(p, "m")
            found[m] = self.alpha * m + (1 - self.alpha) * g
            spread = maximum(spread - square(found[m]), 0)
        direction = g / (sqrt(spread) + self.eps)
        if self.momentum:
            v = slot(p, "v")
            direction = found[v] = self.momentum * v + direction
        found[p] = p - rate_for(self.lr, p) * direction
        return found


@entity
class adadelta:  # noqa: N801
    """Adadelta (Zeiler, 2012): ``s <- rho s + (1 - rho) g^2;  d = sqrt(u + eps) / sqrt(s + eps) g;
    u <- rho u + (1 - rho) d^2;  p <- p - lr d``.

    ``s`` and ``u`` are kept in the state as ``<parameter>.s`` and ``<parameter>.u``. Raises ValueError for a negative
    number, and for ``rho`` outside [0, 1).
    """

    lr: Rate = 1.0
    rho: float = 0.9
    eps: float = 1e-6
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check("adadelta", self.lr, decays={"rho": self.rho}, eps=self.eps, weight_decay=self.weight_decay)

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return each(gradients, self._one)

    def _one(self, p: Node, g: Node) -> Updates:
        g, s, u = decayed(p, g, self.weight_decay), slot(p, "s"), slot(p, "u")
        following = self.rho * s + (1 - self.rho) * square(g)
        change = sqrt(u + self.eps) / sqrt(following + self.eps) * g
        return {
            s: following,
            u: self.rho * u + (1 - self.rho) * square(change),
            p: p - rate_for(self.lr, p) * change,
        }
