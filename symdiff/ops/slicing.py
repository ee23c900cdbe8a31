"""Slices and their transpose; flip."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim
from ..core.node import Node, Operand, build, describe
from ..core.op import Op, Place, View
from ..core.provenance import here
from ..core.types import Shape, TensorType, normal_axes
from .batching import attributes, first_of, sized
from .convert import as_node
from .record import define, free

# A slice takes, along each axis, ``sizes`` elements ``starts, starts + steps, ...``; its transpose puts them back into
# an array of zeros. Each is the other's derivative.


def _selection(starts: Any, sizes: Any, steps: Any) -> tuple[builtins.slice, ...]:
    return tuple(
        builtins.slice(start, None if start + step * size < 0 else start + step * size, step)
        for start, size, step in zip(starts, sizes, steps, strict=True)
    )


def _put_back(x: np.ndarray[Any, Any], starts: Any, steps: Any, shape: Any) -> np.ndarray[Any, Any]:
    out = np.zeros(shape, x.dtype)
    out[_selection(starts, x.shape, steps)] = x
    return out


_SLICE = define(
    Op(
        name="slice",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, attrs["sizes"]),
        evaluate=lambda x, starts, sizes, steps: x[_selection(starts, sizes, steps)],
        vjp=(
            lambda ct, out, x: build(
                _PLACE, [ct], {"starts": out.attrs["starts"], "steps": out.attrs["steps"], "shape": x.shape}
            ),
        ),
        lowering=View(
            lambda index, node: tuple(
                i * step + start
                for i, start, step in zip(index, node.attrs["starts"], node.attrs["steps"], strict=True)
            )
        ),
        flops=free,
        batch=attributes(starts=first_of(0), sizes=sized, steps=first_of(1)),
    )
)
_PLACE: Op = define(
    Op(
        name="slice_transpose",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, attrs["shape"]),
        evaluate=_put_back,
        vjp=(
            lambda ct, out, x: build(
                _SLICE, [ct], {"starts": out.attrs["starts"], "sizes": x.shape, "steps": out.attrs["steps"]}
            ),
        ),
        lowering=Place(),
        flops=free,
        batch=attributes(starts=first_of(0), steps=first_of(1), shape=sized),
    )
)


def slice_axis(x: Node, axis: int, start: int | Dim, size: int | Dim, step: int = 1) -> Node:
    """``size`` elements along one axis, from ``start``."""
    starts, steps = _along(axis, x.ndim, start, step)
    return slice_all(x, starts, (*x.shape[:axis], size, *x.shape[axis + 1 :]), steps)


def pad_axis(x: Node, axis: int, start: int | Dim, size: int | Dim) -> Node:
    """Zeros of ``size`` along one axis, with x from ``start`` on: the transpose of ``slice_axis``."""
    starts, steps = _along(axis, x.ndim, start, 1)
    return place_all(x, starts, (*x.shape[:axis], size, *x.shape[axis + 1 :]), steps)


def _along(axis: int, rank: int, start: int | Dim, step: int) -> tuple[list[int | Dim], list[int]]:
    """Starts and steps that leave all axes but one as they are."""
    starts: list[int | Dim] = [0] * rank
    steps = [1] * rank
    starts[axis], steps[axis] = start, step
    return starts, steps


def slice_all(x: Node, starts: Sequence[int | Dim], sizes: Shape, steps: Sequence[int]) -> Node:
    """``sizes`` elements from ``starts`` on, along every axis at once; x itself when that is all of it."""
    if sizes == x.shape and set(steps) <= {1} and builtins.all(start == 0 for start in starts):
        return x
    return build(_SLICE, [x], {"starts": tuple(starts), "sizes": sizes, "steps": tuple(steps)})


def place_all(x: Node, starts: Sequence[int | Dim], shape: Shape, steps: Sequence[int]) -> Node:
    """Zeros of ``shape`` with x put where ``slice_all`` takes it from."""
    if shape == x.shape and set(steps) <= {1} and builtins.all(start == 0 for start in starts):
        return x
    return build(_PLACE, [x], {"starts": tuple(starts), "steps": tuple(steps), "shape": shape})


def flip(x: Operand, axis: Any = None) -> Node:
    """x with the named axes (default: all) running backwards.

    >>> import symdiff as sd
    >>> sd.flip(sd.input("x", (sd.dim("n"), 3)), axis=1).type.shape
    (Dim(n), 3)
    """
    node = as_node(x)
    axes = normal_axes(axis, node.ndim, f"flip of {describe(node)} at {here()}")
    starts = [size - 1 if one in axes else 0 for one, size in enumerate(node.shape)]
    return slice_all(node, starts, node.shape, [-1 if one in axes else 1 for one in range(node.ndim)])
