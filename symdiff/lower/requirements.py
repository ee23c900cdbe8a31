"""What symbolic sizes must satisfy for a program to make sense, checked when a call binds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from ..core.dim import Dim
from ..core.node import Node, describe
from ..core.op import ArgReduction, Op, Reduction
from ..core.types import Shape
from .program import Requirement


def requirements(nodes: Sequence[Node]) -> list[Requirement]:
    """Sizes that must not be negative, each with the message for when one is."""
    found: dict[int | Dim, Requirement] = {}
    shapes: set[Shape] = set()  # a shape that was seen says nothing new
    asks_more = cache(_asks_more)
    for node in nodes:
        if node.shape in shapes and not asks_more(node.op):
            continue
        shapes.add(node.shape)
        for size, message in _of(node):
            found.setdefault(size, Requirement(size, f"{node.op.name}: {message}, at {node.origin.place}"))
    return list(found.values())


def _asks_more(op: Op) -> bool:
    """Whether an operator asks for more than sizes of its result that are not negative."""
    return op.name == "slice" or _needs_elements(op)


def _needs_elements(op: Op) -> bool:
    lowering = op.lowering
    return isinstance(lowering, ArgReduction) or (isinstance(lowering, Reduction) and lowering.empty is None)


def _of(node: Node) -> Iterator[tuple[int | Dim, str]]:
    for size in filter(_may_be_negative, node.shape):
        yield size, f"{describe(node)} has the size {size}, which may not be negative"
    if node.op.name == "slice":
        x = node.inputs[0]
        for axis, (start, size, step) in enumerate(
            zip(node.attrs["starts"], node.attrs["sizes"], node.attrs["steps"], strict=True)
        ):
            for inside in filter(_may_be_negative, (start, x.shape[axis] - start - size) if step == 1 else ()):
                yield inside, f"a slice must lie inside axis {axis} of {describe(x)}"
    if _needs_elements(node.op):
        x = node.inputs[0]
        for axis in node.attrs["axis"]:
            if _may_be_negative(x.shape[axis] - 1):
                yield x.shape[axis] - 1, f"no elements along axis {axis} of {describe(x)}"


def _may_be_negative(size: int | Dim) -> bool:
    return isinstance(size, Dim) and any(factor < 0 for _, factor in size.terms)
