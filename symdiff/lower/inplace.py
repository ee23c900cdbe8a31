"""When a kernel may write a value over an operand: the operand is read for the last time at the same element."""

from __future__ import annotations

from collections.abc import Sequence

from .ir import Combine, Expr, Kernel, Load, Loop, Statement, Store, Var
from .rewrite import expressions, subexpressions, substitute, with_expressions


def can_overwrite(kernel: Kernel, target: str, source: str) -> bool:
    """Whether stores to ``target`` may go to the memory of ``source``: every load of the source is at the index of the
    store, and none comes after it."""
    events = list(_events(kernel.body, {target, source}, ()))
    stores = [event for event in events if event[0] == "store"]
    if len(stores) != 1:
        return False
    position = events.index(stores[0])
    _, index, loops = stores[0]
    if any(Var(name) not in index for name in loops):
        return False  # the store is repeated: the second time the source is gone
    for place, (kind, where, around) in enumerate(events):
        if kind == "other" or (kind == "load" and (where != index or place > position)):
            return False
        if kind == "load" and around != loops:
            return False  # another loop over the same axis has another run of it
    return True


def _events(
    statements: Sequence[Statement], names: set[str], loops: tuple[str, ...]
) -> list[tuple[str, tuple[Expr, ...], tuple[str, ...]]]:
    found: list[tuple[str, tuple[Expr, ...], tuple[str, ...]]] = []
    for statement in statements:
        if isinstance(statement, Loop):
            found += _events(statement.body, names, (*loops, statement.var))
            continue
        for expr in expressions(statement):
            for part in subexpressions(expr):
                if isinstance(part, Load) and part.buffer in names:
                    found.append(("load", part.index, loops))
        if isinstance(statement, Store) and statement.buffer in names:
            found.append(("store", statement.index, loops))
        if isinstance(statement, Combine) and statement.buffer in names:
            found.append(("other", statement.index, loops))
    return found


def merged(kernel: Kernel, target: str, source: str) -> Kernel:
    """The kernel with ``target`` and ``source`` as one parameter, under the source's name."""

    def renamed(part: Expr) -> Expr | None:
        return Load(source, part.index, part.dtype) if isinstance(part, Load) and part.buffer == target else None

    def rename(expr: Expr) -> Expr:
        return substitute(expr, renamed)

    def visit(statement: Statement) -> Statement:
        if isinstance(statement, Loop):
            return Loop(statement.var, statement.extent, tuple(map(visit, statement.body)))
        changed = with_expressions(statement, rename)
        if isinstance(changed, Store) and changed.buffer == target:
            return Store(source, changed.index, changed.value)
        return changed

    params = tuple(param for param in kernel.params if param.name != target)
    return Kernel(kernel.name, kernel.sizes, params, tuple(map(visit, kernel.body)))
