"""From Python and NumPy values to nodes: constants, and NumPy 2's promotion with weak Python scalars."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.errors import DTypeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Leaf, Op
from ..core.provenance import here
from ..core.types import BOOL, FLOAT64, INT64, TensorType, as_dtype

_WEAK = (int, float, bool)
_NOT_LOOKED_FOR = object()


class Frozen:
    """A read-only array that compares by dtype, shape and bytes: 0.0, -0.0, 1, True and NaN are all different."""

    __slots__ = ("_hash", "_key", "_number", "array")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = np.array(array, order="C")
        self.array.setflags(write=False)
        self._key = (self.array.dtype.str, self.array.shape, self.array.tobytes())
        self._hash = hash(self._key)
        self._number = self.array.item() if self.array.ndim == 0 else _NOT_LOOKED_FOR

    @property
    def number(self) -> Any | None:
        """The number that every element is; None where there is no such number."""
        if self._number is _NOT_LOOKED_FOR:
            self._number = self._repeated()
        return self._number

    def _repeated(self) -> Any | None:
        data, size = self._key[2], self.array.itemsize
        if not data or data[:size] != data[-size:]:
            return None  # most arrays are not filled with one value: no need to look at all of it
        return self.array.flat[0].item() if data == data[:size] * self.array.size else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash

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
    return build(CONSTANT, [], {"value": _frozen(value, dtype)})


def _frozen(value: Any, dtype: Any) -> Frozen:
    try:
        array = np.asarray(value, None if dtype is None else as_dtype(dtype))
    except (ValueError, TypeError, OverflowError) as problem:
        raise DTypeError(explain("constant", f"{value!r} is not an array of numbers", at=here())) from problem
    if array.dtype.kind not in "biuf":
        raise DTypeError(explain("constant", f"{value!r} is not an array of numbers", at=here()))
    return Frozen(array.astype(as_dtype(array.dtype), copy=False))


def constant_value(node: Node) -> np.ndarray[Any, Any] | None:
    """The array a constant node holds; None for any other node."""
    return node.attrs["value"].array if node.op is CONSTANT else None


def scalar_value(node: Node) -> Any | None:
    """The number that a constant holds in every element; None for any other node."""
    return node.attrs["value"].number if node.op is CONSTANT else None


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
    common = _common(operands)
    if common is not None:
        return [o if isinstance(o, Node) else _weak_constant(name, o, common, operands) for o in operands]
    strong = [as_node(operand) for operand in operands if type(operand) not in _WEAK]
    if not strong:
        found = [constant(operand) for operand in operands]
        return _cast(found, np.result_type(*(node.dtype for node in found)))
    dtype = strong[0].dtype if len(strong) == 1 else np.result_type(*(node.dtype for node in strong))
    for operand in operands:
        if type(operand) in _WEAK:
            dtype = _meet_weak(dtype, operand)
    nodes = iter(strong)
    found = [_weak_constant(name, o, dtype, operands) if type(o) in _WEAK else next(nodes) for o in operands]
    return _cast(found, dtype)


def _common(operands: Sequence[Operand]) -> np.dtype[Any] | None:
    """The one dtype of all nodes, where the rest are Python numbers that take it: as for nearly all operands."""
    common: np.dtype[Any] | None = None
    for operand in operands:
        if isinstance(operand, Node):
            dtype = operand.type.dtype
            if dtype is not common and common is not None:
                return None
            common = dtype
        elif type(operand) not in _WEAK:
            return None
    if common is not None:
        for operand in operands:
            if type(operand) in _WEAK and _meet_weak(common, operand) is not common:
                return None
    return common


def _meet_weak(dtype: np.dtype[Any], value: Any) -> np.dtype[Any]:
    """The dtype after a weak Python number joins in."""
    if isinstance(value, bool):
        return dtype
    if isinstance(value, float):
        return dtype if dtype.kind == "f" else FLOAT64
    return INT64 if dtype == BOOL else dtype


def _weak_constant(name: str, value: Any, dtype: np.dtype[Any], operands: Sequence[Operand]) -> Node:
    """A weak number in the dtype it takes; an error where a finite number would not stay one."""
    frozen = _weak_number(value, "" if value else str(value), dtype)
    if frozen is None:
        met = next(operand for operand in operands if type(operand) not in _WEAK)
        other = describe(met) if isinstance(met, Node) else repr(met)
        raise DTypeError(explain(name, f"{value} does not fit in {dtype.name} of {other}", at=here()))
    return build(CONSTANT, [], {"value": frozen})


@lru_cache(typed=True)
def _weak_number(value: Any, zero: str, dtype: np.dtype[Any]) -> Frozen | None:
    """A number in this dtype; None where a finite one would not stay one. ``zero`` tells 0.0 from -0.0."""
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype if dtype != BOOL else INT64)
    if value - value == 0 and not float(limits.min) <= value <= float(limits.max):
        return None
    return _frozen(value, dtype)


def _cast(nodes: list[Node], dtype: np.dtype[Any]) -> list[Node]:
    if [node.type.dtype for node in nodes].count(dtype) == len(nodes):
        return nodes
    from .record import build_astype

    return [build_astype(node, as_dtype(dtype)) for node in nodes]


def as_index(value: Operand, name: str) -> Node:
    """An integer node, for operators that take positions."""
    node = as_node(value)
    if node.dtype.kind not in "iu":
        raise DTypeError(explain(name, f"indices are integers, got {describe(node)}", at=here()))
    return node
