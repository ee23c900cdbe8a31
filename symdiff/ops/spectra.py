"""Eigenvalues of symmetric matrices, singular values, and what follows from these.

Derivatives: Giles, *Collected matrix derivative results for forward and reverse mode* (2008); Townsend,
*Differentiating the singular value decomposition* (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from ..core.dim import Dim
from ..core.errors import DTypeError, GradientError, ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Layout, Op, Routine
from ..core.provenance import here
from ..core.types import INT64, TensorType, several
from ..routines import jacobi
from .batching import attributes
from .convert import as_node
from .create import on_diagonal
from .elementwise import where
from .matrices import Array, count_of, digits_of, items_of, onto_triangle, real_matrices, smaller, square
from .record import define
from .several import items
from .shape import expand_dims, swap_last

# -- eigenvalues


def _infer_eigh(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    (a,) = inputs
    return several(TensorType(a.dtype, a.shape[:-1]), a.type)


def _np_eigh(a: Array, lower: bool) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(a, "L" if lower else "U")
    return values, vectors


def _eigh_back(cts: Sequence[Node | None], out: Node, a: Node) -> tuple[Node]:
    """V (diag(ct_w) + V^T ct_v / (w_j - w_i)) V^T, for the triangle that is read."""
    values, vectors = items(out)
    ct_values, ct_vectors = cts
    across = swap_last(vectors)
    if ct_vectors is None:
        assert ct_values is not None
        return (onto_triangle((vectors * expand_dims(ct_values, -2)) @ across, out.attrs["lower"]),)
    inner = (across @ ct_vectors) * _gaps(values)
    if ct_values is not None:
        inner = where(on_diagonal(*a.shape[-2:]), expand_dims(ct_values, -1), inner)
    whole = vectors @ inner @ across
    return (onto_triangle(0.5 * (whole + swap_last(whole)), out.attrs["lower"]),)


def _gaps(values: Node) -> Node:
    """1 / (w_j - w_i), and 0 on the diagonal."""
    n = values.shape[-1]
    own = on_diagonal(n, n)
    return where(own, 0, 1 / where(own, 1, expand_dims(values, -2) - expand_dims(values, -1)))


def _eigh_layout(node: Node) -> Layout:
    (a,) = node.inputs
    n, count, shape = a.shape[-1], count_of(a), items_of(a)
    scratch = (
        TensorType(a.dtype, (n, n)),
        TensorType(a.dtype, (2 * n * n + 6 * n + 1 + 64 * n,)),
        TensorType(INT64, (5 * n + 3,)),
    )
    sizes = (count, n, int(node.attrs["lower"]), digits_of(a))
    return Layout(sizes, (shape, (count, n), shape), scratch, "eigh")


_EIGH = define(
    Op(
        name="eigh",
        infer=_infer_eigh,
        evaluate=_np_eigh,
        vjp=(_eigh_back,),
        lowering=Routine(jacobi.eigh, _eigh_layout, "the eigenvalues did not converge"),
        flops=lambda node: 9 * _cubed(node.inputs[0]),
        batch=attributes(),
    )
)


def _cubed(a: Node) -> int | Dim:
    m, n = a.shape[-2:]
    return count_of(a) * m * n * smaller("svd", a)


def eigh(a: Operand, UPLO: str = "L") -> tuple[Node, Node]:
    """Eigenvalues in ascending order and eigenvectors (as columns) of (a batch of) symmetric matrices.

    One triangle is read, the lower one or with ``UPLO="U"`` the upper, and the derivative is that of what is read: it
    has nothing in the other triangle. Derivatives of eigenvectors hold factors 1 / (w_j - w_i): where eigenvalues are
    equal the vectors are not unique and these are infinite. Eigenvalues alone have no such factors in their first
    derivative. The signs of vectors are LAPACK's, and are no part of the meaning.

    >>> import symdiff as sd
    >>> values, vectors = sd.eigh(sd.input("a", (sd.dim("n"), 3, 3)))
    >>> values.type.shape, vectors.type.shape
    ((Dim(n), 3), (Dim(n), 3, 3))
    """
    if UPLO not in ("L", "U", "l", "u"):
        raise ShapeError(explain("eigh", f"UPLO is 'L' or 'U', got {UPLO!r}", at=here()))
    (node,) = square("eigh", a)
    values, vectors = items(build(_EIGH, [node], {"lower": UPLO in "lL"}))
    return values, vectors


def eigvalsh(a: Operand, UPLO: str = "L") -> Node:
    """The eigenvalues of ``eigh``."""
    return eigh(a, UPLO)[0]


def eig(a: Operand) -> NoReturn:
    """Not there: eigenvalues of a general matrix are complex, and symdiff computes with real numbers. Raises
    DTypeError."""
    _refuse("eig", a)


def eigvals(a: Operand) -> NoReturn:
    """Not there, as ``eig``. Raises DTypeError."""
    _refuse("eigvals", a)


def _refuse(name: str, a: Operand) -> NoReturn:
    problem = f"the eigenvalues of {describe(as_node(a))} are complex numbers, which symdiff does not compute with"
    raise DTypeError(explain(name, problem, at=here(), hint="use sd.eigh for symmetric matrices, or sd.svd"))


# -- singular values


def _infer_svd(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    (a,) = inputs
    batch, (m, n), k = a.shape[:-2], a.shape[-2:], smaller("svd", a)
    rows, columns = (m, n) if attrs["full"] else (k, k)
    parts = ((*batch, m, rows), (*batch, k), (*batch, columns, n))
    return several(*(TensorType(a.dtype, shape) for shape in parts))


def _np_svd(a: Array, full: bool) -> tuple[Array, Array, Array]:
    u, s, vh = np.linalg.svd(a, full)
    return u, s, vh


def _svd_back(cts: Sequence[Node | None], out: Node, a: Node) -> tuple[Node]:
    u, s, vh = items(out)
    ct_u, ct_s, ct_vh = cts
    if out.attrs["full"] and a.shape[-2] != a.shape[-1]:
        if ct_u is not None or ct_vh is not None:
            problem = f"with full_matrices=True the vectors of {describe(a)} are not unique, so they have no derivative"
            raise GradientError(explain("svd", problem, at=out.origin.place, hint="use full_matrices=False"))
        u, s, vh = items(build(_SVD, [a], {"full": False}))
    row, column = expand_dims(s, -2), expand_dims(s, -1)
    own = on_diagonal(s.shape[-1], s.shape[-1])
    factors = where(own, 0, 1 / where(own, 1, (row - column) * (row + column)))
    parts = [] if ct_s is None else [(u * expand_dims(ct_s, -2)) @ vh]
    if ct_u is not None:
        inner = swap_last(u) @ ct_u
        parts.append(u @ ((factors * (inner - swap_last(inner))) * row) @ vh)
        if a.shape[-2] != s.shape[-1]:
            parts.append(((ct_u - u @ inner) / row) @ vh)
    if ct_vh is not None:
        inner = vh @ swap_last(ct_vh)
        parts.append(u @ (column * (factors * (inner - swap_last(inner)))) @ vh)
        if a.shape[-1] != s.shape[-1]:
            parts.append(u @ ((ct_vh - swap_last(inner) @ vh) / column))
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return (total,)


def _svd_layout(node: Node) -> Layout:
    (a,) = node.inputs
    m, n = a.shape[-2:]
    count, k = count_of(a), smaller("svd", a)
    longer = m if k is n or k == n else n
    rows, columns = (m, n) if node.attrs["full"] else (k, k)
    scratch = (
        TensorType(a.dtype, (longer, longer)),
        TensorType(a.dtype, (k, k)),
        TensorType(a.dtype, (m * rows + n * columns + 4 * k * k + 7 * k + 64 * (m + n),)),
        TensorType(INT64, (8 * k,)),
    )
    sizes = (count, m, n, k, rows, columns, digits_of(a))
    shapes = (items_of(a), (count, m, rows), (count, k), (count, columns, n))
    return Layout(sizes, shapes, scratch, "svd")


_SVD = define(
    Op(
        name="svd",
        infer=_infer_svd,
        evaluate=_np_svd,
        vjp=(_svd_back,),
        lowering=Routine(jacobi.svd, _svd_layout, "the singular values did not converge"),
        flops=lambda node: 20 * _cubed(node.inputs[0]),
        batch=attributes(),
    )
)


def svd(a: Operand, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """U, the singular values S in descending order, and V^T with a = U diag(S) V^T, for (a batch of) matrices; with
    ``compute_uv=False`` S alone. ``hermitian`` says that a is symmetric, which changes nothing here.

    ``full_matrices`` gives square U and V^T, which for other than square matrices have no derivative: take
    ``full_matrices=False``. Derivatives of vectors hold factors 1 / (s_j^2 - s_i^2), infinite where singular values
    are equal, and for other than square matrices 1 / s_i. S alone has no such factors in its first derivative (at s = 0
    it is not differentiable, and has that of one of the two signs). Raises LinAlgError when run on NaN.

    >>> import symdiff as sd
    >>> u, s, vh = sd.svd(sd.input("a", (5, 3)), full_matrices=False)
    >>> u.type.shape, s.type.shape, vh.type.shape
    ((5, 3), (3,), (3, 3))
    """
    (node,) = real_matrices("svd", a)
    smaller("svd", node)
    u, s, vh = items(build(_SVD, [node], {"full": bool(full_matrices and compute_uv)}))
    return (u, s, vh) if compute_uv else s


def svdvals(x: Operand) -> Node:
    """Singular values in descending order."""
    found: Node = svd(x, compute_uv=False)
    return found
