"""Writing a value over an operand of its kernel, which is safe where the operand is read for the last time there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Literal, NamedTuple

from .ir import Combine, Expr, Kernel, Load, Loop, Statement, Store, Var
from .program import Buffer, KernelCall
from .rewrite import expressions, subexpressions, substitute, with_expressions


class Access(NamedTuple):
    """One load or store of a buffer: its place in program order and the loops around it."""

    place: int
    kind: Literal["load", "store", "combine"]
    at: tuple[Expr, ...]
    loops: tuple[str, ...]


class Overwriting:
    """Puts results over operands, call by call. What is found out about a kernel serves every call of it."""

    def __init__(self) -> None:
        self._accesses: dict[Kernel, dict[str, list[Access]]] = {}
        self._merged: dict[tuple[Kernel, str, str], Kernel | None] = {}

    def put(self, call: KernelCall, target: Buffer, source: Buffer) -> bool:
        """Put ``target`` into the storage of ``source`` within this call, if that is safe."""
        kernel = self.kernel_for(call, target, source)
        if kernel is None:
            return False
        call.kernel = kernel
        call.buffers = tuple(buffer for buffer in call.buffers if buffer is not target)
        share(target, source)
        return True

    def kernel_for(self, call: KernelCall, target: Buffer, source: Buffer) -> Kernel | None:
        """The kernel of a call with one parameter for the two; None where that is not safe."""
        if target is source or target.dtype != source.dtype or target.shape != source.shape:
            return None
        if [buffer.storage for buffer in call.buffers].count(source.storage) > 1:
            return None  # the same memory is read under another shape as well
        params, place = call.kernel.params, call.buffers.index
        return self._with_one(call.kernel, params[place(target)].name, params[place(source)].name)

    def _with_one(self, kernel: Kernel, target: str, source: str) -> Kernel | None:
        """The kernel with one parameter for the two; None where it needs both."""
        key = (kernel, target, source)
        if key not in self._merged:
            if kernel not in self._accesses:
                self._accesses[kernel] = accesses(kernel)
            seen = self._accesses[kernel]
            self._merged[key] = merged(kernel, target, source) if can_overwrite(seen[target], seen[source]) else None
        return self._merged[key]


def share(target: Buffer, source: Buffer) -> None:
    """From now on ``target`` (and whatever shares its storage) lives where ``source`` does."""
    target.storage.moved_to = source.storage
    target.storage = source.storage


def accesses(kernel: Kernel) -> dict[str, list[Access]]:
    """What a kernel does to each of its buffers, in program order."""
    found: dict[str, list[Access]] = {param.name: [] for param in kernel.params}
    places = count()

    def visit(statements: Sequence[Statement], loops: tuple[str, ...]) -> None:
        for statement in statements:
            if isinstance(statement, Loop):
                visit(statement.body, (*loops, statement.var))
                continue
            for expr in expressions(statement):
                for part in subexpressions(expr):
                    if isinstance(part, Load):
                        found[part.buffer].append(Access(next(places), "load", part.index, loops))
            if isinstance(statement, Store | Combine):
                kind: Literal["store", "combine"] = "store" if isinstance(statement, Store) else "combine"
                found[statement.buffer].append(Access(next(places), kind, statement.index, loops))

    visit(kernel.body, ())
    return found


def can_overwrite(target: Sequence[Access], source: Sequence[Access]) -> bool:
    """Whether stores to the target may go to the memory of the source: it is written once for each element, and every
    load of either is at that same element, before the store."""
    stores = [access for access in target if access.kind == "store"]
    if len(stores) != 1 or any(access.kind != "load" for access in source):
        return False
    (store,) = stores
    if any(access.kind == "combine" for access in target):
        return False
    if any(Var(name) not in store.at for name in store.loops):
        return False  # the store is repeated: the second time the source is gone
    loads = (access for access in (*target, *source) if access.kind == "load")
    return all((a.at, a.loops) == (store.at, store.loops) and a.place < store.place for a in loads)


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
