"""Reverse mode: gradient nodes appended to the same graph (Goodfellow et al., *Deep Learning*, 6.5).

Every forward node is visited once, users before inputs; the cotangents that reach it over several paths are summed,
and its rules turn the sum into one cotangent per operand. The results are ordinary nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from ..core.collector import paused_collector
from ..core.errors import GradientError, explain
from ..core.node import Node, Operand, describe
from ..core.op import NotDifferentiable
from ..core.provenance import Origin, here, inherit
from ..core.traversal import depends_on, toposort
from ..core.types import broadcast
from ..ops.convert import like
from ..ops.record import build_astype
from ..ops.shape import broadcast_to
from ..passes.constants import scalar
from ..passes.stabilize import stabilize_nodes
from .branches import Branches

Outputs = Node | Sequence[Node]


@overload
def grad(cost: Node, wrt: Node, *, unused: str = "error") -> Node: ...
@overload
def grad(cost: Node, wrt: Sequence[Node], *, unused: str = "error") -> list[Node]: ...
def grad(cost: Node, wrt: Node | Sequence[Node], *, unused: str = "error") -> Node | list[Node]:
    """Gradient of a scalar cost: one node for each of ``wrt``, with its shape and dtype.

    The nodes can be printed, optimised, compiled and differentiated again. ``wrt`` may name any node, not only inputs
    and parameters. ``unused="zero"`` gives zeros where the cost does not depend on a node; by default that is a
    GradientError that names both.

    >>> import symdiff as sd
    >>> x = sd.input("x", (3,))
    >>> sd.grad(sd.sum(x * x), x).type.shape
    (3,)
    """
    if not isinstance(cost, Node) or cost.shape != () or not cost.type.is_float:
        what = describe(cost) if isinstance(cost, Node) else repr(cost)
        raise GradientError(
            explain("grad", f"the cost is a float scalar, got {what}", at=here(), hint="reduce it, or use sd.vjp")
        )
    return vjp(cost, wrt, like(1, cost), unused=unused)


def value_and_grad(cost: Node, wrt: Any, *, unused: str = "error") -> tuple[Node, Any]:
    """``(cost, grad(cost, wrt))``."""
    return cost, grad(cost, wrt, unused=unused)


@overload
def vjp(outputs: Outputs, wrt: Node, cotangents: Any, *, unused: str = "error") -> Node: ...
@overload
def vjp(outputs: Outputs, wrt: Sequence[Node], cotangents: Any, *, unused: str = "error") -> list[Node]: ...
def vjp(outputs: Outputs, wrt: Node | Sequence[Node], cotangents: Any, *, unused: str = "error") -> Node | list[Node]:
    """Cotangents of ``wrt`` for given cotangents of ``outputs``: sum_k ct_k^T d output_k / d wrt.

    One output takes one cotangent, a list of outputs a list; each has the shape of its output (or broadcasts to it)
    and takes its dtype. Raises GradientError where no output depends on a node (``unused="zero"`` gives zeros
    instead), for outputs that are not floats and for cotangents that do not fit.

    >>> import symdiff as sd
    >>> x, ct = sd.input("x", (3,)), sd.input("ct", (3,))
    >>> sd.vjp(sd.exp(x), x, ct) is ct * sd.exp(x)
    True
    """
    if unused not in ("error", "zero"):
        raise GradientError(explain("vjp", f"unused is 'error' or 'zero', got {unused!r}", at=here()))
    if isinstance(outputs, Node):
        outputs, cotangents = [outputs], [cotangents]
    nodes = list(wrt) if isinstance(wrt, Sequence) else [wrt]
    for node in [*outputs, *nodes]:
        if not isinstance(node, Node) or not node.type.is_float:
            what = describe(node) if isinstance(node, Node) else repr(node)
            raise GradientError(explain("vjp", f"only float nodes have derivatives, got {what}", at=here()))
    if isinstance(cotangents, Node) or len(cotangents) != len(outputs):
        listed = ", ".join(map(describe, outputs))
        raise GradientError(explain("vjp", f"takes a list with one cotangent for each of {listed}", at=here()))
    seeds = [_seed(cotangent, output) for cotangent, output in zip(cotangents, outputs, strict=True)]
    with paused_collector():
        found = _Backward(stabilize_nodes(outputs, keep=nodes), nodes).run(seeds)
    gradients = [_or_missing(found[node], node, outputs, unused) for node in nodes]
    return gradients if isinstance(wrt, Sequence) else gradients[0]


def _seed(cotangent: Operand, output: Node) -> Node:
    node = cotangent if isinstance(cotangent, Node) else like(cotangent, output)
    if broadcast([node.shape, output.shape]) != output.shape:
        raise GradientError(explain("vjp", f"cotangent {describe(node)} does not fit {describe(output)}", at=here()))
    return broadcast_to(build_astype(node, output.dtype), output.shape)


def _or_missing(found: Node | None, node: Node, heads: Sequence[Node], unused: str) -> Node:
    if found is not None:
        return found
    if unused == "zero":
        return broadcast_to(like(0, node), node.shape)
    blocked = _blocked(heads, node)
    reason = f" ({blocked})" if blocked else ""
    raise GradientError(
        explain(
            "grad",
            f"{', '.join(map(describe, heads))} does not depend on {describe(node)} differentiably{reason}",
            at=here(),
            hint='pass unused="zero" for zeros',
        )
    )


def _blocked(heads: Sequence[Node], node: Node) -> str:
    """The operator that lets no derivative through, when there is a path at all."""
    reached = depends_on(heads, [node])
    for step in toposort(heads):
        for k, parent in enumerate(step.inputs):
            rule = _rule(step, k)
            if parent not in reached:
                continue
            if isinstance(rule, NotDifferentiable):
                return f"{step.op.name} at {step.origin.place}: {rule.reason}"
            if not step.type.is_float:
                return f"{step.op.name} at {step.origin.place}: its result is {step.type}, not a real number"
    return ""


def _rule(node: Node, k: int) -> Any:
    rules = node.op.vjp
    return rules[k] if len(rules) == len(node.inputs) else rules[0]


def _without_factor(one: Node, part: Node) -> Node:
    """``f`` for ``1 * f``, and ``-f`` for ``-(1 * f)``. Left to the passes, the first product of a sweep would change,
    and with it every gradient after it."""
    if part.op.name == "negative":
        product = part.inputs[0]
        factor = _without_factor(one, product) if product.op.name == "multiply" else product
        return part if factor is product else -factor
    if part.op.name != "multiply" or part.inputs[0] is not one:
        return part
    return broadcast_to(part.inputs[1], part.shape)


class _Backward:
    """One backward sweep over the nodes that lie between ``wrt`` and the outputs."""

    def __init__(self, outputs: Sequence[Node], wrt: Sequence[Node]) -> None:
        self.outputs, self.wrt = outputs, wrt
        self.order = toposort(outputs)
        self.branches = Branches()
        self.active = self._active()
        self.pending: dict[Node, list[Node]] = {}

    def _active(self) -> set[Node]:
        """Nodes whose cotangent is needed: some node of ``wrt`` is reached through rules that exist."""
        active = set(self.wrt)
        for node in self.order:
            for k, parent in enumerate(node.inputs):
                if parent in active and not isinstance(_rule(node, k), NotDifferentiable):
                    if node.type.is_float:
                        active.add(node)
                    break
        return active

    def run(self, seeds: Sequence[Node]) -> dict[Node, Node | None]:
        totals: dict[Node, Node] = {}
        for output, seed in zip(self.outputs, seeds, strict=True):
            self.pending.setdefault(output, []).append(seed)
        for node in reversed(self.order):
            parts = self.pending.pop(node, None)
            if parts is None or node not in self.active:
                continue
            totals[node] = self._total(node, parts)
            self._propagate(node, totals[node])
        return {node: totals.get(node) for node in self.wrt}

    def _propagate(self, node: Node, cotangent: Node) -> None:
        place, one = node.origin, scalar(cotangent) == 1  # the seed, repeated or not
        for k, parent in enumerate(node.inputs):
            rule = _rule(node, k)
            if parent not in self.active or isinstance(rule, NotDifferentiable):
                continue
            with inherit(Origin(place.file, place.line, "backward", of=node, operand=k)):
                part = self.branches.apply(rule, node, k, cotangent)
                if one:
                    part = _without_factor(cotangent, part)
                self.pending.setdefault(parent, []).append(self.branches.undo_broadcast(part, parent))

    def _total(self, node: Node, parts: Sequence[Node]) -> Node:
        """The sum of what arrived, on record as the cotangent of ``node``."""
        origin = Origin(node.origin.file, node.origin.line, "backward", of=node)
        with inherit(origin):
            total = self.branches.total(node, parts)
        if total.inputs:
            total.add_origin(origin)
        return total
