"""Factors of general matrices: Q R.

Derivatives: Walter and Lehmann, *Algorithmic differentiation of linear algebra functions* (2010), for m >= n; Roberts
and Roberts, *QR and LQ decomposition matrix backpropagation algorithms* (2020), for m < n.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, never_exceeds
from ..core.errors import GradientError, ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Layout, Op, Routine
from ..core.provenance import here
from ..core.types import TensorType, several
from ..routines import orthogonal
from .batching import attributes
from .diagonal import tril
from .matrices import Array, count_of, is_large, items_of, real_matrices, smaller
from .record import define
from .several import items
from .shape import concat, swap_last
from .slicing import slice_axis
from .solvers import triangular_solve


def _infer(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    (a,) = inputs
    batch, (m, n) = a.shape[:-2], a.shape[-2:]
    width = attrs["width"]
    return several(TensorType(a.dtype, (*batch, m, width)), TensorType(a.dtype, (*batch, width, n)))


def _np_qr(a: Array, width: int) -> tuple[Array, Array]:
    mode: Any = "reduced" if width == min(a.shape[-2:]) else "complete"
    q, r = np.linalg.qr(a, mode)
    return q, r


def _back(cts: Sequence[Node | None], out: Node, a: Node) -> tuple[Node]:
    n, width = a.shape[-1], out.attrs["width"]
    q, r = items(out)
    ct_q, ct_r = cts
    if not never_exceeds(width, n):
        problem = f"mode 'complete' of {describe(a)}: with more rows than columns Q is not unique and has no derivative"
        raise GradientError(explain("qr", problem, at=out.origin.place, hint="use mode='reduced'"))
    if width == n:
        return (_square_back(q, r, ct_q, ct_r),)
    rest, left = _columns(a, width, n), _columns(r, 0, width)
    if ct_r is None:
        return (concat([_square_back(q, left, ct_q, None), rest * 0], -1),)
    ct_left, ct_rest = _columns(ct_r, 0, width), _columns(ct_r, width, n)
    through = rest @ swap_last(ct_rest)  # since the last columns of R are Q^T rest
    ct_q = through if ct_q is None else ct_q + through
    return (concat([_square_back(q, left, ct_q, ct_left), q @ ct_rest], -1),)


def _columns(x: Node, start: int | Dim, stop: int | Dim) -> Node:
    return slice_axis(x, x.ndim - 1, start, stop - start)


def _square_back(q: Node, r: Node, ct_q: Node | None, ct_r: Node | None) -> Node:
    """Where R is square: (ct_q + Q sym(R ct_r^T - ct_q^T Q)) R^-T, sym copying the lower triangle to the upper."""
    inner = None if ct_r is None else r @ swap_last(ct_r)
    if ct_q is not None:
        beside = swap_last(ct_q) @ q
        inner = -beside if inner is None else inner - beside
    assert inner is not None
    whole = q @ (tril(inner) + swap_last(tril(inner, -1)))
    whole = whole if ct_q is None else ct_q + whole
    return swap_last(triangular_solve(r, swap_last(whole), lower=False))


def _layout(node: Node) -> Layout:
    (a,) = node.inputs
    m, n = a.shape[-2:]
    width, k = node.attrs["width"], smaller("qr", a)
    count = count_of(a)
    scratch = (
        TensorType(a.dtype, (m, n)),
        TensorType(a.dtype, (m + n,)),
        TensorType(a.dtype, (64 * (m + n),)),
    )
    native = "qr" if is_large(48, m, n) else ""
    return Layout((count, m, n, k, width), (items_of(a), (count, m, width), (count, width, n)), scratch, native)


def _flops(node: Node) -> int | Dim:
    m, n = node.inputs[0].shape[-2:]
    return 4 * count_of(node.inputs[0]) * m * n * smaller("qr", node.inputs[0])


_QR = define(
    Op(
        name="qr",
        infer=_infer,
        evaluate=_np_qr,
        vjp=(_back,),
        lowering=Routine(orthogonal.qr, _layout),
        flops=_flops,
        batch=attributes(),
    )
)


def qr(a: Operand, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and an upper triangular R with a = Q R, for (a batch of) matrices of any shape.

    ``mode="reduced"`` gives Q of m x k and R of k x n, k = min(m, n); ``"complete"`` m x m and m x n, which has no
    derivative if m > n; ``"r"`` R alone. Signs are LAPACK's. The derivative is that of a matrix whose first k columns
    are independent, and raises LinAlgError when R has a 0 on its diagonal.

    >>> import symdiff as sd
    >>> q, r = sd.qr(sd.input("a", (5, 3)))
    >>> q.type.shape, r.type.shape
    ((5, 3), (3, 3))
    """
    if mode not in ("reduced", "complete", "r"):
        raise ShapeError(explain("qr", f"mode is 'reduced', 'complete' or 'r', got {mode!r}", at=here()))
    (node,) = real_matrices("qr", a)
    width = node.shape[-2] if mode == "complete" else smaller("qr", node)
    q, r = items(build(_QR, [node], {"width": width}))
    return r if mode == "r" else (q, r)
