"""Walking and rewriting kernel statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .ir import Accumulate, Accumulator, Apply, Best, Check, Combine, Expr, Let, Load, Loop, Statement, Store


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
    s = statement
    if isinstance(s, Loop):
        return Loop(s.var, change(s.extent), tuple([with_expressions(inner, change) for inner in s.body]))
    if isinstance(s, Let):
        return Let(s.name, change(s.value))
    if isinstance(s, Store):
        return Store(s.buffer, tuple(map(change, s.index)), change(s.value))
    if isinstance(s, Combine):
        return Combine(s.buffer, tuple(map(change, s.index)), s.combine, change(s.value))
    if isinstance(s, Accumulate):
        return Accumulate(s.name, s.combine, change(s.value))
    if isinstance(s, Accumulator):
        return Accumulator(s.name, change(s.start))
    if isinstance(s, Best):
        return Best(s.best, s.place, s.better, change(s.value), change(s.position))
    return Check(change(s.condition), change(s.status))


def walk(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Every statement in program order, a loop before its body."""
    for statement in statements:
        yield statement
        if isinstance(statement, Loop):
            yield from walk(statement.body)


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """The expression and all in it, outermost first."""
    stack = [expr]
    while stack:
        expr = stack.pop()
        yield expr
        if isinstance(expr, Apply):
            stack.extend(reversed(expr.args))
        elif isinstance(expr, Load):
            stack.extend(reversed(expr.index))


def substitute(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """The expression with every part for which ``change`` has an answer replaced by it."""
    found = change(expr)
    if found is not None:
        return found
    if isinstance(expr, Apply):
        args = tuple([substitute(arg, change) for arg in expr.args])
        return expr if args == expr.args else Apply(expr.code, args, expr.dtype)
    if isinstance(expr, Load):
        index = tuple([substitute(entry, change) for entry in expr.index])
        return expr if index == expr.index else Load(expr.buffer, index, expr.dtype)
    return expr
