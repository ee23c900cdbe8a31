"""The expressions of a kernel's Python -> LLVM values. Imports llvmlite.

Types are those that Numba finds in the same text: a literal is int64 or float64, arithmetic on integers has 64 bits,
and what meets is promoted as in NumPy.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from symdiff.core.record import record
from symdiff.runtime import scalars
from symdiff.runtime.primitive import Primitive
from symdiff.runtime.scalars import BIT, common, computed, is_float, is_signed, llvm_type, number

_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}
_BITS: dict[type[ast.operator], str] = {ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor"}
DIVISIONS: dict[type[ast.operator], str] = {ast.FloorDiv: "floor_divide", ast.Mod: "remainder"}
_RELATIONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
ACCUMULATORS: dict[type[ast.operator], str] = {ast.Add: "accumulate_add", ast.Mult: "accumulate_mul"}
_CONTRACT = ("contract",)  # a * b + c may be rounded once


class UntranslatableError(Exception):
    """A kernel has what is not part of this language."""


@record
class Typed:
    """A value and its dtype."""

    value: Any
    dtype: str


@record
class Buffer:
    """An array parameter: its address, and the step of each axis in elements, an int or a value."""

    data: Any
    dtype: str
    strides: tuple[Any, ...]


class Builder(ir.IRBuilder):  # type: ignore[misc]  # llvmlite has no types
    """Lets a product and a sum be one operation."""

    def fadd(self, a: Any, b: Any, name: str = "", flags: Sequence[str] = _CONTRACT) -> Any:
        return super().fadd(a, b, name, flags)

    def fsub(self, a: Any, b: Any, name: str = "", flags: Sequence[str] = _CONTRACT) -> Any:
        return super().fsub(a, b, name, flags)

    def fmul(self, a: Any, b: Any, name: str = "", flags: Sequence[str] = _CONTRACT) -> Any:
        return super().fmul(a, b, name, flags)

    def fdiv(self, a: Any, b: Any, name: str = "", flags: Sequence[str] = _CONTRACT) -> Any:
        return super().fdiv(a, b, name, flags)


class Expressions:
    """Values of expressions, evaluated where `builder` stands: of constants, locals in their `places`, and `arrays`."""

    def __init__(
        self, builder: Builder, primitives: Mapping[str, Primitive], constants: Mapping[str, np.generic]
    ) -> None:
        self.builder, self.primitives, self.constants = builder, primitives, constants
        self.places: dict[str, Typed] = {}
        self.arrays: dict[str, Buffer] = {}

    def typed(self, node: ast.expr) -> Typed:
        match node:
            case ast.Constant(bool() | int() | float() as value):
                dtype = {bool: "bool", int: "int64", float: "float64"}[type(value)]
                return Typed(number(value, dtype), dtype)
            case ast.Name(name):
                return self.name(name)
            case ast.Subscript():
                return self.load(node)
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)) if not isinstance(value, bool):
                return self.typed(ast.Constant(-value))
            case ast.UnaryOp(symbol, operand):
                return self._unary(symbol, self.typed(operand))
            case ast.BinOp(left, symbol, right):
                return self.combined(symbol, self.typed(left), self.typed(right))
            case ast.Compare(left, [relation], [right]):
                return self._compared(_RELATIONS[type(relation)], self.typed(left), self.typed(right))
            case ast.BoolOp(connective, operands):
                return self._connected(connective, operands)
            case ast.IfExp(test, body, orelse):
                return self._chosen(test, body, orelse)
            case ast.Call(ast.Name(name), arguments, []):
                return self.call(name, [self.typed(argument) for argument in arguments])
            case _:
                raise unknown(node)

    def name(self, name: str) -> Typed:
        if name in self.constants:
            value = self.constants[name]
            return Typed(number(value, value.dtype.name), value.dtype.name)
        if name not in self.places:
            raise UntranslatableError(f"`{name}` is read before it is assigned")
        place = self.places[name]
        return Typed(self.builder.load(place.value), place.dtype)

    def load(self, node: ast.Subscript) -> Typed:
        buffer, address = self.address(node)
        value = self.builder.load(address)
        return Typed(self.builder.trunc(value, BIT) if buffer.dtype == "bool" else value, buffer.dtype)

    def address(self, node: ast.Subscript) -> tuple[Buffer, Any]:
        """Of an element: indices are neither checked nor counted from the end."""
        assert isinstance(node.value, ast.Name)
        buffer, offset = self.arrays[node.value.id], None
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part, stride in zip(parts, buffer.strides, strict=True):
            term = self.integer(part)
            if stride != 1:
                step = number(stride, "int64") if isinstance(stride, int) else stride
                term = self.builder.mul(term, step, flags=["nsw"])
            offset = term if offset is None else self.builder.add(offset, term, flags=["nsw"])
        return buffer, buffer.data if offset is None else self.builder.gep(buffer.data, [offset], inbounds=True)

    def _unary(self, symbol: ast.unaryop, operand: Typed) -> Typed:
        value, dtype = operand.value, operand.dtype
        match symbol:
            case ast.USub() if is_float(dtype):
                return Typed(self.builder.fneg(value), dtype)
            case ast.USub() if dtype != "bool":
                return self._widened(Typed(self.builder.neg(value), dtype))
            case ast.Invert() if not is_float(dtype) and dtype != "bool":
                return self._widened(Typed(self.builder.not_(value), dtype))
            case ast.Not():
                return Typed(self.builder.not_(self.converted(operand, "bool")), "bool")
            case _:
                raise UntranslatableError(f"{type(symbol).__name__} of {dtype}")

    def _widened(self, value: Typed) -> Typed:
        """An integer as arithmetic has it."""
        dtype = computed(value.dtype)
        return Typed(self.converted(value, dtype), dtype)

    def combined(self, symbol: ast.operator, left: Typed, right: Typed) -> Typed:
        kind = type(symbol)
        if kind in DIVISIONS:
            return self.call(DIVISIONS[kind], [left, right])
        if kind in _BITS:
            return self._bitwise(_BITS[kind], left, right)
        if kind is ast.Div:
            dtype = common(left.dtype, right.dtype)
            dtype = dtype if is_float(dtype) else "float64"
            name = "fdiv"
        elif kind in _ARITHMETIC and "bool" not in (left.dtype, right.dtype):
            dtype = computed(left.dtype, right.dtype)
            name = ("f" if is_float(dtype) else "") + _ARITHMETIC[kind]
        else:
            raise UntranslatableError(f"{kind.__name__} of {left.dtype} and {right.dtype}")
        a, b = self.converted(left, dtype), self.converted(right, dtype)
        return Typed(getattr(self.builder, name)(a, b), dtype)

    def _bitwise(self, name: str, left: Typed, right: Typed) -> Typed:
        if left.dtype == right.dtype == "bool":
            return Typed(getattr(self.builder, name)(left.value, right.value), "bool")
        dtype = computed(left.dtype, right.dtype)
        if is_float(dtype):
            raise UntranslatableError(f"{name} of {left.dtype} and {right.dtype}")
        return Typed(getattr(self.builder, name)(self.converted(left, dtype), self.converted(right, dtype)), dtype)

    def _compared(self, relation: str, left: Typed, right: Typed) -> Typed:
        dtype = _compared_as(left, right)
        a, b = self.converted(left, dtype), self.converted(right, dtype)
        if not is_float(dtype):
            compare = self.builder.icmp_signed if is_signed(dtype) else self.builder.icmp_unsigned
        else:
            compare = self.builder.fcmp_unordered if relation == "!=" else self.builder.fcmp_ordered
        return Typed(compare(relation, a, b), "bool")

    def _connected(self, connective: ast.boolop, operands: Sequence[ast.expr]) -> Typed:
        """`and`, `or`: what may not be evaluated always stands in a block of its own."""
        both = isinstance(connective, ast.And)
        total = self.condition(operands[0])
        for operand in operands[1:]:
            if _is_harmless(operand):
                join = self.builder.and_ if both else self.builder.or_
                total = join(total, self.condition(operand))
                continue
            before = self.builder.block
            further, after = self.blocks("further", "after")
            self.builder.cbranch(total, *((further, after) if both else (after, further)))
            self.builder.position_at_end(further)
            last, end = self.condition(operand), self.builder.block
            self.builder.branch(after)
            self.builder.position_at_end(after)
            total = self._phi(BIT, [(BIT(int(not both)), before), (last, end)])
        return Typed(total, "bool")

    def _chosen(self, test: ast.expr, body: ast.expr, orelse: ast.expr) -> Typed:
        condition = self.condition(test)
        if _is_harmless(body) and _is_harmless(orelse):
            yes, no = self.typed(body), self.typed(orelse)
            dtype = either(yes.dtype, no.dtype)
            return Typed(self.builder.select(condition, self.converted(yes, dtype), self.converted(no, dtype)), dtype)
        blocks = self.blocks("yes", "no")
        self.builder.cbranch(condition, *blocks)
        arms = []
        for block, arm in zip(blocks, (body, orelse), strict=True):
            self.builder.position_at_end(block)
            arms.append((self.typed(arm), self.builder.block))
        dtype = either(*(value.dtype for value, _ in arms))
        after = self.builder.append_basic_block("after")
        incoming = []
        for value, end in arms:
            self.builder.position_at_end(end)
            incoming.append((self.converted(value, dtype), end))
            self.builder.branch(after)
        self.builder.position_at_end(after)
        return Typed(self._phi(llvm_type(dtype), incoming), dtype)

    def _phi(self, kind: Any, incoming: Sequence[tuple[Any, Any]]) -> Any:
        result = self.builder.phi(kind)
        for value, block in incoming:
            result.add_incoming(value, block)
        return result

    def call(self, name: str, arguments: Sequence[Typed]) -> Typed:
        primitive = self.primitives[name]
        if len(arguments) != primitive.arity:
            raise UntranslatableError(f"{name} of {len(arguments)} numbers; it takes {primitive.arity}")
        meaning = primitive.meaning(*(argument.dtype for argument in arguments))
        values = [self.converted(*pair) for pair in zip(arguments, meaning.operands, strict=True)]
        return Typed(meaning.emit(self.builder, *values), meaning.result)

    def integer(self, node: ast.expr) -> Any:
        found = self.typed(node)
        if is_float(found.dtype) or found.dtype == "bool":
            raise UntranslatableError(f"`{ast.unparse(node)}` is a {found.dtype} where an integer is needed")
        return self.converted(found, "int64")

    def condition(self, node: ast.expr) -> Any:
        return self.converted(self.typed(node), "bool")

    def converted(self, value: Typed, dtype: str) -> Any:
        return scalars.converted(self.builder, value.value, value.dtype, dtype)

    def blocks(self, *names: str) -> list[Any]:
        return [self.builder.append_basic_block(name) for name in names]


_HARMLESS = (
    ast.Name, ast.Constant, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.BinOp,
    ast.expr_context, ast.unaryop, ast.cmpop, ast.boolop, ast.Add, ast.Sub, ast.Mult,
)  # fmt: skip


def _is_harmless(node: ast.expr) -> bool:
    """Whether it may be evaluated where it is not needed, and costs next to nothing."""
    return all(isinstance(part, _HARMLESS) for part in ast.walk(node))


def _compared_as(left: Typed, right: Typed) -> str:
    """The dtype that holds both numbers; a literal that is not negative is one of uint64 too."""
    dtypes = {left.dtype, right.dtype}
    if "uint64" not in dtypes or not any(map(is_signed, dtypes)):
        return common(*dtypes)
    signed = left if is_signed(left.dtype) else right
    if not isinstance(signed.value, ir.Constant) or signed.value.constant < 0:
        raise UntranslatableError(f"a comparison of {left.dtype} and {right.dtype}")
    return "uint64"


def either(a: str, b: str) -> str:
    """The dtype of what is one or the other."""
    if a == b:
        return a
    dtype = common(a, b)
    if "bool" in (a, b) or (is_float(dtype) and not (is_float(a) or is_float(b))):
        raise UntranslatableError(f"{a} here and {b} there")
    return dtype


def unknown(node: ast.AST) -> UntranslatableError:
    return UntranslatableError(f"`{ast.unparse(node)}`")
