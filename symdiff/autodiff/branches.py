"""Cotangents under a condition: what ``where`` selected stays inside the branch that was taken.

``where(c, v, 0)`` is zero outside ``c`` by definition, whatever the factors of the next rule are there. So a rule,
being linear, is applied to ``v`` and the condition put around its result:
``rule(where(c, v, 0)) = where(c, rule(v), 0)``. That way sqrt'(0) = inf in a branch not taken makes no NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core.node import Node, build
from ..core.op import Concat, Derivative, Elementwise, Reshape, Scatter, View
from ..ops.convert import constant, like, scalar_value
from ..ops.elementwise import logical_and, logical_not, logical_or, where
from ..ops.reduce import spread, sum
from ..ops.shape import broadcast_to, reshape


class Branches:
    """The conditions of one backward sweep.

    An elementwise rule runs under any condition. Where elements move, the condition must move along, which costs
    memory: that is done for conditions of ``where``, not for the masks of relu and its like. Where elements mix (a
    product of matrices, a softmax), only a condition with a single value can stay around the result.
    """

    def __init__(self) -> None:
        self.from_where: set[Node] = set()

    def apply(self, rule: Derivative, node: Node, k: int, cotangent: Node) -> Node:
        """The cotangent of operand ``k``, in the shape of the rule's result."""
        selected = _selected(cotangent) if cotangent.op.name == "where" else None
        if selected is None or not self._runs_under(selected[0], node):
            part = _call(rule, node, k, cotangent)
        else:
            condition, value = selected
            part = _call(rule, node, k, broadcast_to(value, node.shape))
            part = self._select(self._moved(condition, rule, node, k), part)
        return self.remember(node, part)

    def remember(self, node: Node, part: Node) -> Node:
        """``part``, which the rule of ``node`` made; its condition is on record as one of ``where``."""
        selected = _selected(part) if node.op.name == "where" else None
        if selected is not None:
            self.from_where.add(selected[0])
        return part

    def move(self, node: Node, tangents: Sequence[Node | None]) -> Node:
        """The tangent of what only moves elements: the same moves of the operands' tangents, and of the conditions
        that ``where`` put around them. An operand without a tangent is zero everywhere."""
        values, conditions, known = [], [], []
        for parent, tangent in zip(node.inputs, tangents, strict=True):
            selected = None if tangent is None else _selected(tangent)
            if not parent.type.is_float:
                condition, value = parent, parent  # positions, which move as they are
            elif tangent is None:
                condition, value = constant(False), like(0, parent)
            elif selected is None or isinstance(node.op.lowering, Scatter) or selected[0] not in self.from_where:
                condition, value = constant(True), tangent
            else:
                condition, value = selected
                known.append(condition)
            conditions.append(broadcast_to(condition, parent.shape))
            values.append(broadcast_to(value, parent.shape))
        moved = build(node.op, values, node.attrs)
        return self._select(self._derived(build(node.op, conditions, node.attrs), *known), moved) if known else moved

    def total(self, node: Node, parts: Sequence[Node]) -> Node:
        """The sum of the cotangents that reach ``node``; under their conditions when its rule will need them."""
        if len(parts) == 1:
            return parts[0]
        found = [pair for pair in map(_selected, parts) if pair and self._runs_under(pair[0], node)]
        conditions = list(dict.fromkeys(condition for condition, _ in found))
        if len(found) < len(parts):
            return _sum(parts)
        if len(conditions) == 1:
            return self._select(conditions[0], _sum([value for _, value in found]))
        if not self.from_where.issuperset(conditions):
            return _sum(parts)
        either = conditions[0]
        for condition in conditions[1:]:
            either = logical_or(either, condition)
        self.from_where.add(either)
        return self._select(either, _sum(parts))

    def undo_broadcast(self, cotangent: Node, operand: Node) -> Node:
        """The cotangent summed over the axes along which the operand was repeated."""
        if cotangent.shape == operand.shape:
            return cotangent
        extra = cotangent.ndim - operand.ndim
        if extra < 0:
            return broadcast_to(cotangent, operand.shape)
        ones = [axis + extra for axis, size in enumerate(operand.shape) if size == 1]
        repeated = (*range(extra), *(axis for axis in ones if cotangent.shape[axis] != 1))
        selected = _selected(cotangent)
        if selected is not None and _same_along(selected[0], repeated, cotangent.ndim):
            condition, value = selected
            own = condition.shape[condition.ndim - operand.ndim :] if condition.ndim > operand.ndim else condition.shape
            total = self.undo_broadcast(broadcast_to(value, cotangent.shape), operand)
            return self._select(self._derived(reshape(condition, own), condition), total)
        total = sum(cotangent, repeated) if repeated else cotangent
        return broadcast_to(total, operand.shape) if total.ndim == operand.ndim else reshape(total, operand.shape)

    def _runs_under(self, condition: Node, node: Node) -> bool:
        lowering = node.op.lowering
        if isinstance(lowering, Elementwise):
            return True
        moves = isinstance(lowering, View | Reshape | Concat) or "keepdims" in node.attrs
        follows = moves or (_is_single(condition) and bool(node.inputs))
        return follows and condition in self.from_where

    def _moved(self, condition: Node, rule: Derivative, node: Node, k: int) -> Node:
        """The condition at the places to which the rule moves the cotangent."""
        if isinstance(node.op.lowering, Elementwise):
            return condition
        if _is_single(condition):
            return self._derived(reshape(condition, ()), condition)
        condition, before = broadcast_to(condition, node.shape), condition
        reduces = "keepdims" in node.attrs
        return self._derived(spread(condition, node) if reduces else _call(rule, node, k, condition), before)

    def _select(self, condition: Node, value: Node) -> Node:
        """``where(condition, value, 0)``, with one condition for both when the value is selected itself."""
        inner = _selected(value)
        if inner is None:
            return where(condition, value, 0)
        both = self._derived(logical_and(condition, inner[0]), condition, inner[0])
        return where(both, inner[1], 0)

    def _derived(self, condition: Node, *sources: Node) -> Node:
        if not self.from_where.isdisjoint(sources):
            self.from_where.add(condition)
        return condition


def _selected(cotangent: Node) -> tuple[Node, Node] | None:
    """(c, v) for ``where(c, v, 0)`` and ``where(not c, 0, v)``."""
    if cotangent.op.name != "where":
        return None
    condition, x, y = cotangent.inputs
    while condition.op.name == "broadcast_to":
        (condition,) = condition.inputs
    if scalar_value(y) == 0:
        return condition, x
    return (logical_not(condition), y) if scalar_value(x) == 0 else None


def _is_single(condition: Node) -> bool:
    return all(size == 1 for size in condition.shape)


def _call(rule: Derivative, node: Node, k: int, cotangent: Node) -> Node:
    found: Node
    if len(node.op.vjp) == len(node.inputs):
        found = rule(cotangent, node, *node.inputs)
    else:
        found = rule(cotangent, node, *node.inputs, k=k)
    return found


def _sum(parts: Sequence[Node]) -> Node:
    total = parts[0]
    for part in parts[1:]:
        total = _plus(total, part)
    return total


def _plus(x: Node, y: Node) -> Node:
    """``x + y``; a difference where one has a minus sign in front, as the passes would write it."""
    if y.op.name == "negative":
        return x - y.inputs[0]
    return y - x.inputs[0] if x.op.name == "negative" else x + y


def _same_along(condition: Node, axes: Sequence[int], rank: int) -> bool:
    """Whether a condition that broadcasts to ``rank`` axes has one value along these."""
    missing = rank - condition.ndim
    return all(axis < missing or condition.shape[axis - missing] == 1 for axis in axes)
