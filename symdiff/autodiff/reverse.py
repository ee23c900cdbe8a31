"""Reverse mode: gradient nodes appended to the same graph (Goodfellow et al., *Deep Learning*, 6.5).

Every forward node is visited once, users before inputs; the cotangents that reach it over several paths are summed,
and its rules turn the sum into one cotangent per operand. The results are ordinary nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from ..core.errors import GradientError, explain
from ..core.node import Node, Operand, describe
from ..core.op import Concat, Elementwise, NotDifferentiable, Reduction, Reshape, View
from ..core.provenance import Origin, here, inherit
from ..core.traversal import depends_on, toposort
from ..ops.convert import as_node, like, scalar_value
from ..ops.elementwise import where
from ..ops.record import build_astype
from ..ops.reduce import sum
from ..ops.shape import broadcast_to, reshape
from ..passes.stabilize import stabilize_nodes


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
    many = isinstance(wrt, Sequence)
    found = vjp(cost, list(wrt) if isinstance(wrt, Sequence) else [wrt], like(1, cost), unused=unused)
    return found if many else found[0]


def value_and_grad(cost: Node, wrt: Any, *, unused: str = "error") -> tuple[Node, Any]:
    """``(cost, grad(cost, wrt))``."""
    return cost, grad(cost, wrt, unused=unused)


def vjp(
    outputs: Node | Sequence[Node],
    wrt: Sequence[Node],
    cotangents: Operand | Sequence[Operand],
    *,
    unused: str = "error",
) -> list[Node]:
    """Cotangents of ``wrt`` for given cotangents of ``outputs``: sum_k ct_k^T d output_k / d wrt.

    A cotangent has the shape of its output (or broadcasts to it). Raises GradientError where no output depends on a
    node (``unused="zero"`` gives zeros instead), and for outputs that are not floats.
    """
    if unused not in ("error", "zero"):
        raise GradientError(f"vjp: unused is 'error' or 'zero', got {unused!r}")
    heads = [outputs] if isinstance(outputs, Node) else list(outputs)
    given = [cotangents] if isinstance(outputs, Node) else list(cotangents)
    for node in [*heads, *wrt]:
        if not isinstance(node, Node) or not node.type.is_float:
            what = describe(node) if isinstance(node, Node) else repr(node)
            raise GradientError(explain("vjp", f"only float nodes have derivatives, got {what}", at=here()))
    stable = stabilize_nodes(heads, keep=wrt)
    seeds = [_seed(ct, head) for ct, head in zip(given, heads, strict=True)]
    found = _Backward(stable, wrt).run(seeds)
    return [_or_missing(found[node], node, heads, unused) for node in wrt]


def _seed(cotangent: Operand, head: Node) -> Node:
    node = as_node(cotangent) if isinstance(cotangent, Node) else like(cotangent, head)
    return broadcast_to(build_astype(node, head.dtype), head.shape)


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
            if parent in reached and isinstance(rule, NotDifferentiable):
                return f"{step.op.name} at {step.origin.place}: {rule.reason}"
    return ""


def _rule(node: Node, k: int) -> Any:
    rules = node.op.vjp
    return rules[k] if len(rules) == len(node.inputs) else rules[0]


class _Backward:
    """One backward sweep over the nodes that lie between ``wrt`` and the outputs."""

    def __init__(self, outputs: Sequence[Node], wrt: Sequence[Node]) -> None:
        self.outputs, self.wrt = outputs, wrt
        self.order = toposort(outputs)
        self.active = self._active()
        self.pending: dict[Node, list[Node]] = {}

    def _active(self) -> set[Node]:
        """Nodes whose cotangent is needed: some node of ``wrt`` is reached through rules that exist."""
        active = set(self.wrt)
        for node in self.order:
            if node.type.is_float and any(
                parent in active and not isinstance(_rule(node, k), NotDifferentiable)
                for k, parent in enumerate(node.inputs)
            ):
                active.add(node)
        return active

    def run(self, seeds: Sequence[Node]) -> dict[Node, Node | None]:
        totals: dict[Node, Node] = {}
        for output, seed in zip(self.outputs, seeds, strict=True):
            self.pending.setdefault(output, []).append(seed)
        for node in reversed(self.order):
            parts = self.pending.pop(node, None)
            if parts is None or node not in self.active:
                continue
            totals[node] = _total(node, parts)
            self._propagate(node, totals[node])
        return {node: totals.get(node) for node in self.wrt}

    def _propagate(self, node: Node, cotangent: Node) -> None:
        for k, parent in enumerate(node.inputs):
            rule = _rule(node, k)
            if parent not in self.active or isinstance(rule, NotDifferentiable):
                continue
            place = node.origin
            with inherit(Origin(place.file, place.line, "backward", of=node, operand=k)):
                part = _apply(rule, node, k, cotangent)
                self.pending.setdefault(parent, []).append(_undo_broadcast(part, parent))


def _total(node: Node, parts: Sequence[Node]) -> Node:
    """The sum of what arrived, on record as the cotangent of ``node``."""
    origin = Origin(node.origin.file, node.origin.line, "backward", of=node)
    with inherit(origin):
        total = parts[0]
        for part in parts[1:]:
            total = total + part
    if total.inputs:
        total.add_origin(origin)
    return total


def _apply(rule: Any, node: Node, k: int, cotangent: Node) -> Node:
    """The rule for operand k, kept inside the branch that was taken.

    A cotangent that ``where`` selected is zero outside its condition by definition, whatever the rule's factor is
    there: ``rule(where(c, t, 0)) = where(c, rule(t), 0)``. So sqrt'(0) = inf in a branch not taken makes no NaN.
    """
    selected = _selected(cotangent)
    if selected is None or not _keeps_zeros(node):
        extra = {"k": k} if len(node.op.vjp) != len(node.inputs) else {}
        part: Node = rule(cotangent, node, *node.inputs, **extra)
        return part
    condition, value, taken = selected
    inner = _apply(rule, node, k, broadcast_to(value, node.shape))
    if not isinstance(node.op.lowering, Elementwise):
        extra = {"k": k} if len(node.op.vjp) != len(node.inputs) else {}
        condition = rule(broadcast_to(condition, node.shape), node, *node.inputs, **extra)
    return where(condition, inner, 0) if taken else where(condition, 0, inner)


def _selected(cotangent: Node) -> tuple[Node, Node, bool] | None:
    """(condition, value, True) for ``where(condition, value, 0)``; with False for ``where(condition, 0, value)``."""
    if cotangent.op.name != "where":
        return None
    condition, x, y = cotangent.inputs
    if scalar_value(y) == 0:
        return condition, x, True
    return (condition, y, False) if scalar_value(x) == 0 else None


def _keeps_zeros(node: Node) -> bool:
    lowering = node.op.lowering
    if isinstance(lowering, Reduction):
        return lowering.combine == "+"
    return isinstance(lowering, Elementwise | View | Reshape | Concat)


def _undo_broadcast(cotangent: Node, operand: Node) -> Node:
    """Sum over the axes along which the operand was repeated."""
    if cotangent.shape == operand.shape:
        return cotangent
    extra = cotangent.ndim - operand.ndim
    if extra < 0:
        return broadcast_to(cotangent, operand.shape)
    repeated = [axis for axis in range(extra)]
    repeated += [axis + extra for axis, size in enumerate(operand.shape) if size == 1 and cotangent.shape[axis + extra] != 1]
    total = sum(cotangent, tuple(repeated)) if repeated else cotangent
    if total.shape == operand.shape:
        return total
    if total.ndim == operand.ndim:
        return broadcast_to(total, operand.shape)
    return reshape(total, operand.shape)
