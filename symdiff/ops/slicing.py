"""Slices and their transpose; ``x[...]`` with ints, slices, None, Ellipsis and one integer array."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from ..core.dim import Dim, never_exceeds
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Op, Place, View
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import TensorType, normal_axes
from .convert import as_node
from .record import define, free
from .shape import expand_dims, squeeze

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
    )
)


def slice_axis(x: Node, axis: int, start: int | Dim, size: int | Dim, step: int = 1) -> Node:
    """``size`` elements along one axis, from ``start``."""
    if start == 0 and step == 1 and size == x.shape[axis]:
        return x
    starts: list[int | Dim] = [0] * x.ndim
    steps, sizes = [1] * x.ndim, list(x.shape)
    starts[axis], steps[axis], sizes[axis] = start, step, size
    return build(_SLICE, [x], {"starts": tuple(starts), "sizes": tuple(sizes), "steps": tuple(steps)})


@provide("getitem")
def getitem(x: Node, index: Any) -> Node:
    """``x[index]`` as in NumPy, for ints, slices, None, Ellipsis and at most one integer array or node."""
    parts = _spelled_out(x, index if isinstance(index, tuple) else (index,))
    axis, dropped, added, node = 0, [], [], x
    position = 0
    for part in parts:
        if part is None:
            added.append(position)
            position += 1
            continue
        if isinstance(part, builtins.slice):
            node = _take_slice(node, axis, part)
            position += 1
        elif isinstance(part, int | np.integer):
            node = slice_axis(node, axis, _position(node, axis, int(part)), 1)
            dropped.append(axis)
        else:
            return _with_array(x, parts)
        axis += 1
    node = squeeze(node, tuple(dropped)) if dropped else node
    return expand_dims(node, tuple(added)) if added else node


def _with_array(x: Node, parts: list[Any]) -> Node:
    """One integer array among full slices and None: ``take`` along its axis."""
    from .index import take

    arrays = [part for part in parts if not (part is None or isinstance(part, builtins.slice | int | np.integer))]
    others = [part for part in parts if part is not None and part is not arrays[0]]
    if len(arrays) > 1 or builtins.any(isinstance(part, int | np.integer) for part in others):
        raise ShapeError(
            explain(
                "index",
                f"{describe(x)} was indexed with several integer arrays or ints beside one",
                at=here(),
                hint="use sd.take_along_axis, or index one axis at a time",
            )
        )
    axis = [part for part in parts if part is not None].index(arrays[0])
    rest = tuple(builtins.slice(None) if part is arrays[0] else part for part in parts if part is not None)
    taken = take(getitem(x, rest), arrays[0], axis=axis)
    added = [place for place, part in enumerate(parts) if part is None]
    rank = as_node(arrays[0]).ndim
    places = [place + rank - 1 if place > parts.index(arrays[0]) else place for place in added]
    return expand_dims(taken, tuple(places)) if places else taken


def _spelled_out(x: Node, index: tuple[Any, ...]) -> list[Any]:
    """The index with Ellipsis replaced and missing trailing slices added."""
    parts = [as_node(np.asarray(part)) if isinstance(part, list | np.ndarray) else part for part in index]
    used = builtins.sum(part is not None and part is not Ellipsis for part in parts)
    if used > x.ndim:
        raise ShapeError(explain("index", f"{describe(x)} has {x.ndim} axes, {used} were indexed", at=here()))
    ellipses = [place for place, part in enumerate(parts) if part is Ellipsis]
    if len(ellipses) > 1:
        raise ShapeError(explain("index", "'...' may stand once", at=here()))
    for part in parts:
        if isinstance(part, bool | np.bool_) or (isinstance(part, Node) and part.dtype.kind not in "iu"):
            raise ShapeError(
                explain("index", "a mask gives a shape that depends on data", at=here(), hint="use sd.where")
            )
        if not (part is None or part is Ellipsis or isinstance(part, builtins.slice | int | np.integer | Node)):
            raise ShapeError(explain("index", f"{describe(x)} cannot be indexed with {part!r}", at=here()))
    full = [builtins.slice(None)] * (x.ndim - used)
    if ellipses:
        return parts[: ellipses[0]] + full + parts[ellipses[0] + 1 :]
    return parts + full


def _position(x: Node, axis: int, index: int) -> int | Dim:
    size = x.shape[axis]
    if isinstance(size, int) and not -size <= index < size:
        raise ShapeError(explain("index", f"{index} is out of range for axis {axis} of {describe(x)}", at=here()))
    return index if index >= 0 else size + index


def _take_slice(x: Node, axis: int, part: builtins.slice) -> Node:
    size, step = x.shape[axis], 1 if part.step is None else int(part.step)
    if step == 0:
        raise ShapeError(explain("slice", "the step may not be 0", at=here()))
    if isinstance(size, int) and not isinstance(part.start, Dim) and not isinstance(part.stop, Dim):
        places = range(*builtins.slice(part.start, part.stop, step).indices(size))
        return slice_axis(x, axis, places.start if len(places) else 0, len(places), step)
    if step != 1 and (step, part.start, part.stop) != (-1, None, None):
        raise ShapeError(
            explain("slice", f"axis {axis} of {describe(x)} has a symbolic size, so the step must be 1", at=here())
        )
    if step == -1:
        return slice_axis(x, axis, size - 1, size, -1)
    start, stop = _bound(part.start, size, 0), _bound(part.stop, size, size)
    if never_exceeds(stop, start):
        return slice_axis(x, axis, 0, 0)
    return slice_axis(x, axis, start, stop - start)


def _bound(bound: Any, size: int | Dim, default: int | Dim) -> int | Dim:
    """A bound of a slice along a symbolic axis. It must lie inside the axis: the call checks it."""
    if bound is None:
        return default
    if isinstance(bound, Dim) or bound >= 0:
        return bound if isinstance(bound, Dim) else int(bound)
    return size + int(bound)


def flip(x: Operand, axis: Any = None) -> Node:
    """x with the named axes (default: all) running backwards.

    >>> import symdiff as sd
    >>> sd.flip(sd.input("x", (sd.dim("n"), 3)), axis=1).type.shape
    (Dim(n), 3)
    """
    node = as_node(x)
    for one in normal_axes(axis, node.ndim, f"flip of {describe(node)} at {here()}"):
        node = slice_axis(node, one, node.shape[one] - 1, node.shape[one], -1)
    return node
