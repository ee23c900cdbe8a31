"""Reverse mode: gradient nodes appended to the same graph (Goodfellow et al., *Deep Learning*, 6.5).

Every forward node is visited once, users before inputs; the cotangents that reach it over several paths are summed,
and its rules turn the sum into one cotangent per operand. The results are ordinary nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any, overload

from ..core.collector import paused_collector
from ..core.errors import GradientError, explain
from ..core.node import Node, Operand, describe
from ..core.op import Item, NotDifferentiable
from ..core.provenance import Origin, here, inherit, origin_of_cotangent
from ..core.traversal import depends_on, toposort
from ..core.types import broadcast
from ..ops.convert import like
from ..ops.record import build_astype
from ..ops.shape import broadcast_to
from ..passes.constants import REPEATING, scalar
from ..passes.delicate import stable
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
    if isinstance(outputs, Node):
        outputs, cotangents = [outputs], [cotangents]
    nodes = list(wrt) if isinstance(wrt, Sequence) else [wrt]
    check_floats("vjp", [*outputs, *nodes], unused)
    if isinstance(cotangents, Node) or len(cotangents) != len(outputs):
        listed = ", ".join(map(describe, outputs))
        raise GradientError(explain("vjp", f"takes a list with one cotangent for each of {listed}", at=here()))
    seeds = [
        as_seed("vjp", "cotangent", cotangent, output) for cotangent, output in zip(cotangents, outputs, strict=True)
    ]
    with paused_collector():
        order = toposort(outputs)
        heads = stable(outputs, nodes, order)
        same = all(map(is_, heads, outputs))
        found = Backward(heads, nodes, order if same else None).run(seeds)
    gradients = [found_or_zero("grad", found[node], node, outputs, [node], unused) for node in nodes]
    return gradients if isinstance(wrt, Sequence) else gradients[0]


def check_floats(asked: str, nodes: Sequence[Node], unused: str) -> None:
    if unused not in ("error", "zero"):
        raise GradientError(explain(asked, f"unused is 'error' or 'zero', got {unused!r}", at=here()))
    for node in nodes:
        if not isinstance(node, Node) or not node.type.is_float:
            what = describe(node) if isinstance(node, Node) else repr(node)
            raise GradientError(explain(asked, f"only float nodes have derivatives, got {what}", at=here()))


def as_seed(asked: str, what: str, value: Operand, of: Node) -> Node:
    """A cotangent or tangent of ``of`` as the user gave it, in the shape and dtype of ``of``."""
    node = value if isinstance(value, Node) else like(value, of)
    if broadcast([node.shape, of.shape]) != of.shape:
        raise GradientError(explain(asked, f"{what} {describe(node)} does not fit {describe(of)}", at=here()))
    return broadcast_to(build_astype(node, of.dtype), of.shape)


def found_or_zero(
    asked: str, found: Node | None, like_node: Node, heads: Sequence[Node], wrt: Sequence[Node], unused: str
) -> Node:
    """The derivative found; where there is none, zeros like ``like_node`` or an error that says why."""
    if found is not None:
        return found
    if unused == "zero":
        return broadcast_to(like(0, like_node), like_node.shape)
    blocked = _blocked(heads, wrt)
    reason = f" ({blocked})" if blocked else ""
    raise GradientError(
        explain(
            asked,
            f"{', '.join(map(describe, heads))} does not depend on {', '.join(map(describe, wrt))} "
            f"differentiably{reason}",
            at=here(),
            hint='pass unused="zero" for zeros',
        )
    )


def _blocked(heads: Sequence[Node], wrt: Sequence[Node]) -> str:
    """The operator that lets no derivative through, when there is a path at all."""
    reached = depends_on(heads, wrt)
    for step in toposort(heads):
        for k, parent in enumerate(step.inputs):
            rule = rule_of(step, k)
            if parent not in reached:
                continue
            if isinstance(rule, NotDifferentiable):
                return f"{step.op.name} at {step.origin.place}: {rule.reason}"
            if not step.type.is_float:
                return f"{step.op.name} at {step.origin.place}: its result is {step.type}, not a real number"
    return ""


def rule_of(node: Node, k: int) -> Any:
    rules = node.op.vjp
    return rules[k] if len(rules) == len(node.inputs) else rules[0]


def in_short(derivative: Node, part: Node) -> Node:
    """What a rule made of a derivative that has one number in every element: ``f`` for ``1 * f``, ``f / n`` for
    ``(1 / n) * f``, ``s * f`` without repeating s. Left to the passes, the first product of a sweep would change, and
    with it every gradient after it."""
    number = repeated(derivative)
    return part if number is None else _short_product(number, part)


def repeated(node: Node) -> Node | None:
    """The scalar that a node has in every element; None where elements may differ."""
    while node.op.name in REPEATING:
        (node,) = node.inputs
    return None if node.shape else node


def _short_product(number: Node, part: Node) -> Node:
    if part.op.name == "negative" and part.inputs[0].op.name == "multiply":
        product = _short_product(number, part.inputs[0])
        return part if product is part.inputs[0] else -product
    if part.op.name != "multiply" or repeated(part.inputs[0]) is not number:
        return part
    factor = part.inputs[1]
    if scalar(number) == 1:
        return broadcast_to(factor, part.shape)
    if factor.shape != part.shape:
        return part
    if number.op.name == "divide" and scalar(number.inputs[0]) == 1 and number.inputs[1].op.name == "size":
        return factor / number.inputs[1]  # as one writes a mean
    return number * factor


def active_nodes(order: Sequence[Node], wrt: Sequence[Node]) -> set[Node]:
    """Nodes that some node of ``wrt`` reaches through rules that exist: those that have a derivative."""
    active = set(wrt)
    for node in order:
        for k, parent in enumerate(node.inputs):
            if parent in active and not isinstance(rule_of(node, k), NotDifferentiable):
                if node.type.is_float:
                    active.add(node)
                break
    return active


class Backward:
    """One backward sweep over the nodes that lie between ``wrt`` and the outputs.

    ``order`` are the nodes to look at, inputs before users, where not all are; ``origin`` is what the new nodes are
    for, where that is not the node they are the cotangents of.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        wrt: Sequence[Node],
        order: Sequence[Node] | None = None,
        branches: Branches | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.outputs, self.wrt = outputs, wrt
        self.order = toposort(outputs) if order is None else order
        self.branches = branches or Branches()
        self.origin = origin
        self.active = active_nodes(self.order, wrt)
        self.pending: dict[Node, list[Node]] = {}
        self.items: dict[Node, dict[int, Node]] = {}  # for operators with several results, the cotangents of these

    def run(self, seeds: Sequence[Node]) -> dict[Node, Node | None]:
        totals: dict[Node, Node] = {}
        for output, seed in zip(self.outputs, seeds, strict=True):
            self.pending.setdefault(output, []).append(seed)
        with inherit() as context:
            for node in reversed(self.order):
                if self.items and node in self.items:
                    context.origin = self._origin(node)
                    self._propagate_jointly(node, self.items.pop(node))
                parts = self.pending.pop(node, None)
                if parts is None or node not in self.active:
                    continue
                context.origin = self._origin(node)
                totals[node] = self._total(node, parts, context.origin)
                self._propagate(node, totals[node], context)
        return {node: totals.get(node) for node in self.wrt}

    def _origin(self, node: Node, operand: int | None = None) -> Origin:
        return self.origin or origin_of_cotangent(node, operand)

    def _propagate(self, node: Node, cotangent: Node, context: inherit) -> None:
        if isinstance(node.op.lowering, Item):
            self.items.setdefault(node.inputs[0], {})[node.attrs["index"]] = cotangent
            return
        for k, parent in enumerate(node.inputs):
            if parent not in self.active or isinstance(rule := rule_of(node, k), NotDifferentiable):
                continue
            context.origin = self._origin(node, k)
            part = self.branches.apply(rule, node, k, cotangent)
            self._send(parent, in_short(cotangent, part))

    def _propagate_jointly(self, node: Node, cotangents: Mapping[int, Node]) -> None:
        """Through an operator with several results: one rule for all of them and all operands."""
        rule: Any = node.op.vjp[0]
        parts = rule(tuple(cotangents.get(k) for k in range(len(node.type.parts))), node, *node.inputs)
        for parent, part in zip(node.inputs, parts, strict=True):
            if part is not None and parent in self.active:
                self._send(parent, part)

    def _send(self, parent: Node, part: Node) -> None:
        """One more cotangent for an operand."""
        if part.type.shape != parent.type.shape:
            part = self.branches.undo_broadcast(part, parent)
        self.pending.setdefault(parent, []).append(part)

    def _total(self, node: Node, parts: Sequence[Node], origin: Origin) -> Node:
        """The sum of what arrived, on record as the cotangent of ``node``."""
        total = self.branches.total(node, parts)
        if total.inputs and self.origin is None:
            total.add_origin(origin)
        return total
