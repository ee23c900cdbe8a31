"""Forms of batching rules: an operator on every item of a batch at once, the batch being a leading axis.

A rule ``(node, inputs, batched)`` gets the operands, those of a batch with the leading axis; see ``Op.batch``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.dim import Dim
from ..core.node import Node, build
from ..core.op import BatchRule

Change = Callable[[Any, "int | Dim"], Any]  # (value of an attribute, size of the batch) -> its value for the batch


def batch_size(inputs: Sequence[Node], batched: Sequence[bool]) -> int | Dim:
    """The number of items."""
    return next(node.shape[0] for node, has in zip(inputs, batched, strict=True) if has)


def repeated(inputs: Sequence[Node], batched: Sequence[bool]) -> list[Node]:
    """Every operand with the leading axis: those that are the same for all items are repeated, as a view."""
    from .shape import broadcast_to

    size = batch_size(inputs, batched)
    return [node if has else broadcast_to(node, (size, *node.shape)) for node, has in zip(inputs, batched, strict=True)]


def later(value: Any, size: int | Dim) -> Any:
    """An axis, or axes, behind the axis of the batch."""
    return tuple(axis + 1 for axis in value) if isinstance(value, tuple) else value + 1


def first_of(own: Any) -> Change:
    """What an attribute with an entry for each axis holds for the axis of the batch."""
    return lambda value, size: (own, *value)


def sized(value: Any, size: int | Dim) -> Any:
    """A shape with the batch in front."""
    return (size, *value)


def attributes(**changes: Change) -> BatchRule:
    """The operator itself on operands that all have the batch, with some attributes changed: for operators that work
    on axes which their attributes name, or on trailing axes."""

    def rule(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
        size = batch_size(inputs, batched)
        attrs = {name: changes[name](value, size) if name in changes else value for name, value in node.attrs.items()}
        return build(node.op, repeated(inputs, batched), attrs)

    return rule


def aligned(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    """The operator itself on operands whose axes broadcast: those with the batch get axes of size 1 behind it, so that
    the batch stands in front of all."""
    rank = max(item.ndim - has for item, has in zip(inputs, batched, strict=True))
    return build(node.op, align_ranks(inputs, batched, rank), node.attrs)


def align_ranks(inputs: Sequence[Node], batched: Sequence[bool], rank: int) -> list[Node]:
    """Operands with the batch get axes of size 1 behind it until an item has ``rank`` axes."""
    from .shape import expand_dims

    return [
        expand_dims(node, tuple(range(1, rank - node.ndim + 2))) if has and node.ndim <= rank else node
        for node, has in zip(inputs, batched, strict=True)
    ]


def leading(inputs: Sequence[Node], batched: Sequence[bool]) -> list[Node]:
    """Operands without the batch get a leading axis of size 1: for operators whose operands have equal ranks."""
    from .shape import expand_dims

    return [node if has else expand_dims(node, 0) for node, has in zip(inputs, batched, strict=True)]
