"""What the steps of a program cost: operations on elements, a function such as exp counted as several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.dim import Dim
from .ir import Accumulator, Apply, Best, Combine, Const, Expr, Handmade, Load, Loop, Statement, Store, Var
from .program import Choice, Gemm, KernelCall, Program, Repetition, Step
from .rewrite import expressions, subexpressions
from .trace import calls_beside

FUNCTION_COST = 8  # exp beside an addition, both vectorised
_INSTRUCTIONS = frozenset({
    "abs", "fabs", "floor", "ceil", "rint", "trunc", "sign", "isnan", "isinf", "isfinite", "maximum", "minimum",
    "copysign", "cast",
})  # fmt: skip


def cost_of(step: Step) -> int | Dim:
    """Operations of a product or a kernel; checks and copies count as nothing."""
    if isinstance(step, Gemm):
        return 2 * step.m * step.n * step.k * step.count
    if isinstance(step, Repetition):
        return (1 if step.length is None else step.length) * _of_all(step.body)
    if isinstance(step, Choice):
        return _of_all(step.yes)
    if isinstance(step, KernelCall) and isinstance(step.kernel, Handmade):
        (node,) = step.results
        return node.op.flops(node)
    if isinstance(step, KernelCall):
        return _cost(step.kernel.body, dict(zip(step.kernel.sizes, step.sizes, strict=True)))
    return 0


def _of_all(program: Program) -> int | Dim:
    total: int | Dim = 0
    for step in program.steps:
        total = total + cost_of(step)
    return total


def _cost(statements: Sequence[Statement], sizes: Mapping[str, int | Dim]) -> int | Dim:
    total: int | Dim = 0
    for statement in statements:
        if isinstance(statement, Loop):
            total = total + _number(statement.extent, sizes) * _cost(statement.body, sizes)
        else:
            total = total + sum(_weight(part) for expr in expressions(statement) for part in subexpressions(expr))
            total = total + int(isinstance(statement, Store | Combine | Accumulator | Best))
    return total


def _weight(part: Expr) -> int:
    if isinstance(part, Apply):
        return FUNCTION_COST if calls_beside(part.code, _INSTRUCTIONS) else 1
    return int(isinstance(part, Load))


def _number(extent: Expr, sizes: Mapping[str, int | Dim]) -> int | Dim:
    """The extent of a loop over the sizes of a call; 1 for one that only the kernel knows."""
    if isinstance(extent, Const):
        return int(extent.value)
    return sizes.get(extent.name, 1) if isinstance(extent, Var) else 1
