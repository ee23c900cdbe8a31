"""Broadcasts are left to the operators that follow: an elementwise operator repeats its operands by itself."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.node import Node, build
from ..core.op import Elementwise, Op
from ..core.types import broadcast
from ..ops.convert import constant_value
from .constants import constant_of, scalar
from .rules import node_rule, over


def _takes_repeated(op: Op, operands: Sequence[Op]) -> bool:
    return isinstance(op.lowering, Elementwise) and any(one.name in ("broadcast_to", "expand_dims") for one in operands)


@node_rule("unbroadcast", "f(broadcast_to(x, s), y) -> f(x, y)", _takes_repeated)
def unbroadcast(node: Node) -> Node | None:
    """An elementwise operator works on what was broadcast; the result is broadcast where that is smaller."""
    plain = [parent.inputs[0] if parent.op.name == "broadcast_to" else parent for parent in node.inputs]
    plain = _without_leading_ones(plain, node)
    if all(new is old for new, old in zip(plain, node.inputs, strict=True)):
        return None
    return build(node.op, plain, node.attrs)


def _without_leading_ones(operands: list[Node], node: Node) -> list[Node]:
    """Operands without leading axes of size 1, where another operand has these axes anyway."""
    bare = [_strip(operand) for operand in operands]
    if bare == operands:
        return operands
    return bare if broadcast([operand.shape for operand in bare]) == node.shape else operands


def _strip(node: Node) -> Node:
    if node.op.name == "expand_dims" and node.attrs["axis"] == tuple(range(len(node.attrs["axis"]))):
        return node.inputs[0]
    return node


@node_rule("filled_constant", "[c, c, ..., c] -> broadcast_to(c, s)", over(["constant"]))
def filled_constant(node: Node) -> Node | None:
    """An array of one value is that value, repeated."""
    array = constant_value(node)
    return None if array is None or array.size <= 1 or scalar(node) is None else constant_of(array)


BROADCASTS = (unbroadcast, filled_constant)
