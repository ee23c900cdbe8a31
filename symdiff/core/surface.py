"""What a node looks like in Python: its operators, and NumPy's methods. Each calls an operator by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .registry import provided

if TYPE_CHECKING:
    from .node import Node

Operand = Any  # a Node, a Python or NumPy scalar, or an array


_ops: Mapping[str, Callable[..., Node]] = provided


class Surface:
    """The base of :class:`Node`."""

    __slots__ = ()

    def __neg__(self) -> Node:
        return _ops["negative"](self)

    def __pos__(self) -> Node:
        return _ops["positive"](self)

    def __abs__(self) -> Node:
        return _ops["abs"](self)

    def __add__(self, other: Operand) -> Node:
        return _ops["add"](self, other)

    def __radd__(self, other: Operand) -> Node:
        return _ops["add"](other, self)

    def __sub__(self, other: Operand) -> Node:
        return _ops["subtract"](self, other)

    def __rsub__(self, other: Operand) -> Node:
        return _ops["subtract"](other, self)

    def __mul__(self, other: Operand) -> Node:
        return _ops["multiply"](self, other)

    def __rmul__(self, other: Operand) -> Node:
        return _ops["multiply"](other, self)

    def __truediv__(self, other: Operand) -> Node:
        return _ops["divide"](self, other)

    def __rtruediv__(self, other: Operand) -> Node:
        return _ops["divide"](other, self)

    def __floordiv__(self, other: Operand) -> Node:
        return _ops["floor_divide"](self, other)

    def __rfloordiv__(self, other: Operand) -> Node:
        return _ops["floor_divide"](other, self)

    def __mod__(self, other: Operand) -> Node:
        return _ops["remainder"](self, other)

    def __rmod__(self, other: Operand) -> Node:
        return _ops["remainder"](other, self)

    def __pow__(self, other: Operand) -> Node:
        return _ops["power"](self, other)

    def __rpow__(self, other: Operand) -> Node:
        return _ops["power"](other, self)

    def __matmul__(self, other: Operand) -> Node:
        return _ops["matmul"](self, other)

    def __rmatmul__(self, other: Operand) -> Node:
        return _ops["matmul"](other, self)

    def __lt__(self, other: Operand) -> Node:
        return _ops["less"](self, other)

    def __le__(self, other: Operand) -> Node:
        return _ops["less_equal"](self, other)

    def __gt__(self, other: Operand) -> Node:
        return _ops["greater"](self, other)

    def __ge__(self, other: Operand) -> Node:
        return _ops["greater_equal"](self, other)

    def __and__(self, other: Operand) -> Node:
        return _ops["bitwise_and"](self, other)

    def __rand__(self, other: Operand) -> Node:
        return _ops["bitwise_and"](other, self)

    def __or__(self, other: Operand) -> Node:
        return _ops["bitwise_or"](self, other)

    def __ror__(self, other: Operand) -> Node:
        return _ops["bitwise_or"](other, self)

    def __xor__(self, other: Operand) -> Node:
        return _ops["bitwise_xor"](self, other)

    def __rxor__(self, other: Operand) -> Node:
        return _ops["bitwise_xor"](other, self)

    def __lshift__(self, other: Operand) -> Node:
        return _ops["left_shift"](self, other)

    def __rlshift__(self, other: Operand) -> Node:
        return _ops["left_shift"](other, self)

    def __rshift__(self, other: Operand) -> Node:
        return _ops["right_shift"](self, other)

    def __rrshift__(self, other: Operand) -> Node:
        return _ops["right_shift"](other, self)

    def __invert__(self) -> Node:
        return _ops["invert"](self)

    def __getitem__(self, index: Any) -> Node:
        return _ops["getitem"](self, index)

    # -- NumPy's methods

    @property
    def T(self) -> Node:
        """The axes in reverse order."""
        return _ops["permute_dims"](self, None)

    @property
    def mT(self) -> Node:
        """The last two axes in each other's place."""
        return _ops["matrix_transpose"](self)

    @property
    def at(self) -> Any:
        """``x.at[index].set(v)``, ``.add``, ``.multiply``, ``.max``, ``.min``: x with other elements there."""
        return _ops["at"](self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _ops["sum"](self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _ops["mean"](self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _ops["max"](self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _ops["min"](self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _ops["prod"](self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _ops["argmax"](self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _ops["argmin"](self, axis=axis, keepdims=keepdims)

    def argsort(self, axis: int | None = -1, descending: bool = False) -> Node:
        return _ops["argsort"](self, axis=axis, descending=descending)

    def var(self, axis: Any = None, keepdims: bool = False, **freedom: Any) -> Node:
        return _ops["var"](self, axis=axis, keepdims=keepdims, **freedom)

    def std(self, axis: Any = None, keepdims: bool = False, **freedom: Any) -> Node:
        return _ops["std"](self, axis=axis, keepdims=keepdims, **freedom)

    def any(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _ops["any"](self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Node:
        return _ops["all"](self, axis=axis, keepdims=keepdims)

    def cumsum(self, axis: int | None = None) -> Node:
        return _ops["cumsum"](self, axis)

    def cumprod(self, axis: int | None = None) -> Node:
        return _ops["cumprod"](self, axis)

    def clip(self, min: Operand | None = None, max: Operand | None = None) -> Node:
        return _ops["clip"](self, min, max)

    def take(self, indices: Operand, axis: int | None = None, mode: str = "raise") -> Node:
        return _ops["take"](self, indices, axis, mode)

    def repeat(self, repeats: Any, axis: int | None = None) -> Node:
        return _ops["repeat"](self, repeats, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
        return _ops["diagonal"](self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
        return _ops["trace"](self, offset, axis1, axis2)

    def ravel(self) -> Node:
        return _ops["ravel"](self)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Node:
        return _ops["flatten"](self, start_dim, end_dim)

    def swapaxes(self, axis1: int, axis2: int) -> Node:
        return _ops["swapaxes"](self, axis1, axis2)

    def reshape(self, *shape: Any) -> Node:
        return _ops["reshape"](self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Node:
        return _ops["permute_dims"](self, None if not axes else axes[0] if len(axes) == 1 else axes)

    def squeeze(self, axis: Any = None) -> Node:
        return _ops["squeeze"](self, axis)

    def astype(self, dtype: Any) -> Node:
        return _ops["astype"](self, dtype)
