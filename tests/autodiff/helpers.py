"""Running nodes on arrays, for the tests of this folder."""

from __future__ import annotations

from typing import Any

import numpy as np

from symdiff.core.node import Node
from symdiff.core.traversal import toposort
from symdiff.interpret import interpret


def value(node: Node, values: dict[Node, Any], **sizes: int) -> Any:
    """What the node comes to, lists and numbers being taken as arrays of its inputs' dtypes."""
    return interpret([node], {x: np.asarray(v, x.dtype) for x, v in values.items()}, sizes)[0]


def count(outputs: list[Node], op: str) -> int:
    """How many nodes of one operator the outputs need."""
    return sum(node.op.name == op for node in toposort(outputs))
