"""A graph for a whole batch at once: every node that depends on what has a batch gets a leading axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

from ..core.collector import paused_collector
from ..core.dim import Dim
from ..core.errors import GraphError, ShapeError, explain
from ..core.node import Node, build, describe
from ..core.op import Elementwise, Expand, Item
from ..core.provenance import here, inherit
from ..core.registry import call, is_provided
from ..core.traversal import toposort
from ..ops.batching import aligned
from ..ops.several import items
from ..ops.shape import broadcast_to

Outputs = Node | Sequence[Node]


@overload
def batched(outputs: Node, batches: Mapping[Node, Node]) -> Node: ...
@overload
def batched(outputs: Sequence[Node], batches: Mapping[Node, Node]) -> list[Node]: ...
def batched(outputs: Outputs, batches: Mapping[Node, Node]) -> Node | list[Node]:
    """``outputs`` for every item of a batch at once, the batch being the leading axis of each result.

    ``batches`` maps nodes of the graph to their values for all items: the same dtype and shape with the size of the
    batch in front, which may be symbolic. What depends on none of them is computed once. Works over any graph,
    gradients included, and can be applied to its own result. An operator that has no rule for batches takes one item
    after the other, in a loop. Raises ShapeError for batches that do not fit.

    >>> import symdiff as sd
    >>> x, xs = sd.input("x", (3,)), sd.input("xs", (sd.dim("n"), 3))
    >>> sd.batched(sd.grad(sd.sum(x ** 3), x), {x: xs}).type.shape
    (Dim(n), 3)
    """
    heads = [outputs] if isinstance(outputs, Node) else list(outputs)
    size = _size(batches)
    found: dict[Node, Any] = dict(batches)
    with paused_collector():
        for node in toposort(heads, stop=batches):
            if any(parent in found for parent in node.inputs):
                found[node] = _for_batch(node, found)
        results = [found[head] if head in found else broadcast_to(head, (size, *head.shape)) for head in heads]
    return results[0] if isinstance(outputs, Node) else results


def _size(batches: Mapping[Node, Node]) -> int | Dim:
    """The size of the batch, on which all must agree."""
    if not batches:
        raise ShapeError(explain("batched", "takes at least one node with a batch", at=here()))
    sizes = {batch.shape[0] if batch.shape else None for batch in batches.values()}
    for node, batch in batches.items():
        if len(sizes) > 1 or batch.shape[1:] != node.shape or not batch.shape or batch.dtype != node.dtype:
            pairs = ", ".join(f"{describe(batch)} for {describe(node)}" for node, batch in batches.items())
            problem = f"a batch has one leading axis more than its node, of one size for all: {pairs}"
            raise ShapeError(explain("batched", problem, at=here()))
    (size,) = sizes
    assert size is not None
    return size


def _for_batch(node: Node, found: Mapping[Node, Any]) -> Any:
    """The node for every item, on record under the same origins; of an operator with several results, maybe a list of
    them."""
    has = [parent in found for parent in node.inputs]
    inputs = [found.get(parent, parent) for parent in node.inputs]
    lowering = node.op.lowering
    with inherit(node.origin):
        if isinstance(lowering, Item):
            whole, index = inputs[0], node.attrs["index"]
            made = whole[index] if isinstance(whole, list) else build(node.op, [whole], node.attrs)
        elif node.op.batch is not None:
            made = node.op.batch(node, inputs, has)
        elif isinstance(lowering, Elementwise):
            made = aligned(node, inputs, has)
        elif isinstance(lowering, Expand):
            written_out = lowering.formula(node)
            made = batched(written_out, {parent: found[parent] for parent in node.inputs if parent in found})
        else:
            made = _one_by_one(node, inputs, has)
    if isinstance(made, Node) and not made.type.parts:
        if made.shape[1:] != node.shape or made.dtype != node.dtype:
            raise GraphError(explain(node.op.name, f"for a batch {describe(node)} became {describe(made)}", at=here()))
        for origin in node.origins[1:]:
            made.add_origin(origin)
    return made


def _one_by_one(node: Node, inputs: Sequence[Node], has: Sequence[bool]) -> Any:
    """The node for one item after the other, for an operator that has no rule for batches."""
    if not is_provided("map"):
        operands = ", ".join(map(describe, node.inputs))
        problem = f"has no rule for batches: {describe(node)} of {operands}"
        raise GraphError(explain(node.op.name, problem, at=node.origin.place))

    def one(items_of_batch: Sequence[Node]) -> Any:
        rest = iter(items_of_batch)
        made = build(node.op, [next(rest) if own else x for x, own in zip(inputs, has, strict=True)], node.attrs)
        return list(items(made)) if made.type.parts else made

    return call("map", one, [x for x, own in zip(inputs, has, strict=True) if own])
