"""What a node looks like in Python: its operators, and NumPy's methods. Each calls an operator by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .registry import call

if TYPE_CHECKING:
    from .node import Node

Operand = Any  # a Node, a Python or NumPy scalar, or an array


_node: Callable[..., Node] = call


class Surface:
    """The base of :class:`Node`."""

    __slots__ = ()

    def __neg__(self) -> Node:
        return _node("negative", self)

    def __pos__(self) -> Node:
        return _node("positive", self)

    def __abs__(self) -> Node:
        return _node("abs", self)

    def __add__(self, other: Operand) -> Node:
        return _node("add", self, other)

    def __radd__(self, other: Operand) -> Node:
        return _node("add", other, self)

    def __sub__(self, other: Operand) -> Node:
        return _node("subtract", self, other)

    def __rsub__(self, other: Operand) -> Node:
        return _node("subtract", other, self)

    def __mul__(self, other: Operand) -> Node:
        return _node("multiply", self, other)

    def __rmul__(self, other: Operand) -> Node:
        return _node("multiply", other, self)

    def __truediv__(self, other: Operand) -> Node:
        return _node("divide", self, other)

    def __rtruediv__(self, other: Operand) -> Node:
        return _node("divide", other, self)

    def __floordiv__(self, other: Operand) -> Node:
        return _node("floor_divide", self, other)

    def __rfloordiv__(self, other: Operand) -> Node:
        return _node("floor_divide", other, self)

    def __mod__(self, other: Operand) -> Node:
        return _node("remainder", self, other)

    def __rmod__(self, other: Operand) -> Node:
        return _node("remainder", other, self)

    def __pow__(self, other: Operand) -> Node:
        return _node("power", self, other)

    def __rpow__(self, other: Operand) -> Node:
        return _node("power", other, self)

    def __matmul__(self, other: Operand) -> Node:
        return _node("matmul", self, other)

    def __rmatmul__(self, other: Operand) -> Node:
        return _node("matmul", other, self)

    def __lt__(self, other: Operand) -> Node:
        return _node("less", self, other)

    def __le__(self, other: Operand) -> Node:
        return _node("less_equal", self, other)

    def __gt__(self, other: Operand) -> Node:
        return _node("greater", self, other)

    def __ge__(self, other: Operand) -> Node:
        return _node("greater_equal", self, other)

    def __and__(self, other: Operand) -> Node:
        return _node("bitwise_and", self, other)

    def __rand__(self, other: Operand) -> Node:
        return _node("bitwise_and", other, self)

    def __or__(self, other: Operand) -> Node:
        return _node("bitwise_or", self, other)

    def __ror__(self, other: Operand) -> Node:
        return _node("bitwise_or", other, self)

    def __xor__(self, other: Operand) -> Node:
        return _node("bitwise_xor", self, other)

    def __rxor__(self, other: Operand) -> Node:
        return _node("bitwise_xor", other, self)

    def __lshift__(self, other: Operand) -> Node:
        return _node("left_shift", self, other)

    def __rlshift__(self, other: Operand) -> Node:
        return _node("left_shift", other, self)

    def __rshift__(self, other: Operand) -> Node:
        return _node("right_shift", self, other)

    def __rrshift__(self, other: Operand) -> Node:
        return _node("right_shift", other, self)

    def __invert__(self) -> Node:
        return _node("invert", self)

    def __getitem__(self, index: Any) -> Node:
        return _node("getitem", self, index)

    # -- NumPy's methods

    @property
    def T(self) -> Node:
        """The axes in reverse order."""
        return _node("permute_dims", self, None)

    @property
    def mT(self) -> Node:
        """The last two axes in each other's place."""
        return _node("matrix_transpose", self)

    @property
    def at(self) -> Any:
        """``x.at[index].set(v)``, ``.add``, ``.multiply``, ``.max``, ``.min``: x with other elements there."""
        return _node("at", self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _node("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _node("mean", self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _node("max", self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _node("min", self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _node("prod", self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _node("argmax", self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _node("argmin", self, axis=axis, keepdims=keepdims)

    def argsort(self, axis: int | None = -1, descending: bool = False) -> Node:
        return _node("argsort", self, axis=axis, descending=descending)

    def var(self, axis: Any = None, keepdims: bool = False, **freedom: Any) -> Node:
        return _node("var", self, axis=axis, keepdims=keepdims, **freedom)

    def std(self, axis: Any = None, keepdims: bool = False, **freedom: Any) -> Node:
        return _node("std", self, axis=axis, keepdims=keepdims, **freedom)

    def any(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _node("any", self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _node("all", self, axis=axis, keepdims=keepdims)

    def cumsum(self, axis: int | None = None) -> Node:
        return _node("cumsum", self, axis)

    def cumprod(self, axis: int | None = None) -> Node:
        return _node("cumprod", self, axis)

    def clip(self, min: Operand | None = None, max: Operand | None = None) -> Node:
        return _node("clip", self, min, max)

    def take(self, indices: Operand, axis: int | None = None, mode: str = "raise") -> Node:
        return _node("take", self, indices, axis, mode)

    def repeat(self, repeats: Any, axis: int | None = None) -> Node:
        return _node("repeat", self, repeats, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
        return _node("diagonal", self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
        return _node("trace", self, offset, axis1, axis2)

    def ravel(self) -> Node:
        return _node("ravel", self)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Node:
        return _node("flatten", self, start_dim, end_dim)

    def swapaxes(self, axis1: int, axis2: int) -> Node:
        return _node("swapaxes", self, axis1, axis2)

    def reshape(self, *shape: Any) -> Node:
        return _node("reshape", self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Node:
        return _node("permute_dims", self, None if not axes else axes[0] if len(axes) == 1 else axes)

    def squeeze(self, axis: Any = None) -> Node:
        return _node("squeeze", self, axis)

    def astype(self, dtype: Any) -> Node:
        return _node("astype", self, dtype)
