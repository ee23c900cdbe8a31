"""Which values must have memory, whatever fusion makes of the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ..core.node import Node
from ..core.op import Branch, Elementwise, Gather, InRange, Matmul, Place, Repeat, Reshape, Routine, Scatter, View
from .trace import FLOATING, index_source, is_array_leaf, is_expensive

CLOSURE_LIMIT = 32  # floating nodes an expression may pull in before a part of it gets memory
RECOMPUTE_LIMIT = 4  # cheap operations done again rather than stored and loaded

_ON_ARRAYS = frozenset((Routine, Repeat, Branch))
_AT_INDICES = frozenset((Gather, Scatter))
_MOVED = frozenset((Gather, Place))
_REPEATING = frozenset((Elementwise, View))


def forced(roots: Sequence[Node], order: Sequence[Node]) -> set[Node]:
    """The nodes among ``order`` that must have memory: results, operands of products and of indexing, what would be
    computed again and again, parts of expressions that are too long."""
    found = {root for root in roots if not is_array_leaf(root)}
    closure: dict[Node, set[Node]] = {}
    for node in order:
        kind = type(node.op.lowering)
        if kind is Matmul:
            found.update(matrix_of(parent)[0] for parent in node.inputs)
        elif kind is Reshape:
            found.add(node.inputs[0])
        elif kind in _ON_ARRAYS:
            found.update(node.inputs)
        elif kind is InRange:
            found.add(index_source(node.inputs[0]))
        elif kind in _AT_INDICES:
            found.update(_index_operand(node))
        if kind in _MOVED and _is_involved(closure.get(node.inputs[0], ())):
            found.add(node.inputs[0])
        if kind in _REPEATING:
            for parent in node.inputs:
                if parent in closure and _repeats_rows(parent, node) and any(map(is_expensive, closure[parent])):
                    found.add(parent)
        if kind in FLOATING:
            closure[node] = _closure(node, closure, found)
    return {node for node in found if not is_array_leaf(node)}


def matrix_of(node: Node) -> tuple[Node, bool]:
    """The node behind a transposed operand of a product, and whether it was transposed."""
    rank = node.ndim
    swapped = (*range(rank - 2), rank - 1, rank - 2)
    if node.op.name == "permute_dims" and node.attrs["axes"] == swapped:
        return node.inputs[0], True
    return node, False


def _is_involved(closure: Collection[Node]) -> bool:
    """Too much to write out at every place it is read at."""
    return len(closure) > RECOMPUTE_LIMIT or any(map(is_expensive, closure))


def _closure(node: Node, closure: Mapping[Node, set[Node]], found: set[Node]) -> set[Node]:
    """A floating node and those below; when there are too many, the operands get memory."""
    below = {node}
    for parent in node.inputs:
        if parent in closure and parent not in found:
            below |= closure[parent]
    if len(below) > CLOSURE_LIMIT:
        found.update(parent for parent in node.inputs if parent in closure)
        return {node}
    return below


def _index_operand(node: Node) -> Iterable[Node]:
    indices = index_source(node.inputs[1])
    return () if isinstance(indices.op.lowering, InRange) else (indices,)


def _repeats_rows(operand: Node, user: Node) -> bool:
    """The user repeats the operand along its leading axis: computed in place, it would be computed for every row."""
    shape, own = user.type.shape, operand.type.shape
    if not shape or shape[0] == 1 or (len(own) == len(shape) and own[0] != 1):
        return False
    return user.op.name == "broadcast_to" or isinstance(user.op.lowering, Elementwise)
