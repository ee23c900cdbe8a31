"""Locals that are used once are written where they are used, so that kernels read like formulas."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from .ir import Apply, Expr, Let, Load, Loop, Statement, Var
from .rewrite import expressions, subexpressions, substitute, walk, with_expressions

SIZE_LIMIT = 7  # operations and loads in one expression


def tidy(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Inline single-use locals within one body. What a conditional would load conditionally stays a local: a plain
    load vectorises, one under a condition does not."""
    uses = Counter(name for statement in walk(statements) for expr in expressions(statement) for name in reads(expr))
    return _body(statements, uses)


def reads(expr: Expr) -> Iterator[str]:
    """Names of the variables an expression reads, as often as the code it becomes reads them."""
    if isinstance(expr, Var):
        yield expr.name
    elif isinstance(expr, Load):
        for entry in expr.index:
            yield from reads(entry)
    elif isinstance(expr, Apply):
        for arg, times in zip(expr.args, _times(expr.code), strict=False):
            for _ in range(times):
                yield from reads(arg)


@cache
def _times(code: str) -> tuple[int, ...]:
    """How often the code reads each of its operands."""
    found = Counter({"a": 1} if code == "cast" else re.findall(r"\b[abc]\b", code))
    return tuple(found[operand] for operand in "abc")


def _body(statements: Sequence[Statement], uses: Counter[str]) -> tuple[Statement, ...]:
    inlined: dict[str, Expr] = {}
    kept: list[Statement] = []
    names = [{name for expr in expressions(statement) for name in reads(expr)} for statement in statements]
    wanted = set().union(*names)
    guarded = {name for statement in statements for expr in expressions(statement) for name in _in_branches(expr)}

    def put_in(expr: Expr) -> Expr:
        return substitute(expr, lambda part: inlined.get(part.name) if isinstance(part, Var) else None)

    for statement, own in zip(statements, names, strict=True):
        if isinstance(statement, Loop):
            kept.append(Loop(statement.var, put_in(statement.extent), _body(statement.body, uses)))
            continue
        if not inlined.keys().isdisjoint(own):
            statement = with_expressions(statement, put_in)
        if isinstance(statement, Let) and uses[statement.name] == 0:
            continue
        if isinstance(statement, Let) and uses[statement.name] == 1 and statement.name in wanted:
            loads = any(isinstance(part, Load) for part in subexpressions(statement.value))
            if _size(statement.value) < SIZE_LIMIT and not (loads and statement.name in guarded):
                inlined[statement.name] = statement.value
                continue
        kept.append(statement)
    return tuple(kept)


def _in_branches(expr: Expr) -> set[str]:
    """Variables that are read under a condition."""
    found: set[str] = set()
    for part in subexpressions(expr):
        if isinstance(part, Apply) and " if " in part.code:
            found.update(name for arg in part.args[1:] for name in reads(arg))
    return found


def _size(expr: Expr) -> int:
    return sum(isinstance(part, Apply | Load) for part in subexpressions(expr))
