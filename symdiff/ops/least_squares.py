"""Pseudoinverses and what is made of singular values: least squares, ranks, condition numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Expand, Op
from ..core.provenance import here
from ..core.types import INT64, Shape, TensorType
from .batching import attributes
from .convert import as_node, like
from .elementwise import not_equal, square, where
from .leaf import size
from .matrices import Array, count_of, real_matrices, smaller, with_common_batch
from .record import build_astype, define
from .reduce import max, sum
from .shape import broadcast_to, expand_dims, squeeze, swap_last
from .spectra import svd, svdvals

# -- pinv


def _pinv_formula(node: Node) -> Node:
    """V diag(1 / s) U^T over the singular values that count."""
    a, cutoff = node.inputs
    u, s, vh = svd(a, full_matrices=False)
    kept = s > expand_dims(cutoff, -1) * _largest(s)
    inverse = where(kept, 1 / where(kept, s, 1), 0)
    return (swap_last(vh) * expand_dims(inverse, -2)) @ swap_last(u)


def _largest(s: Node) -> Node:
    """The first of each row of descending numbers, 0 where there is none."""
    if s.shape[-1] == 0:
        return broadcast_to(like(0, s), (*s.shape[:-1], 1))
    return max(s, axis=-1, keepdims=True)


def _np_pinv(a: Array, cutoff: Array) -> Array:
    return np.asarray(np.linalg.pinv(a, cutoff))


def _pinv_back(ct: Node, out: Node, a: Node, cutoff: Node) -> Node:
    """Golub and Pereyra (1973), for a rank that stays as it is."""
    p, p_across, ct_across = out, swap_last(out), swap_last(ct)
    beside = ct_across @ p @ p_across
    beside = beside - a @ (p @ beside)
    behind = p_across @ p @ ct_across
    behind = behind - (behind @ p) @ a
    return beside + behind - p_across @ ct @ p_across


_PINV = define(
    Op(
        name="pinv",
        infer=lambda inputs, attrs: TensorType(
            inputs[0].dtype, (*inputs[0].shape[:-2], inputs[0].shape[-1], inputs[0].shape[-2])
        ),
        evaluate=_np_pinv,
        vjp=(_pinv_back, lambda ct, out, a, cutoff: broadcast_to(cutoff * 0, cutoff.shape)),
        lowering=Expand(_pinv_formula),
        flops=lambda node: 24 * count_of(node) * node.shape[-1] * node.shape[-2] * smaller("pinv", node),
        batch=attributes(),
    )
)


def pinv(a: Operand, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Node:
    """The Moore-Penrose pseudoinverse of (a batch of) matrices. Singular values up to ``rcond`` (or ``rtol``) times the
    largest count as 0; by default 1e-15, as in NumPy. ``hermitian`` says that a is symmetric, which changes nothing.

    The derivative is right where the rank is the same all around (Golub and Pereyra, 1973).

    >>> import symdiff as sd
    >>> sd.pinv(sd.input("a", (5, 3))).type.shape
    (3, 5)
    """
    (node,) = real_matrices("pinv", a)
    smaller("pinv", node)
    if rcond is not None and rtol is not None:
        raise ShapeError(explain("pinv", "takes rcond or rtol, not both", at=here()))
    return _pinv(node, 1e-15 if rcond is None and rtol is None else rtol if rcond is None else rcond)


def _pinv(a: Node, cutoff: Any) -> Node:
    limit = broadcast_to(build_astype(as_node(cutoff), a.dtype), a.shape[:-2])
    return build(_PINV, [a, limit])


def _relative(a: Node) -> Node:
    """The usual relative cutoff: the longer side times the rounding of the dtype."""
    m, n = a.shape[-2:]
    longer = m if smaller("rank", a) == n else n
    return size(longer, a.dtype) * float(np.finfo(a.dtype).eps)


# -- least squares


def lstsq(a: Operand, b: Operand, rcond: float | None = None) -> tuple[Node, Node, Node, Node]:
    """The x of least norm that minimises |b - a x|, for (batches of) matrices; with it, as in NumPy, the sums of
    squared residuals, the rank of a, and its singular values. ``b`` is a vector if it has one axis, else matrices.

    Singular values up to ``rcond`` times the largest count as 0; by default the rounding of the dtype times the longer
    side. The derivative is right where the rank is the same all around. NumPy gives no residuals where the rank is less
    than n; here that holds for m <= n, which is known when the graph is built.

    >>> import symdiff as sd
    >>> x, residuals, rank, s = sd.lstsq(sd.input("a", (5, 3)), sd.input("b", (5, 2)))
    >>> x.type.shape, residuals.type.shape
    ((3, 2), (2,))
    """
    right = as_node(b)
    if right.ndim == 1:
        x, residuals, rank, s = lstsq(a, expand_dims(right, 1), rcond)
        return squeeze(x, -1), residuals, rank, s
    left, right = real_matrices("lstsq", a, b)
    if left.shape[-2] != right.shape[-2]:
        problem = f"numbers of rows differ: {describe(left)} and {describe(right)}"
        raise ShapeError(explain("lstsq", problem, at=here()))
    left, right = with_common_batch("lstsq", left, right)
    cutoff = _relative(left) if rcond is None else float(np.finfo(left.dtype).eps) if rcond < 0 else rcond
    x = _pinv(left, cutoff) @ right
    m, n = left.shape[-2:]
    empty: Shape = (*left.shape[:-2], 0)
    overdetermined = m != n and smaller("lstsq", left) == n
    residuals = sum(square(right - left @ x), axis=-2) if overdetermined else broadcast_to(like(0, left), empty)
    s = svdvals(left)
    rank = sum(build_astype(s > _largest(s) * cutoff, INT64), axis=-1)
    return x, residuals, rank, s


def matrix_rank(A: Operand, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Node:
    """The number of singular values above ``tol``: by default the largest times ``rtol``, which is by default the
    rounding of the dtype times the longer side. Of anything but matrices: whether it is other than 0. Without
    derivative.

    >>> import symdiff as sd
    >>> sd.linalg.matrix_rank(sd.input("a", (sd.dim("n"), 5, 3))).type.shape
    (Dim(n),)
    """
    node = as_node(A)
    if node.ndim < 2:
        return max(build_astype(not_equal(node, 0), INT64))
    (node,) = real_matrices("matrix_rank", node)
    s = svdvals(node)
    if tol is None:
        limit = _largest(s) * expand_dims(_relative(node) if rtol is None else as_node(rtol), -1)
    else:
        limit = expand_dims(as_node(tol), -1)
    return sum(build_astype(s > limit, INT64), axis=-1)
