"""Walking and rewriting kernel statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from .ir import (
    Accumulate,
    Accumulator,
    Apply,
    Best,
    Check,
    Combine,
    Expr,
    Let,
    Load,
    Loop,
    Statement,
    Store,
)


def expressions(statement: Statement) -> Iterator[Expr]:
    """The expressions a statement holds itself, not those of a loop's body."""
    if isinstance(statement, Loop):
        yield statement.extent
    elif isinstance(statement, Let | Accumulate):
        yield statement.value
    elif isinstance(statement, Accumulator):
        yield statement.start
    elif isinstance(statement, Best):
        yield statement.value
        yield statement.position
    elif isinstance(statement, Store | Combine):
        yield from statement.index
        yield statement.value
    else:
        yield statement.condition
        yield statement.status


def with_expressions(statement: Statement, change: Callable[[Expr], Expr]) -> Statement:
    """The statement with ``change`` applied to every expression in it (a loop's body included)."""
    if isinstance(statement, Loop):
        body = tuple(with_expressions(inner, change) for inner in statement.body)
        return Loop(statement.var, change(statement.extent), body)
    if isinstance(statement, Let | Accumulate):
        return replace(statement, value=change(statement.value))
    if isinstance(statement, Accumulator):
        return replace(statement, start=change(statement.start))
    if isinstance(statement, Best):
        return replace(statement, value=change(statement.value), position=change(statement.position))
    if isinstance(statement, Store | Combine):
        return replace(statement, index=tuple(map(change, statement.index)), value=change(statement.value))
    assert isinstance(statement, Check)
    return replace(statement, condition=change(statement.condition), status=change(statement.status))


def walk(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Every statement in program order, a loop before its body."""
    for statement in statements:
        yield statement
        if isinstance(statement, Loop):
            yield from walk(statement.body)


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """The expression and all in it, outermost first."""
    yield expr
    for inner in expr.args if isinstance(expr, Apply) else expr.index if isinstance(expr, Load) else ():
        yield from subexpressions(inner)


def substitute(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """The expression with every part for which ``change`` has an answer replaced by it."""
    found = change(expr)
    if found is not None:
        return found
    if isinstance(expr, Apply):
        return Apply(expr.code, tuple(substitute(arg, change) for arg in expr.args), expr.dtype)
    if isinstance(expr, Load):
        return Load(expr.buffer, tuple(substitute(entry, change) for entry in expr.index), expr.dtype)
    return expr
