"""Leaves that stand for a value until another node takes their place: they are in no graph a user gets to see."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import GraphError
from ..core.node import Node, build
from ..core.op import Leaf, Op
from ..core.types import TensorType

_serial = itertools.count()


def _not_replaced(**attrs: Any) -> np.ndarray[Any, Any]:
    raise GraphError(f"{attrs['name']}: it has a value only inside the function it was made for; return it from there")


_PLACEHOLDER = Op(
    name="placeholder",
    infer=lambda inputs, attrs: attrs["type"],
    evaluate=_not_replaced,
    vjp=(),
    lowering=Leaf(),
    flops=lambda node: 0,
)


def placeholder(type: TensorType, name: str = "placeholder") -> Node:
    """A leaf of this type that equals no other."""
    return build(_PLACEHOLDER, [], {"name": name, "type": type, "serial": next(_serial)})


def made_since(leaf: Node, outputs: Sequence[Node]) -> list[Node]:
    """The nodes under the outputs that were made after ``leaf``, inputs before users. What depends on it is among
    them, since nodes are numbered as they are made; so the graph below need not be walked."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(output, False) for output in reversed(outputs)]
    while stack:
        node, finished = stack.pop()
        if finished:
            order.append(node)
        elif node not in seen and node.serial >= leaf.serial:
            seen.add(node)
            stack.append((node, True))
            stack += [(parent, False) for parent in reversed(node.inputs)]
    return order
