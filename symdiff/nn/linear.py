"""Linear maps, and rows of tables."""

from __future__ import annotations

from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import INT64
from ..ops.convert import as_index, as_node, promote
from ..ops.elementwise import equal, stop_gradient, where
from ..ops.index import one_hot as one_hot_as
from ..ops.index import take
from ..ops.linalg import matmul
from ..ops.reduce import sum
from ..ops.shape import expand_dims, permute_dims, reshape
from .windows import floats


def linear(input: Operand, weight: Operand, bias: Operand | None = None) -> Node:
    """``input @ weight.T + bias``: input (..., I), weight (O, I) -> (..., O); a weight (I,) gives (...).

    >>> import symdiff as sd
    >>> sd.nn.linear(sd.input("x", (sd.dim("n"), 5)), sd.param("w", (3, 5)), sd.param("b", (3,))).type.shape
    (Dim(n), 3)
    """
    x, w = promote("linear", floats(input), weight)
    if w.ndim not in (1, 2) or x.ndim < 1 or x.shape[-1] != w.shape[-1]:
        problem = f"the last sizes differ: {describe(x)}, weight {describe(w)} (O, I)"
        raise ShapeError(explain("linear", problem, at=here()))
    y = matmul(x, w.T)
    return y if bias is None else y + bias


def bilinear(input1: Operand, input2: Operand, weight: Operand, bias: Operand | None = None) -> Node:
    """``y[..., o] = input1[..., :] @ weight[o] @ input2[..., :] + bias[o]``: weight (O, I, J)."""
    x, y, w = promote("bilinear", floats(input1), floats(input2), weight)
    if w.ndim != 3 or x.shape[-1] != w.shape[1] or y.shape[-1] != w.shape[2] or x.shape[:-1] != y.shape[:-1]:
        operands = ", ".join(map(describe, (x, y, w)))
        raise ShapeError(explain("bilinear", f"takes (..., I), (..., J) and weight (O, I, J): {operands}", at=here()))
    outputs, first, second = w.shape
    flat = reshape(permute_dims(w, (1, 0, 2)), (first, outputs * second))
    halfway = reshape(matmul(x, flat), (*x.shape[:-1], outputs, second))
    z = sum(halfway * expand_dims(y, -2), -1)
    return z if bias is None else z + bias


def embedding(input: Operand, weight: Operand, padding_idx: int | None = None) -> Node:
    """Rows of ``weight`` (V, D) at the integers in ``input``: (..., D). No gradient reaches row ``padding_idx``.

    Raises IndexRangeError for an integer outside the rows, when the compiled function runs.

    >>> import symdiff as sd
    >>> words, table = sd.input("words", (sd.dim("n"), 7), dtype="int64"), sd.param("table", (1000, 16))
    >>> sd.nn.embedding(words, table, padding_idx=0).type.shape
    (Dim(n), 7, 16)
    """
    table, words = as_node(weight), as_index(input, "embedding")
    if table.ndim != 2:
        raise ShapeError(explain("embedding", f"weight is (V, D), got {describe(table)}", at=here()))
    rows = take(table, words, axis=0)
    if padding_idx is None:
        return rows
    count = table.shape[0]
    if isinstance(count, int) and not -count <= padding_idx < count:
        problem = f"padding_idx={padding_idx} is no row of {describe(table)}"
        raise ShapeError(explain("embedding", problem, at=here()))
    if padding_idx < 0:
        if not isinstance(count, int):
            raise ShapeError(explain("embedding", "padding_idx from the end needs the number of rows", at=here()))
        padding_idx += count
    return where(expand_dims(equal(words, padding_idx), -1), stop_gradient(rows), rows)


def one_hot(tensor: Operand, num_classes: int) -> Node:
    """Rows of int64 with a single 1 at the label: (..., num_classes). Raises IndexRangeError for other labels."""
    return one_hot_as(tensor, num_classes, INT64)
