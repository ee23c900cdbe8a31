"""Which values must have memory, whatever fusion makes of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..core.node import Node
from ..core.op import Branch, Elementwise, Gather, InRange, Matmul, Place, Repeat, Reshape, Routine, Scatter, View
from .trace import floats, index_source, is_array_leaf, is_expensive, is_scalar

CLOSURE_LIMIT = 32  # floating nodes an expression may pull in before a part of it gets memory
RECOMPUTE_LIMIT = 4  # cheap operations done again rather than stored and loaded


def forced(roots: Sequence[Node], order: Sequence[Node]) -> set[Node]:
    """The nodes among ``order`` that must have memory: results, operands of products and of indexing, what would be
    computed again and again, parts of expressions that are too long."""
    found = {root for root in roots if not is_array_leaf(root)}
    closure: dict[Node, frozenset[Node]] = {}
    for node in order:
        lowering = node.op.lowering
        if isinstance(lowering, Matmul):
            found.update(matrix_of(parent)[0] for parent in node.inputs)
        elif isinstance(lowering, Reshape):
            found.add(node.inputs[0])
        elif isinstance(lowering, Routine | Repeat | Branch):
            found.update(node.inputs)
        elif isinstance(lowering, InRange):
            found.add(index_source(node.inputs[0]))
        elif isinstance(lowering, (Gather, Scatter)):
            found.update(_index_operand(node))
        if isinstance(lowering, (Gather, Place)) and _is_involved(closure[node.inputs[0]]):
            found.add(node.inputs[0])
        if isinstance(lowering, (Elementwise, View)):
            found.update(p for p in node.inputs if _repeats_rows(p, node) and any(map(is_expensive, closure[p])))
        closure[node] = _closure(node, closure, found)
    return {node for node in found if not is_array_leaf(node)}


def matrix_of(node: Node) -> tuple[Node, bool]:
    """The node behind a transposed operand of a product, and whether it was transposed."""
    rank = node.ndim
    swapped = (*range(rank - 2), rank - 1, rank - 2)
    if node.op.name == "permute_dims" and node.attrs["axes"] == swapped:
        return node.inputs[0], True
    return node, False


def _is_involved(closure: frozenset[Node]) -> bool:
    """Too much to write out at every place it is read at."""
    return len(closure) > RECOMPUTE_LIMIT or any(map(is_expensive, closure))


def _closure(node: Node, closure: dict[Node, frozenset[Node]], found: set[Node]) -> frozenset[Node]:
    """Floating nodes below; when there are too many, the operands get memory."""
    if not floats(node) or is_scalar(node):
        return frozenset()
    below = frozenset((node,)).union(*(closure[p] for p in node.inputs if p not in found))
    if len(below) > CLOSURE_LIMIT:
        found.update(parent for parent in node.inputs if floats(parent) and not is_scalar(parent))
        return frozenset((node,))
    return below


def _index_operand(node: Node) -> Iterable[Node]:
    indices = index_source(node.inputs[1])
    return () if isinstance(indices.op.lowering, InRange) else (indices,)


def _repeats_rows(operand: Node, user: Node) -> bool:
    """The user repeats the operand along its leading axis: computed in place, it would be computed for every row."""
    if user.op.name != "broadcast_to" and not isinstance(user.op.lowering, Elementwise):
        return False
    if not user.ndim or user.shape[0] == 1:
        return False
    return operand.ndim < user.ndim or operand.shape[0] == 1
