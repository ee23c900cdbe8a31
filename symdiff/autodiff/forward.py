"""Forward mode: tangents, carried from ``wrt`` to the outputs through each node once.

Nothing is written twice for it. An elementwise rule is diagonal, so it carries tangents as well as cotangents; what
only moves or adds elements is applied to the tangent itself; every other vjp is linear in the cotangent, and the jvp is
its transpose. An operator may state a ``jvp`` of its own where that is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from ..core.collector import paused_collector
from ..core.errors import GradientError, explain
from ..core.node import Node, build, describe
from ..core.op import (
    Concat,
    Elementwise,
    Gather,
    Item,
    Matmul,
    NotDifferentiable,
    Place,
    Reduction,
    Reshape,
    Scatter,
    View,
)
from ..core.provenance import Origin, here, inherit
from ..core.traversal import toposort
from ..ops.convert import like
from ..ops.record import build_astype
from ..ops.shape import broadcast_to
from ..passes.delicate import stable
from .branches import Branches
from .reverse import Outputs, active_nodes, as_seed, check_floats, found_or_zero, in_short, rule_of
from .transpose import transpose

_MOVES = (View, Reshape, Gather, Scatter, Place, Concat)


@overload
def jvp(outputs: Node, wrt: Node | Sequence[Node], tangents: Any, *, unused: str = "error") -> Node: ...
@overload
def jvp(outputs: Sequence[Node], wrt: Node | Sequence[Node], tangents: Any, *, unused: str = "error") -> list[Node]: ...
def jvp(outputs: Outputs, wrt: Node | Sequence[Node], tangents: Any, *, unused: str = "error") -> Node | list[Node]:
    """Tangents of ``outputs`` for given tangents of ``wrt``: sum_k (d output / d wrt_k) t_k, one for each output.

    One node of ``wrt`` takes one tangent, a list of nodes a list; each has the shape of its node (or broadcasts to it)
    and takes its dtype. It is the transpose of :func:`vjp`, with the same conventions: <ct, jvp(t)> = <vjp(ct), t>.
    Raises GradientError where an output depends on no node of ``wrt`` (``unused="zero"`` gives zeros instead), for
    nodes that are not floats and for tangents that do not fit.

    >>> import symdiff as sd
    >>> x, t = sd.input("x", (3,)), sd.input("t", (3,))
    >>> sd.jvp(sd.exp(x), x, t) is t * sd.exp(x)
    True
    """
    heads = [outputs] if isinstance(outputs, Node) else list(outputs)
    nodes, given = ([wrt], [tangents]) if isinstance(wrt, Node) else (list(wrt), tangents)
    check_floats("jvp", [*heads, *nodes], unused)
    if isinstance(given, Node) or len(given) != len(nodes):
        listed = ", ".join(map(describe, nodes))
        raise GradientError(explain("jvp", f"takes a list with one tangent for each of {listed}", at=here()))
    seeds = [as_seed("jvp", "tangent", tangent, node) for tangent, node in zip(given, nodes, strict=True)]
    with paused_collector():
        found = Forward(stable(heads, keep=nodes), nodes).run(seeds)
    results = [
        found_or_zero("jvp", tangent, head, [head], nodes, unused) for tangent, head in zip(found, heads, strict=True)
    ]
    return results[0] if isinstance(outputs, Node) else results


class Forward:
    """One forward sweep over the nodes that lie between ``wrt`` and the outputs."""

    def __init__(self, outputs: Sequence[Node], wrt: Sequence[Node]) -> None:
        self.outputs, self.wrt = outputs, wrt
        self.order = toposort(outputs)
        self.branches = Branches()
        self.active = active_nodes(self.order, wrt)
        self.tangents: dict[Node, Node] = {}
        self.results: dict[Node, Sequence[Node | None]] = {}  # of operators with several, by their own jvp

    def run(self, seeds: Sequence[Node]) -> list[Node | None]:
        given: dict[Node, list[Node]] = {}
        for node, seed in zip(self.wrt, seeds, strict=True):
            given.setdefault(node, []).append(seed)
        for node in self.order:
            if node in self.active:
                parts = given.get(node, []) + self._parts(node)
                if parts:
                    self.tangents[node] = self._total(node, parts)
        return [self.tangents.get(output) for output in self.outputs]

    def _parts(self, node: Node) -> list[Node]:
        """What reaches ``node`` from its operands."""
        if isinstance(node.op.lowering, Item):
            return self._result(node.inputs[0], node.attrs["index"])
        known = [self._arriving(node, k) for k in range(len(node.inputs))]
        if all(tangent is None for tangent in known):
            return []
        lowering, place = node.op.lowering, node.origin
        origin = Origin(place.file, place.line, "backward", of=node, tangent=True)
        with inherit(origin):
            if node.type.parts:
                self.results[node] = [] if node.op.jvp is None else node.op.jvp(known, node, *node.inputs)
                return []
            if node.op.jvp is not None:
                return [self.branches.remember(node, node.op.jvp(known, node, *node.inputs))]
            if isinstance(lowering, _MOVES):
                return [self.branches.move(node, known)]
        found = []
        for k, tangent in enumerate(known):
            if tangent is not None:
                with inherit(origin._replace(operand=k)):
                    part = self._through(node, k, tangent)
                found += [] if part is None else [part]
        return found

    def _result(self, node: Node, index: int) -> list[Node]:
        """What reaches one result of an operator with several: from its jvp, or by the transpose of its vjp."""
        if node not in self.results:
            return []
        found: list[Node | None] = []
        if node.op.jvp is not None:
            found.append(self.results[node][index])
        else:
            known = enumerate(map(self.tangents.get, node.inputs))
            found += [self._through_result(node, index, k, tangent) for k, tangent in known if tangent is not None]
        return [part for part in found if part is not None]

    def _through_result(self, node: Node, index: int, k: int, tangent: Node) -> Node | None:
        place, rule, parts, parent = node.origin, node.op.vjp[0], node.type.parts, node.inputs[k]
        assert not isinstance(rule, NotDifferentiable)

        def linear(u: Node) -> Node:
            cotangents = tuple(u if part == index else None for part in range(len(parts)))
            found = rule(cotangents, node, *node.inputs)[k]
            return broadcast_to(like(0, parent), parent.shape) if found is None else found

        with inherit(Origin(place.file, place.line, "backward", of=node, operand=k, tangent=True)):
            return transpose(linear, parts[index], tangent, node.op.name, self.branches)

    def _arriving(self, node: Node, k: int) -> Node | None:
        if isinstance(rule_of(node, k), NotDifferentiable):
            return None
        return self.tangents.get(node.inputs[k])

    def _through(self, node: Node, k: int, tangent: Node) -> Node | None:
        """What the tangent of operand ``k`` adds to that of the result; None for nothing."""
        lowering, rule = node.op.lowering, rule_of(node, k)
        if isinstance(lowering, Elementwise):
            part = build_astype(self.branches.apply(rule, node, k, tangent), node.dtype)
            return in_short(tangent, part)
        if isinstance(lowering, Matmul) or (isinstance(lowering, Reduction) and lowering.combine == "+"):
            return build(node.op, [*node.inputs[:k], tangent, *node.inputs[k + 1 :]], node.attrs)
        parent, branches = node.inputs[k], self.branches
        return transpose(
            lambda u: branches.undo_broadcast(branches.apply(rule, node, k, u), parent),
            node.type,
            tangent,
            node.op.name,
            branches,
        )

    def _total(self, node: Node, parts: Sequence[Node]) -> Node:
        """The sum of what arrived, on record as the tangent of ``node``."""
        origin = Origin(node.origin.file, node.origin.line, "backward", of=node, tangent=True)
        with inherit(origin):
            total = broadcast_to(self.branches.total(node, parts), node.shape)
        if total.inputs:
            total.add_origin(origin)
        return total
