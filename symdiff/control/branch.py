"""The operator behind ``cond``: one of two bodies on the same operands, whichever a truth value names."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any

import numpy as np

from ..autodiff.batch import batched
from ..autodiff.forward import jvp
from ..autodiff.placeholder import placeholder
from ..autodiff.reverse import vjp
from ..core.body import Body, close
from ..core.dim import Dim, total
from ..core.node import Node, build
from ..core.op import Attrs, Branch, Op
from ..core.traversal import substitute, toposort
from ..core.types import TensorType, several
from ..ops.batching import batch_size
from ..ops.elementwise import where
from ..ops.record import define
from ..ops.several import items
from ..ops.shape import broadcast_to, reshape

Array = np.ndarray[Any, Any]


def build_branch(holds: Node, yes: Sequence[Node], no: Sequence[Node], inside: Set[Node]) -> tuple[Node, ...]:
    """``yes`` where ``holds``, else ``no``. What is ``inside`` is computed in its branch alone."""
    return _branch(holds, [], yes, no, [], {node for node in inside if node.inputs})


def _branch(
    holds: Node,
    leaves: Sequence[Node],
    yes: Sequence[Node],
    no: Sequence[Node],
    operands: Sequence[Node],
    inside: Set[Node] | None = None,
) -> tuple[Node, ...]:
    """The results of a branch over ``leaves``, which stand for ``operands``."""
    names = [leaf.attrs["name"] for leaf in leaves]
    both, captured = close(names, leaves, [*yes, *no], inside)
    bodies = Body(both.formals, both.results[: len(yes)]), Body(both.formals, both.results[len(yes) :])
    return items(build(BRANCH, [holds, *operands, *captured], {"yes": bodies[0], "no": bodies[1]}))


def _infer(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    return several(*(node.type for node in attrs["yes"].results))


def _evaluate(
    holds: Array, *operands: Array, yes: Callable[..., list[Array]], no: Callable[..., list[Array]]
) -> list[Array]:
    """``yes`` and ``no`` are functions of arrays here."""
    return (yes if bool(holds) else no)(*operands)


def _vjp(cotangents: Sequence[Node | None], out: Node, holds: Node, *operands: Node) -> list[Node | None]:
    """Of the branch that was taken, whose values are computed again."""
    formals = out.attrs["yes"].formals
    wrt = [formal for formal in formals if formal.type.is_float]
    given = {k: ct for k, ct in enumerate(cotangents) if ct is not None and ct.type.is_float}
    leaves = {k: placeholder(ct.type, "ct") for k, ct in given.items()}
    gradients = [
        vjp([body.results[k] for k in given], wrt, list(leaves.values()), unused="zero")
        for body in (out.attrs["yes"], out.attrs["no"])
    ]
    yes, no = gradients
    made = _branch(holds, [*formals, *leaves.values()], yes, no, [*operands, *given.values()])
    found = dict(zip(wrt, made, strict=True))
    return [None, *(found.get(formal) for formal in formals)]


def _jvp(tangents: Sequence[Node | None], out: Node, holds: Node, *operands: Node) -> list[Node | None]:
    formals = out.attrs["yes"].formals
    given = {formal: t for formal, t in zip(formals, tangents[1:], strict=True) if t is not None}
    leaves = [placeholder(formal.type, f"t_{formal.attrs['name']}") for formal in given]
    heads = [k for k, node in enumerate(out.attrs["yes"].results) if node.type.is_float]
    found = [
        jvp([body.results[k] for k in heads], list(given), leaves, unused="zero")
        for body in (out.attrs["yes"], out.attrs["no"])
    ]
    yes, no = found
    results = _branch(holds, [*formals, *leaves], yes, no, [*operands, *given.values()])
    made = dict(zip(heads, results, strict=True))
    return [made.get(k) for k in range(len(out.type.parts))]


def _batch(node: Node, inputs: Sequence[Node], has: Sequence[bool]) -> list[Node]:
    """One branch for all items where they agree; else both, and the choice item by item."""
    yes, no = node.attrs["yes"], node.attrs["no"]
    size = batch_size(inputs, has)
    given = dict(zip(yes.formals, inputs[1:], strict=True))
    of_batch = {formal: value for formal, value, own in zip(yes.formals, inputs[1:], has[1:], strict=True) if own}
    alone = {formal: value for formal, value in given.items() if formal not in of_batch}
    if has[0]:
        both = [_of_all(body, of_batch, alone, size) for body in (yes, no)]
        return [
            where(reshape(inputs[0], (size, *[1] * (one.ndim - 1))), one, other)
            for one, other in zip(*both, strict=True)
        ]
    leaves = {formal: placeholder(value.type, formal.attrs["name"]) for formal, value in given.items()}
    of_batch = {formal: leaves[formal] for formal in of_batch}
    alone = {formal: leaves[formal] for formal in alone}
    one, other = (_of_all(body, of_batch, alone, size) for body in (yes, no))
    return list(_branch(inputs[0], list(leaves.values()), one, other, list(given.values())))


def _of_all(body: Body, of_batch: dict[Node, Node], alone: dict[Node, Node], size: int | Dim) -> list[Node]:
    """The results of a body for every item."""
    if not of_batch:
        return [broadcast_to(node, (size, *node.shape)) for node in substitute(body.results, alone)]
    return substitute(batched(list(body.results), of_batch), alone)


def _flops(node: Node) -> int | Dim:
    """Of the branch ``yes``."""
    return total(step.op.flops(step) for step in toposort(node.attrs["yes"].results))


BRANCH: Op = define(
    Op(
        name="branch",
        infer=_infer,
        evaluate=_evaluate,
        vjp=(_vjp,),
        jvp=_jvp,
        batch=_batch,
        lowering=Branch(),
        flops=_flops,
    )
)
