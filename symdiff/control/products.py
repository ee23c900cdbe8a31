"""Sums over the steps of a loop of products of matrices: one product of what the steps stack, outside the loop.

The gradient of a weight that every step multiplies with is sum_t a_t^T b_t. As a carry it would cost a small product
and an addition to the whole weight in each step; stacked it is one large product.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..core.node import Node
from ..core.op import Matmul, Reshape, View
from ..ops.shape import reshape, swap_last


def factors(gradient: Node) -> tuple[Node, Node] | None:
    """The matrices of a product; None for anything else."""
    if not isinstance(gradient.op.lowering, Matmul) or any(node.ndim != 2 for node in gradient.inputs):
        return None
    a, b = gradient.inputs
    return a, b


def is_view(node: Node, known: Mapping[Node, Node]) -> bool:
    """Whether a factor is nothing but a view of something whose stack is known."""
    while node not in known:
        if not isinstance(node.op.lowering, View | Reshape):
            return False
        (node,) = node.inputs
    return True


def summed(a: Node, b: Node) -> Node:
    """sum_t a_t @ b_t for a[t, m, k] and b[t, k, n]."""
    steps, rows, inner = a.shape
    return swap_last(reshape(swap_last(a), (steps * inner, rows))) @ reshape(b, (steps * inner, b.shape[-1]))
