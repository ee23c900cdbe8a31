"""Values as kernel expressions: each is computed once at the shallowest level of the loop nest that knows it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..core.naming import Unique
from ..core.node import Node
from ..core.op import Elementwise, Gather, Index, InRange, Place, View
from ..core.types import BOOL, INT64
from ..ops.convert import scalar_value
from .ir import Apply, Const, DType, Expr, Let, Load, Param, Statement, Var, both, integer
from .regions import Axes, Region
from .trace import IndexTuple, aligned, as_index, is_scalar, operands_at, place_source, starts_at_zero

Depth = Literal["before", "row", "inner", "after"]
Key = tuple[Node, IndexTuple]
LETTERS = "ijklpqrs"
DEPTHS: tuple[Depth, ...] = ("before", "after", "row", "inner")


@dataclass(eq=False, slots=True)
class Level:
    """One depth of the nest: the statements made there and the values they bind."""

    depth: Depth
    parent: Level | None
    closed: bool = False  # nothing inside may be hoisted out: it is evaluated under a condition
    statements: list[Statement] = field(default_factory=list)
    bound: dict[Key, Expr] = field(default_factory=dict)

    def find(self, key: Key) -> Expr | None:
        level: Level | None = self
        while level is not None:
            if key in level.bound:
                return level.bound[key]
            level = level.parent
        return None

    def outward(self, depth: Depth) -> Level:
        """The outermost enclosing level that is at least as deep as asked."""
        level: Level = self
        while level.parent is not None and not level.closed and DEPTHS.index(level.depth) > DEPTHS.index(depth):
            level = level.parent
        return level


class Values:
    """Expressions for the values of one region. ``in_memory`` tells which are loaded: earlier steps have filled their
    buffers; ``used`` collects the buffers that are read or written."""

    def __init__(
        self,
        region: Region,
        buffers: Mapping[Node, Param],
        in_memory: Callable[[Node], bool],
        names: Mapping[Node, str],
        outside: Container[str],
    ) -> None:
        self.region, self.buffers, self.in_memory, self.names = region, buffers, in_memory, names
        self.used: dict[str, Param] = {}
        self.fresh = Unique(outside)  # names nothing else in the kernel has
        self.vars = [
            self.fresh(LETTERS[axis] if axis < len(LETTERS) else f"i{axis}") for axis in range(len(region.extents))
        ]
        self.locals: set[str] = set()
        self.depths: dict[Node, Depth] = {}  # set by the builder, as are the next three
        self.inner: frozenset[int] = frozenset()
        self.spilled: dict[Node, tuple[Param, IndexTuple]] = {}  # members that later stages load again
        self.ready: set[Node] = set()  # those whose stage is done

    # -- names and indices

    def var(self, axis: int) -> Var:
        return Var(self.vars[axis])

    def index(self, axes: Axes) -> IndexTuple:
        """The index of a value that runs over these axes of the region."""
        return tuple(Const(0, INT64) if axis is None else self.var(axis) for axis in axes)

    def canonical(self, node: Node) -> IndexTuple:
        return self.index(self.region.members[node].axes)

    def memory(self, node: Node) -> Param:
        param = self.buffers[node]
        self.used[param.name] = param
        return param

    def local_name(self, node: Node, index: IndexTuple) -> str:
        """``h1_ij``: the element of h1 at the loop variables it depends on."""
        letters = "".join(entry.name for entry in index if isinstance(entry, Var) and entry.name in self.vars)
        name = self.names.get(node, node.op.name)
        return self.fresh(f"{name}_{letters}" if letters else f"{name}_value" if node in self.buffers else name)

    # -- what a member reads

    def members_under(self, start: list[Key]) -> Iterator[Key]:
        """The members that values at these indices are made of, nearest first."""
        stack, seen = list(start), set()
        while stack:
            node, index = stack.pop()
            if (node, index) in seen:
                continue
            seen.add((node, index))
            if node in self.region.members and index == self.canonical(node):
                yield node, index
            elif not self.in_memory(node):
                stack.extend(operands_at(node, index))

    # -- expressions

    def value(self, node: Node, index: IndexTuple, level: Level) -> Expr:
        """The expression for one element, with whatever it needs bound at its own level."""
        if is_scalar(node):
            return scalar(node)
        key = (node, index)
        found = level.find(key)
        if found is not None:
            return found
        if node in self.region.members and index == self.canonical(node):
            return self._member(node, index, level)
        if self.in_memory(node):
            return self._bind(key, self._load(node, index), level.outward(self._depth_of(index)))
        return self._computed(node, index, level)

    def _member(self, node: Node, index: IndexTuple, level: Level) -> Expr:
        if node in self.ready and node in self.spilled:
            param, place = self.spilled[node]
            self.used[param.name] = param
            return self._bind((node, index), Load(param.name, place, param.dtype), level)
        home = level.outward(self.depths[node])
        return self._bind((node, index), self._computed(node, index, home), home)

    def _bind(self, key: Key, value: Expr, level: Level) -> Expr:
        if isinstance(value, Const | Var):
            level.bound[key] = value
            return value
        name = self.local_name(*key)
        self.locals.add(name)
        level.statements.append(Let(name, value))
        level.bound[key] = Var(name, value.dtype)
        return level.bound[key]

    def _load(self, node: Node, index: IndexTuple) -> Load:
        return Load(self.memory(node).name, index, node.dtype)

    def _depth_of(self, index: IndexTuple) -> Depth:
        names = {name for entry in index for name in variables(entry)}
        if names & self.locals or any(name.endswith("[]") for name in names):
            return "inner"
        axes = {axis for axis, name in enumerate(self.vars) if name in names}
        return "inner" if axes & self.inner else "row" if axes else "before"

    def _computed(self, node: Node, index: IndexTuple, level: Level) -> Expr:
        lowering = node.op.lowering
        if isinstance(lowering, View):
            seen = self.value(*operands_at(node, index)[0], level)
            return self._bind((node, index), seen, level) if isinstance(seen, Apply) else seen
        if isinstance(lowering, Elementwise):
            return self._elementwise(node, index, level)
        if isinstance(lowering, Index):
            return index[0]
        if isinstance(lowering, InRange):
            position = self.value(node.inputs[0], index, level)
            return wrapped(position, node.attrs["size"]) if node.attrs["wrap"] else position
        if isinstance(lowering, Gather):
            at, source = lowering.split(index, node)
            place = self.position(node, as_index(at), level)
            return self.value(node.inputs[0], as_index(source(place)), level)
        if isinstance(lowering, Place):
            return self._placed(node, index, level)
        raise AssertionError(f"{node.op.name} has no value inside a kernel")

    def _elementwise(self, node: Node, index: IndexTuple, level: Level) -> Expr:
        lowering = node.op.lowering
        assert isinstance(lowering, Elementwise)
        args = tuple(self.value(parent, aligned(index, parent.shape), level) for parent in node.inputs)
        if lowering.code == "a":
            return args[0] if args[0].dtype == node.dtype else cast(args[0], node.dtype)
        result = Apply(lowering.code, args, node.dtype)
        narrow = node.dtype.kind in "iu" and node.dtype.itemsize < 8
        return cast(result, node.dtype) if narrow else result

    def position(self, node: Node, at: IndexTuple, level: Level) -> Expr:
        """The position a gather or scatter reads, counted from the start of the axis."""
        position = self.value(node.inputs[1], at, level)
        if starts_at_zero(node.inputs[1]) or not node.attrs.get("wrap", True):
            return position
        shape = node.attrs.get("shape", node.inputs[0].shape)
        return wrapped(position, shape[node.attrs["axis"]])

    def _placed(self, node: Node, index: IndexTuple, level: Level) -> Expr:
        """An element of a slice's transpose: the operand where the index falls on it, else 0. The operand is written
        out inside the condition, so that it is read only where it exists."""
        source, tests = place_source(node, index)
        inside = Level(level.depth, level, closed=True)
        value = self.value(node.inputs[0], source, inside)
        value = written_out(value, inside.statements)
        conditions: list[Expr] = []
        for offset, size, step in tests:
            conditions += [Apply("a >= b", (offset, integer(0)), BOOL)]
            conditions += [Apply("a < b", (offset, integer(size * step)), BOOL)]
            if step > 1:
                conditions += [Apply("a % b == c", (offset, integer(step), integer(0)), BOOL)]
        if not conditions:
            return value
        return Apply("b if a else c", (both(conditions), value, Const(node.dtype.type(0), node.dtype)), node.dtype)


def scalar(node: Node) -> Expr:
    """A scalar constant, or a size in the dtype asked for."""
    if node.op.name == "size":
        return cast(integer(node.attrs["size"]), node.dtype)
    return Const(node.dtype.type(scalar_value(node)), node.dtype)


def cast(value: Expr, dtype: DType) -> Expr:
    return Apply("cast", (value,), dtype)


def wrapped(position: Expr, size: Any) -> Expr:
    """A position counted from the end when it is negative."""
    return Apply("a + b if a < c else a", (position, integer(size), integer(0)), INT64)


def variables(expr: Expr) -> Iterator[str]:
    """Names an expression reads; a load counts as one of its own."""
    if isinstance(expr, Var):
        yield expr.name
    elif isinstance(expr, Load):
        yield f"{expr.buffer}[]"
        for entry in expr.index:
            yield from variables(entry)
    elif isinstance(expr, Apply):
        for arg in expr.args:
            yield from variables(arg)


def written_out(value: Expr, statements: list[Statement]) -> Expr:
    """The value with the locals bound in ``statements`` put back in their places."""
    bound = {statement.name: statement.value for statement in statements if isinstance(statement, Let)}

    def put_back(expr: Expr) -> Expr:
        if isinstance(expr, Var) and expr.name in bound:
            return put_back(bound[expr.name])
        if isinstance(expr, Apply):
            return Apply(expr.code, tuple(map(put_back, expr.args)), expr.dtype)
        if isinstance(expr, Load):
            return Load(expr.buffer, tuple(map(put_back, expr.index)), expr.dtype)
        return expr

    return put_back(value)


def start_value(combine: str, dtype: DType) -> Const:
    """Where a reduction starts."""
    if combine in "+*":
        return Const(dtype.type(0 if combine == "+" else 1), dtype)
    if dtype.kind == "f":
        return Const(dtype.type(-np.inf if combine in ("maximum", ">") else np.inf), dtype)
    limits = np.iinfo(dtype)
    return Const(dtype.type(limits.min if combine in ("maximum", ">") else limits.max), dtype)
