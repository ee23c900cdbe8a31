"""Constants as passes see them: one number in every element is a scalar under a broadcast, never a filled array."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ..core.node import Node
from ..ops.convert import constant, constant_value, scalar_value
from ..ops.shape import broadcast_to

REPEATING = frozenset({"broadcast_to", "expand_dims", "reshape"})  # a scalar seen through these is the same scalar
CONSTANT = frozenset({"constant", *REPEATING})  # operators of nodes that scalar() may have an answer for


def scalar(node: Node, keep: Collection[Node] = ()) -> Any | None:
    """The number a node has in every element, seen through repetition; None when it is not a constant.

    Nodes of ``keep`` are not looked into.
    """
    name = node.op.name
    if name not in CONSTANT:
        return None
    if name == "constant":
        return None if node in keep else scalar_value(node)
    while node.op.name in REPEATING and node not in keep:
        node = node.inputs[0]
    return None if node in keep else scalar_value(node)


def opposite(node: Node) -> Node:
    """The constant -c for a constant c that ``scalar`` knows."""
    return broadcast_to(constant(np.negative(np.asarray(scalar(node), node.dtype))), node.shape)


def known(node: Node) -> np.ndarray[Any, Any] | None:
    """The value of a constant, or of one broadcast to a shape in numbers (as a view: nothing is copied)."""
    if node.op.name != "broadcast_to":
        return constant_value(node)
    array = constant_value(node.inputs[0])
    if array is None or not is_static(node):
        return None
    return np.broadcast_to(array, node.shape)  # type: ignore[arg-type]


def is_static(node: Node) -> bool:
    """True when every size is a number."""
    return all(isinstance(size, int) for size in node.shape)


def constant_of(array: np.ndarray[Any, Any]) -> Node:
    """A constant in canonical form."""
    node = constant(array)
    value = scalar(node) if array.ndim else None
    return node if value is None else broadcast_to(constant(array.flat[0]), array.shape)
