"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.node import Node
from .rule import Rate, checked_decay, checked_rate, rate_for, slot


class sgd:  # noqa: N801  (reads as the rule it is: sd.optim.sgd(0.1))
    """Gradient descent: ``p <- p - lr g``.

    ``lr`` is a number or a scalar node, such as an expression of :func:`step_count`. Raises ValueError for a negative
    number, ShapeError for a node that is no scalar.

    >>> import symdiff as sd
    >>> w = sd.param("w", (2,), init=4)
    >>> step = sd.train_step(sd.sum(w * w) / 2, [], sd.optim.sgd(0.25))
    >>> state = step.init()
    >>> sd.compile(step, backend="numpy")(state).loss, state["w"].tolist()
    (16.0, [3.0, 3.0])
    """

    def __init__(self, lr: Rate) -> None:
        self.lr = checked_rate("sgd", lr)

    def updates(self, gradients: Mapping[Node, Node]) -> dict[Node, Node]:
        return {p: p - rate_for(self.lr, p) * g for p, g in gradients.items()}

    def __repr__(self) -> str:
        return f"sgd(lr={self.lr!r})"


class momentum:  # noqa: N801
    """Gradient descent with momentum: ``v <- mu v - lr g; p <- p + v``.

    ``v`` is kept in the state as ``<parameter>.v``. Raises ValueError unless 0 <= mu < 1.
    """

    def __init__(self, lr: Rate, mu: float = 0.9) -> None:
        self.lr = checked_rate("momentum", lr)
        checked_decay("momentum", mu=mu)
        self.mu = mu

    def updates(self, gradients: Mapping[Node, Node]) -> dict[Node, Node]:
        found: dict[Node, Node] = {}
        for p, g in gradients.items():
            v = slot(p, "v")
            found[v] = self.mu * v - rate_for(self.lr, p) * g
            found[p] = p + found[v]
        return found

    def __repr__(self) -> str:
        return f"momentum(lr={self.lr!r}, mu={self.mu})"
