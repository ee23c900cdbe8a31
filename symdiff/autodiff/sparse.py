"""Sparse Jacobians and Hessians: columns that share no row are computed together, and come out as parts of a CSR
matrix."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import GradientError, explain
from ..core.node import Node
from ..core.provenance import here
from ..ops.convert import constant
from ..ops.create import arange
from ..ops.elementwise import equal
from ..ops.index import take
from ..ops.record import build_astype
from ..ops.shape import expand_dims, reshape
from .batch import batched
from .colouring import column_colours, star_colours
from .forward import jvp
from .placeholder import placeholder
from .reverse import vjp
from .sparsity import Indices, Pattern, jacobian_pattern, shape_of, sorted_pattern


class SparseMatrix(NamedTuple):
    """Parts of a matrix in compressed rows: ``data`` is a node, the structure is arrays. With the value of ``data``,
    ``scipy.sparse.csr_matrix((value, indices, indptr), shape)`` is the matrix. ``colours`` is how many products with
    a vector it takes to compute it."""

    data: Node
    indices: Indices
    indptr: Indices
    shape: tuple[int, int]
    colours: int


def sparse_jacobian(y: Node, x: Node, pattern: Any, mode: str) -> SparseMatrix:
    """By columns in forward mode or by rows in reverse mode, whichever takes fewer colours."""
    places = jacobian_pattern(y, x) if pattern is None else _given(pattern, y, x)
    columns = column_colours(places) if mode != "reverse" else None
    densest = np.bincount(places.columns).max(initial=0)  # rows need a colour for each entry of a column
    enough = mode == "forward" or (columns is not None and _count(columns) <= densest)
    rows = None if enough else column_colours(places.T)
    if columns is not None and (rows is None or _count(columns) <= _count(rows)):
        compressed = _compressed(lambda t: jvp(y, x, t, unused="zero"), x, columns)
        return _matrix(compressed, columns[places.columns], places.rows, places, _count(columns))
    assert rows is not None
    compressed = _compressed(lambda ct: vjp(y, x, ct, unused="zero"), y, rows)
    return _matrix(compressed, rows[places.rows], places.columns, places, _count(rows))


def sparse_hessian(gradient: Node, x: Node, pattern: Any) -> SparseMatrix:
    """By a star colouring: an entry that shares its row and colour with another is read in the transposed place."""
    places = jacobian_pattern(gradient, x) if pattern is None else _given(pattern, gradient, x)
    rows, columns = (np.concatenate([places[a], places[b]]) for a, b in ((0, 1), (1, 0)))
    places = sorted_pattern(rows, columns, places.shape)
    colours = star_colours(places)
    cell = places.rows * _count(colours) + colours[places.columns]
    alone = np.bincount(cell, minlength=1)[cell] == 1
    colour = np.where(alone, colours[places.columns], colours[places.rows])
    row = np.where(alone, places.rows, places.columns)
    compressed = _compressed(lambda t: jvp(gradient, x, t, unused="zero"), x, colours)
    return _matrix(compressed, colour, row, places, _count(colours))


def _count(colours: Indices) -> int:
    return int(colours.max(initial=-1)) + 1


def _compressed(product: Callable[[Node], Node], node: Node, colours: Indices) -> Node:
    """The products with the sums of the unit vectors of each colour, one after the other, flattened."""
    seeds = equal(expand_dims(arange(_count(colours)), 1), constant(colours.astype(np.int64)))
    vectors = reshape(build_astype(seeds, node.dtype), (_count(colours), *node.shape))
    t = placeholder(node.type, "seed")
    return reshape(batched(product(t), {t: vectors}), -1)


def _matrix(compressed: Node, colour: Indices, place: Indices, places: Pattern, count: int) -> SparseMatrix:
    length = compressed.shape[0]
    assert isinstance(length, int)
    data = take(compressed, constant(colour * (length // max(count, 1)) + place), axis=0)
    return SparseMatrix(data, places.columns, places.starts, places.shape, count)


def _given(pattern: Any, y: Node, x: Node) -> Pattern:
    """A pattern of the user's: an array (or SciPy matrix) that is not zero where an entry may be."""
    dense = pattern if isinstance(pattern, np.ndarray) else pattern.toarray()
    shape = (math.prod(shape_of(y)), math.prod(shape_of(x)))
    if dense.shape != shape:
        problem = f"the pattern has shape {dense.shape}, the Jacobian {shape}"
        raise GradientError(explain("jacobian", problem, at=here()))
    rows, columns = np.nonzero(dense)
    return sorted_pattern(rows, columns, shape)
