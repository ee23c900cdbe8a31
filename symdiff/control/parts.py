"""A loop node taken apart: what goes in, what its body calls it, what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.body import Body, close
from ..core.dim import Dim
from ..core.node import Node, build
from ..ops.convert import like
from ..ops.several import items
from ..ops.shape import broadcast_to


class Parts:
    """The operands of a loop and the formals that stand for them: ``carry``, ``x``, ``captured``."""

    def __init__(self, node: Node) -> None:
        attrs = node.attrs
        self.node = node
        self.body: Body = attrs["body"]
        self.cond: Body | None = attrs["cond"]
        self.length: int | Dim | None = attrs["length"]
        self.reverse, self.again = attrs["reverse"], attrs["again"]
        self.carries, self.rows = attrs["carries"], attrs["rows"]
        head = int(attrs["counted"])
        self.count = node.inputs[0] if head else None
        self.inits, self.xs, self.captured = self.split(node.inputs[head:])
        self.carry, self.x, self.captured_formals = self.split(self.body.formals)
        self.next = self.body.results[: self.carries]
        self.ys = self.body.results[self.carries :]

    def split(self, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """What belongs to the carries, to the xs, to what is captured."""
        first, second = self.carries, self.carries + self.rows
        return values[:first], values[first:second], values[second:]

    @property
    def trips(self) -> Node | None:
        """How often the body ran, where that is known when the program runs only."""
        return items(self.node)[-1] if self.cond is not None else self.count

    def with_ys(self, more: Sequence[Node]) -> tuple[Node, ...]:
        """The results of the same loop, which stacks ``more`` values of each step as well."""
        body = Body(self.body.formals, (*self.body.results, *more))
        return items(build(self.node.op, self.node.inputs, {**self.node.attrs, "body": body}))


def close_both(
    leaves: Sequence[Node], results: Sequence[Node], condition: Sequence[Node] = ()
) -> tuple[Body, Body | None, list[Node]]:
    """Body and condition over the same formals, ``leaves`` being the first, and the operands for the others."""
    both, captured = close([leaf.attrs["name"] for leaf in leaves], leaves, [*results, *condition])
    body = Body(both.formals, both.results[: len(results)])
    return body, Body(both.formals, both.results[len(results) :]) if condition else None, captured


def zeros(node: Node) -> Node:
    return broadcast_to(like(0, node), node.shape)
