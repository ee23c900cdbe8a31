"""Where the largest element of each window is: what max pooling selects and sends its cotangents to."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, product
from ..core.node import Node, build
from ..core.op import Attrs, Layout, Op, Routine
from ..core.types import INT64, TensorType
from ..routines import pool as routines
from .batching import batch_size
from .convert import constant
from .record import INTEGERS, define
from .shape import reshape

Array = np.ndarray[Any, Any]


def _infer(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    x, *windows = inputs
    return TensorType(INT64, (*x.shape[:2], *(bounds.shape[0] for bounds in windows[5 - x.ndim :])))


def _evaluate(x: Array, *windows: Array, dilation: Any) -> Array:
    spatial = x.shape[2:]
    windows = windows[3 - len(spatial) :]
    numbers = np.arange(int(np.prod(spatial))).reshape(spatial)
    out: Array = np.empty((*x.shape[:2], *map(len, windows)), INT64)
    place: Any
    for place in itertools.product(*(range(len(bounds)) for bounds in windows)):
        cut: Any = tuple(
            slice(bounds[at, 0], bounds[at, 1], step) for bounds, at, step in zip(windows, place, dilation, strict=True)
        )
        inside: Array = numbers[cut].ravel()
        seen = x[(..., *cut)].reshape(*x.shape[:2], len(inside))
        out[(..., *place)] = inside[seen.argmax(axis=-1)]
    return out


def _layout(node: Node) -> Layout:
    x, *windows = node.inputs
    ones = (1,) * (5 - x.ndim)
    images, spatial, counts = product(x.shape[:2]), (*ones, *x.shape[2:]), (*ones, *node.shape[2:])
    bounds = [node.shape for node in windows]
    sizes = (images, *spatial, *counts, *ones, *node.attrs["dilation"])
    return Layout(sizes, ((images, *spatial), *bounds, (images, *counts)))


def _batch(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    """All items as more images; windows are the same for all."""
    x, *windows = inputs
    items = batch_size(inputs, batched)
    many = build(node.op, [reshape(x, (items * x.shape[1], *x.shape[2:])), *windows], node.attrs)
    return reshape(many, (items, *node.shape))


def _work(node: Node) -> int | Dim:
    """A comparison for each element of a window, each window being counted as the largest one."""
    bounds = [node.attrs["value"].array for node in node.inputs[1:]]
    return product(node.shape) * math.prod(int(np.max(b[:, 1] - b[:, 0], initial=0)) for b in bounds)


_MAX_POSITION = define(
    Op(
        name="max_position",
        infer=_infer,
        evaluate=_evaluate,
        vjp=(INTEGERS,),
        lowering=Routine(routines.max_position, _layout),
        flops=_work,
        batch=_batch,
    )
)


def max_position(x: Node, windows: Sequence[Array], dilation: tuple[int, ...]) -> Node:
    """For each window of images (N, C, ...), the place of its first largest element (of its first NaN if there is one),
    counted over the spatial axes. A window spans along each axis what its row in ``windows`` says: start, stop."""
    missing = [np.array([[0, 1]])] * (3 - len(windows))
    bounds = [constant(np.asarray(window, INT64)) for window in (*missing, *windows)]
    return build(_MAX_POSITION, [x, *bounds], {"dilation": dilation})
