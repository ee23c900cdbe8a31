"""A kernel as the text of one Python function."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Sequence

from ..core.record import record
from ..lower.ir import (
    Accumulate,
    Accumulator,
    Best,
    Check,
    Combine,
    Expr,
    Handmade,
    Kernel,
    Let,
    Loop,
    Statement,
    Store,
)
from ..lower.rewrite import walk
from ..runtime.maths import NAMES
from .constants import Constants
from .expression import ExpressionWriter, subscript

INDENT = "    "


@record
class KernelText:
    """The lines of a kernel, the functions it calls (and on integers?), the constants it reads, whether it sums."""

    head: str
    body: tuple[str, ...]
    functions: tuple[tuple[str, bool], ...]
    constants: tuple[str, ...]
    accumulates: bool

    @property
    def source(self) -> str:
        """What is compiled."""
        return "\n".join([self.head, *(INDENT + line for line in self.body)]) + "\n"

    def documented(self, doc: Sequence[str]) -> list[str]:
        """The lines that a reader sees."""
        return [self.head, *(INDENT + line for line in (*docstring(doc), *self.body))]


def kernel_text(kernel: Kernel, constants: Constants) -> KernelText:
    """Mechanical: every decision was taken when the kernel was made."""
    if isinstance(kernel, Handmade):
        return _handmade(kernel)
    writer = _KernelWriter(constants)
    head = f"def {kernel.name}({', '.join((*kernel.sizes, *(param.name for param in kernel.params)))}):"
    body = tuple(writer.block(kernel.body))
    accumulates = any(isinstance(statement, Accumulate) for statement in walk(kernel.body))
    used = writer.expressions
    return KernelText(head, body, tuple(used.functions.items()), tuple(used.constants_used), accumulates)


def _handmade(kernel: Handmade) -> KernelText:
    """The function as it stands in its file, without its docstring."""
    lines = textwrap.dedent(inspect.getsource(kernel.function)).splitlines()
    (tree,) = ast.parse("\n".join(lines)).body
    assert isinstance(tree, ast.FunctionDef)
    start = tree.body[0].end_lineno or 0 if ast.get_docstring(tree) else tree.body[0].lineno - 1
    body = [line.removeprefix(INDENT) for line in lines[start:]]
    head = f"def {kernel.name}({', '.join((*kernel.sizes, *(param.name for param in kernel.params)))}):"
    integers = any(param.dtype.kind in "iu" for param in kernel.params)
    called = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & NAMES)
    return KernelText(head, tuple(body), tuple((name, integers) for name in called), (), False)


def docstring(lines: Sequence[str]) -> Iterator[str]:
    if len(lines) == 1:
        yield f'"""{lines[0]}"""'
        return
    for position, line in enumerate(lines):
        yield f'"""{line}' if position == 0 else line
    yield '"""'


class _KernelWriter:
    def __init__(self, constants: Constants) -> None:
        self.expressions = ExpressionWriter(constants)

    def block(self, statements: Sequence[Statement]) -> Iterator[str]:
        if not statements:
            yield "pass"
        for statement in statements:
            yield from self._statement(statement)

    def _statement(self, statement: Statement) -> Iterator[str]:
        if isinstance(statement, Loop):
            yield f"for {statement.var} in range({self._text(statement.extent)}):"
            yield from (INDENT + line for line in self.block(statement.body))
        elif isinstance(statement, Let):
            yield f"{statement.name} = {self._text(statement.value)}"
        elif isinstance(statement, Accumulator):
            yield f"{statement.name} = {self._text(statement.start)}"
        elif isinstance(statement, Accumulate):
            yield self._combined(statement.name, statement.combine, statement.value)
        elif isinstance(statement, Best):
            yield from self._best(statement)
        elif isinstance(statement, Store):
            yield f"{self._place(statement)} = {self._text(statement.value)}"
        elif isinstance(statement, Combine):
            yield self._combined(self._place(statement), statement.combine, statement.value)
        elif isinstance(statement, Check):
            yield f"if {self._text(statement.condition)}:"
            yield f"{INDENT}return {self._text(statement.status)}"

    def _combined(self, place: str, combine: str, value: Expr) -> str:
        if combine in "+*":
            return f"{place} {combine}= {self._text(value)}"
        self.expressions.call(combine, [], value.dtype)
        return f"{place} = {combine}({place}, {self._text(value)})"

    def _best(self, statement: Best) -> Iterator[str]:
        best = statement.best
        yield f"candidate = {self._text(statement.value)}"
        yield f"if candidate {statement.better} {best} or (candidate != candidate and {best} == {best}):"
        yield f"{INDENT}{best} = candidate"
        yield f"{INDENT}{statement.place} = {self._text(statement.position)}"

    def _place(self, statement: Store | Combine) -> str:
        index = [self.expressions.tree(entry) for entry in statement.index]
        return ast.unparse(subscript(statement.buffer, index))

    def _text(self, expr: Expr) -> str:
        return self.expressions.write(expr)
