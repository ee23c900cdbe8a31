"""A loop for every item of a batch at once: its body on batches, for as long as some item goes on."""

from __future__ import annotations

from collections.abc import Sequence

from ..autodiff.batch import batched
from ..autodiff.placeholder import placeholder
from ..core.dim import Dim
from ..core.node import Node, build
from ..core.traversal import substitute
from ..core.types import INT64, TensorType
from ..ops.batching import batch_size
from ..ops.convert import constant
from ..ops.elementwise import where
from ..ops.reduce import max as largest
from ..ops.several import items
from ..ops.shape import broadcast_to, permute_dims, reshape
from .parts import Parts, close_both


def rule(node: Node, inputs: Sequence[Node], has: Sequence[bool]) -> list[Node]:
    """The results of a loop for all items, the batch in front of each."""
    return _Batch(Parts(node), inputs, has).results()


class _Batch:
    def __init__(self, loop: Parts, inputs: Sequence[Node], has: Sequence[bool]) -> None:
        self.loop, self.size = loop, batch_size(inputs, has)
        head = int(loop.count is not None)
        self.counts = inputs[0] if head else None
        self.apart = bool(head and has[0])  # items of different counts
        self.inits, self.xs, captured = loop.split(inputs[head:])
        _, self.x_has, captured_has = loop.split(has[head:])
        self.carry = [placeholder(_wider(f.type, self.size), f.attrs["name"]) for f in loop.carry]
        self.x = [
            placeholder(_wider(f.type, self.size) if own else f.type, f.attrs["name"])
            for f, own in zip(loop.x, self.x_has, strict=True)
        ]
        pairs = [
            *zip(loop.carry, self.carry, [True] * len(self.carry), strict=True),
            *zip(loop.x, self.x, self.x_has, strict=True),
            *zip(loop.captured_formals, captured, captured_has, strict=True),
        ]
        self.with_batch = {formal: value for formal, value, own in pairs if own}
        self.without = {formal: value for formal, value, own in pairs if not own}

    def results(self) -> list[Node]:
        loop, carries = self.loop, self.loop.carries
        new = self._of_all(loop.body.results)
        carry, inits = list(self.carry), [_repeated(init, self.size, init_is) for init, init_is in self._inits()]
        next_carry, ys = new[:carries], new[carries:]
        condition: list[Node] = []
        if self.apart or loop.cond is not None:
            counter, start, going, after = self._going()
            next_carry = [_where(going, one, old) for one, old in zip(next_carry, carry, strict=True)]
            carry, inits, next_carry = [*carry, counter], [*inits, start], [*next_carry, after]
            condition = [largest(going.astype(INT64)) > 0] if loop.cond is not None else []
        body, cond, captured = close_both([*carry, *self.x], [*next_carry, *ys], condition)
        xs = [_exchanged(x) if own else x for x, own in zip(self.xs, self.x_has, strict=True)]
        count = largest(self.counts) if self.apart else self.counts
        attrs = {**loop.node.attrs, "body": body, "cond": cond, "carries": len(inits)}
        head = [] if count is None else [count]
        found = items(build(loop.node.op, [*head, *inits, *xs, *captured], attrs))
        stacks = [_exchanged(y) for y in found[len(inits) : len(inits) + len(ys)]]
        return [*found[:carries], *stacks, *([found[carries]] if loop.cond is not None else [])]

    def _inits(self) -> list[tuple[Node, bool]]:
        return [(node, node.ndim > formal.ndim) for node, formal in zip(self.inits, self.loop.carry, strict=True)]

    def _of_all(self, nodes: Sequence[Node]) -> list[Node]:
        """Values of one item, over formals, for all of them."""
        if not nodes:
            return []
        return substitute(batched(list(nodes), self.with_batch), self.without)

    def _going(self) -> tuple[Node, Node, Node, Node]:
        """A counter for each item, its start, which items still go on, and the counter after a step: the steps that an
        item took; or, where counts are given, those that it is still to take, or wait for in reverse."""
        counter = placeholder(TensorType(INT64, (self.size,)), "steps")
        if self.loop.cond is not None:
            (going,) = self._of_all(self.loop.cond.results)
            return counter, broadcast_to(constant(0), (self.size,)), going, counter + going.astype(INT64)
        assert self.counts is not None
        late = largest(self.counts) - self.counts if self.loop.reverse else self.counts
        going = counter <= 0 if self.loop.reverse else counter > 0
        return counter, late, going, counter - 1


def _wider(type: TensorType, size: int | Dim) -> TensorType:
    return type._replace(shape=(size, *type.shape))


def _repeated(node: Node, size: int | Dim, is_batch: bool) -> Node:
    return node if is_batch else broadcast_to(node, (size, *node.shape))


def _where(going: Node, new: Node, old: Node) -> Node:
    """What those that go on have now, and the others had."""
    return where(reshape(going, (*going.shape, *[1] * (new.ndim - 1))), new, old)


def _exchanged(node: Node) -> Node:
    """The first two axes, batch and step, the other way round."""
    return permute_dims(node, (1, 0, *range(2, node.ndim)))
