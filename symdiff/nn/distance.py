"""Distances and angles between vectors, with PyTorch's arguments."""

from __future__ import annotations

from ..core.node import Node, Operand
from ..ops.convert import promote
from ..ops.elementwise import maximum
from ..ops.norms import vector_norm
from ..ops.reduce import sum
from .windows import floats


def cosine_similarity(x1: Operand, x2: Operand, dim: int = 1, eps: float = 1e-8) -> Node:
    """``x1 . x2 / (max(|x1|, eps) max(|x2|, eps))`` along ``dim``.

    The derivative of a length at 0 is 0; where it is eps, each side of the maximum has half.

    >>> import symdiff as sd
    >>> sd.nn.cosine_similarity(sd.input("a", (sd.dim("n"), 3)), sd.input("b", (sd.dim("n"), 3))).type.shape
    (Dim(n),)
    """
    a, b = promote("cosine_similarity", floats(x1), floats(x2))
    lengths = [maximum(vector_norm(x, dim), eps) for x in (a, b)]
    return sum(a * b, dim) / (lengths[0] * lengths[1])


def pairwise_distance(x1: Operand, x2: Operand, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Node:
    """The p-norm of ``x1 - x2 + eps`` along the last axis."""
    a, b = promote("pairwise_distance", floats(x1), floats(x2))
    return vector_norm(a - b + eps, -1, keepdim, p)
