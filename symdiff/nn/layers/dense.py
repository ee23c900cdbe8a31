"""Affine maps, and vectors for words."""

from __future__ import annotations

from typing import Any

from ...core.node import Node, Operand
from ...init import glorot_uniform, normal
from ...ops.linalg import matmul
from ..linear import embedding as rows_of
from ..scopes import layer, param
from .common import Activation, activation_of, count, float_input, known_size


def dense(
    x: Operand, units: int, activation: Activation = None, name: str | None = None, init: Any = None, bias: bool = True
) -> Node:
    """``activation(x @ W + b)``: x (..., I) -> (..., units), with parameters ``W`` (I, units) and ``b`` (units,).

    ``init`` is what W starts from, by default ``glorot_uniform()``; b starts at 0. ``activation`` is a name ("relu"),
    a function of one node, or None. Raises ShapeError, DTypeError or GraphError for arguments that do not fit.

    >>> import symdiff as sd
    >>> with sd.nn.scope("model"):
    ...     y = sd.nn.dense(sd.input("x", (sd.dim("n"), 3)), 8, "relu")
    >>> y.type.shape
    (Dim(n), 8)
    """
    node = float_input("dense", x, "(..., I)", 1)
    activate = activation_of("dense", activation)
    units = count("dense", "units", units)
    with layer("dense", name):
        W = param("W", (known_size("dense", node, -1), units), init or glorot_uniform(), node.dtype)
        y = matmul(node, W)
        return activate(y + param("b", (units,), None, node.dtype) if bias else y)


def embedding(
    ids: Operand, vocabulary: int, units: int, padding_idx: int | None = None, name: str | None = None,
    init: Any = None, dtype: Any = "float64",
) -> Node:  # fmt: skip
    """Row ``ids`` of the parameter ``W`` (vocabulary, units): ids (...) -> (..., units).

    W starts from normal numbers of standard deviation 1 unless ``init`` says otherwise. No gradient reaches row
    ``padding_idx``. An id outside the vocabulary raises IndexRangeError when the compiled function runs.

    >>> import symdiff as sd
    >>> words = sd.input("words", (sd.dim("n"), 7), dtype="int64")
    >>> sd.nn.layers.embedding(words, 1000, 16, name="words").type.shape
    (Dim(n), 7, 16)
    """
    shape = (count("embedding", "vocabulary", vocabulary), count("embedding", "units", units))
    with layer("embedding", name):
        return rows_of(ids, param("W", shape, init or normal(1.0), dtype), padding_idx)
