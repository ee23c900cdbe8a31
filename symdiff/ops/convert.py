"""From Python and NumPy values to nodes: constants, and NumPy 2's promotion with weak Python scalars."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import DTypeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Leaf, Op
from ..core.provenance import here
from ..core.types import BOOL, FLOAT64, INT64, TensorType, as_dtype


class Frozen:
    """A read-only array that compares by dtype, shape and bytes: 0.0, -0.0, 1, True and NaN are all different."""

    __slots__ = ("_key", "array")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = np.array(array, order="C")
        self.array.setflags(write=False)
        self._key = (self.array.dtype.str, self.array.shape, self.array.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return repr(self.array.item()) if self.array.ndim == 0 else f"array{self.array.shape}"


def _infer_constant(inputs: object, attrs: Attrs) -> TensorType:
    array = attrs["value"].array
    return TensorType(array.dtype, array.shape)


CONSTANT = Op(
    name="constant",
    infer=_infer_constant,
    evaluate=lambda value: value.array,
    vjp=(),
    lowering=Leaf(),
    flops=lambda node: 0,
)


def constant(value: Any, dtype: Any = None) -> Node:
    """An array that is part of the graph.

    The dtype is the array's own, or the one asked for; Python floats are float64 and ints int64.

    >>> constant([1, 2, 3]).type.shape
    (3,)
    """
    try:
        array = np.asarray(value, None if dtype is None else as_dtype(dtype))
    except (ValueError, TypeError, OverflowError) as problem:
        raise DTypeError(explain("constant", f"{value!r} is not an array of numbers", at=here())) from problem
    if array.dtype.kind not in "biuf":
        raise DTypeError(explain("constant", f"{value!r} is not an array of numbers", at=here()))
    return build(CONSTANT, [], {"value": Frozen(array.astype(as_dtype(array.dtype), copy=False))})


def constant_value(node: Node) -> np.ndarray[Any, Any] | None:
    """The array a constant node holds; None for any other node."""
    return node.attrs["value"].array if node.op is CONSTANT else None


def scalar_value(node: Node) -> Any | None:
    """The number that a constant holds in every element; None for any other node."""
    array = constant_value(node)
    if array is None or array.size == 0:
        return None
    first = array.flat[0]
    if array.ndim and array.tobytes() != np.full(array.shape, first).tobytes():
        return None
    return first.item()


def as_node(value: Operand) -> Node:
    """A node as it is; anything else as a constant."""
    if isinstance(value, Node):
        return value
    return constant(value)


def like(value: float, node: Node) -> Node:
    """A scalar constant in the dtype of ``node``."""
    return constant(np.asarray(value, node.dtype))


def promote(name: str, *operands: Operand) -> list[Node]:
    """Operands as nodes of one dtype. Python numbers are weak: they take the dtype of what they meet."""
    if isinstance(operands[0], Node):
        dtype = operands[0].type.dtype
        if all(isinstance(operand, Node) and operand.type.dtype == dtype for operand in operands):
            return list(operands)
    strong = [operand for operand in operands if not _is_weak(operand)]
    nodes = {id(operand): as_node(operand) for operand in strong}
    if not strong:
        found = [constant(operand) for operand in operands]
        return _cast(found, np.result_type(*(node.dtype for node in found)))
    dtype = np.result_type(*(node.dtype for node in nodes.values()))
    for operand in operands:
        if _is_weak(operand):
            dtype = _meet_weak(dtype, operand)
    met = strong[0]
    return _cast([_weak_constant(name, o, dtype, met) if _is_weak(o) else nodes[id(o)] for o in operands], dtype)


def _is_weak(operand: Operand) -> bool:
    return type(operand) in (int, float, bool)


def _meet_weak(dtype: np.dtype[Any], value: Any) -> np.dtype[Any]:
    """The dtype after a weak Python number joins in."""
    if isinstance(value, bool):
        return dtype
    if isinstance(value, float):
        return dtype if dtype.kind == "f" else FLOAT64
    return INT64 if dtype == BOOL else dtype


def _weak_constant(name: str, value: Any, dtype: np.dtype[Any], met: Operand) -> Node:
    """A weak number in the dtype it takes; an error where a finite number would not stay one."""
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype if dtype != BOOL else INT64)
    if value - value == 0 and not float(limits.min) <= value <= float(limits.max):
        other = describe(met) if isinstance(met, Node) else repr(met)
        raise DTypeError(explain(name, f"{value} does not fit in {dtype.name} of {other}", at=here()))
    return constant(value, dtype)


def _cast(nodes: list[Node], dtype: np.dtype[Any]) -> list[Node]:
    from .record import build_astype

    if all(node.type.dtype == dtype for node in nodes):
        return nodes
    return [build_astype(node, as_dtype(dtype)) for node in nodes]


def as_index(value: Operand, name: str) -> Node:
    """An integer node, for operators that take positions."""
    node = as_node(value)
    if node.dtype.kind not in "iu":
        raise DTypeError(explain(name, f"indices are integers, got {describe(node)}", at=here()))
    return node
