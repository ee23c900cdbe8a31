"""Adam (Kingma and Ba, 2015), AMSGrad (Reddi et al., 2018), AdamW (Loshchilov and Hutter, 2019)."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.node import Node
from ..core.record import entity
from ..core.types import FLOAT64
from ..ops.convert import constant
from ..ops.elementwise import astype, maximum, sqrt, square
from .each import each
from .rule import Rate, Updates, check, check_betas, decayed, rate_for, slot, steps_with_this

Betas = tuple[float, float]


@entity
class adam:  # noqa: N801
    """Adam: ``m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  p <- p - lr m^ / (sqrt(v^) + eps)``,
    with ``m^ = m / (1 - b1^t)`` and ``v^ = v / (1 - b2^t)`` in step ``t = 1, 2, ...``.

    ``bias_correction=False`` leaves ``m^ = m`` and ``v^ = v``. ``amsgrad`` puts the largest ``v`` so far in place of
    ``v``. ``weight_decay`` adds ``weight_decay p`` to the gradient; :func:`adamw` decays the weights themselves.

    Kept in the state: ``<parameter>.m`` and ``.v``, with amsgrad ``.v_max``, and the step count as ``step``. The two
    corrections are scalars, worked out in float64 once for all parameters. Raises ValueError for a negative ``lr``,
    ``eps`` or ``weight_decay`` and for a beta outside [0, 1).

    >>> import symdiff as sd
    >>> w = sd.param("w", (3,))
    >>> list(sd.train_step(sd.sum((w - 1) ** 2), [], sd.optim.adam(1e-2)).init())
    ['w', 'w.m', 'w.v', 'step']
    """

    lr: Rate = 1e-3
    betas: Betas = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    amsgrad: bool = False
    bias_correction: bool = True

    def __post_init__(self) -> None:
        check("adam", self.lr, decays=check_betas("adam", self.betas), eps=self.eps, weight_decay=self.weight_decay)

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        unbias = corrections(self.betas) if self.bias_correction else None
        return each(gradients, lambda p, g: self.moved(p, p, decayed(p, g, self.weight_decay), unbias))

    def moved(self, p: Node, start: Node, g: Node, unbias: tuple[Node, Node] | None) -> Updates:
        """The updates of a parameter that sets out from ``start``, with the :func:`corrections`."""
        found = moments(p, g, self.betas)
        rate, spread = rate_for(self.lr, p), found[slot(p, "v")]
        if self.amsgrad:
            largest = slot(p, "v_max")
            spread = found[largest] = maximum(largest, spread)
        if unbias is not None:
            unbias_m, unbias_v = unbias
            rate = (rate * astype(unbias_m, p.dtype)).named("rate")
            spread = spread * (unbias_v if p.dtype == FLOAT64 else astype(unbias_v, p.dtype).named("scale_v"))
        found[p] = start - rate * found[slot(p, "m")] / (sqrt(spread) + self.eps)
        return found


@entity
class adamw:  # noqa: N801
    """Adam with decoupled weight decay: ``p <- (1 - lr weight_decay) p - lr m^ / (sqrt(v^) + eps)``.

    Otherwise as :func:`adam`. Biases are decayed too, as in PyTorch; :func:`groups` leaves them out.
    """

    lr: Rate = 1e-3
    betas: Betas = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 1e-2
    amsgrad: bool = False

    def __post_init__(self) -> None:
        check("adamw", self.lr, decays=check_betas("adamw", self.betas), eps=self.eps, weight_decay=self.weight_decay)

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        plain = adam(self.lr, self.betas, self.eps, amsgrad=self.amsgrad)
        unbias = corrections(self.betas)
        return each(gradients, lambda p, g: plain.moved(p, self._kept(p), g, unbias))

    def _kept(self, p: Node) -> Node:
        return p * (1 - self.weight_decay * rate_for(self.lr, p)) if self.weight_decay else p


def amsgrad(lr: Rate = 1e-3, betas: Betas = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0) -> adam:
    """AMSGrad: :func:`adam` with the largest ``v`` so far in place of ``v``, so that no step size grows again."""
    return adam(lr, betas, eps, weight_decay, amsgrad=True)


def moments(p: Node, g: Node, betas: Betas) -> Updates:
    """The running means of the gradient and of its square: the slots ``m`` and ``v``."""
    m, v = slot(p, "m"), slot(p, "v")
    return {m: betas[0] * m + (1 - betas[0]) * g, v: betas[1] * v + (1 - betas[1]) * square(g)}


def corrections(betas: Betas) -> tuple[Node, Node]:
    """What the running means are multiplied by, since they start at zero: ``1 / (1 - beta^t)``, in float64."""
    t = steps_with_this()
    unbias_m, unbias_v = (1 / (1 - constant(beta) ** t) for beta in betas)
    return unbias_m.named("unbias_m"), unbias_v.named("unbias_v")
