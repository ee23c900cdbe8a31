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
from ..core.types import Shape
from .anchor import Anchor, axes_in
from .forced import RECOMPUTE_LIMIT, forced, matrix_of
from .regions import (
    Axes,
    Kind,
    Member,
    Opaque,
    Region,
    accumulates_in_memory,
    domain_node,
    in_order,
    index_over,
    is_reduction,
    own_extents,
    reduced_axes,
    result_axes,
)
from .trace import IndexTuple, Trace, axes_of, floats, index_source, is_array_leaf, is_expensive, trace

MEMBER_LIMIT = 64  # values in a region: compile time grows faster than linearly with the statements of a loop
LOOK_BACK = 6  # how many recent regions a value is offered to

_CHECKED = frozenset((InRange, Gather, Scatter))
_ALONE = frozenset((Routine, Repeat, Branch))
_SAME_MEMORY = frozenset((Reshape, Item))
_NAMED = frozenset((Elementwise, Gather))  # floating nodes that are members of the region they are pulled into


class Fusion:
    """The plan for a prepared graph: ``steps`` in order; ``home`` says which step computes a node."""

    def __init__(self, roots: Sequence[Node]) -> None:
        self.order = _scalars_first(toposort(roots))
        self.rank = {node: position for position, node in enumerate(self.order)}
        self.steps: list[Region | Opaque] = []
        self.checks: list[Node] = []  # those whose indices are given, so that they can be checked first
        self.home: dict[Node, int] = {}
        self.items: dict[Node, list[Node]] = {}  # of operators with several results, those that are used
        self.floating = {node for node in self.order if floats(node)}
        self.stored: set[Node] = {node for node in self.order if is_array_leaf(node)}
        self.forced = forced(roots, self.order)
        for node in self.order:
            self._place(node)

    # -- placing

    def _place(self, node: Node) -> None:
        kind = type(node.op.lowering)
        if kind in _CHECKED:
            self._check_indices(node)
        if kind is Matmul:
            for parent in node.inputs:
                self._store(matrix_of(parent)[0])
            self._opaque(node)
        elif kind in _ALONE:
            for parent in node.inputs:
                self._store(parent)
            self._opaque(node)
        elif kind in _SAME_MEMORY:
            if kind is Item:
                self.items.setdefault(node.inputs[0], []).append(node)
            self._store(node.inputs[0])
            self.home[node] = self.home.get(node.inputs[0], -1)
            self.stored.add(node)
        elif kind is Concat:
            self._place_concat(node)
        elif is_reduction(node) or (node in self.forced and node in self.floating):
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
            axes, extents = in_order(part.shape), own_extents(part.shape)
            last = self.steps[-1] if self.steps else None
            goes_on = isinstance(last, Region) and last.parts and last.parts[-1][1] is node and last.extents == extents
            if not goes_on or not self._place_part(part, node, offset, axes):
                self.steps.append(Region(extents, f"a piece of {node.op.name}"))
                placed = self._place_part(part, node, offset, axes)
                assert placed
            offset = offset + part.shape[axis]
        self.home[node] = len(self.steps) - 1
        self.stored.add(node)

    def _place_part(self, part: Node, concat: Node, offset: int | Dim, axes: Axes) -> bool:
        """Compute a piece in the last region, if that can be."""
        region, position = self.steps[-1], len(self.steps) - 1
        assert isinstance(region, Region)
        if len(region.members) > MEMBER_LIMIT:
            return False
        found = trace([(part, index_over(axes))], lambda base, at: self._ends(base, at, region))
        if self._consumable(found, region, position, part) is not None:
            return False
        self._fill(region, position, found)
        region.parts.append((part, concat, offset, axes))
        return True

    def _store(self, node: Node) -> None:
        """Give a placed node memory."""
        if node in self.stored:
            return
        if node not in self.home or (node in self.floating and not self._is_member(node)):
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
        shape = domain_node(node).type.shape
        axes, extents = in_order(shape), own_extents(shape)
        home, floating = self.home, self.floating
        seen = trace(self._start(node, axes), lambda at, _: at not in floating or (at in home and at is not node))
        anchor = Anchor(node, axes, extents, seen)
        last = max([home.get(base, -1) for base in (*seen.bases, node)])
        reason = "it starts from what is given" if last < 0 else ""
        for position in self._candidates(last, seen):
            problem = self._join(anchor, position)
            if problem is None:
                return
            reason = reason or problem
        self.steps.append(Region(extents, reason or "nothing before it runs over the same elements"))
        problem = self._enter(anchor, len(self.steps) - 1, axes)
        assert problem is None, problem

    def _start(self, node: Node, axes: Axes) -> list[tuple[Node, tuple]]:  # type: ignore[type-arg]
        index = index_over(axes)
        if isinstance(node.op.lowering, Scatter):
            at, _ = node.op.lowering.split(index, node)
            return [(node.inputs[0], index), (node.inputs[1], at)]
        return [(domain_node(node), index)]

    def _candidates(self, last: int, seen: Trace) -> list[int]:
        """The region of the latest operand, then later ones that read some of the same memory."""
        found = [last] if last >= 0 and isinstance(self.steps[last], Region) else []
        shared = {base for base in seen.bases if base.type.shape}
        for position in range(len(self.steps) - 1, max(last, len(self.steps) - 1 - LOOK_BACK), -1):
            step = self.steps[position]
            if isinstance(step, Region) and not shared.isdisjoint(step.reads):
                found.append(position)
        return found

    def _join(self, anchor: Anchor, position: int) -> str | None:
        """Make a node a member of a region; otherwise say why it cannot be one."""
        region = self.steps[position]
        assert isinstance(region, Region)
        if len(region.members) + len(anchor.seen.floating) > MEMBER_LIMIT:
            return "the kernel before it is large enough"
        domain = axes_in(anchor, region)
        if domain is None:
            return "the kernel before it runs over other elements"
        return self._enter(anchor, position, domain)

    def _enter(self, anchor: Anchor, position: int, domain: Axes) -> str | None:
        """The same, along given axes of the region."""
        node, region = anchor.node, self.steps[position]
        assert isinstance(region, Region)
        found = self._made_of(anchor, domain, region)
        problem = self._consumable(found, region, position, node)
        if problem is not None:
            return problem
        member = self._membership(node, region, domain, found)
        if isinstance(member, str):
            return member
        self._fill(region, position, found, after=member.kind == "after", skip=node)
        region.members[node] = member
        self.home[node] = position
        if member.kind == "total" and accumulates_in_memory(node, member):
            self._store(node)
        return None

    def _made_of(self, anchor: Anchor, domain: Axes, region: Region) -> Trace:
        """What a node is made of in a region, at indices along these axes of it. Mostly that is what was seen before:
        what has a step was computed for others, and is loaded."""
        if domain == anchor.axes and anchor.node not in self.home and self._all_end(anchor.seen, region):
            return anchor.seen
        return trace(self._start(anchor.node, domain), lambda base, at: self._ends(base, at, region))

    def _all_end(self, seen: Trace, region: Region) -> bool:
        """Whether tracing for a region stops wherever it stopped before."""
        for base, indices in seen.bases.items():
            if base in self.floating and not all(self._ends(base, index, region) for index in indices):
                return False
        return True

    def _ends(self, node: Node, index: IndexTuple, region: Region) -> bool:
        """Where tracing for a region stops: its own members at their own index, and memory filled before it."""
        if node not in self.floating:
            return True
        member = region.members.get(node)
        if member is not None:
            return axes_of(index) == member.axes
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
        if member.kind != "element":
            return True
        axes = frozenset([axis for axis in member.axes if axis is not None])
        return not axes or len(axes) == len(region.extents) or axes == region.rows

    def _recomputable(self, node: Node) -> bool:
        """Cheap enough to compute again from what is in memory: less traffic than storing and loading it."""
        work = loads = 0
        stack, seen = [node], {node}
        while stack and work <= RECOMPUTE_LIMIT and loads <= 1:
            node = stack.pop()
            if node in self.stored:
                loads += node.ndim > 0
                continue
            if node not in self.floating or is_expensive(node):
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
        for floating in found.floating:
            if self.home.get(floating, -1) >= position and not self._is_member(floating):
                return f"{floating.op.name} needs its indices checked first"
        return None

    def _membership(self, node: Node, region: Region, domain: Axes, found: Trace) -> Member | str:
        covered = frozenset([axis for axis in domain if axis is not None])
        whole = len(covered) == len(region.extents) or (region.inner is not None and covered == region.rows)
        if not is_reduction(node):
            if covered and not whole:
                return "the kernel before it runs over more elements"
            return Member(self._element_kind(region, found), domain, domain)
        if not whole:
            return "the kernel before it runs over more elements"
        if isinstance(node.op.lowering, Scatter):
            return Member("total", (), domain)
        reduced = reduced_axes(node, domain)
        if self._is_row_reduction(node, region, covered, reduced):
            region.inner = reduced
            return Member("row", result_axes(node, domain), domain)
        if isinstance(node.op.lowering, ArgReduction):
            return "positions are found row by row"
        return Member("total", result_axes(node, domain), domain)

    @staticmethod
    def _element_kind(region: Region, found: Trace) -> Kind:
        for base in found.bases:
            member = region.members.get(base)
            if member is not None and member.kind in ("total", "after"):
                return "after"
        return "element"

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
                if base.type.shape:
                    region.reads.add(base)
        pulled = [node for node in found.floating if type(node.op.lowering) in _NAMED and node is not skip]
        member, shape, index = None, None, None
        for node in sorted(pulled, key=self.rank.__getitem__):
            if found.floating[node][0] is not index:  # most are at the index of the one before
                index = found.floating[node][0]
                member, shape = _element_at(index, region, after)
            if member is not None and node.type.shape == shape:
                region.members.setdefault(node, member)
                self.home.setdefault(node, position)


def _element_at(index: IndexTuple, region: Region, after: bool) -> tuple[Member | None, Shape]:
    """What a node is in a region that the loops meet at this index, and the shape of one they run over all of."""
    axes = axes_of(index)
    if axes is None:
        return None, ()
    shape = tuple([1 if axis is None else region.extents[axis] for axis in axes])
    return Member("after" if after else "element", axes, axes), shape


def checked_operand(node: Node) -> Node:
    """The indices that must be checked before ``node`` is computed."""
    return index_source(node.inputs[0] if isinstance(node.op.lowering, InRange) else node.inputs[1])


def _scalars_first(order: list[Node]) -> list[Node]:
    """Scalars made of scalars alone (step counts, learning rates) before all else: every later kernel may use them."""
    scalar: dict[Node, None] = {}
    others: list[Node] = []
    for node in order:
        if own_extents(node.type.shape) or not all(parent in scalar for parent in node.inputs):
            others.append(node)
        else:
            scalar[node] = None
    return [*scalar, *others]
