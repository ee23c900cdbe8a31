"""Fusion: which values are computed together, and which get memory.

Nodes that need a place of their own (results, operands of products, reductions) are anchors; elementwise nodes and
views float until an anchor pulls them into its region. Regions run in the order they are made, so a value may join any
region at or after the last one it depends on: the order itself keeps the plan acyclic.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core.dim import Dim
from ..core.node import Node
from ..core.op import (
    ArgReduction,
    Branch,
    Concat,
    Elementwise,
    Gather,
    InRange,
    Item,
    Matmul,
    Repeat,
    Reshape,
    Routine,
    Scatter,
)
from ..core.traversal import toposort
from .forced import RECOMPUTE_LIMIT, forced, matrix_of
from .regions import (
    Axes,
    Kind,
    Member,
    Opaque,
    Region,
    accumulates_in_memory,
    domain_node,
    index_over,
    is_reduction,
    own_axes,
    reduced_axes,
    result_axes,
)
from .trace import IndexTuple, Trace, axes_of, floats, index_source, is_array_leaf, is_expensive, is_scalar, trace

MEMBER_LIMIT = 64  # values in a region: compile time grows faster than linearly with the statements of a loop
LOOK_BACK = 6  # how many recent regions a value is offered to


class Fusion:
    """The plan for a prepared graph: ``steps`` in order; ``home`` says which step computes a node."""

    def __init__(self, roots: Sequence[Node]) -> None:
        self.order = _scalars_first(toposort(roots))
        self.rank = {node: position for position, node in enumerate(self.order)}
        self.steps: list[Region | Opaque] = []
        self.checks: list[Node] = []  # those whose indices are given, so that they can be checked first
        self.home: dict[Node, int] = {}
        self.items: dict[Node, list[Node]] = {}  # of operators with several results, those that are used
        self.stored: set[Node] = {node for node in self.order if is_array_leaf(node)}
        self.forced = forced(roots, self.order)
        for node in self.order:
            self._place(node)

    # -- placing

    def _place(self, node: Node) -> None:
        lowering = node.op.lowering
        if isinstance(lowering, (InRange, Gather, Scatter)):
            self._check_indices(node)
        if isinstance(lowering, Matmul):
            for parent in node.inputs:
                self._store(matrix_of(parent)[0])
            self._opaque(node)
        elif isinstance(lowering, Routine | Repeat | Branch):
            for parent in node.inputs:
                self._store(parent)
            self._opaque(node)
        elif isinstance(lowering, Reshape | Item):
            if isinstance(lowering, Item):
                self.items.setdefault(node.inputs[0], []).append(node)
            self._store(node.inputs[0])
            self.home[node] = self.home.get(node.inputs[0], -1)
            self.stored.add(node)
        elif isinstance(lowering, Concat):
            self._place_concat(node)
        elif is_reduction(node) or (node in self.forced and floats(node)):
            self._anchor(node)
            if node in self.forced:
                self._store(node)

    def _opaque(self, node: Node) -> None:
        self.home[node] = len(self.steps)
        self.stored.add(node)
        self.steps.append(Opaque(node))

    def _check_indices(self, node: Node) -> None:
        """Indices that come from outside are checked before anything else; computed ones as soon as they exist."""
        indices = checked_operand(node)
        if isinstance(indices.op.lowering, InRange) or indices.op.name == "constant":
            return
        if is_array_leaf(indices):
            self.checks.append(node)
            return
        self._store(indices)
        self.steps.append(Opaque(node))
        if not is_reduction(node):
            self.home[node] = len(self.steps) - 1

    def _place_concat(self, node: Node) -> None:
        """Each piece is one pass over its elements; pieces that run over the same share one."""
        axis = node.attrs["axis"]
        offset: int | Dim = 0
        for part in node.inputs:
            axes = {position: k for k, position in enumerate(own_axes(part.shape))}
            extents = [part.shape[position] for position in axes]
            last = self.steps[-1] if self.steps else None
            goes_on = isinstance(last, Region) and last.parts and last.parts[-1][1] is node and last.extents == extents
            if not goes_on or not self._place_part(part, node, offset, axes):
                self.steps.append(Region(extents, f"a piece of {node.op.name}"))
                placed = self._place_part(part, node, offset, axes)
                assert placed
            offset = offset + part.shape[axis]
        self.home[node] = len(self.steps) - 1
        self.stored.add(node)

    def _place_part(self, part: Node, concat: Node, offset: int | Dim, axes: dict[int, int]) -> bool:
        """Compute a piece in the last region, if that can be."""
        region, position = self.steps[-1], len(self.steps) - 1
        assert isinstance(region, Region)
        if len(region.members) > MEMBER_LIMIT:
            return False
        index = index_over(part.shape, axes)
        found = trace([(part, index)], lambda base, at: self._is_base(base, at, region))
        if self._consumable(found, region, position, part) is not None:
            return False
        self._fill(region, position, found)
        region.parts.append((part, concat, offset, tuple(axes.get(p) for p in range(part.ndim))))
        return True

    def _store(self, node: Node) -> None:
        """Give a placed node memory."""
        if node in self.stored:
            return
        if node not in self.home or (floats(node) and not self._is_member(node)):
            self._anchor(node)
        step = self.steps[self.home[node]]
        assert isinstance(step, Region)
        step.stores[node] = None
        self.stored.add(node)

    def _is_member(self, node: Node) -> bool:
        step = self.steps[self.home[node]]
        return isinstance(step, Region) and node in step.members

    # -- joining regions

    def _anchor(self, node: Node) -> None:
        if node in self.home and self._is_member(node):
            return
        shape = domain_node(node).shape
        identity = {position: k for k, position in enumerate(own_axes(shape))}
        start = self._start(node, identity)
        seen = trace(start, lambda base, _: base in self.home and base is not node)
        last = max((self.home[base] for base in (*seen.bases, *seen.floating) if base in self.home), default=-1)
        reason = "it starts from what is given" if last < 0 else ""
        for position in self._candidates(last, seen):
            problem = self._join(node, position, seen)
            if problem is None:
                return
            reason = reason or problem
        region = Region([shape[p] for p in identity], reason or "nothing before it runs over the same elements")
        self.steps.append(region)
        problem = self._join(node, len(self.steps) - 1, seen)
        assert problem is None, problem

    def _start(self, node: Node, axes: dict[int, int]) -> list[tuple[Node, tuple]]:  # type: ignore[type-arg]
        domain = domain_node(node)
        index = index_over(domain.shape, axes)
        if isinstance(node.op.lowering, Scatter):
            at, _ = node.op.lowering.split(index, node)
            return [(node.inputs[0], index), (node.inputs[1], at)]
        return [(domain, index)]

    def _candidates(self, last: int, seen: Trace) -> list[int]:
        """The region of the latest operand, then later ones that read some of the same memory."""
        found = [last] if last >= 0 and isinstance(self.steps[last], Region) else []
        shared = {base for base in seen.bases if base.ndim}
        for position in range(len(self.steps) - 1, max(last, len(self.steps) - 1 - LOOK_BACK), -1):
            step = self.steps[position]
            if isinstance(step, Region) and shared & step.reads:
                found.append(position)
        return found

    def _join(self, node: Node, position: int, seen: Trace) -> str | None:
        """Make ``node`` a member of a region; otherwise say why it cannot be one."""
        region = self.steps[position]
        assert isinstance(region, Region)
        if len(region.members) + len(seen.floating) > MEMBER_LIMIT:
            return "the kernel before it is large enough"
        axes = self._alignment(node, region, seen)
        if axes is None:
            return "the kernel before it runs over other elements"
        found = trace(self._start(node, axes), lambda base, index: self._is_base(base, index, region))
        problem = self._consumable(found, region, position, node)
        if problem is not None:
            return problem
        member = self._membership(node, region, axes, found)
        if isinstance(member, str):
            return member
        self._fill(region, position, found, after=member.kind == "after", skip=node)
        region.members[node] = member
        self.home[node] = position
        if member.kind == "total" and accumulates_in_memory(node, member):
            self._store(node)
        return None

    def _alignment(self, node: Node, region: Region, seen: Trace) -> dict[int, int] | None:
        """Which axis of the region each dimension of the node's domain runs over."""
        shape = domain_node(node).shape
        dimensions = own_axes(shape)
        axes: dict[int, int] = {}
        for base, indices in (*seen.bases.items(), *seen.floating.items()):
            member = region.members.get(base)
            local = axes_of(indices[0]) if member is not None else None
            if member is None or local is None or member.kind in ("total", "after"):
                continue
            for k, axis in zip(local, member.axes, strict=True):
                if k is not None and axis is not None:
                    axes.setdefault(dimensions[k], axis)
        free = [axis for axis in range(len(region.extents)) if axis not in axes.values()]
        for dimension in dimensions:
            if dimension not in axes:
                match = next((axis for axis in free if region.extents[axis] == shape[dimension]), None)
                if match is None:
                    return None
                free.remove(match)
                axes[dimension] = match
        fits = all(region.extents[axis] == shape[d] for d, axis in axes.items())
        return axes if fits and len(set(axes.values())) == len(axes) else None

    def _is_base(self, node: Node, index: IndexTuple, region: Region) -> bool:
        """Where tracing for a region stops: its own members at their own index, and memory filled before it."""
        member = region.members.get(node)
        if member is not None:
            return not floats(node) or axes_of(index) == member.axes
        if node in self.stored:
            return True
        return node in self.home and self._is_whole_member(node) and not self._recomputable(node)

    def _is_whole_member(self, node: Node) -> bool:
        """Whether a region computes each element of a node once. What varies along some of the axes only is computed
        again and again along the others, and not at all where those are empty."""
        if not self._is_member(node):
            return False
        region = self.steps[self.home[node]]
        assert isinstance(region, Region)
        member = region.members[node]
        axes = frozenset(axis for axis in member.axes if axis is not None)
        return member.kind != "element" or not axes or len(axes) == len(region.extents) or axes == region.rows

    def _recomputable(self, node: Node) -> bool:
        """Cheap enough to compute again from what is in memory: less traffic than storing and loading it."""
        work = loads = 0
        stack, seen = [node], {node}
        while stack and work <= RECOMPUTE_LIMIT and loads <= 1:
            node = stack.pop()
            if node in self.stored:
                loads += node.ndim > 0
                continue
            if not floats(node) or is_expensive(node):
                return False
            work += isinstance(node.op.lowering, Elementwise)
            stack.extend(parent for parent in dict.fromkeys(node.inputs) if parent not in seen)
            seen.update(node.inputs)
        return work <= RECOMPUTE_LIMIT and loads <= 1

    def _consumable(self, found: Trace, region: Region, position: int, node: Node) -> str | None:
        for base, indices in found.bases.items():
            if base in region.members:
                member = region.members[base]
                readable = all(axes_of(index) == member.axes for index in indices)
                if not readable:
                    return f"it reads {base.op.name} in another order than it is computed"
                if member.kind in ("total", "after") and (node.ndim or is_reduction(node)):
                    return f"{base.op.name} is complete only when the loops before it are"
            elif self.home.get(base, -1) >= position:
                return f"it reads {base.op.name} in another order than it is computed"
        late = [f for f in found.floating if self.home.get(f, -1) >= position and not self._is_member(f)]
        return f"{late[0].op.name} needs its indices checked first" if late else None

    def _membership(self, node: Node, region: Region, axes: dict[int, int], found: Trace) -> Member | str:
        shape = domain_node(node).shape
        covered = frozenset(axes[d] for d in own_axes(shape))
        everything = frozenset(range(len(region.extents)))
        whole_rows = region.inner is not None and covered == region.rows
        domain = tuple(axes.get(d) for d in range(len(shape)))
        if not is_reduction(node):
            kind = self._element_kind(node, region, found)
            if covered != everything and not whole_rows and covered:
                return "the kernel before it runs over more elements"
            return Member(kind, domain, domain)
        if covered != everything and not whole_rows:
            return "the kernel before it runs over more elements"
        if isinstance(node.op.lowering, Scatter):
            return Member("total", (), domain)
        reduced = frozenset(axes[d] for d in reduced_axes(node))
        if self._is_row_reduction(node, region, covered, reduced):
            region.inner = reduced
            return Member("row", result_axes(node, axes), domain)
        if isinstance(node.op.lowering, ArgReduction):
            return "positions are found row by row"
        return Member("total", result_axes(node, axes), domain)

    @staticmethod
    def _element_kind(node: Node, region: Region, found: Trace) -> Kind:
        kinds = {region.members[base].kind for base in found.bases if base in region.members}
        return "after" if kinds & {"total", "after"} else "element"

    @staticmethod
    def _is_row_reduction(node: Node, region: Region, covered: frozenset[int], reduced: frozenset[int]) -> bool:
        """Row reductions run over the last axis, where memory is contiguous; others accumulate with rows outside."""
        count = len(region.extents)
        if len(covered) < count:
            return False
        if region.inner is not None:
            return reduced == region.inner
        if isinstance(node.op.lowering, ArgReduction):
            return True
        return count - 1 in reduced and (len(reduced) < count or count == 1)

    def _fill(self, region: Region, position: int, found: Trace, after: bool = False, skip: Node | None = None) -> None:
        """Floating nodes that were pulled in become members where their index is plain; what is read gets memory."""
        for base in found.bases:
            if base not in region.members:
                self._store(base)
                if base.ndim:
                    region.reads.add(base)
        for node in sorted(found.floating, key=self.rank.__getitem__):
            axes = axes_of(found.floating[node][0])
            if node is skip or is_scalar(node) or not isinstance(node.op.lowering, (Elementwise, Gather)):
                continue
            if axes is None or not _whole(node, axes, region):
                continue
            region.members.setdefault(node, Member("after" if after else "element", axes, axes))
            self.home.setdefault(node, position)


def _whole(node: Node, axes: Axes, region: Region) -> bool:
    """Whether the loops over ``axes`` run over all of the node, not over a slice of it."""
    extents = [1 if axis is None else region.extents[axis] for axis in axes]
    return extents == list(node.shape)


def checked_operand(node: Node) -> Node:
    """The indices that must be checked before ``node`` is computed."""
    return index_source(node.inputs[0] if isinstance(node.op.lowering, InRange) else node.inputs[1])


def _scalars_first(order: list[Node]) -> list[Node]:
    """Scalars made of scalars alone (step counts, learning rates) before all else: every later kernel may use them."""
    scalar: set[Node] = set()
    for node in order:
        if all(size == 1 for size in node.shape) and all(parent in scalar for parent in node.inputs):
            scalar.add(node)
    return [*(node for node in order if node in scalar), *(node for node in order if node not in scalar)]
