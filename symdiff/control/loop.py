"""The operator behind scan, map and while_loop: a body that is run again and again on carried values.

    carry, y = body(carry, x, captured)        for each x of xs, or as long as cond(carry, captured) holds

Its results are the last carries, then the ys stacked, then, with a condition, how often the body ran.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.body import Body
from ..core.dim import Dim, total
from ..core.errors import GraphError
from ..core.node import Node, build
from ..core.op import Attrs, Op, Repeat
from ..core.traversal import toposort
from ..core.types import INT64, TensorType, several
from ..ops.record import define
from ..ops.several import items
from . import backward, batch, forward

Array = np.ndarray[Any, Any]


def build_loop(
    body: Body,
    inits: Sequence[Node],
    xs: Sequence[Node] = (),
    captured: Sequence[Node] = (),
    *,
    length: int | Dim | None,
    cond: Body | None = None,
    reverse: bool = False,
    again: bool = False,
) -> tuple[Node, ...]:
    """The results of a loop. ``length`` is how often the body runs; with ``cond`` at most that often, or None for no
    limit. ``reverse`` takes xs from the end. With ``again`` the derivative stores carries alone, and computes the
    values of each step again. (Derivatives make loops with a first operand more, the number of steps: ``counted``.)"""
    attrs = {
        "body": body,
        "cond": cond,
        "carries": len(inits),
        "rows": len(xs),
        "length": length,
        "reverse": reverse,
        "counted": False,
        "again": again,
    }
    return items(build(LOOP, [*inits, *xs, *captured], attrs))


def _infer(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    body, carries = attrs["body"], attrs["carries"]
    rows = [node.type._replace(shape=(attrs["length"], *node.shape)) for node in body.results[carries:]]
    trips = [TensorType(INT64, ())] if attrs["cond"] is not None else []
    return several(*(node.type for node in body.results[:carries]), *rows, *trips)


def _evaluate(
    *arrays: Array,
    body: Any,
    cond: Any,
    carries: int,
    rows: int,
    length: int | None,
    reverse: bool,
    counted: bool,
    again: bool,
) -> list[Array]:
    """The loop in Python; ``body`` and ``cond`` are functions of arrays, which know the ``types`` of their results."""
    counts, arrays = arrays[:counted], arrays[counted:]
    carry, xs, captured = list(arrays[:carries]), arrays[carries : carries + rows], arrays[carries + rows :]
    stop = int(counts[0]) if counted else length
    stacks: dict[int, list[Array]] = {}
    trips = 0
    while (stop is None or trips < stop) and (cond is None or bool(cond(*carry, *captured)[0])):
        at = stop - 1 - trips if reverse and stop is not None else trips
        results = body(*carry, *(x[at] for x in xs), *captured)
        carry, stacks[at] = results[:carries], results[carries:]
        trips += 1
    if cond is not None and trips == length and bool(cond(*carry, *captured)[0]):
        raise GraphError(f"the condition of a while_loop still holds after max_steps={length} steps")
    return [*carry, *_stacked(stacks, body.types[carries:], length), *([np.asarray(trips)] if cond else [])]


def _stacked(rows: dict[int, list[Array]], types: Sequence[tuple[Any, tuple[int, ...]]], size: Any) -> list[Array]:
    """The ys of every step as one array each; zeros where no step was taken."""
    stacks = [np.zeros((size, *shape), dtype) for dtype, shape in types]
    for at, values in rows.items():
        for stack, value in zip(stacks, values, strict=True):
            stack[at] = value
    return stacks


def _flops(node: Node) -> int | Dim:
    """Of all steps; of one step where nobody knows how many there are."""
    length = node.attrs["length"]
    of_one = total(step.op.flops(step) for step in toposort(node.attrs["body"].results))
    return of_one if length is None else length * of_one


LOOP = define(
    Op(
        name="loop",
        infer=_infer,
        evaluate=_evaluate,
        vjp=(backward.rule,),
        jvp=forward.rule,
        batch=batch.rule,
        lowering=Repeat(),
        flops=_flops,
    )
)
