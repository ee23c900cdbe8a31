"""Norms of matrices, those of singular values included, and condition numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import normal_axis
from .convert import as_node
from .elementwise import abs
from .manipulate import moveaxis
from .matrices import real_matrices
from .norms import vector_norm
from .reduce import max, min, sum
from .shape import expand_dims, squeeze
from .slicing import slice_axis
from .solvers import inv
from .spectra import svdvals

_ORDERS = ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)


def matrix_norm(x: Operand, *, keepdims: bool = False, ord: Any = "fro") -> Node:
    """The norm of (a batch of) matrices: "fro" the root of the sum of squares, "nuc" the sum of singular values, 2 and
    -2 the largest and smallest singular value, 1 and -1 the largest and smallest sum of |x| in a column, inf and -inf
    in a row.

    Where singular values meet in a largest or smallest one, 2 and -2 have the derivative of one of them. Where the norm
    "fro" is 0, so is its derivative.

    >>> import symdiff as sd
    >>> sd.linalg.matrix_norm(sd.input("x", (sd.dim("n"), 4, 3)), ord="nuc").type.shape
    (Dim(n),)
    """
    (node,) = real_matrices("matrix_norm", x)
    if ord not in _ORDERS:
        listed = ", ".join(map(repr, _ORDERS))
        raise ShapeError(explain("matrix_norm", f"ord is one of {listed}, got {ord!r}", at=here()))
    last = node.ndim - 1
    if ord == "fro":
        return vector_norm(node, (last - 1, last), keepdims)
    if ord in ("nuc", 2, -2):
        values = svdvals(node)
        found = sum(values, axis=-1) if ord == "nuc" else _end(values, first=ord == 2)
    else:
        totals = sum(abs(node), axis=last - 1 if math.fabs(ord) == 1 else last)
        found = (max if ord > 0 else min)(totals, axis=-1)
    return expand_dims(found, (-2, -1)) if keepdims else found


def _end(values: Node, first: bool) -> Node:
    """The first or the last of each row."""
    axis = values.ndim - 1
    return squeeze(slice_axis(values, axis, 0 if first else values.shape[-1] - 1, 1), -1)


def norm(x: Operand, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Node:
    """NumPy's ``linalg.norm``: of a vector with one axis, of a matrix with two.

    Without ``ord`` and ``axis`` all elements are one vector. Orders of vectors are those of ``vector_norm``, by default
    2; those of matrices are those of ``matrix_norm``, by default "fro". Where the norm is 0, so is the derivative.

    >>> import symdiff as sd
    >>> sd.norm(sd.input("x", (4, 3)), axis=1).type.shape
    (4,)
    """
    node = as_node(x)
    if ord is None and axis is None:
        return vector_norm(node, None, keepdims)
    given = range(node.ndim) if axis is None else [int(axis)] if isinstance(axis, int | np.integer) else list(axis)
    axes = [normal_axis(one, node.ndim, f"norm of {describe(node)} at {here()}") for one in given]
    if len(axes) == 1:
        return vector_norm(node, axes[0], keepdims, 2 if ord is None else ord)
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ShapeError(explain("norm", f"takes one axis or two, got {axes} of {describe(node)}", at=here()))
    found = matrix_norm(moveaxis(node, axes, (-2, -1)), ord="fro" if ord is None else ord)
    return expand_dims(found, sorted(axes)) if keepdims else found


def cond(x: Operand, p: Any = None) -> Node:
    """The condition number of (a batch of) matrices in the norm ``p``: |x| |x^-1|; by default (and for 2) the largest
    singular value over the smallest, for -2 the other way round. A singular matrix has infinity with 2, and raises
    LinAlgError when run with other norms than those two.

    >>> import symdiff as sd
    >>> sd.linalg.cond(sd.input("x", (3, 3)), 1).type.shape
    ()
    """
    (node,) = real_matrices("cond", x)
    if p in (None, 2, -2):
        values = svdvals(node)
        largest, smallest = _end(values, first=True), _end(values, first=False)
        return smallest / largest if p == -2 else largest / smallest
    return matrix_norm(node, ord=p) * matrix_norm(inv(node), ord=p)
