"""Following values to where they come from: what an expression reads, and at which index."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from ..core.node import Node
from ..core.op import Elementwise, Gather, Index, InRange, Leaf, Place, View
from ..core.record import entity
from ..core.types import INT64, Shape
from ..ops.convert import CONSTANT, scalar_value
from .ir import Apply, Const, Expr, Var, add, integer, multiply

IndexTuple = tuple[Expr, ...]

ANY = Var("?")  # a position known only at run time
ZERO = Const(0, INT64)
FLOATING = frozenset((Elementwise, View, Place, Gather, Index, InRange))
"""How nodes are lowered that are computed where they are needed."""

_CALL = re.compile(r"([a-z_0-9]+)\(")
_CHEAP_CALLS = frozenset({"maximum", "minimum", "abs", "sign", "isfinite", "isnan", "cast"})


def is_scalar(node: Node) -> bool:
    """A number that is written into the code: a scalar constant or a size."""
    if node.op.name == "size":
        return True
    return node.op is CONSTANT and node.type.shape == () and scalar_value(node) is not None


def is_array_leaf(node: Node) -> bool:
    return isinstance(node.op.lowering, Leaf) and not is_scalar(node)


def floats(node: Node) -> bool:
    """Computed where it is needed: element by element from its operands, with no memory of its own."""
    return type(node.op.lowering) in FLOATING or is_scalar(node)


def is_expensive(node: Node) -> bool:
    """Costs more to compute again than to load."""
    lowering = node.op.lowering
    return isinstance(lowering, Elementwise) and calls_beside(lowering.code, _CHEAP_CALLS)


def is_light(node: Node, most: int) -> bool:
    """Whether an element takes at most so many cheap operations from what has memory."""
    below, count = [node], 0
    while below:
        part = below.pop()
        if floats(part) and not is_scalar(part):
            count += isinstance(part.op.lowering, Elementwise)
            if is_expensive(part) or count > most:
                return False
            below += part.inputs
    return True


@cache
def calls_beside(code: str, these: frozenset[str]) -> bool:
    """Whether the text of an expression calls other functions than ``these``."""
    return not these.issuperset(_CALL.findall(code))


def operands_at(node: Node, index: IndexTuple) -> list[tuple[Node, IndexTuple]]:
    """What element ``index`` of a floating node reads."""
    lowering = node.op.lowering
    if isinstance(lowering, (Elementwise, InRange)):
        return [(parent, aligned(index, parent.type.shape)) for parent in node.inputs]
    if isinstance(lowering, View):
        return [(node.inputs[0], as_index(lowering.source(index, node)))]
    if isinstance(lowering, Place):
        return [(node.inputs[0], place_source(node, index)[0])]
    if isinstance(lowering, Gather):
        at, source = lowering.split(index, node)
        return [(node.inputs[1], as_index(at)), (node.inputs[0], as_index(source(ANY)))]
    return []


def aligned(index: IndexTuple, shape: Shape) -> IndexTuple:
    """The index into an operand of ``shape`` for an index of the broadcast result: 0 along axes of size 1."""
    own = index if len(index) == len(shape) else index[len(index) - len(shape) :]
    if 1 not in shape:
        return own
    return tuple(ZERO if size == 1 else entry for entry, size in zip(own, shape, strict=True))


def index_source(node: Node) -> Node:
    """The node whose elements an index operand holds, behind views that leave none out."""
    while node.op.name in ("expand_dims", "squeeze", "permute_dims", "broadcast_to"):
        (node,) = node.inputs
    return node


def starts_at_zero(indices: Node) -> bool:
    """Positions that are known not to count from the end."""
    behind = index_source(indices)
    return isinstance(behind.op.lowering, InRange) or behind.op is CONSTANT


def as_index(index: tuple[Any, ...]) -> IndexTuple:
    """Index entries as expressions (views mix in plain ints)."""
    return tuple(integer(entry) for entry in index)


def place_source(node: Node, index: IndexTuple) -> tuple[IndexTuple, list[tuple[Expr, Any, int]]]:
    """The operand's index for an element of a slice's transpose, and per axis (offset, size, step) to test."""
    source: list[Expr] = []
    tests: list[tuple[Expr, Any, int]] = []
    triples = zip(index, node.attrs["starts"], node.attrs["steps"], node.inputs[0].shape, node.shape, strict=True)
    for entry, start, step, size, full in triples:
        if size == full and start == 0 and step == 1:
            source.append(entry)
            continue
        offset = add(entry, -start) if step > 0 else add(integer(start), multiply(entry, -1))
        tests.append((offset, size, abs(step)))
        source.append(offset if abs(step) == 1 else Apply("a // b", (offset, integer(abs(step))), INT64))
    return tuple(source), tests


def axes_of(index: IndexTuple) -> tuple[int | None, ...] | None:
    """Axis numbers of an index made of plain loop variables (None for 0); None when it is anything else."""
    found: list[int | None] = []
    for entry in index:
        if isinstance(entry, Var):
            axis = _axis_called(entry.name)
            if axis is None or axis in found:
                return None
            found.append(axis)
        elif isinstance(entry, Const) and entry.value == 0:
            found.append(None)
        else:
            return None
    return tuple(found)


@cache
def axis_var(axis: int) -> Var:
    """What stands for a position along an axis of a region until the loops have names."""
    return Var(f"@{axis}")


@cache
def _axis_called(name: str) -> int | None:
    return int(name[1:]) if name.startswith("@") else None


@entity
class Trace:
    """What a value is made of: floating nodes and the bases under them, each with the indices it is read at."""

    floating: dict[Node, list[IndexTuple]]
    bases: dict[Node, list[IndexTuple]]


def trace(start: list[tuple[Node, IndexTuple]], ends: Callable[[Node, IndexTuple], bool]) -> Trace:
    """Walk down from ``start`` through floating nodes until ``ends`` says stop."""
    floating: dict[Node, list[IndexTuple]] = {}
    bases: dict[Node, list[IndexTuple]] = {}
    stack = list(start)
    while stack:
        node, index = stack.pop()
        if index in floating.get(node, ()) or index in bases.get(node, ()):
            continue
        if ends(node, index):
            bases.setdefault(node, []).append(index)
        else:
            floating.setdefault(node, []).append(index)
            stack += operands_at(node, index)
    return Trace(floating, bases)
