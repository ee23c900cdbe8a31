"""Numbers in LLVM by the name of their dtype: types, conversions, and what is computed with what. Imports llvmlite."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from llvmlite import ir

BIT, INT64 = ir.IntType(1), ir.IntType(64)
_FLOATS = {"float32": ir.FloatType(), "float64": ir.DoubleType()}


@functools.cache
def llvm_type(dtype: str) -> Any:
    """The type of a value; a bool is one bit."""
    return BIT if dtype == "bool" else _FLOATS.get(dtype) or ir.IntType(8 * np.dtype(dtype).itemsize)


@functools.cache
def stored_type(dtype: str) -> Any:
    """The type in memory; a bool is one byte."""
    return ir.IntType(8) if dtype == "bool" else llvm_type(dtype)


def is_float(dtype: str) -> bool:
    return dtype in _FLOATS


def is_signed(dtype: str) -> bool:
    return dtype.startswith("int")


@functools.cache
def common(*dtypes: str) -> str:
    """NumPy's promotion of arrays; a literal counts as int64 or float64."""
    return np.result_type(*dtypes).name


@functools.cache
def computed(*dtypes: str) -> str:
    """The dtype in which + - * work: integers have 64 bits at least, with a sign if one has, as in Numba."""
    if any(map(is_float, dtypes)):
        return common(*dtypes)
    return "int64" if "bool" in dtypes or any(map(is_signed, dtypes)) else "uint64"


def number(value: Any, dtype: str) -> Any:
    """A constant."""
    if is_float(dtype):
        return ir.Constant(llvm_type(dtype), float(value))
    return ir.Constant(llvm_type(dtype), int(value))


def converted(builder: Any, value: Any, source: str, target: str) -> Any:
    """`value` as C converts it: integers modulo the width, floats towards zero; a bool is whether it is not 0."""
    if source == target:
        return value
    kind = llvm_type(target)
    if target == "bool":
        zero = number(0, source)
        return builder.fcmp_unordered("!=", value, zero) if is_float(source) else builder.icmp_signed("!=", value, zero)
    if is_float(source) and is_float(target):
        return builder.fpext(value, kind) if target == "float64" else builder.fptrunc(value, kind)
    if is_float(source):
        return (builder.fptosi if is_signed(target) else builder.fptoui)(value, kind)
    if is_float(target):
        return (builder.sitofp if is_signed(source) else builder.uitofp)(value, kind)
    narrow, wide = llvm_type(source).width, kind.width
    if narrow == wide:
        return value
    return (
        builder.trunc(value, kind)
        if wide < narrow
        else (builder.sext if is_signed(source) else builder.zext)(value, kind)
    )
