"""A fusion region as a loop nest.

    before the loops    scalars; totals start
    for each row        values of the row, then for each stage a loop over the inner axes
    after the loops     totals are stored; scalars made of them

Stage s holds what can be computed once the row reductions of stage s - 1 are known: softmax has the stages
largest / sum of exponentials / quotient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.dim import Dim
from ..core.node import Node
from ..core.op import ArgReduction, Reduction, Scatter
from ..core.types import INT64
from .ir import Accumulate, Accumulator, Best, Combine, Const, Expr, Loop, Param, Statement, Store, Var, add, integer
from .regions import Axes, Region, accumulates_in_memory
from .trace import as_index, is_expensive, operands_at
from .values import Depth, Key, Level, Values, start_value


class KernelBuilder:
    """The statements of one region; ``values.used`` are the buffers they touch, ``scratch`` the rows it needs."""

    def __init__(self, region: Region, rank: Mapping[Node, int], values: Values) -> None:
        self.region, self.values = region, values
        count = len(region.extents)
        self.inner = region.inner if region.inner is not None else frozenset({count - 1} if count else ())
        self.rows = [axis for axis in range(count) if axis not in self.inner]
        self.columns = [axis for axis in range(count) if axis in self.inner]
        self.members = sorted(region.members, key=rank.__getitem__)
        self.stage: dict[Node, int] = {}
        self.operands: dict[Node, list[Key]] = {}  # the members a member is made of
        values.inner = self.inner
        for node in self.members:
            self._classify(node)
        self.scratch = self._spill()

    # -- where everything is computed

    def _classify(self, node: Node) -> None:
        member = self.region.members[node]
        self.operands[node] = list(self.values.members_under(self._reads(node)))
        self.stage[node] = max((self._ready_at(below) for below, _ in self.operands[node]), default=0)
        depth: Depth = "after" if member.kind == "after" else self._depth(member.axes, self.stage[node])
        self.values.depths[node] = depth

    def _ready_at(self, member: Node) -> int:
        """The first stage in which a member's value can be used."""
        return self.stage[member] + (self.region.members[member].kind == "row")

    def _reads(self, node: Node) -> list[Key]:
        member = self.region.members[node]
        index = self.values.index(member.domain)
        lowering = node.op.lowering
        if isinstance(lowering, Scatter):
            return [(node.inputs[0], index), (node.inputs[1], as_index(lowering.split(index, node)[0]))]
        if isinstance(lowering, Reduction | ArgReduction):
            return [(node.inputs[0], index)]
        return operands_at(node, index)

    def _depth(self, axes: Axes, stage: int) -> Depth:
        own = {axis for axis in axes if axis is not None}
        if own & self.inner:
            return "inner"
        return "row" if own or stage else "before"

    def _sink_depth(self, node: Node) -> Depth:
        """Where a member is handed on: a reduction takes its operand where the operand varies."""
        if self.region.members[node].kind in ("row", "total"):
            return self._depth(self.region.members[node].domain, self.stage[node])
        return self.values.depths[node]

    def _spill(self) -> list[Param]:
        """Expensive values that a later stage needs again: loaded from where they are stored, or from a scratch row."""
        scratch: list[Param] = []
        for node in self._needed_later():
            if node in self.region.stores:
                self.values.spilled[node] = (self.values.buffers[node], self.values.canonical(node))
            elif is_expensive(node):
                shape = tuple(self.region.extents[axis] for axis in self.columns)
                name = self.values.fresh(f"{self.values.names.get(node, node.op.name)}_row")
                scratch.append(Param(name, node.dtype, shape))
                self.values.spilled[node] = (scratch[-1], tuple(self.values.var(axis) for axis in self.columns))
        return scratch

    def _needed_later(self) -> list[Node]:
        """Inner members used in a stage after their own, each once."""
        found: dict[Node, None] = {}
        sinks = [n for n in self.members if self._is_sink(n) and self._sink_depth(n) == "inner"]
        for sink in sinks:
            stage, stack, seen = self.stage[sink], list(self.operands[sink]), set()
            while stack:
                node, _ = stack.pop()
                if node in seen or self.values.depths[node] != "inner" or self.region.members[node].kind != "element":
                    continue
                seen.add(node)
                if self.stage[node] < stage:
                    found[node] = None
                    if node in self.region.stores or is_expensive(node):
                        continue
                stack.extend(self.operands[node])
        return list(found)

    def _is_sink(self, node: Node) -> bool:
        return self.region.members[node].kind in ("row", "total") or node in self.region.stores

    # -- statements

    def build(self) -> tuple[Statement, ...]:
        before = Level("before", None)
        row = Level("row", before)
        totals = [node for node in self.members if self.region.members[node].kind == "total"]
        for node in totals:
            self._start_total(node, before)
        last = max(self.stage.values(), default=0)
        for stage in range(last + 1):
            self._row_stage(stage, row)
            self._inner_stage(stage, row, parts=stage == last)
        after = Level("after", before)
        self._finish(totals, after)
        loops = self._nest(self.rows, row.statements) if row.statements else []
        return (*before.statements, *loops, *after.statements)

    def _nest(self, axes: Sequence[int], body: Sequence[Statement]) -> list[Statement]:
        statements = list(body)
        for axis in reversed(axes):
            statements = [Loop(self.values.vars[axis], integer(self.region.extents[axis]), tuple(statements))]
        return statements

    def _start_total(self, node: Node, before: Level) -> None:
        start = start_value(_combine(node), node.dtype)
        if not self._accumulates_in_memory(node):
            name = self.values.local_name(node, ())
            before.statements.append(Accumulator(name, start))
            before.bound[node, self.values.canonical(node)] = Var(name, node.dtype)
            return
        names = [self.values.fresh("abcdefgh"[axis] if axis < 8 else f"a{axis}") for axis in range(node.ndim)]
        statements: list[Statement] = [Store(self.values.memory(node).name, tuple(map(Var, names)), start)]
        for name, size in reversed(list(zip(names, node.shape, strict=True))):
            statements = [Loop(name, integer(size), tuple(statements))]
        before.statements.extend(statements)

    def _accumulates_in_memory(self, node: Node) -> bool:
        return accumulates_in_memory(node, self.region.members[node])

    def _row_stage(self, stage: int, row: Level) -> None:
        """What a stage hands on that is the same along the whole row."""
        for node in self.members:
            depth = self._sink_depth(node)
            if self.stage[node] != stage or depth in ("inner", "after") or not self._is_sink(node):
                continue
            kind = self.region.members[node].kind
            level = row if depth == "row" or kind == "total" else row.outward("before")
            if kind == "total":
                level.statements.append(self._add_to_total(node, self._operand(node, level), level))
            elif kind == "element":
                level.statements.append(self._store(node, level))

    def _inner_stage(self, stage: int, row: Level, parts: bool) -> None:
        """One loop over the inner axes: what it computes, then what it hands on."""
        inner = Level("inner", row)
        sinks: list[Statement] = []
        afterwards: list[Statement] = []
        for node in self.members:
            if self.stage[node] != stage or self._sink_depth(node) != "inner":
                continue
            kind = self.region.members[node].kind
            if kind == "row":
                sinks.append(self._reduce_row(node, row, inner))
                if node in self.region.stores:
                    afterwards.append(self._store(node, row))
            elif kind == "total":
                sinks.append(self._reduce_total(node, row, inner, afterwards))
            elif node in self.region.stores:
                sinks.append(self._store(node, inner))
            elif node in self.values.spilled:
                sinks.append(self._keep(node, inner))
        if parts:
            sinks += [self._store_part(*part, inner) for part in self.region.parts]
        if sinks:
            row.statements += self._nest(self.columns, [*inner.statements, *sinks])
        row.statements += afterwards
        self.values.ready.update(n for n in self.values.spilled if self.stage[n] == stage)

    # -- what values are handed on to

    def _operand(self, node: Node, level: Level) -> Expr:
        """The operand of a reduction at the current element."""
        return self.values.value(node.inputs[0], self.values.index(self.region.members[node].domain), level)

    def _store(self, node: Node, level: Level) -> Store:
        index = self.values.canonical(node)
        value = self.values.value(node, index, level)
        return Store(self.values.memory(node).name, index, value)

    def _keep(self, node: Node, level: Level) -> Store:
        param, place = self.values.spilled[node]
        self.values.used[param.name] = param
        return Store(param.name, place, self.values.value(node, self.values.canonical(node), level))

    def _store_part(self, value: Node, concat: Node, offset: int | Dim, axes: Axes, level: Level) -> Store:
        index = self.values.index(axes)
        axis = concat.attrs["axis"]
        target = tuple(add(entry, offset) if place == axis else entry for place, entry in enumerate(index))
        return Store(self.values.memory(concat).name, target, self.values.value(value, index, level))

    def _reduce_row(self, node: Node, row: Level, inner: Level) -> Statement:
        lowering = node.op.lowering
        name = self.values.local_name(node, self.values.canonical(node))
        row.bound[node, self.values.canonical(node)] = Var(name, node.dtype)
        if isinstance(lowering, ArgReduction):
            (axis,) = self.columns
            operand = node.inputs[0]
            best = self.values.fresh(f"best_{name}")
            row.statements.append(Accumulator(best, start_value(lowering.better, operand.dtype)))
            row.statements.append(Accumulator(name, Const(INT64.type(0), INT64)))
            return Best(best, name, lowering.better, self._operand(node, inner), self.values.var(axis))
        row.statements.append(Accumulator(name, start_value(_combine(node), node.dtype)))
        return Accumulate(name, _combine(node), self._operand(node, inner))

    def _reduce_total(self, node: Node, row: Level, inner: Level, afterwards: list[Statement]) -> Statement:
        """Into the total, by way of a local when the total does not change along the row."""
        member = self.region.members[node]
        changes = isinstance(node.op.lowering, Scatter) or self.inner & set(member.axes)
        if changes or not self._accumulates_in_memory(node):
            return self._add_to_total(node, self._operand(node, inner), inner)
        name = self.values.local_name(node, self.values.canonical(node))
        row.statements.append(Accumulator(name, start_value(_combine(node), node.dtype)))
        afterwards.append(self._add_to_total(node, Var(name, node.dtype), row))
        return Accumulate(name, _combine(node), self._operand(node, inner))

    def _add_to_total(self, node: Node, value: Expr, level: Level) -> Statement:
        lowering = node.op.lowering
        if isinstance(lowering, Scatter):
            at, target = lowering.split(self.values.index(self.region.members[node].domain), node)
            index = as_index(target(self.values.position(node, as_index(at), level)))
            return Combine(self.values.memory(node).name, index, "+", value)
        if not self._accumulates_in_memory(node):
            total = level.find((node, self.values.canonical(node)))
            assert isinstance(total, Var)
            return Accumulate(total.name, _combine(node), value)
        return Combine(self.values.memory(node).name, self.values.canonical(node), _combine(node), value)

    def _finish(self, totals: Sequence[Node], after: Level) -> None:
        for node in totals:
            if node in self.region.stores and not self._accumulates_in_memory(node):
                after.statements.append(self._store(node, after))
        for node in self.members:
            if self.region.members[node].kind == "after" and node in self.region.stores:
                after.statements.append(self._store(node, after))


def _combine(node: Node) -> str:
    lowering = node.op.lowering
    return lowering.combine if isinstance(lowering, Reduction) else "+"
