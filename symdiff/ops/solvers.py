"""Systems of equations: Cholesky factors, triangular systems, general systems and inverses.

Derivatives: Giles, *Collected matrix derivative results for forward and reverse mode* (2008); Murray, *Differentiation
of the Cholesky decomposition* (2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Expand, Layout, Op, Routine
from ..core.provenance import here
from ..core.types import INT64, TensorType
from ..routines import elimination, triangular
from .batching import attributes
from .create import eye
from .diagonal import tril, triu
from .matrices import (
    Array,
    count_of,
    half_triangle,
    infer_first,
    infer_last,
    is_large,
    items_of,
    onto_triangle,
    square,
    with_common_batch,
)
from .record import define
from .shape import broadcast_to, expand_dims, reshape, squeeze, swap_last

SINGULAR = "the matrix is singular"

# -- Cholesky


def _cholesky_back(ct: Node, out: Node, a: Node) -> Node:
    inner = half_triangle(swap_last(out) @ ct)
    left = triangular_solve(out, inner, trans=1)
    return onto_triangle(swap_last(triangular_solve(out, swap_last(left), trans=1)), lower=True)


def _cholesky_layout(node: Node) -> Layout:
    n, shape = node.shape[-1], items_of(node)
    return Layout((count_of(node), n), (shape, shape), native="cholesky" if is_large(20, n) else "")


_CHOLESKY = define(
    Op(
        name="cholesky",
        infer=infer_first,
        evaluate=np.linalg.cholesky,
        vjp=(_cholesky_back,),
        lowering=Routine(triangular.cholesky, _cholesky_layout, "the matrix is not positive definite"),
        flops=lambda node: count_of(node) * node.shape[-1] * node.shape[-1] * node.shape[-1],
        batch=attributes(),
    )
)


def cholesky(a: Operand, *, upper: bool = False) -> Node:
    """The lower triangular L with a = L L^T for (a batch of) symmetric positive definite matrices; with ``upper`` L^T.

    Only the lower triangle is read (with ``upper``, the upper one), and the derivative is that of what is read: it has
    nothing in the other triangle. Raises LinAlgError when run on a matrix that is not positive definite; NaN stays NaN.

    >>> import symdiff as sd
    >>> sd.cholesky(sd.input("a", (sd.dim("n"), 3, 3))).type.shape
    (Dim(n), 3, 3)
    """
    (node,) = square("cholesky", a)
    return swap_last(build(_CHOLESKY, [swap_last(node)])) if upper else build(_CHOLESKY, [node])


# -- triangular systems


def _np_triangular_solve(a: Array, b: Array, lower: bool, trans: bool, unit_diagonal: bool) -> Array:
    part = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        on = np.arange(a.shape[-1])
        part[..., on, on] = 1
    elif np.any(np.diagonal(a, 0, -2, -1) == 0):
        raise np.linalg.LinAlgError(SINGULAR)
    return np.asarray(np.linalg.solve(np.swapaxes(part, -1, -2) if trans else part, b))


def _triangle_back(ct: Node, out: Node, a: Node, b: Node) -> Node:
    lower, trans, unit = (out.attrs[name] for name in ("lower", "trans", "unit_diagonal"))
    back = _opposite(ct, out, a)
    outer = out @ swap_last(back) if trans else back @ swap_last(out)
    return -(tril(outer, -1 if unit else 0) if lower else triu(outer, 1 if unit else 0))


def _opposite(ct: Node, out: Node, a: Node) -> Node:
    return build(_TRIANGULAR, [a, ct], {**out.attrs, "trans": not out.attrs["trans"]})


def _triangular_layout(node: Node) -> Layout:
    a, b = node.inputs
    n, columns = b.shape[-2:]
    flags = (int(node.attrs[name]) for name in ("lower", "trans", "unit_diagonal"))
    shapes = (items_of(a), items_of(b), items_of(b))
    return Layout((count_of(a), n, columns, *flags), shapes, native="triangular_solve" if is_large(32, n) else "")


_TRIANGULAR = define(
    Op(
        name="triangular_solve",
        infer=infer_last,
        evaluate=_np_triangular_solve,
        vjp=(_triangle_back, lambda ct, out, a, b: _opposite(ct, out, a)),
        lowering=Routine(triangular.triangular_solve, _triangular_layout, SINGULAR),
        flops=lambda node: count_of(node) * node.shape[-1] * node.shape[-2] * node.shape[-2],
        batch=attributes(),
    )
)


def triangular_solve(
    a: Operand, b: Operand, *, lower: bool = True, trans: int | str = 0, unit_diagonal: bool = False
) -> Node:
    """x with a x = b for (batches of) triangular matrices; a^T x = b with ``trans`` 1, "T" or "C".

    One triangle of ``a`` is read, without its diagonal if that is of ones (``unit_diagonal``), and has a derivative.
    ``b`` is a vector if it has one axis, else (a batch of) matrices. Raises LinAlgError when run with a 0 on the
    diagonal.

    >>> import symdiff as sd
    >>> sd.triangular_solve(sd.input("a", (3, 3)), sd.input("b", (3, 2))).type.shape
    (3, 2)
    """
    if trans not in (0, 1, 2, "N", "T", "C"):
        problem = f"trans is 0, 1 or 2 ('N', 'T' or 'C'), got {trans!r}"
        raise ShapeError(explain("triangular_solve", problem, at=here()))
    attrs = {"lower": bool(lower), "trans": trans not in (0, "N"), "unit_diagonal": bool(unit_diagonal)}
    return _solved("triangular_solve", _TRIANGULAR, a, b, attrs)


def solve_triangular(
    a: Operand, b: Operand, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False
) -> Node:
    """``triangular_solve`` under SciPy's name, with its order of arguments: of the upper triangle by default."""
    return triangular_solve(a, b, lower=lower, trans=trans, unit_diagonal=unit_diagonal)


def cho_solve(factor: Operand, b: Operand, *, lower: bool = True) -> Node:
    """x with a x = b, given the Cholesky factor of a."""
    first = triangular_solve(factor, b, lower=lower, trans=0 if lower else 1)
    return triangular_solve(factor, first, lower=lower, trans=1 if lower else 0)


# -- general systems


def _solve_layout(node: Node) -> Layout:
    a, b = node.inputs
    n, columns = b.shape[-2:]
    scratch = (TensorType(node.dtype, (n, n)), TensorType(INT64, (n,)))
    native = "solve" if is_large(48, n) else ""
    return Layout((count_of(a), n, columns), (items_of(a), items_of(b), items_of(b)), scratch, native)


def _solve_across(ct: Node, out: Node, a: Node, b: Node) -> Node:
    return build(_SOLVE, [swap_last(a), ct])


_SOLVE: Op = define(
    Op(
        name="solve",
        infer=infer_last,
        evaluate=np.linalg.solve,
        vjp=(
            lambda ct, out, a, b: -(_solve_across(ct, out, a, b) @ swap_last(out)),
            _solve_across,
        ),
        lowering=Routine(elimination.solve, _solve_layout, SINGULAR),
        flops=lambda node: count_of(node) * node.shape[-2] * node.shape[-2] * (node.shape[-2] + 2 * node.shape[-1]),
        batch=attributes(),
    )
)


def solve(a: Operand, b: Operand) -> Node:
    """x with a x = b for (batches of) square matrices. ``b`` is a vector if it has one axis, else (a batch of)
    matrices, as in NumPy 2.

    d/db = a^-T ct, d/da = -(a^-T ct) x^T. Raises LinAlgError when run on a singular matrix.

    >>> import symdiff as sd
    >>> sd.solve(sd.input("a", (3, 3)), sd.input("b", (sd.dim("n"), 3, 2))).type.shape
    (Dim(n), 3, 2)
    """
    return _solved("solve", _SOLVE, a, b, {})


def _solved(name: str, op: Op, a: Operand, b: Operand, attrs: dict[str, Any]) -> Node:
    right = b if isinstance(b, Node) else np.asarray(b)
    if right.ndim == 1:
        return squeeze(_solved(name, op, a, expand_dims(b, 1), attrs), -1)
    left, right = square(name, a, b)
    if left.shape[-1] != right.shape[-2]:
        problem = f"sizes differ: {describe(left)} and {describe(right)} ({left.shape[-1]} != {right.shape[-2]})"
        raise ShapeError(explain(name, problem, at=here()))
    if left.ndim == 2 and right.ndim > 2:
        return _one_for_all(op, left, right, attrs)
    return build(op, list(with_common_batch(name, left, right)), attrs)


def _one_for_all(op: Op, a: Node, b: Node, attrs: dict[str, Any]) -> Node:
    """One matrix for a batch of right-hand sides: they become columns of one, and it is factorised once."""
    from .manipulate import moveaxis

    side_by_side = moveaxis(b, -2, 0)
    rest = side_by_side.shape[1:]
    columns: Any = 1
    for size in rest:
        columns = columns * size
    x = build(op, [a, reshape(side_by_side, (a.shape[0], columns))], attrs)
    return moveaxis(reshape(x, (a.shape[0], *rest)), 0, -2)


# -- inverses


def _identity_like(a: Node) -> Node:
    return broadcast_to(eye(a.shape[-1], dtype=a.dtype), a.shape)


def _inverse_back(ct: Node, out: Node, a: Node) -> Node:
    across = swap_last(out)
    return -(across @ ct @ across)


_INV = define(
    Op(
        name="inv",
        infer=infer_first,
        evaluate=np.linalg.inv,
        vjp=(_inverse_back,),
        lowering=Expand(lambda node: build(_SOLVE, [node.inputs[0], _identity_like(node.inputs[0])])),
        flops=lambda node: 2 * count_of(node) * node.shape[-1] * node.shape[-1] * node.shape[-1],
        batch=attributes(),
    )
)


def inv(a: Operand) -> Node:
    """The inverse of (a batch of) square matrices: d = -a^-T ct a^-T. Raises LinAlgError when run on a singular matrix.

    >>> import symdiff as sd
    >>> sd.inv(sd.input("a", (sd.dim("n"), 3, 3))).type.shape
    (Dim(n), 3, 3)
    """
    (node,) = square("inv", a)
    return build(_INV, [node])
