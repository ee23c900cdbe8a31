"""Products of vectors and arrays, under NumPy's names: each is a product of matrices, or of elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import DTypeError, ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import BOOL, normal_axes, normal_axis
from .contraction import Labels, contract
from .convert import as_node, promote
from .linalg import matmul
from .manipulate import moveaxis, ravel
from .record import build_astype
from .reduce import sum
from .shape import broadcast_to, expand_dims, permute_dims, reshape, squeeze, stack
from .slicing import slice_axis


def _numbers(name: str, a: Operand, b: Operand) -> tuple[Node, Node]:
    x, y = promote(name, a, b)
    if x.dtype == BOOL:
        raise DTypeError(explain(name, f"takes numbers: {describe(x)} and {describe(y)}", at=here()))
    return x, y


def dot(a: Operand, b: Operand) -> Node:
    """NumPy's dot: of vectors their inner product, of matrices ``a @ b``, with a number a * b; else the sum over the
    last axis of a and the last but one of b.

    >>> import symdiff as sd
    >>> sd.dot(sd.input("a", (2, 3)), sd.input("b", (4, 3, 5))).type.shape
    (2, 4, 5)
    """
    x, y = _numbers("dot", a, b)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    if x.ndim <= 2 and y.ndim <= 2:
        return matmul(x, y)
    return tensordot(x, y, ([x.ndim - 1], [max(y.ndim - 2, 0)]))


def vdot(a: Operand, b: Operand) -> Node:
    """The sum of products of all elements, taken in order."""
    x, y = _numbers("vdot", a, b)
    return matmul(ravel(x), ravel(y))


def inner(a: Operand, b: Operand) -> Node:
    """The sum over the last axes of both; with a number a * b.

    >>> import symdiff as sd
    >>> sd.inner(sd.input("a", (2, 3)), sd.input("b", (5, 3))).type.shape
    (2, 5)
    """
    x, y = _numbers("inner", a, b)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return tensordot(x, y, ([x.ndim - 1], [y.ndim - 1]))


def outer(a: Operand, b: Operand) -> Node:
    """Every element of a (as a row of numbers) times every element of b: a matrix."""
    x, y = _numbers("outer", a, b)
    return expand_dims(ravel(x), 1) * ravel(y)


def tensordot(a: Operand, b: Operand, axes: Any = 2) -> Node:
    """The sum over the named axes of a and of b, pair by pair; an int takes the last axes of a and the first of b.

    >>> import symdiff as sd
    >>> sd.tensordot(sd.input("a", (2, 3, 4)), sd.input("b", (4, 3, 5)), ([1, 2], [1, 0])).type.shape
    (2, 5)
    """
    x, y = _numbers("tensordot", a, b)
    what = f"tensordot of {describe(x)} and {describe(y)} at {here()}"
    if isinstance(axes, int | np.integer):
        if not 0 <= axes <= min(x.ndim, y.ndim):
            raise ShapeError(f"{what}: there are no {axes} axes in both")
        axes = list(range(x.ndim - int(axes), x.ndim)), list(range(int(axes)))
    of_x, of_y = (_in_order(one, node.ndim, what) for one, node in zip(axes, (x, y), strict=True))
    if len(of_x) != len(of_y) or any(x.shape[i] != y.shape[j] for i, j in zip(of_x, of_y, strict=True)):
        raise ShapeError(f"{what}: axes {of_x} and {of_y} do not have the same sizes")
    own: Labels = tuple(range(x.ndim))
    other: Labels = tuple(of_x[of_y.index(axis)] if axis in of_y else x.ndim + axis for axis in range(y.ndim))
    kept = [label for label in (*own, *other) if label not in of_x]
    found, labels = contract(x, own, y, other, kept)
    return permute_dims(found, [labels.index(label) for label in kept])


def _in_order(axes: Any, rank: int, what: str) -> list[int]:
    """Axes as they were given, each named once."""
    given: list[int] = [int(axes)] if isinstance(axes, int | np.integer) else list(axes)
    normal_axes(given, rank, what)
    return [normal_axis(axis, rank, what) for axis in given]


def vecdot(x1: Operand, x2: Operand, axis: int = -1) -> Node:
    """The sum of products along one axis; the others broadcast."""
    x, y = _numbers("vecdot", x1, x2)
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError(explain("vecdot", f"takes vectors: {describe(x)} and {describe(y)}", at=here()))
    x, y = moveaxis(x, axis, -1), moveaxis(y, axis, -1)
    if x.shape[-1] != y.shape[-1]:
        problem = f"sizes differ along the axis: {describe(x)} and {describe(y)}"
        raise ShapeError(explain("vecdot", problem, at=here()))
    return build_astype(sum(x * y, axis=-1), x.dtype)


def matvec(x1: Operand, x2: Operand) -> Node:
    """(Batches of) matrices times (batches of) vectors, which are the last axis of the second."""
    return squeeze(matmul(as_node(x1), expand_dims(x2, -1)), -1)


def vecmat(x1: Operand, x2: Operand) -> Node:
    """(Batches of) vectors, which are the last axis of the first, times (batches of) matrices."""
    return squeeze(matmul(expand_dims(x1, -2), as_node(x2)), -2)


def kron(a: Operand, b: Operand) -> Node:
    """Kronecker's product: every element of a replaced by itself times b. The shorter shape gets leading ones.

    >>> import symdiff as sd
    >>> sd.kron(sd.input("a", (2, 3)), sd.input("b", (4, 5))).type.shape
    (8, 15)
    """
    x, y = _numbers("kron", a, b)
    rank = max(x.ndim, y.ndim)
    x, y = (reshape(node, (*(1,) * (rank - node.ndim), *node.shape)) for node in (x, y))
    apart = expand_dims(x, range(1, 2 * rank, 2)) * expand_dims(y, range(0, 2 * rank, 2))
    return reshape(apart, [p * q for p, q in zip(x.shape, y.shape, strict=True)])


def cross(a: Operand, b: Operand, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Node:
    """The cross product of vectors of 3 along ``axisa`` and ``axisb``, to stand along ``axisc``; ``axis`` names all
    three. Other axes broadcast. A vector of 2 has 0 as its third component; of two such vectors the third component of
    the product is the result.

    >>> import symdiff as sd
    >>> sd.cross(sd.input("a", (sd.dim("n"), 3)), sd.input("b", (3,))).type.shape
    (Dim(n), 3)
    """
    x, y = _numbers("cross", a, b)
    if axis is not None:
        axisa = axisb = axisc = axis
    x = moveaxis(x, normal_axis(axisa, x.ndim, f"cross of {describe(x)} at {here()}"), -1)
    y = moveaxis(y, normal_axis(axisb, y.ndim, f"cross of {describe(y)} at {here()}"), -1)
    if x.shape[-1] not in (2, 3) or y.shape[-1] not in (2, 3):
        problem = f"takes vectors of 3 (or 2): {describe(x)} and {describe(y)}"
        raise ShapeError(explain("cross", problem, at=here()))
    x1, x2, x3 = _components(x)
    y1, y2, y3 = _components(y)
    third = x1 * y2 - x2 * y1
    if x.shape[-1] == y.shape[-1] == 2:
        return third
    found = stack([broadcast_to(part, third.shape) for part in (x2 * y3 - x3 * y2, x3 * y1 - x1 * y3, third)], -1)
    return moveaxis(found, -1, normal_axis(axisc, found.ndim, f"cross of {describe(x)} at {here()}"))


def _components(x: Node) -> list[Node]:
    flat = x.shape[-1] == 2
    parts = [squeeze(slice_axis(x, x.ndim - 1, k, 1), -1) for k in range(2 if flat else 3)]
    return [*parts, parts[0] * 0] if flat else parts
