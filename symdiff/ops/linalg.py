"""Products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, product
from ..core.errors import DTypeError, ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Expand, Matmul, Op
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import BOOL, TensorType, broadcast
from .batching import align_ranks
from .convert import promote
from .record import INTEGERS, build_astype, define
from .reduce import sum
from .shape import expand_dims, reshape, squeeze, swap_last


def _infer_matmul(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    a, b = inputs
    batch = broadcast([a.shape[:-2], b.shape[:-2]])
    if a.shape[-1] != b.shape[-2]:
        raise ShapeError(
            explain(
                "matmul",
                f"inner sizes differ: {describe(a)} @ {describe(b)} ({a.shape[-1]} != {b.shape[-2]})",
                at=here(),
            )
        )
    if batch is None:
        raise ShapeError(explain("matmul", f"batch sizes do not broadcast: {describe(a)} @ {describe(b)}", at=here()))
    return TensorType(a.dtype, (*batch, a.shape[-2], b.shape[-1]))


def _multiply_adds(node: Node) -> int | Dim:
    return 2 * product(node.shape) * node.inputs[0].shape[-1]


def _matmul_batch(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    """One product for the whole batch where it can be: an operand that is the same for all items is not repeated."""
    a, b = align_ranks(inputs, batched, node.ndim)
    if a.ndim == 2 and b.shape[1:-2] == () and b.shape[-1] == 1:  # a matrix times vectors: these are rows
        return reshape(matmul(squeeze(b, -1), swap_last(a)), (b.shape[0], a.shape[0], 1))
    return a * b if a.shape[-1] == 1 else _matrices(a, b)


_MATMUL = define(
    Op(
        name="matmul",
        infer=_infer_matmul,
        evaluate=np.matmul,
        vjp=(lambda ct, out, a, b: ct @ swap_last(b), lambda ct, out, a, b: swap_last(a) @ ct),
        lowering=Matmul(),
        flops=_multiply_adds,
        batch=_matmul_batch,
    )
)
_INTEGER_MATMUL = define(
    Op(
        name="integer_matmul",
        infer=_infer_matmul,
        evaluate=np.matmul,
        vjp=(INTEGERS, INTEGERS),
        lowering=Expand(
            lambda node: sum(expand_dims(node.inputs[0], -1) * expand_dims(node.inputs[1], -3), axis=-2).astype(
                node.dtype
            )
        ),
        flops=_multiply_adds,
        batch=_matmul_batch,
    )
)


@provide("matmul")
def matmul(a: Operand, b: Operand) -> Node:
    """The matrix product ``a @ b`` with NumPy's meaning: vectors are rows on the left and columns on the right,
    leading axes are batches that broadcast.

    d/da = ct @ b^T, d/db = a^T @ ct. Raises ShapeError when the inner sizes differ.

    >>> import symdiff as sd
    >>> (sd.input("x", (sd.dim("n"), 64)) @ sd.param("W", (64, 10))).type.shape
    (Dim(n), 10)
    """
    x, y = promote("matmul", a, b)
    if x.ndim == 0 or y.ndim == 0:
        problem = f"takes arrays of at least one axis: {describe(x)} @ {describe(y)}"
        raise ShapeError(explain("matmul", problem, at=here(), hint="use * to scale"))
    if x.dtype == BOOL:
        raise DTypeError(explain("matmul", f"takes numbers: {describe(x)} @ {describe(y)}", at=here()))
    if x.ndim == 1 and y.ndim == 1:
        return _vector_dot(x, y)
    if x.ndim == 1:
        return squeeze(matmul(expand_dims(x, 0), y), -2)
    if y.ndim == 1:
        return squeeze(matmul(x, expand_dims(y, 1)), -1)
    return _matrices(x, y)


def _vector_dot(x: Node, y: Node) -> Node:
    if x.shape != y.shape:
        problem = f"inner sizes differ: {describe(x)} @ {describe(y)} ({x.shape[0]} != {y.shape[0]})"
        raise ShapeError(explain("matmul", problem, at=here()))
    return build_astype(sum(x * y), x.dtype)


def _matrices(x: Node, y: Node) -> Node:
    if not x.type.is_float:
        return build(_INTEGER_MATMUL, [x, y])
    if x.ndim > 2 and y.ndim == 2 and x.shape[-1] == y.shape[0]:
        # One large product instead of a batch of small ones that share the right-hand side.
        rows: Any = product(x.shape[:-1])
        return reshape(build(_MATMUL, [reshape(x, (rows, x.shape[-1])), y]), (*x.shape[:-1], y.shape[-1]))
    return build(_MATMUL, [x, y])
