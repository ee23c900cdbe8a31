"""Rules that grew out of Adam: Adamax, NAdam, RAdam, Lion."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.node import Node
from ..core.record import entity
from ..init import ones
from ..ops.convert import constant
from ..ops.elementwise import abs, astype, greater, maximum, sign, sqrt, where
from ..ops.leaf import param
from .each import each
from .moments import Betas, corrections, moments
from .rule import Rate, Updates, check, check_betas, decayed, rate_for, slot, steps_with_this


@entity
class adamax:  # noqa: N801
    """Adamax (Kingma and Ba, 2015): ``m <- b1 m + (1 - b1) g;  u <- max(b2 u, |g| + eps);
    p <- p - lr / (1 - b1^t) m / u``.

    Kept in the state as ``<parameter>.m`` and ``<parameter>.u``. Errors as for :func:`adam`.
    """

    lr: Rate = 2e-3
    betas: Betas = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        decays = check_betas("adamax", self.betas)
        check("adamax", self.lr, decays=decays, eps=self.eps, weight_decay=self.weight_decay)

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return each(gradients, self._one)

    def _one(self, p: Node, g: Node) -> Updates:
        g, m, u = decayed(p, g, self.weight_decay), slot(p, "m"), slot(p, "u")
        mean = self.betas[0] * m + (1 - self.betas[0]) * g
        largest = maximum(self.betas[1] * u, abs(g) + self.eps)
        rate = (rate_for(self.lr, p) * astype(corrections(self.betas)[0], p.dtype)).named("rate")
        return {m: mean, u: largest, p: p - rate * mean / largest}


@entity
class nadam:  # noqa: N801
    """NAdam, Adam with Nesterov's momentum (Dozat, 2016): ``mu_t = b1 (1 - 0.96^(t momentum_decay) / 2)``,
    ``P_t = mu_1 ... mu_t`` and ``p <- p - lr (c g + c' m) / (sqrt(v^) + eps)``,
    with ``c = (1 - mu_t) / (1 - P_t)`` and ``c' = mu_(t+1) / (1 - P_(t+1))``.

    Kept in the state: ``<parameter>.m`` and ``.v`` as in :func:`adam`, and ``P`` as the float64 ``.mu_product``.
    Errors as for :func:`adam`.
    """

    lr: Rate = 2e-3
    betas: Betas = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum_decay: float = 4e-3

    def __post_init__(self) -> None:
        decays = check_betas("nadam", self.betas)
        more = {"weight_decay": self.weight_decay, "momentum_decay": self.momentum_decay}
        check("nadam", self.lr, decays=decays, eps=self.eps, **more)

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return each(gradients, self._one)

    def _one(self, p: Node, g: Node) -> Updates:
        g = decayed(p, g, self.weight_decay)
        found = moments(p, g, self.betas)
        product = param(f"{p.attrs['name']}.mu_product", (), ones())
        mu, ahead = self._mu(steps_with_this()), self._mu(steps_with_this() + 1)
        found[product] = product * mu
        now = astype((1 - mu) / (1 - found[product]), p.dtype).named("now")
        then = astype(ahead / (1 - found[product] * ahead), p.dtype).named("then")
        spread = found[slot(p, "v")] * astype(corrections(self.betas)[1], p.dtype)
        direction = now * g + then * found[slot(p, "m")]
        found[p] = p - rate_for(self.lr, p) * direction / (sqrt(spread) + self.eps)
        return found

    def _mu(self, t: Node) -> Node:
        return self.betas[0] * (1 - 0.5 * constant(0.96) ** (self.momentum_decay * t))


@entity
class radam:  # noqa: N801
    """RAdam, rectified Adam (Liu et al., 2020): ``p <- p - lr m^ r / (sqrt(v^) + eps sqrt(1 / (1 - b2^t)))`` once the
    variance of the step is known to be finite, and ``p <- p - lr m^`` before that.

    With ``R = 2 / (1 - b2) - 1`` and ``R_t = R - 2 t b2^t / (1 - b2^t)`` that is when ``R_t > 5``, and
    ``r^2 = (R_t - 4) (R_t - 2) R / ((R - 4) (R - 2) R_t)``. As in PyTorch, ``eps`` is added before the correction.
    Kept in the state as in :func:`adam`. Errors as for :func:`adam`.
    """

    lr: Rate = 1e-3
    betas: Betas = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check("radam", self.lr, decays=check_betas("radam", self.betas), eps=self.eps, weight_decay=self.weight_decay)

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return each(gradients, self._one)

    def _one(self, p: Node, g: Node) -> Updates:
        found = moments(p, decayed(p, g, self.weight_decay), self.betas)
        rectified, scale = self._rectification()
        rate = (rate_for(self.lr, p) * astype(corrections(self.betas)[0], p.dtype)).named("rate")
        adaptive = astype(scale, p.dtype).named("rectifier") / (sqrt(found[slot(p, "v")]) + self.eps)
        found[p] = p - rate * found[slot(p, "m")] * where(rectified, adaptive, 1)
        return found

    def _rectification(self) -> tuple[Node, Node]:
        """Whether the step is rectified, and ``r sqrt(1 - b2^t)``, in float64."""
        power = constant(self.betas[1]) ** steps_with_this()
        longest = 2 / (1 - self.betas[1]) - 1
        length = longest - 2 * steps_with_this() * power / (1 - power)
        ratio = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
        rectified = greater(length, 5)
        return rectified, sqrt(where(rectified, ratio * (1 - power), 0))


@entity
class lion:  # noqa: N801
    """Lion (Chen et al., 2023): ``p <- p - lr (sign(b1 m + (1 - b1) g) + weight_decay p);  m <- b2 m + (1 - b2) g``.

    Every element moves by ``lr``, so rates are 3 to 10 times smaller than Adam's. ``m`` is kept in the state as
    ``<parameter>.m``. Raises ValueError for a negative number and for a beta outside [0, 1).
    """

    lr: Rate = 1e-4
    betas: Betas = (0.9, 0.99)
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check("lion", self.lr, decays=check_betas("lion", self.betas), weight_decay=self.weight_decay)

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return each(gradients, self._one)

    def _one(self, p: Node, g: Node) -> Updates:
        m, (b1, b2) = slot(p, "m"), self.betas
        direction = sign(b1 * m + (1 - b1) * g)
        return {
            m: b2 * m + (1 - b2) * g,
            p: p - rate_for(self.lr, p) * decayed(p, direction, self.weight_decay),
        }
