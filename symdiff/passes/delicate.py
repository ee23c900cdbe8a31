"""Which formulas may need a stable form, known without the rules: a start that finds all else on disk need not read
them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..core.node import Node
from ..core.traversal import toposort

_EXPONENTIAL = ("exp", "expm1", "log", "log1p", "logsumexp", "sigmoid", "softmax", "log_softmax", "tanh")
DELICATE = frozenset((*_EXPONENTIAL, "sqrt", "erf", "erfc", "negative", "subtract"))
"""Every rule of ``stabilize`` is about one of these operators."""


def stable(outputs: Sequence[Node], keep: Collection[Node] = (), order: Sequence[Node] | None = None) -> list[Node]:
    """As ``stabilize_nodes``."""
    order = toposort(outputs) if order is None else order
    if DELICATE.isdisjoint([node.op.name for node in order]):
        return list(outputs)
    from .stabilize import stabilize_nodes

    return stabilize_nodes(outputs, keep, order)
