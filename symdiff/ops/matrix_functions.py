"""Functions of square matrices: powers, the exponential, chains of products, systems over several axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.dim import product
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Layout, Op, Routine
from ..core.provenance import here
from ..core.types import TensorType
from ..routines import exponential
from .batching import attributes
from .convert import as_node, like
from .create import eye
from .einsum import einsum
from .manipulate import moveaxis
from .matrices import Array, count_of, infer_first, items_of, square
from .record import define
from .shape import broadcast_to, concat, reshape, swap_last
from .slicing import slice_axis
from .solvers import inv, solve

# -- expm


def _np_expm(a: Array) -> Array:
    """As the routine, for all items at once: scaled until the [9/9] approximant is exact, then squared."""
    n = a.shape[-1]
    norm = np.abs(a).sum(-2).max(-1, initial=0)
    finite = np.isfinite(norm)
    halvings = np.ceil(np.log2(np.maximum(np.where(finite, norm, 1) / 2.097847961257068, 1))).astype(int)[
        ..., None, None
    ]
    x = np.where(finite[..., None, None], a, 0) / 2.0**halvings
    power = over = under = np.broadcast_to(np.eye(n), a.shape)
    weight = 1.0
    for k in range(1, 10):
        weight *= (10 - k) / ((19 - k) * k)
        power = power @ x
        over, under = over + weight * power, under + (-1) ** k * weight * power
    found = np.linalg.solve(under, over)
    for step in range(int(halvings.max(initial=0))):
        found = np.where(step < halvings, found @ found, found)
    return np.where(finite[..., None, None], found, np.nan).astype(a.dtype)


def _along(a: Node, t: Node) -> Node:
    """The derivative of exp(a) along t, which stands in the corner of exp([[a, t], [0, a]]) (Higham, *Functions of
    Matrices*, 2008, theorem 3.6)."""
    n, last = a.shape[-1], a.ndim - 1
    top = concat([a, t], -1)
    bottom = concat([broadcast_to(like(0, a), a.shape), a], -1)
    whole = build(_EXPM, [concat([top, bottom], -2)])
    return slice_axis(slice_axis(whole, last - 1, 0, n), last, n, n)


def _expm_layout(node: Node) -> Layout:
    n, shape = node.shape[-1], items_of(node)
    return Layout((count_of(node), n), (shape, shape), (TensorType(node.dtype, (n, n)),) * 5)


_EXPM = define(
    Op(
        name="expm",
        infer=infer_first,
        evaluate=_np_expm,
        vjp=(lambda ct, out, a: _along(swap_last(a), ct),),
        jvp=lambda tangents, out, a: _along(a, tangents[0]),
        lowering=Routine(exponential.expm, _expm_layout),
        flops=lambda node: 24 * count_of(node) * node.shape[-1] * node.shape[-1] * node.shape[-1],
        batch=attributes(),
    )
)


def expm(a: Operand) -> Node:
    """The exponential 1 + a + a^2 / 2! + ... of (a batch of) square matrices, by scaling and squaring.

    The derivative is exact, from the exponential of a matrix twice as large. NaN and infinity give NaN.

    >>> import symdiff as sd
    >>> sd.expm(sd.input("a", (sd.dim("n"), 3, 3))).type.shape
    (Dim(n), 3, 3)
    """
    (node,) = square("expm", a)
    return build(_EXPM, [node])


# -- powers and chains


def matrix_power(a: Operand, n: int) -> Node:
    """a @ a @ ... @ a with n factors for (a batch of) square matrices, by squaring: the identity for n = 0, a power of
    the inverse for n < 0 (which raises LinAlgError when run on a singular matrix).

    >>> import symdiff as sd
    >>> sd.matrix_power(sd.input("a", (3, 3)), -2).type.shape
    (3, 3)
    """
    node = as_node(a)
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise ShapeError(explain("matrix_power", f"the exponent is an int, got {n!r}", at=here()))
    if node.ndim < 2 or node.shape[-1] != node.shape[-2]:
        raise ShapeError(explain("matrix_power", f"takes square matrices, got {describe(node)}", at=here()))
    if n == 0:
        return broadcast_to(eye(node.shape[-1], dtype=node.dtype), node.shape)
    square_of, left = (inv(node) if n < 0 else node), abs(int(n))
    found = None
    while left:
        if left % 2:
            found = square_of if found is None else found @ square_of
        left //= 2
        square_of = square_of @ square_of if left else square_of
    assert found is not None
    return found


def multi_dot(arrays: Sequence[Operand]) -> Node:
    """The product of two or more matrices, multiplied in the order that takes the fewest operations (symbolic sizes
    count as 64); the first and the last may be vectors.

    >>> import symdiff as sd
    >>> sd.linalg.multi_dot([sd.input("a", (100, 2)), sd.input("b", (2, 100)), sd.input("c", (100,))]).type.shape
    (100,)
    """
    nodes = [as_node(array) for array in arrays]
    if len(nodes) < 2:
        raise ShapeError(explain("multi_dot", f"takes two or more matrices, got {len(nodes)}", at=here()))
    for place, node in enumerate(nodes):
        inside = 0 < place < len(nodes) - 1
        if node.ndim != 2 and (inside or node.ndim != 1):
            what = "a matrix" if inside else "a vector or a matrix"
            raise ShapeError(explain("multi_dot", f"operand {place} is {what}, got {describe(node)}", at=here()))
    labels = [[place, place + 1] for place in range(len(nodes))]
    if nodes[0].ndim == 1:
        labels[0] = [1]
    if nodes[-1].ndim == 1:
        labels[-1] = [len(nodes) - 1]
    operands = [part for node, own in zip(nodes, labels, strict=True) for part in (node, own)]
    kept = [0] * (nodes[0].ndim - 1) + [len(nodes)] * (nodes[-1].ndim - 1)
    return einsum(*operands, kept, optimize="optimal")


# -- systems over several axes


def tensorinv(a: Operand, ind: int = 2) -> Node:
    """The inverse of a as a map from its last axes to its first ``ind``: tensordot(tensorinv(a), a, ind) is the
    identity."""
    node = as_node(a)
    if ind < 1:
        raise ShapeError(explain("tensorinv", f"ind is positive, got {ind}", at=here()))
    rows, columns = node.shape[:ind], node.shape[ind:]
    matrix = reshape(node, (product(rows), product(columns)))
    return reshape(inv(matrix), (*columns, *rows))


def tensorsolve(a: Operand, b: Operand, axes: Sequence[int] | None = None) -> Node:
    """x with tensordot(a, x, x.ndim) = b; ``axes`` of a are moved to its end first."""
    left, right = as_node(a), as_node(b)
    if axes is not None:
        left = moveaxis(left, list(axes), list(range(left.ndim - len(axes), left.ndim)))
    shape = left.shape[right.ndim :]
    matrix = reshape(left, (product(right.shape), product(shape)))
    return reshape(solve(matrix, reshape(right, -1)), shape)
