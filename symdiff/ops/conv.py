"""Convolution and its two transposes, over any number of spatial axes: three operators closed under differentiation.

A convolution is linear in the images and in the weights. The transpose with respect to the images spreads cotangents
back over the windows they were summed from; the one with respect to the weights correlates images with cotangents.
The derivatives of each of the three are the other two.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, divide_exactly, product
from ..core.errors import ShapeError, explain
from ..core.node import Node, build, describe
from ..core.op import Attrs, Layout, Op, Routine, Shared
from ..core.provenance import here
from ..core.types import Shape, TensorType
from ..routines import conv as routines
from .batching import batch_size, repeated
from .record import define
from .shape import permute_dims, reshape

Array = np.ndarray[Any, Any]
Pads = tuple[tuple[int, int], ...]

# -- shapes


def window_count(
    size: int | Dim, window: int | Dim, stride: int, pads: tuple[int, int], dilation: int, what: str
) -> int | Dim:
    """How many windows fit into an axis with its padding."""
    room = size + sum(pads) - dilation * (window - 1) - 1
    if isinstance(room, int) and room < 0:
        problem = f"a window of {window} (dilation {dilation}) does not fit into {size} with padding {pads}"
        raise ShapeError(explain(what, problem, at=here()))
    steps = room if stride == 1 else room // stride if isinstance(room, int) else divide_exactly(room, stride)
    if steps is None:
        problem = f"the stride {stride} does not divide {room}, so the number of windows is no size"
        raise ShapeError(explain(what, problem, at=here(), hint="give spatial axes as numbers"))
    return steps + 1


def _infer(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    x, w = inputs
    spatial = [
        window_count(size, window, stride, pads, dilation, f"conv of {describe(x)} with {describe(w)}")
        for size, window, stride, pads, dilation in zip(
            x.shape[2:], w.shape[2:], attrs["stride"], attrs["padding"], attrs["dilation"], strict=True
        )
    ]
    return TensorType(x.dtype, (x.shape[0], w.shape[0], *spatial))


def _infer_transpose(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    ct, w = inputs
    return TensorType(ct.dtype, (ct.shape[0], w.shape[1] * attrs["groups"], *attrs["size"]))


def _infer_weight(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    """Taps first, outputs last: (groups * inputs, *kernel, outputs), which is how it is computed best."""
    x, ct = inputs
    return TensorType(x.dtype, (x.shape[1], *attrs["kernel"], divide_exactly(ct.shape[1], attrs["groups"]) or 0))


# -- meaning: a product of matrices for each tap of the window


def _taps(
    kernel: Sequence[int], counts: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[Any, Any]]:
    """For each tap its place in the weights, and the elements of the padded image it meets."""
    for tap in itertools.product(*map(range, kernel)):
        begins = [at * step for at, step in zip(tap, dilation, strict=True)]
        seen = (slice(b, b + (n - 1) * s + 1, s) for b, n, s in zip(begins, counts, stride, strict=True))
        yield (..., *tap), (..., *seen)


def _padded(x: Array, padding: Pads, groups: int) -> Array:
    return _grouped(np.pad(x, ((0, 0), (0, 0), *padding)), 1, groups)


def _flat(x: Array) -> Array:
    """Spatial axes as one."""
    return x.reshape(*x.shape[:3], int(np.prod(x.shape[3:])))


def _grouped(x: Array, axis: int, groups: int) -> Array:
    return x.reshape(*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1 :])


def _conv(x: Array, w: Array, stride: Any, padding: Pads, dilation: Any, groups: int) -> Array:
    image, weights = _padded(x, padding, groups), _grouped(w, 0, groups)
    counts = [
        (size - (k - 1) * d - 1) // s + 1
        for size, k, d, s in zip(image.shape[3:], w.shape[2:], dilation, stride, strict=True)
    ]
    out = np.zeros((x.shape[0], groups, w.shape[0] // groups, int(np.prod(counts))), x.dtype)
    for tap, seen in _taps(w.shape[2:], counts, stride, dilation):
        out += weights[tap] @ _flat(image[seen])
    return out.reshape(x.shape[0], w.shape[0], *counts)


def _conv_transpose(ct: Array, w: Array, stride: Any, padding: Pads, dilation: Any, groups: int, size: Any) -> Array:
    channels = w.shape[1] * groups
    image = _padded(np.zeros((ct.shape[0], channels, *size), ct.dtype), padding, groups)
    flat, weights = _flat(_grouped(ct, 1, groups)), _grouped(w, 0, groups)
    for tap, seen in _taps(w.shape[2:], ct.shape[2:], stride, dilation):
        part = image[seen]
        part += (weights[tap].swapaxes(1, 2) @ flat).reshape(part.shape)
    inside: tuple[Any, ...] = tuple(slice(low, low + length) for (low, _), length in zip(padding, size, strict=True))
    return image[(..., *inside)].reshape(ct.shape[0], channels, *size)


def _conv_weight(x: Array, ct: Array, stride: Any, padding: Pads, dilation: Any, groups: int, kernel: Any) -> Array:
    image, flat = _padded(x, padding, groups), _flat(_grouped(ct, 1, groups))
    out = np.zeros((groups, ct.shape[1] // groups, x.shape[1] // groups, *kernel), x.dtype)
    for tap, seen in _taps(kernel, ct.shape[2:], stride, dilation):
        out[tap] = (flat @ _flat(image[seen]).swapaxes(2, 3)).sum(axis=0)
    return np.moveaxis(out, 1, -1).reshape(x.shape[1], *kernel, ct.shape[1] // groups)


# -- loops

_ROLES = {"conv": "xwy", "conv_transpose": "ywx", "conv_weight": "xyw"}
"""What operands and result are: images x, weights w, results y."""
IMAGES, GROUPS, INPUTS, OUTPUTS = range(4)


def _sizes(x: Shape, y: Shape, kernel: Shape, attrs: Attrs) -> tuple[int | Dim, ...]:
    """Those of the loops, which have three spatial axes whatever the operator has."""
    ones = (1,) * (5 - len(x))
    lows = (*(0,) * len(ones), *(low for low, _ in attrs["padding"]))
    inputs, outputs = (divide_exactly(shape[1], attrs["groups"]) or 0 for shape in (x, y))
    spatial = (*ones, *x[2:], *ones, *y[2:], *ones, *kernel)
    return (x[0], attrs["groups"], inputs, outputs, *spatial, *ones, *attrs["stride"], *lows, *ones, *attrs["dilation"])


def _with_three(shape: Shape, at: int = 2) -> Shape:
    return (*shape[:at], *(1,) * (5 - len(shape)), *shape[at:])


def _conv_layout(node: Node) -> Layout:
    """Threads share images."""
    x, w, y = (*(parent.shape for parent in node.inputs), node.shape)
    shared = Shared(IMAGES, (product(x[1:]), 0, product(y[1:])))
    sizes = _sizes(x, y, w[2:], node.attrs)
    return Layout(sizes, (_with_three(x), _with_three(w), _with_three(y)), native="conv", shared=shared)


def _transpose_layout(node: Node) -> Layout:
    """Threads share images."""
    y, w, x = (*(parent.shape for parent in node.inputs), node.shape)
    shared = Shared(IMAGES, (product(y[1:]), 0, product(x[1:])))
    sizes = _sizes(x, y, w[2:], node.attrs)
    return Layout(sizes, (_with_three(y), _with_three(w), _with_three(x)), native="conv_transpose", shared=shared)


def _weight_layout(node: Node) -> Layout:
    """Threads share groups, or the inputs of the only one, or where there is one input its outputs."""
    x, y, w = (*(parent.shape for parent in node.inputs), node.shape)
    sizes = _sizes(x, y, w[1:-1], node.attrs)
    whole = sizes[GROUPS : OUTPUTS + 1]
    groups, inputs, outputs = whole
    pixels, windows, taps = product(x[2:]), product(y[2:]), product(w[1:-1])
    if groups != 1:
        shared = Shared(GROUPS, (inputs * pixels, outputs * windows, inputs * taps * outputs), 1, whole)
    elif inputs != 1:
        shared = Shared(INPUTS, (pixels, 0, taps * outputs), 1, whole)
    else:
        shared = Shared(OUTPUTS, (0, windows, 1), 8, whole)
    shapes = (_with_three(x), _with_three(y), _with_three(w, 1))
    return Layout(sizes, shapes, native="conv_weight", shared=shared)


def _work(node: Node) -> int | Dim:
    """Two operations for each tap, and each pair of channels, at each window."""
    shapes = [*(parent.shape for parent in node.inputs), node.shape]
    of = dict(zip(_ROLES[node.op.name], shapes, strict=True))
    kernel = of["w"][1:-1] if node.op.name == "conv_weight" else of["w"][2:]
    return 2 * product(of["y"]) * product(kernel) * (divide_exactly(of["x"][1], node.attrs["groups"]) or 0)


# -- batches of them


def _batch(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    """All items in one convolution: as more images, where the weights are the same for all; else as more groups."""
    items, roles = batch_size(inputs, batched), _ROLES[node.op.name]
    if roles[1] == "w" and not batched[1]:
        images = reshape(inputs[0], (items * inputs[0].shape[1], *inputs[0].shape[2:]))
        many = build(node.op, [images, inputs[1]], node.attrs)
        return reshape(many, (items, *node.shape))
    merged = [_merged(part, role) for part, role in zip(repeated(inputs, batched), roles, strict=False)]
    if not isinstance(items, int):
        problem = f"a batch of weights must have a number of items: {describe(node)}"
        raise ShapeError(explain(node.op.name, problem, at=node.origin.place))
    many = build(node.op, merged, {**node.attrs, "groups": node.attrs["groups"] * items})
    if roles[2] == "w":
        return reshape(many, (items, *node.shape))
    apart = reshape(many, (node.shape[0], items, *node.shape[1:]))
    return permute_dims(apart, (1, 0, *range(2, apart.ndim)))


def _merged(part: Node, role: str) -> Node:
    """(items, images, channels, ...) with all channels side by side; or all weights."""
    if role == "w":
        return reshape(part, (part.shape[0] * part.shape[1], *part.shape[2:]))
    moved = permute_dims(part, (1, 0, *range(2, part.ndim)))
    return reshape(moved, (moved.shape[0], moved.shape[1] * moved.shape[2], *moved.shape[3:]))


# -- the operators


def _plain(out: Node) -> dict[str, Any]:
    return {name: out.attrs[name] for name in ("stride", "padding", "dilation", "groups")}


def _to_images(ct: Node, w: Node, x: Node, out: Node) -> Node:
    return build(_CONV_TRANSPOSE, [ct, w], {**_plain(out), "size": x.shape[2:]})


def _to_weights(x: Node, ct: Node, w: Node, out: Node) -> Node:
    turned = build(_CONV_WEIGHT, [x, ct], {**_plain(out), "kernel": w.shape[2:]})
    return _outputs_first(turned, out.attrs["groups"])


def _outputs_first(turned: Node, groups: int) -> Node:
    """Weights (O, C, ...) from what conv_weight makes: (G * C, ..., O / G)."""
    inputs, outputs = divide_exactly(turned.shape[0], groups) or 0, turned.shape[-1]
    apart = reshape(turned, (groups, inputs, *turned.shape[1:]))
    last = apart.ndim - 1
    return reshape(permute_dims(apart, (0, last, *range(1, last))), (groups * outputs, inputs, *turned.shape[1:-1]))


_CONV = define(
    Op(
        name="conv",
        infer=_infer,
        evaluate=_conv,
        vjp=(
            lambda ct, out, x, w: _to_images(ct, w, x, out),
            lambda ct, out, x, w: _to_weights(x, ct, w, out),
        ),
        lowering=Routine(routines.conv, _conv_layout),
        flops=_work,
        batch=_batch,
    )
)
_CONV_TRANSPOSE: Op = define(
    Op(
        name="conv_transpose",
        infer=_infer_transpose,
        evaluate=_conv_transpose,
        vjp=(
            lambda ct, out, y, w: build(_CONV, [ct, w], _plain(out)),
            lambda ct, out, y, w: _to_weights(ct, y, w, out),
        ),
        lowering=Routine(routines.conv_transpose, _transpose_layout),
        flops=_work,
        batch=_batch,
    )
)
_CONV_WEIGHT: Op = define(
    Op(
        name="conv_weight",
        infer=_infer_weight,
        evaluate=_conv_weight,
        vjp=(
            lambda ct, out, x, y: _to_images(y, _outputs_first(ct, out.attrs["groups"]), x, out),
            lambda ct, out, x, y: build(_CONV, [x, _outputs_first(ct, out.attrs["groups"])], _plain(out)),
        ),
        lowering=Routine(routines.conv_weight, _weight_layout),
        flops=_work,
        batch=_batch,
    )
)


def convolve(x: Node, w: Node, stride: tuple[int, ...], padding: Pads, dilation: tuple[int, ...], groups: int) -> Node:
    """``y[n, o, p] = sum x[n, c, p * stride + k * dilation - padding] * w[o, c, k]`` over c and k, group by group."""
    return build(_CONV, [x, w], {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups})


def convolve_transposed(
    y: Node, w: Node, size: Shape, stride: tuple[int, ...], padding: Pads, dilation: tuple[int, ...], groups: int
) -> Node:
    """The transpose of :func:`convolve` as a function of images with spatial axes of these sizes."""
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "size": size}
    return build(_CONV_TRANSPOSE, [y, w], attrs)
