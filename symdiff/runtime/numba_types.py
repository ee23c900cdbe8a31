"""What Numba has to know of kernels: the type of an array, and the functions of primitive.py. Imports Numba.

An array is a bare address whose type knows dtype and strides.
"""

from __future__ import annotations

import functools
from typing import Any

from numba.core import types
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

from symdiff.runtime.primitive import Primitive
from symdiff.runtime.scalars import INT64
from symdiff.runtime.signature import Array, Param


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
def function(primitive: Primitive) -> Any:
    """A function of ours for texts that Numba compiles."""

    def type_of(*arguments: Any) -> Any:
        found = [types.unliteral(argument) for argument in arguments]
        if not all(isinstance(kind, types.Number | types.Boolean) for kind in found):
            return None
        meaning = primitive.meaning(*("bool" if kind == types.boolean else str(kind) for kind in found))
        result = types.void if meaning.result == "void" else scalar_type(meaning.result)

        def emit(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            value = meaning.emit(builder, *values)
            return context.get_dummy_value() if value is None else value

        return result(*map(scalar_type, meaning.operands)), emit

    return _intrinsic(primitive.name, primitive.arity, type_of)


@functools.cache
def element(kind: str, rank: int) -> Any:
    """What is behind `a[i, j]` ("load") and `a[i, j] = value` ("store"), for arrays of `rank` axes."""
    if kind == "load":
        return _intrinsic(f"load_{rank}", 1 + rank, _type_load)
    return _intrinsic(f"store_{rank}", 2 + rank, _type_store)


def _intrinsic(name: str, arity: int, type_of: Any) -> Any:
    """Numba reads the number of arguments from a signature, so each function gets one of its own."""
    arguments = ", ".join(f"a{k}" for k in range(arity))
    scope = {"type_of": type_of}
    exec(f"def {name}(context, {arguments}): return type_of({arguments})", scope)
    return intrinsic(scope[name])


def _type_load(buffer: Any, *indices: Any) -> Any:
    return buffer.dtype(buffer, *[types.int64] * len(indices)), _emit_load


def _type_store(buffer: Any, *rest: Any) -> Any:
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
