"""What the operators on (batches of) matrices share: their operands, and the sizes their routines work on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, never_exceeds, product
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.op import Attrs
from ..core.provenance import here
from ..core.types import FLOAT64, Shape, TensorType, broadcast
from .convert import promote
from .create import on_diagonal
from .diagonal import tril, triu
from .elementwise import where
from .record import build_astype
from .shape import broadcast_to, swap_last

Array = np.ndarray[Any, Any]


def real_matrices(name: str, *operands: Operand) -> list[Node]:
    """Operands as (batches of) matrices of one float dtype; integers become float64."""
    nodes = [node if node.type.is_float else build_astype(node, FLOAT64) for node in promote(name, *operands)]
    for node in nodes:
        if node.ndim < 2:
            raise ShapeError(explain(name, f"takes (a batch of) matrices, got {describe(node)}", at=here()))
    return nodes


def square(name: str, *operands: Operand) -> list[Node]:
    """As ``real_matrices``, the first one square."""
    nodes = real_matrices(name, *operands)
    rows, columns = nodes[0].shape[-2:]
    if rows != columns:
        problem = f"takes square matrices, got {describe(nodes[0])} ({rows} != {columns})"
        raise ShapeError(explain(name, problem, at=here()))
    return nodes


def with_common_batch(name: str, a: Node, b: Node) -> tuple[Node, Node]:
    """Both with the batch that theirs broadcast to."""
    batch = broadcast([a.shape[:-2], b.shape[:-2]])
    if batch is None:
        problem = f"batch sizes do not broadcast: {describe(a)} and {describe(b)}"
        raise ShapeError(explain(name, problem, at=here()))
    return broadcast_to(a, (*batch, *a.shape[-2:])), broadcast_to(b, (*batch, *b.shape[-2:]))


def smaller(name: str, x: Node) -> int | Dim:
    """min(rows, columns); where sizes are symbolic, one must be known to be the smaller."""
    rows, columns = x.shape[-2:]
    if never_exceeds(columns, rows):
        return columns
    if never_exceeds(rows, columns):
        return rows
    raise ShapeError(explain(name, f"of {describe(x)}: the length min({rows}, {columns}) is no size", at=here()))


def infer_first(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    return inputs[0].type


def infer_last(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    return inputs[-1].type


def count_of(x: Node, own: int = 2) -> int | Dim:
    """How many items a batch has, each of the last ``own`` axes."""
    return product(x.shape[: x.ndim - own])


def items_of(x: Node, own: int = 2) -> Shape:
    """The shape a routine sees: all items of a batch in a row."""
    return (count_of(x, own), *x.shape[x.ndim - own :])


def is_large(least: int, *sizes: int | Dim) -> bool:
    """Whether matrices of these sizes are for LAPACK; symbolic ones are taken for large."""
    return all(isinstance(size, Dim) or size >= least for size in sizes)


def digits_of(x: Node) -> int:
    """Binary digits of a float."""
    return int(np.finfo(x.dtype).nmant) + 1


# -- parts of matrices in derivatives


def half_triangle(x: Node) -> Node:
    """The lower triangle with half of the diagonal: what L of dL makes of L^-1 dA L^-T (Murray 2016)."""
    return where(on_diagonal(*x.shape[-2:]), x * 0.5, tril(x))


def onto_triangle(x: Node, lower: bool) -> Node:
    """The cotangent of a matrix of which one triangle is read, given that of the whole symmetric one."""
    both = x + swap_last(x)
    return where(on_diagonal(*x.shape[-2:]), x, tril(both) if lower else triu(both))
