"""Determinants, their logarithms, and cofactors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.dim import Dim
from ..core.node import Node, Operand, build
from ..core.op import Attrs, Expand, Layout, Op, Routine
from ..core.types import INT64, TensorType, several
from ..routines import elimination
from .batching import attributes
from .elementwise import exp, where
from .matrices import Array, count_of, infer_first, is_large, items_of, square
from .record import define
from .reduce import sum
from .several import items
from .shape import expand_dims, swap_last
from .solvers import inv


def _number_for_each(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    return TensorType(inputs[0].dtype, inputs[0].shape[:-2])


def _layout(node: Node) -> Layout:
    (a,) = node.inputs
    n, count = a.shape[-1], count_of(a)
    scratch = (TensorType(a.dtype, (n, n)), TensorType(INT64, (n,)))
    return Layout((count, n), (items_of(a), (count,), (count,)), scratch, "slogdet" if is_large(48, n) else "")


def _elimination(node: Node) -> int | Dim:
    (a,) = node.inputs
    n = a.shape[-1]
    return count_of(a) * n * n * n


# -- det, and the matrix of cofactors, which is its gradient


def _np_cofactor(a: Array) -> Array:
    u, s, vh = np.linalg.svd(a)
    others = np.ones_like(s)
    for k in range(s.shape[-1]):
        others[..., k] = np.prod(np.delete(s, k, -1), -1)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.asarray(sign[..., None, None] * ((u * others[..., None, :]) @ vh), a.dtype)


def _cofactor_layout(node: Node) -> Layout:
    (a,) = node.inputs
    n, shape = a.shape[-1], items_of(a)
    square_scratch, positions = TensorType(a.dtype, (n, n)), TensorType(INT64, (n,))
    scratch = (square_scratch, positions, positions, square_scratch)
    return Layout((count_of(a), n), (shape, shape), scratch)


def _cofactor_back(ct: Node, out: Node, a: Node) -> Node:
    """Of det(a) a^-T, for a matrix that is not singular."""
    across = swap_last(inv(a))
    along = sum(ct * out, axis=(-2, -1), keepdims=True)
    return across * along - out @ swap_last(ct) @ across


_COFACTOR = define(
    Op(
        name="cofactor",
        infer=infer_first,
        evaluate=_np_cofactor,
        vjp=(_cofactor_back,),
        lowering=Routine(elimination.cofactor, _cofactor_layout),
        flops=lambda node: 2 * count_of(node) * node.shape[-1] * node.shape[-1] * node.shape[-1],
        batch=attributes(),
    )
)


def _from_logarithm(node: Node) -> Node:
    sign, logarithm = slogdet(node.inputs[0])
    return sign * exp(logarithm)


_DET = define(
    Op(
        name="det",
        infer=_number_for_each,
        evaluate=lambda a: np.asarray(np.linalg.det(a), a.dtype),
        vjp=(lambda ct, out, a: expand_dims(ct, (-2, -1)) * build(_COFACTOR, [a]),),
        lowering=Expand(_from_logarithm),
        flops=_elimination,
        batch=attributes(),
    )
)


def det(a: Operand) -> Node:
    """The determinant of (a batch of) square matrices; 0 for a singular one, 1 for an empty one.

    The derivative is the matrix of cofactors, det(a) a^-T where that exists, and right for singular matrices too.
    Second derivatives need the inverse: they raise LinAlgError when run on a singular matrix.

    >>> import symdiff as sd
    >>> sd.det(sd.input("a", (sd.dim("n"), 3, 3))).type.shape
    (Dim(n),)
    """
    (node,) = square("det", a)
    return build(_DET, [node])


# -- slogdet


def _np_slogdet(a: Array) -> tuple[Array, Array]:
    sign, logarithm = np.linalg.slogdet(a)
    return np.asarray(sign, a.dtype), np.asarray(logarithm, a.dtype)


def _slogdet_back(cts: Sequence[Node | None], out: Node, a: Node) -> tuple[Node | None]:
    ct = cts[1]
    return (None,) if ct is None else (expand_dims(ct, (-2, -1)) * swap_last(inv(a)),)


_SLOGDET = define(
    Op(
        name="slogdet",
        infer=lambda inputs, attrs: several(*[_number_for_each(inputs, attrs)] * 2),
        evaluate=_np_slogdet,
        vjp=(_slogdet_back,),
        lowering=Routine(elimination.slogdet, _layout),
        flops=_elimination,
        batch=attributes(),
    )
)


def slogdet(a: Operand) -> tuple[Node, Node]:
    """Sign and logarithm of the absolute value of the determinant of (a batch of) square matrices: det = sign *
    exp(logarithm). (0, -inf) for a singular matrix.

    The sign has derivative 0, the logarithm a^-T, which raises LinAlgError when run on a singular matrix.

    >>> import symdiff as sd
    >>> sign, logarithm = sd.slogdet(sd.input("a", (3, 3)))
    >>> logarithm.type.shape
    ()
    """
    (node,) = square("slogdet", a)
    sign, logarithm = items(build(_SLOGDET, [node]))
    return sign, logarithm


def logdet(a: Operand) -> Node:
    """log det a, for (a batch of) matrices with a positive determinant; NaN where it is negative, -inf where it is
    0."""
    sign, logarithm = slogdet(a)
    return where(sign < 0, float("nan"), logarithm)
