"""Attention: means of values, weighted by how well queries and keys agree."""

from __future__ import annotations

import math

from ..core.dim import Dim
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import BOOL
from ..ops.convert import as_node, promote
from ..ops.create import arange
from ..ops.elementwise import greater, greater_equal, isneginf, logical_not, sqrt, where
from ..ops.leaf import size
from ..ops.linalg import matmul
from ..ops.record import build_astype
from ..ops.reduce import max
from ..ops.shape import expand_dims, swap_last
from ..ops.softmax import softmax
from .dropout import dropout
from .windows import floats


def scaled_dot_product_attention(
    query: Operand, key: Operand, value: Operand, attn_mask: Operand | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, *, dropout_key: Operand | None = None,
) -> Node:  # fmt: skip
    """``softmax(query @ key^T * scale + mask) @ value``: query (..., L, E), key (..., S, E), value (..., S, V) ->
    (..., L, V); leading axes broadcast.

    ``scale`` is 1 / sqrt(E) by default. ``attn_mask`` broadcasts to (..., L, S): truth values say what takes part,
    numbers are added. ``is_causal`` lets row i see columns 0 ... i. A row that sees nothing is 0. ``dropout_p`` drops
    weights, and needs a ``dropout_key`` (see sd.random).

    >>> import symdiff as sd
    >>> q, kv = sd.input("q", (sd.dim("n"), 4, 5, 8)), sd.input("kv", (sd.dim("n"), 4, 7, 8))
    >>> sd.nn.scaled_dot_product_attention(q, kv, kv).type.shape
    (Dim(n), 4, 5, 8)
    """
    q, k, v = promote("scaled_dot_product_attention", *map(floats, (query, key, value)))
    operands = ", ".join(map(describe, (q, k, v)))
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        problem = f"takes query (..., L, E), key (..., S, E) and value (..., S, V): {operands}"
        raise ShapeError(explain("scaled_dot_product_attention", problem, at=here()))
    if is_causal and attn_mask is not None:
        problem = "is_causal is a mask of its own: give attn_mask or is_causal"
        raise ShapeError(explain("scaled_dot_product_attention", problem, at=here()))
    scores = matmul(q, swap_last(k)) * (_root_of_size(q) if scale is None else scale)
    weights = _weights(scores, _causal(scores) if is_causal else attn_mask)
    return matmul(dropout(weights, dropout_p, training=dropout_p > 0, key=dropout_key), v)


def _root_of_size(q: Node) -> Node | float:
    width: int | Dim = q.shape[-1]
    return 1 / math.sqrt(width) if isinstance(width, int) and width else 1 / sqrt(size(width, q.dtype))


def _causal(scores: Node) -> Node:
    rows, columns = scores.shape[-2:]
    return greater_equal(expand_dims(arange(rows), 1), arange(columns))


def _weights(scores: Node, mask: Operand | None) -> Node:
    """The softmax of each row over what the mask lets it see; 0 where it sees nothing."""
    if mask is None:
        return softmax(scores)
    given = as_node(mask)
    if given.dtype == BOOL:
        visible, scores = given, where(given, scores, -math.inf)
    else:
        scores = scores + build_astype(given, scores.dtype)
        visible = logical_not(isneginf(given))
    sees = greater(max(build_astype(visible, scores.dtype), -1, keepdims=True), 0)
    return where(sees, softmax(where(sees, scores, 0)), 0)
