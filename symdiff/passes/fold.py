"""Constant folding: what depends on constants alone is computed now, unless that would make a large array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.body import Body
from ..core.dim import Dim
from ..core.node import Node
from ..core.op import Leaf, Op, Reshape, View
from .constants import constant_of, is_static, known
from .rewrite import RulePass
from .rules import RuleSet, node_rule

LARGEST = 1024  # elements; a result may be larger only when a constant array among the operands is as large


def _on_constants(op: Op, operands: Sequence[Op]) -> bool:
    if isinstance(op.lowering, Leaf) or op.name == "broadcast_to":
        return False
    return all(one.name in ("constant", "broadcast_to") for one in operands)


@node_rule("fold", "f(constants) -> constant", _on_constants)
def fold_constants(node: Node) -> Node | None:
    """The value of an operator on constants. One whose evaluation raises is left to raise when it runs."""
    operands = [known(parent) for parent in node.inputs]
    arrays = [array for array in operands if array is not None]
    if (
        len(arrays) < len(operands)
        or not is_static(node)
        or _is_too_large(node)
        or _has_symbols(tuple(node.attrs.values()))
    ):
        return None
    if isinstance(node.op.lowering, View | Reshape) and arrays and arrays[0].ndim == 0:
        return None  # a number repeated: canonical already
    value = _evaluated(node, arrays)
    if value is None or value.shape != node.shape or value.dtype != node.dtype:
        return None
    return constant_of(value)


def _is_too_large(node: Node) -> bool:
    stored = [_size(parent) for parent in node.inputs if parent.op.name == "constant"]
    return _size(node) > max([LARGEST, *stored])


def _size(node: Node) -> int:
    return math.prod(size for size in node.shape if isinstance(size, int))


def _has_symbols(value: Any) -> bool:
    return isinstance(value, Dim | Body) or (isinstance(value, tuple) and any(map(_has_symbols, value)))


def _evaluated(node: Node, arrays: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any] | None:
    try:
        with np.errstate(all="ignore"):
            return np.asarray(node.op.evaluate(*arrays, **node.attrs))
    except (ArithmeticError, LookupError, ValueError):
        return None


fold = RulePass("fold", RuleSet([fold_constants]))
