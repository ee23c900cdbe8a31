"""The last graph before kernels: composite operators written out, reshapes that are views made views."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from ..core.dim import product
from ..core.node import Node
from ..core.op import ArgReduction, Expand, Leaf, Matmul, Reduction, Reshape, Scatter
from ..core.provenance import inherit, rewritten
from ..core.traversal import toposort, with_inputs
from ..ops.convert import CONSTANT, constant
from ..ops.reduce import sum
from ..ops.shape import broadcast_to, expand_dims, reshape, squeeze
from .forced import RECOMPUTE_LIMIT
from .labels import EXPANDED
from .trace import is_light

SMALL = 4
"""Matrices of at most so many rows and columns, in a batch, are multiplied by loops of a kernel."""


def prepare(roots: Sequence[Node]) -> tuple[list[Node], dict[Node, Node]]:
    """Roots over simple operators only, and for each of their nodes the node it stands for in the given graph."""
    done: dict[Node, Node] = {}
    for node in toposort(roots):
        done[node] = _written_out(_on(node, done))
    prepared = [_in_place_view(done[root]) for root in roots]
    stands_for: dict[Node, Node] = {}
    for node, fresh in chain(done.items(), zip(roots, prepared, strict=True)):
        stands_for.setdefault(fresh, node)
    return prepared, stands_for


def _on(node: Node, done: Mapping[Node, Node]) -> Node:
    """The node on what its inputs have become."""
    for parent in node.inputs:
        if done[parent] is not parent:
            return with_inputs(node, [done[parent] for parent in node.inputs])
    return node


def _written_out(node: Node) -> Node:
    write = _WAYS.get(type(node.op.lowering))
    return node if write is None else write(node)


def _expanded(node: Node) -> Node:
    assert isinstance(node.op.lowering, Expand)
    with inherit(rewritten(node.origin, EXPANDED + node.op.name)):
        formula = node.op.lowering.formula(node)
    inner = {parent: parent for parent in node.inputs}
    for step in toposort([formula], stop=node.inputs):
        inner[step] = _written_out(_on(step, inner))
    return inner[formula]


def _product(node: Node) -> Node:
    return _sums_of_products(node) if are_small(node) else _with_whole_batches(node)


def are_small(node: Node) -> bool:
    """Whether a product is one of many matrices so small that a call for each would cost more than its numbers."""
    sizes = (*node.shape[-2:], node.inputs[0].shape[-1])
    if product(node.shape[:-2]) == 1 or not all(isinstance(size, int) and 0 < size <= SMALL for size in sizes):
        return False
    return all(is_light(operand, RECOMPUTE_LIMIT) for operand in node.inputs)


def _sums_of_products(node: Node) -> Node:
    """A product of matrices as a sum over elements, which fuses with what is around it."""
    a, b = node.inputs
    with inherit(node.origin):
        return sum(expand_dims(a, -1) * expand_dims(b, -3), axis=-2)


def _with_whole_batches(node: Node) -> Node:
    """BLAS takes an operand that has every batch, or one that is the same for all; others are repeated first."""
    batch = node.shape[:-2]
    with inherit(node.origin):
        whole = [
            _in_place_view(parent)
            if parent.shape[:-2] == batch or all(size == 1 for size in parent.shape[:-2])
            else broadcast_to(parent, (*batch, *parent.shape[-2:]))
            for parent in node.inputs
        ]
    return with_inputs(node, whole)


def _in_place_view(node: Node) -> Node:
    """What is in memory anyway, with axes of size 1 added or dropped: a reshape, which costs nothing, where a view
    would have to be computed before BLAS can read it."""
    if node.op.name == "permute_dims":
        return with_inputs(node, [_in_place_view(node.inputs[0])])
    base = node
    while base.op.name in ("expand_dims", "squeeze"):
        (base,) = base.inputs
    if base is node or not isinstance(base.op.lowering, Leaf | Matmul | Reshape | Scatter):
        return node
    with inherit(node.origin):
        return reshape(base, node.shape)


def _without_trivial_axes(node: Node) -> Node:
    """A reduction over axes of size 1 alone reduces nothing."""
    (x,), axes = node.inputs, node.attrs["axis"]
    if any(x.shape[axis] != 1 for axis in axes):
        return node
    with inherit(node.origin):
        same = x if isinstance(node.op.lowering, Reduction) else broadcast_to(constant(0), x.shape)
        return same if node.attrs["keepdims"] else squeeze(same, axes)


def _reshape_or_view(node: Node) -> Node:
    """Adding or dropping axes of size 1 moves nothing: it is a view, which fuses."""
    (x,), shape = node.inputs, node.type.shape
    with inherit(node.origin):
        if x.shape == shape:
            return x
        if x.op is CONSTANT and all(isinstance(size, int) for size in shape):
            return constant(x.attrs["value"].array.reshape(shape))
        if [size for size in x.shape if size != 1] == [size for size in shape if size != 1]:
            return expand_dims(squeeze(x), [axis for axis, size in enumerate(shape) if size == 1])
        return reshape(x.inputs[0], shape) if isinstance(x.op.lowering, Reshape) else node


_WAYS: dict[type, Callable[[Node], Node]] = {
    Reshape: _reshape_or_view,
    Reduction: _without_trivial_axes,
    ArgReduction: _without_trivial_axes,
    Matmul: _product,
    Expand: _expanded,
}
