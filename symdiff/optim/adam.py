"""Adam (Kingma and Ba, 2015)."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.node import Node
from ..core.types import FLOAT64
from ..ops.convert import constant
from ..ops.elementwise import astype, sqrt, square
from .rule import Rate, checked_decay, checked_rate, rate_for, slot, step_count


class adam:  # noqa: N801  (reads as the rule it is: sd.optim.adam(1e-3))
    """Adam: ``m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  p <- p - lr m^ / (sqrt(v^) + eps)``,
    with ``m^ = m / (1 - b1^t)`` and ``v^ = v / (1 - b2^t)`` in step ``t = 1, 2, ...``.

    ``m`` and ``v`` are kept in the state as ``<parameter>.m`` and ``<parameter>.v``, the step count as ``step``. The
    two corrections are scalars, worked out in float64 once for all parameters. Raises ValueError for a negative ``lr``
    or ``eps`` and for a ``beta`` outside [0, 1).

    >>> import symdiff as sd
    >>> w = sd.param("w", (3,))
    >>> list(sd.train_step(sd.sum((w - 1) ** 2), [], sd.optim.adam(1e-2)).init())
    ['w', 'w.m', 'w.v', 'step']
    """

    def __init__(self, lr: Rate = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> None:
        self.lr = checked_rate("adam", lr)
        checked_decay("adam", beta1=beta1, beta2=beta2)
        if not eps >= 0:
            raise ValueError(f"adam: eps is not negative, got {eps}")
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def updates(self, gradients: Mapping[Node, Node]) -> dict[Node, Node]:
        t = astype(step_count() + 1, FLOAT64)
        unbias_m = (1 / (1 - constant(self.beta1) ** t)).named("unbias_m")
        unbias_v = (1 / (1 - constant(self.beta2) ** t)).named("unbias_v")
        found: dict[Node, Node] = {}
        for p, g in gradients.items():
            m, v = slot(p, "m"), slot(p, "v")
            found[m] = self.beta1 * m + (1 - self.beta1) * g
            found[v] = self.beta2 * v + (1 - self.beta2) * square(g)
            rate = (rate_for(self.lr, p) * astype(unbias_m, p.dtype)).named("rate")
            scale_v = unbias_v if p.dtype == FLOAT64 else astype(unbias_v, p.dtype).named("scale_v")
            found[p] = p - rate * found[m] / (sqrt(found[v] * scale_v) + self.eps)
        return found

    def __repr__(self) -> str:
        return f"adam(lr={self.lr!r}, beta1={self.beta1}, beta2={self.beta2}, eps={self.eps})"
