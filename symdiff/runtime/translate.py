"""A kernel's Python -> LLVM IR, statement by statement. Imports llvmlite, which takes a tenth of Numba's time.

A local has the type of everything that is assigned to it; where a later assignment needs a wider one, the translation
starts again, knowing so. Locals lie on the stack, until LLVM makes registers of them.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from llvmlite import ir

from symdiff.runtime import codegen
from symdiff.runtime.primitive import Primitive
from symdiff.runtime.scalars import BIT, INT64, is_float, llvm_type, number, stored_type
from symdiff.runtime.signature import Array, Param
from symdiff.runtime.text import Kernel
from symdiff.runtime.values import (
    ACCUMULATORS,
    Buffer,
    Builder,
    Expressions,
    Typed,
    UntranslatableError,
    either,
    unknown,
)


def translated(kernel: Kernel, symbol: str, primitives: Mapping[str, Primitive]) -> ir.Module:
    """The module with the function `int64 symbol(arguments...)`, which returns what the kernel returns, or 0."""
    types: dict[str, str] = {}
    while True:
        translation = _Translation(kernel, symbol, primitives, types)
        if not translation.widened:
            return translation.module


class _Translation(Expressions):
    """`types` has what is known of the locals, and learns; it is `widened` if that was too narrow at first."""

    def __init__(self, kernel: Kernel, symbol: str, primitives: Mapping[str, Primitive], types: dict[str, str]) -> None:
        self.types, self.widened = types, False
        self.loops: list[tuple[Any, Any]] = []  # where `continue` and `break` go
        self.module = codegen.empty_module()
        kinds = [kind for param in kernel.params for kind in _kinds(param)]
        function = ir.Function(self.module, ir.FunctionType(INT64, kinds), symbol)
        function.linkage = "internal"
        function.attributes.add("nounwind")
        super().__init__(Builder(function.append_basic_block("entry")), primitives, dict(kernel.constants))
        self._parameters(kernel, function)
        self._block(kernel.tree.body)
        if not self.builder.block.is_terminated:
            self.builder.ret(number(0, "int64"))

    def _parameters(self, kernel: Kernel, function: Any) -> None:
        given = iter(function.args)
        for argument, param in zip(kernel.tree.args.args, kernel.params, strict=True):
            first = next(given)
            if isinstance(param, Array):
                first.add_attribute("noalias")  # distinct buffers never overlap
                strides = [next(given) if stride is None else stride for stride in param.strides]
                self.arrays[argument.arg] = Buffer(first, param.dtype, tuple(strides))
            else:
                self._assign(argument.arg, Typed(first, "int64"))

    def _block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            if self.builder.block.is_terminated:
                return  # after return, break, continue
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Pass():
                pass
            case ast.For(ast.Name(name), ast.Call(ast.Name("range"), bounds, []), body, []):
                self._range(name, bounds, body)
            case ast.Assign([ast.Subscript() as place], value):
                self._store(place, self.typed(value))
            case ast.Assign([ast.Name(name)], value):
                self._assign(name, self.typed(value))
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)) if len(targets) == len(values):
                self._together(targets, [self.typed(value) for value in values])
            case ast.AugAssign(ast.Subscript() as place, symbol, value):
                self._store(place, self.combined(symbol, self.load(place), self.typed(value)))
            case ast.AugAssign(ast.Name(name), symbol, value):
                self._accumulate(name, symbol, self.typed(value))
            case ast.If(test, body, orelse):
                self._if(test, body, orelse)
            case ast.While(test, body, []):
                self._while(test, body)
            case ast.Return(ast.expr() as value):
                self.builder.ret(self._status(value))
            case ast.Break():
                self.builder.branch(self.loops[-1][1])
            case ast.Continue():
                self.builder.branch(self.loops[-1][0])
            case ast.Expr(ast.Call() as call):
                self.typed(call)
            case _:
                raise unknown(node)

    def _status(self, node: ast.expr) -> Any:
        found = self.typed(node)
        if found.dtype != "int64":
            raise TypeError(f"a kernel returns nothing or an int64 status, not {found.dtype}")
        return found.value

    def _together(self, targets: Sequence[ast.expr], values: Sequence[Typed]) -> None:
        for target, value in zip(targets, values, strict=True):
            if not isinstance(target, ast.Name):
                raise unknown(target)
            self._assign(target.id, value)

    def _assign(self, name: str, value: Typed) -> None:
        known = self.types.setdefault(name, value.dtype)
        self.types[name] = _joined(name, known, value.dtype)
        self.widened |= self.types[name] != known
        if name not in self.places:
            self.places[name] = Typed(self._variable(llvm_type(known)), known)
        place = self.places[name]
        self.builder.store(self.converted(value, place.dtype), place.value)

    def _variable(self, kind: Any) -> Any:
        with self.builder.goto_entry_block():
            return self.builder.alloca(kind)

    def _accumulate(self, name: str, symbol: ast.operator, value: Typed) -> None:
        """The order of a sum in a local is the compiler's."""
        old, function = self.name(name), ACCUMULATORS.get(type(symbol))
        self._assign(name, self.call(function, [old, value]) if function else self.combined(symbol, old, value))

    def _store(self, place: ast.Subscript, value: Typed) -> None:
        buffer, address = self.address(place)
        stored = self.converted(value, buffer.dtype)
        self.builder.store(self.builder.zext(stored, stored_type("bool")) if stored.type == BIT else stored, address)

    def _if(self, test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]) -> None:
        yes, no, after = self.blocks("yes", "no", "after")
        self.builder.cbranch(self.condition(test), yes, no)
        for block, statements in ((yes, body), (no, orelse)):
            self.builder.position_at_end(block)
            self._block(statements)
            self._go_to(after)
        self.builder.position_at_end(after)

    def _while(self, test: ast.expr, body: Sequence[ast.stmt]) -> None:
        head, inside, after = self.blocks("head", "inside", "after")
        self.builder.branch(head)
        self.builder.position_at_end(head)
        self.builder.cbranch(self.condition(test), inside, after)
        self.builder.position_at_end(inside)
        self._body(body, head, after)
        self._go_to(head)
        self.builder.position_at_end(after)

    def _range(self, name: str, bounds: Sequence[ast.expr], body: Sequence[ast.stmt]) -> None:
        """What the body assigns to the variable does not change how often it runs."""
        given = [ast.Constant(0), *bounds] if len(bounds) == 1 else bounds
        start, stop, *rest = (self.integer(bound) for bound in given)
        step = rest[0] if rest else number(1, "int64")
        head, inside, further, after = self.blocks("head", "inside", "next", "after")
        counter = self._variable(INT64)
        self.builder.store(start, counter)
        self.builder.branch(head)
        self.builder.position_at_end(head)
        index = self.builder.load(counter)
        self.builder.cbranch(self._goes_on(index, stop, step), inside, after)
        self.builder.position_at_end(inside)
        self._assign(name, Typed(index, "int64"))
        self._body(body, further, after)
        self._go_to(further)
        self.builder.position_at_end(further)
        self.builder.store(self.builder.add(index, step, flags=["nsw"]), counter)
        self.builder.branch(head)
        self.builder.position_at_end(after)

    def _goes_on(self, index: Any, stop: Any, step: Any) -> Any:
        """Before the stop, on the side that the step comes from."""
        below, above = (self.builder.icmp_signed(relation, index, stop) for relation in "<>")
        if isinstance(step, ir.Constant):
            return below if step.constant > 0 else above
        return self.builder.select(self.builder.icmp_signed(">", step, number(0, "int64")), below, above)

    def _body(self, statements: Sequence[ast.stmt], further: Any, after: Any) -> None:
        self.loops.append((further, after))
        self._block(statements)
        self.loops.pop()

    def _go_to(self, block: Any) -> None:
        if not self.builder.block.is_terminated:
            self.builder.branch(block)


def _kinds(param: Param) -> list[Any]:
    """The LLVM type of each word of a parameter."""
    if not isinstance(param, Array):
        return [INT64]
    return [stored_type(param.dtype).as_pointer()] + [INT64] * (param.words - 1)


def _joined(name: str, a: str, b: str) -> str:
    """The dtype of a local that is of dtype a here and of dtype b there."""
    if is_float(a) != is_float(b):
        raise UntranslatableError(f"`{name}`, which is {a} and {b},")
    return either(a, b)
