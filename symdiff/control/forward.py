"""Forward mode through a loop: the loop on pairs of values and tangents."""

from __future__ import annotations

from collections.abc import Sequence

from ..autodiff.forward import jvp
from ..autodiff.placeholder import placeholder
from ..core.node import Node, build
from ..core.traversal import substitute
from ..ops.several import items
from ..passes.constants import scalar
from .parts import Parts, close_both, zeros


def rule(tangents: Sequence[Node | None], out: Node, *inputs: Node) -> list[Node | None]:
    """Tangents of a loop's results, given those of its operands; None for zero."""
    loop = Parts(out)
    given = list(tangents)[int(loop.count is not None) :]
    by_formal = dict(zip(loop.body.formals, given, strict=True))
    active = {
        formal: placeholder(formal.type, f"t_{formal.attrs['name']}")
        for formal, t in by_formal.items()
        if t is not None
    }
    found = _of_body(loop, active)
    while late := [c for c, t in zip(loop.carry, found, strict=False) if t is not None and c not in active]:
        active |= {carry: placeholder(carry.type, f"t_{carry.attrs['name']}") for carry in late}
        found = _of_body(loop, active)
    return _dual(loop, by_formal, active, found)


def _of_body(loop: Parts, active: dict[Node, Node]) -> list[Node | None]:
    """The tangents of the body's results over its formals and theirs; None where zero or no number."""
    heads = [node for node in loop.body.results if node.type.is_float]
    found = jvp(heads, list(active), list(active.values()), unused="zero") if active else []
    tangents = {node: t for node, t in zip(heads, found, strict=False) if scalar(t) != 0}
    return [tangents.get(node) for node in loop.body.results]


def _dual(
    loop: Parts, given: dict[Node, Node | None], active: dict[Node, Node], found: Sequence[Node | None]
) -> list[Node | None]:
    moving = [k for k, carry in enumerate(loop.carry) if carry in active]
    rows = [k for k, x in enumerate(loop.x) if x in active]
    shown = [k for k, t in enumerate(found[loop.carries :]) if t is not None]
    carry_in, x_in = ([placeholder(f.type, f.attrs["name"]) for f in part] for part in (loop.carry, loop.x))
    leaves = [
        *carry_in,
        *(active[loop.carry[k]] for k in moving),
        *x_in,
        *(active[loop.x[k]] for k in rows),
    ]
    replaced = dict(zip([*loop.carry, *loop.x], [*carry_in, *x_in], strict=True))
    replaced |= dict(zip(loop.captured_formals, loop.captured, strict=True))
    replaced |= {active[f]: t for f, t in given.items() if f in loop.captured_formals and t is not None}
    results = [
        *loop.next,
        *(_or_zeros(found[k], loop.carry[k]) for k in moving),
        *loop.ys,
        *(found[loop.carries + k] for k in shown),
    ]
    if loop.cond is not None:
        replaced |= dict(zip(loop.cond.formals, [*carry_in, *loop.captured], strict=True))
    condition = [] if loop.cond is None else substitute(loop.cond.results, replaced)
    whole = substitute([node for node in results if node is not None], replaced)
    body, cond, captured = close_both(leaves, whole, condition)
    attrs = {
        **loop.node.attrs,
        "body": body,
        "cond": cond,
        "carries": loop.carries + len(moving),
        "rows": loop.rows + len(rows),
    }
    starts = [_or_zeros(given[loop.carry[k]], loop.carry[k]) for k in moving]
    head = [] if loop.count is None else [loop.count]
    operands = [*head, *loop.inits, *starts, *loop.xs, *(given[loop.x[k]] for k in rows), *captured]
    made = items(build(loop.node.op, [node for node in operands if node is not None], attrs))
    tangents: list[Node | None] = [None] * len(loop.node.type.parts)
    for place, k in enumerate(moving):
        tangents[k] = made[loop.carries + place]
    for place, k in enumerate(shown):
        tangents[loop.carries + k] = made[loop.carries + len(moving) + len(loop.ys) + place]
    return tangents


def _or_zeros(tangent: Node | None, node: Node) -> Node:
    return zeros(node) if tangent is None else tangent
