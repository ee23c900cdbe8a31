"""The results of operators that have several."""

from __future__ import annotations

from ..core.node import Node, build
from ..core.op import Item, Op
from .record import define, free


def _together(ct: Node, out: Node, results: Node) -> Node:
    raise AssertionError("the results of an operator are differentiated together, by its own rule")


_ITEM = define(
    Op(
        name="item",
        infer=lambda inputs, attrs: inputs[0].type.parts[attrs["index"]],
        evaluate=lambda results, index: results[index],
        vjp=(_together,),
        lowering=Item(),
        flops=free,
    )
)


def items(node: Node) -> tuple[Node, ...]:
    """The results of an operator with several, each a node."""
    return tuple(build(_ITEM, [node], {"index": index}) for index in range(len(node.type.parts)))
