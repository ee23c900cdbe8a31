"""Programs and what is in them, for tests of structure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import symdiff as sd
from symdiff.core.node import Node
from symdiff.emit.module import Module
from symdiff.lower.ir import Kernel, Load, Loop, Statement, Store
from symdiff.lower.lower import lower
from symdiff.lower.program import Gemm, KernelCall, Program
from symdiff.lower.rewrite import expressions, subexpressions, walk
from symdiff.lower.verify import verify_program
from symdiff.passes.pipeline import optimize

N = sd.dim("n")


def program(*outputs: Node, inputs: Sequence[Node] | None = None, updates: dict[Node, Node] | None = None) -> Program:
    return program_of(sd.Graph(list(outputs), inputs, updates=updates))


def program_of(graph: sd.Graph) -> Program:
    """The verified program of a graph after the passes."""
    found = lower(optimize(graph)[0])
    verify_program(found)
    return found


def kernels(found: Program) -> list[Kernel]:
    """The kernels called, in order; checks of indices left out."""
    return [step.kernel for step in found.steps if isinstance(step, KernelCall)]


def products(found: Program) -> list[Gemm]:
    return [step for step in found.steps if isinstance(step, Gemm)]


def functions(found: Program) -> list[str]:
    """Names of the different functions that are emitted, checks of indices left out."""
    return [kernel.name for kernel in Module(found).kernels if not kernel.name.startswith("check_range")]


def loads(statements: Sequence[Statement]) -> Iterator[Load]:
    for statement in walk(statements):
        for expr in expressions(statement):
            yield from (part for part in subexpressions(expr) if isinstance(part, Load))


def stores(kernel: Kernel) -> list[str]:
    return [statement.buffer for statement in walk(kernel.body) if isinstance(statement, Store)]


def depth(statements: Sequence[Statement]) -> int:
    """How deep loops are nested."""
    return max((1 + depth(s.body) for s in statements if isinstance(s, Loop)), default=0)
