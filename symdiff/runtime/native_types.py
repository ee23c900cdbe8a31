"""Kernel arrays as a Numba type: a bare address whose type knows dtype and strides. Imports Numba."""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.datamodel import models
from numba.extending import register_model

from symdiff.runtime.primitive import Emit, Primitive
from symdiff.runtime.signature import Array, Param

INT64 = ir.IntType(64)


class BufferType(types.Type):  # type: ignore[misc]  # Numba has no types
    """The Numba type of a kernel's `Array` parameter."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.dtype = scalar_type(array.dtype)
        super().__init__(name=f"symdiff.{array!r}")


@register_model(BufferType)
class BufferModel(models.StructModel):  # type: ignore[misc]
    """An address, and an int64 for each stride that is known only at run time."""

    def __init__(self, manager: Any, buffer: BufferType) -> None:
        runtime = [(f"stride{axis}", types.int64) for axis, stride in enumerate(buffer.array.strides) if stride is None]
        super().__init__(manager, buffer, [("data", types.CPointer(buffer.dtype)), *runtime])


def scalar_type(dtype: str) -> types.Type:
    return types.boolean if dtype == "bool" else getattr(types, dtype)


def parameter_type(param: Param) -> types.Type:
    return BufferType(param) if isinstance(param, Array) else types.int64


@functools.cache
def element(kind: str, rank: int) -> Primitive:
    """What is behind `a[i, j]` ("load") and `a[i, j] = value` ("store"), for arrays of `rank` axes."""
    if kind == "load":
        return Primitive(f"load_{rank}", 1 + rank, _type_load)
    return Primitive(f"store_{rank}", 2 + rank, _type_store)


def _type_load(buffer: Any, *indices: Any) -> tuple[Any, Emit]:
    return buffer.dtype(buffer, *[types.int64] * len(indices)), _emit_load


def _type_store(buffer: Any, *rest: Any) -> tuple[Any, Emit]:
    """The value is an argument of the array's dtype, so Numba converts it."""
    return types.void(buffer, *[types.int64] * (len(rest) - 1), buffer.dtype), _emit_store


def _element(builder: Any, buffer: BufferType, value: Any, indices: Any) -> Any:
    address, offset, member = builder.extract_value(value, 0), None, 0
    for index, stride in zip(indices, buffer.array.strides, strict=True):
        if stride is None:
            member += 1
            term = builder.mul(index, builder.extract_value(value, member), flags=["nsw"])
        else:
            term = index if stride == 1 else builder.mul(index, INT64(stride), flags=["nsw"])
        offset = term if offset is None else builder.add(offset, term, flags=["nsw"])
    return address if offset is None else builder.gep(address, [offset], inbounds=True)


def _emit_load(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    buffer = signature.args[0]
    element = builder.load(_element(builder, buffer, args[0], args[1:]))
    return context.data_model_manager[buffer.dtype].from_data(builder, element)


def _emit_store(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    buffer = signature.args[0]
    data = context.data_model_manager[buffer.dtype].as_data(builder, args[-1])
    builder.store(data, _element(builder, buffer, args[0], args[1:-1]))
    return context.get_dummy_value()
