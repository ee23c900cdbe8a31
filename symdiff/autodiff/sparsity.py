"""Which elements of one node depend on which elements of another: sets of indices, carried through the graph.

The pattern found holds every derivative that can be other than zero, whatever the values are: it is exact through
elementwise operators, moves at known positions, sums and products with constants, and counts on everything where an
operator is not known to be sparse.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import GradientError, explain
from ..core.node import Node, describe
from ..core.op import (
    Concat,
    Elementwise,
    Expand,
    Gather,
    Matmul,
    NotDifferentiable,
    Place,
    Reduction,
    Reshape,
    Scatter,
    View,
)
from ..core.provenance import here
from ..core.traversal import toposort
from ..interpret import interpret
from ..ops.convert import constant
from ..passes.constants import is_static, known
from .reverse import rule_of

Indices = np.ndarray[Any, np.dtype[np.int64]]


class Pattern(NamedTuple):
    """The places (row, column) of a matrix that may be other than zero: sorted by row, then column, each once."""

    rows: Indices
    columns: Indices
    shape: tuple[int, int]

    @property
    def starts(self) -> Indices:
        """Where each row begins, and where the last one ends."""
        return np.searchsorted(self.rows, np.arange(self.shape[0] + 1)).astype(np.int64)

    def take(self, sources: Indices) -> Pattern:
        """The matrix whose row i is row ``sources[i]`` of this one; none where that is negative."""
        starts, sources = self.starts, np.asarray(sources, np.int64).ravel()
        there = sources >= 0
        first = np.where(there, starts[np.maximum(sources, 0)], 0) if self.shape[0] else np.zeros_like(sources)
        counts = np.where(there, starts[np.maximum(sources, 0) + 1] - first, 0) if self.shape[0] else first
        rows = np.repeat(np.arange(sources.size), counts)
        within = np.arange(rows.size) - np.repeat(np.cumsum(counts) - counts, counts)
        return Pattern(rows, self.columns[np.repeat(first, counts) + within], (sources.size, self.shape[1]))

    def put(self, targets: Indices, size: int) -> Pattern:
        """The matrix of ``size`` rows to whose row ``targets[i]`` row i of this one is added."""
        return sorted_pattern(np.asarray(targets, np.int64).ravel()[self.rows], self.columns, (size, self.shape[1]))

    @property
    def T(self) -> Pattern:
        return sorted_pattern(self.columns, self.rows, (self.shape[1], self.shape[0]))


def sorted_pattern(rows: Any, columns: Any, shape: tuple[int, int]) -> Pattern:
    """A pattern of places in any order, some of them twice."""
    places = np.unique(np.asarray(rows, np.int64) * shape[1] + np.asarray(columns, np.int64))
    return Pattern(places // max(shape[1], 1), places % max(shape[1], 1), shape)


def jacobian_pattern(y: Node, x: Node) -> Pattern:
    """The places of the Jacobian of y by x, both flattened, that may be other than zero. Sizes must be numbers."""
    for node in (y, x):
        if not is_static(node):
            problem = f"the sizes of a sparse Jacobian are numbers, got {describe(node)}"
            raise GradientError(explain("jacobian", problem, at=here()))
    own = np.arange(_size(x))
    identity = Pattern(own, own, (own.size, own.size))
    nothing = np.zeros(0, np.int64)
    found = _carried(y, {x: identity}).get(y)
    return Pattern(nothing, nothing, (_size(y), own.size)) if found is None else found


def _carried(y: Node, given: Mapping[Node, Pattern]) -> dict[Node, Pattern]:
    """The patterns of the nodes under y, from those that are given."""
    found = dict(given)
    for node in toposort([y], stop=given):
        active = [k for k in range(len(node.inputs)) if node.inputs[k] in found and _has_derivative(node, k)]
        if active:
            found[node] = _pattern(node, {k: found[node.inputs[k]] for k in active})
    return found


def _has_derivative(node: Node, k: int) -> bool:
    return node.type.is_float and not isinstance(rule_of(node, k), NotDifferentiable)


def _pattern(node: Node, operands: Mapping[int, Pattern]) -> Pattern:
    """The pattern of a node, from those of the operands that it depends on."""
    if not is_static(node) or not all(map(is_static, node.inputs)):
        problem = f"the sizes below a sparse Jacobian are numbers, got {describe(node)}"
        raise GradientError(explain("jacobian", problem, at=node.origin.place))
    form = _FORMS.get(type(node.op.lowering))
    parts = None if form is None else form(node, operands)
    return _united(parts) if parts else _united([_dense(node, operands)])


def _united(parts: Sequence[Pattern]) -> Pattern:
    if len(parts) == 1:
        return parts[0]
    rows, columns = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    return sorted_pattern(rows, columns, parts[0].shape)


def _dense(node: Node, operands: Mapping[int, Pattern]) -> Pattern:
    """Every element depends on all that any element of an operand depends on."""
    columns = np.unique(np.concatenate([pattern.columns for pattern in operands.values()]))
    rows = np.arange(_size(node))
    width = next(iter(operands.values())).shape[1]
    return Pattern(np.repeat(rows, columns.size), np.tile(columns, rows.size), (rows.size, width))


def shape_of(node: Node) -> tuple[int, ...]:
    """The shape of a node whose sizes are numbers."""
    return tuple(int(size) for size in node.shape if isinstance(size, int))


def _size(node: Node) -> int:
    return math.prod(shape_of(node))


def _ids(node: Node, start: int = 0) -> Indices:
    """The number of every element, in its place."""
    return np.arange(start, start + _size(node)).reshape(shape_of(node))


# -- the forms: the parts that a pattern is made of, or None where nothing is known


def _elementwise(node: Node, operands: Mapping[int, Pattern]) -> list[Pattern]:
    return [pattern.take(np.broadcast_to(_ids(node.inputs[k]), shape_of(node))) for k, pattern in operands.items()]


def _moved(node: Node, operands: Mapping[int, Pattern]) -> list[Pattern] | None:
    """Elements at other places; positions have to be constants. Zeros come from nowhere."""
    others = [known(parent) for parent in node.inputs[1:]]
    if any(array is None for array in others):
        return None
    return [operands[0].take(np.asarray(node.op.evaluate(_ids(node.inputs[0]) + 1, *others, **node.attrs)) - 1)]


def _joined(node: Node, operands: Mapping[int, Pattern]) -> list[Pattern]:
    whole = []
    for k, pattern in operands.items():
        ids = [_ids(parent) + 1 if place == k else 0 * _ids(parent) for place, parent in enumerate(node.inputs)]
        whole.append(pattern.take(np.asarray(node.op.evaluate(*ids, **node.attrs)) - 1))
    return whole


def _added(node: Node, operands: Mapping[int, Pattern]) -> list[Pattern] | None:
    """Elements added at constant positions: where each goes is what the transpose reads for it."""
    if any(known(parent) is None for parent in node.inputs[1:]):
        return None
    transpose = node.op.vjp[0]
    assert not isinstance(transpose, NotDifferentiable)
    (targets,) = interpret([transpose(constant(_ids(node).astype(np.float64)), node, *node.inputs)], _values(node), {})
    return [operands[0].put(targets.astype(np.int64), _size(node))]


def _values(node: Node) -> dict[Node, np.ndarray[Any, Any]]:
    return {parent: array for parent in node.inputs if (array := known(parent)) is not None}


def _reduced(node: Node, operands: Mapping[int, Pattern]) -> list[Pattern]:
    shape, axes = shape_of(node.inputs[0]), node.attrs["axis"]
    kept = [1 if axis in axes else size for axis, size in enumerate(shape)]
    targets = np.broadcast_to(_ids(node).reshape(kept), shape)
    return [operands[0].put(targets, _size(node))]


def _product(node: Node, operands: Mapping[int, Pattern]) -> list[Pattern]:
    """out[i, j] depends on b[k, j] where a[i, k] is not the constant 0, and the other way round."""
    batch, outs, parts = shape_of(node)[:-2], _ids(node), []
    for k, pattern in operands.items():
        mine, other = node.inputs[k], node.inputs[1 - k]
        value, ids = known(other), np.broadcast_to(_ids(mine), (*batch, *shape_of(mine)[-2:]))
        there = np.ones(shape_of(other), np.bool_) if value is None else value != 0
        places = np.nonzero(np.broadcast_to(there, (*batch, *there.shape[-2:])))
        outer, (row, column) = places[:-2], places[-2:]
        everything: Any = slice(None)
        if k == 1:
            parts.append(pattern.take(ids[(*outer, column)]).put(outs[(*outer, row)], outs.size))
        else:
            sources, targets = ids[(*outer, everything, row)], outs[(*outer, everything, column)]
            parts.append(pattern.take(sources).put(targets, outs.size))
    return parts


def _written_out(node: Node, operands: Mapping[int, Pattern]) -> list[Pattern] | None:
    assert isinstance(node.op.lowering, Expand)
    formula = node.op.lowering.formula(node)
    found = _carried(formula, {node.inputs[k]: pattern for k, pattern in operands.items()}).get(formula)
    return None if found is None else [found]


_FORMS: dict[type[Any], Callable[[Node, Mapping[int, Pattern]], list[Pattern] | None]] = {
    Elementwise: _elementwise,
    View: _moved,
    Reshape: _moved,
    Gather: _moved,
    Place: _moved,
    Concat: _joined,
    Scatter: _added,
    Reduction: _reduced,
    Matmul: _product,
    Expand: _written_out,
}
