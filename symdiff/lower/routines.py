"""Operators whose loops were written by hand: one call of their function, on the memory of operands and results."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

from ..core.dim import dim
from ..core.node import Node
from ..core.op import Routine
from ..core.types import Shape, TensorType
from .ir import Handmade, Param
from .program import Buffer, KernelCall

BY_HAND = "its loops are written by hand"
NATIVELY = f"a native step does it (LAPACK, products of our own), or where there is none, {BY_HAND}"
_KNOWN: dict[object, Handmade] = {}


def routine_call(
    node: Node, operands: Sequence[Buffer], results: Sequence[Buffer], scratch: Callable[[str, TensorType], Buffer]
) -> KernelCall:
    """The call that computes ``node``; ``scratch`` makes memory for the function alone."""
    routine = node.op.lowering
    assert isinstance(routine, Routine)
    layout = routine.layout(node)
    names = list(inspect.signature(routine.function).parameters)
    last = names[len(names) - len(layout.scratch) :]
    own = [scratch(name, type) for name, type in zip(last, layout.scratch, strict=True)]
    buffers = (*operands, *results, *own)
    views = (*layout.shapes, *(buffer.shape for buffer in own))
    return KernelCall(
        _kernel(routine.function, names, len(layout.sizes), len(operands), buffers, views),
        layout.sizes,
        buffers,
        NATIVELY if layout.native else BY_HAND,
        (node,),
        views,
        routine.failure,
        layout.native,
        layout.shared,
    )


def _kernel(
    function: Callable[..., object],
    names: Sequence[str],
    sizes: int,
    operands: int,
    buffers: Sequence[Buffer],
    views: Sequence[Shape],
) -> Handmade:
    """One for each function and the dtypes and ranks it is called with: sizes and strides are arguments."""
    types = tuple((buffer.dtype, len(view)) for buffer, view in zip(buffers, views, strict=True))
    key = (function, types)
    if key not in _KNOWN:
        params = tuple(
            Param(name, dtype, tuple(dim(f"{name}_{axis}") for axis in range(rank)))
            for name, (dtype, rank) in zip(names[sizes:], types, strict=True)
        )
        _KNOWN[key] = Handmade(function.__name__, tuple(names[:sizes]), params, (), function, operands)
    return _KNOWN[key]
