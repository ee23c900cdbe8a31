"""Normalization with PyTorch's arguments: over the batch, a layer, groups of channels, single images, neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, divide_exactly, product
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import Shape, as_shape
from ..ops.convert import as_node
from ..ops.elementwise import maximum, power, sqrt, square, stop_gradient
from ..ops.leaf import size
from ..ops.norms import vector_norm
from ..ops.reduce import mean, sum
from ..ops.shape import reshape
from .windows import elements_at, floats

Statistics = tuple[Node, Node, Node]


def batch_norm(
    x: Operand, running_mean: Operand | None = None, running_var: Operand | None = None, weight: Operand | None = None,
    bias: Operand | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """``(x - mean) / sqrt(var + eps) * weight + bias`` for each channel of x (N, C, ...).

    With ``training=False`` mean and variance are ``running_mean`` and ``running_var`` (C,), and the result is one node.

    With ``training=True`` they are those of x over all axes but C (the variance divides by the number of elements),
    and derivatives go through them. Where running statistics are given, the result is then three nodes: y, the new
    running mean and the new running variance, ``(1 - momentum) * old + momentum * batch``, with the unbiased variance
    of the batch; no gradient flows through these two. They are the next values of the running statistics, for
    ``updates`` of an sd.Graph, or for the caller to keep. Without running statistics it is y alone.

    >>> import symdiff as sd
    >>> x, mean, var = sd.input("x", (sd.dim("n"), 3, 8, 8)), sd.param("mean", (3,)), sd.param("var", (3,), init=1.0)
    >>> y, new_mean, new_var = sd.nn.batch_norm(x, mean, var, training=True)
    >>> y.type.shape, new_mean.type.shape
    ((Dim(n), 3, 8, 8), (3,))
    """
    node = floats(x)
    if node.ndim < 2:
        raise ShapeError(explain("batch_norm", f"takes (N, C, ...), got {describe(node)}", at=here()))
    if not training:
        if running_mean is None or running_var is None:
            raise ShapeError(
                explain("batch_norm", "running_mean and running_var are needed when it is not training", at=here())
            )
        mean_, var_ = (_of_channels("batch_norm", node, given) for given in (running_mean, running_var))
        return _affine("batch_norm", node, (node - mean_) / sqrt(var_ + eps), weight, bias)
    axes = (0, *range(2, node.ndim))
    y, center, spread = _normalized(node, axes, eps)
    y = _affine("batch_norm", node, y, weight, bias)
    if running_mean is None or running_var is None:
        return y
    return (y, *_moved("batch_norm", node, center, spread, axes, running_mean, running_var, momentum))


def instance_norm(
    x: Operand, running_mean: Operand | None = None, running_var: Operand | None = None, weight: Operand | None = None,
    bias: Operand | None = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Each channel of each image of x (N, C, ...) normalized over its own spatial axes.

    With ``use_input_stats=False`` by the running statistics, as in :func:`batch_norm`. Where running statistics are
    given beside it, the result is y and the new ones (of the means over the batch), as there.
    """
    node = floats(x)
    if node.ndim < 3:
        raise ShapeError(explain("instance_norm", f"takes (N, C, ...), got {describe(node)}", at=here()))
    if not use_input_stats:
        return batch_norm(node, running_mean, running_var, weight, bias, False, momentum, eps)
    axes = tuple(range(2, node.ndim))
    y, center, spread = _normalized(node, axes, eps)
    y = _affine("instance_norm", node, y, weight, bias)
    if running_mean is None or running_var is None:
        return y
    center, spread = mean(center, 0, keepdims=True), mean(spread, 0, keepdims=True)
    return (y, *_moved("instance_norm", node, center, spread, axes, running_mean, running_var, momentum))


def layer_norm(
    x: Operand, normalized_shape: Any, weight: Operand | None = None, bias: Operand | None = None, eps: float = 1e-5
) -> Node:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` over the last axes of x, those of ``normalized_shape``; weight
    and bias have this shape.

    >>> import symdiff as sd
    >>> sd.nn.layer_norm(sd.input("x", (sd.dim("n"), 5, 8)), 8).type.shape
    (Dim(n), 5, 8)
    """
    node = floats(x)
    axes = _last_axes("layer_norm", node, normalized_shape)
    y, _, _ = _normalized(node, axes, eps)
    return _scaled("layer_norm", node, y, axes, weight, bias)


def rms_norm(x: Operand, normalized_shape: Any, weight: Operand | None = None, eps: float | None = None) -> Node:
    """``x / sqrt(mean(x^2) + eps) * weight`` over the last axes of x, those of ``normalized_shape``; eps is the
    distance of 1 to the next number by default."""
    node = floats(x)
    axes = _last_axes("rms_norm", node, normalized_shape)
    small = float(np.finfo(node.dtype).eps) if eps is None else eps
    y = node / sqrt(mean(square(node), axes, keepdims=True) + small)
    return _scaled("rms_norm", node, y, axes, weight, None)


def group_norm(
    x: Operand, num_groups: int, weight: Operand | None = None, bias: Operand | None = None, eps: float = 1e-5
) -> Node:
    """Each of ``num_groups`` groups of channels of each image of x (N, C, ...), normalized over its channels and all
    spatial axes; weight and bias (C,)."""
    node = floats(x)
    inside = divide_exactly(node.shape[1], num_groups) if node.ndim >= 2 and num_groups >= 1 else None
    if inside is None:
        problem = f"takes (N, C, ...) and a number of groups that divides C, got {describe(node)}, {num_groups} groups"
        raise ShapeError(explain("group_norm", problem, at=here()))
    grouped = reshape(node, (node.shape[0], num_groups, product((inside, *node.shape[2:]))))
    y, _, _ = _normalized(grouped, (2,), eps)
    return _affine("group_norm", node, reshape(y, node.shape), weight, bias)


def local_response_norm(input: Operand, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Node:
    """``x / (k + alpha * mean of x^2 over size neighbouring channels)^beta`` for x (N, C, ...); channels that are not
    there count as 0."""
    x = floats(input)
    if x.ndim < 3 or not isinstance(x.shape[1], int) or size < 1:
        problem = f"takes (N, C, ...) with a number of channels, and a size of 1 or more, got {describe(x)}, {size}"
        raise ShapeError(explain("local_response_norm", problem, at=here()))
    places = np.arange(x.shape[1])[:, None] + np.arange(size) - size // 2
    neighbours = sum(elements_at(square(x), 1, places), 2) / size
    return x / power(k + alpha * neighbours, beta)


def normalize(input: Operand, p: float = 2.0, dim: int | Sequence[int] = 1, eps: float = 1e-12) -> Node:
    """``x / max(norm(x, p), eps)`` along ``dim``.

    >>> import symdiff as sd
    >>> sd.nn.normalize(sd.input("x", (sd.dim("n"), 3))).type.shape
    (Dim(n), 3)
    """
    x = floats(input)
    return x / maximum(vector_norm(x, dim, keepdims=True, ord=p), eps)


def _normalized(x: Node, axes: tuple[int, ...], eps: float) -> Statistics:
    """x with mean 0 and variance 1 over the axes; its mean and variance before."""
    center = mean(x, axes, keepdims=True).named("mean")
    away = x - center
    spread = mean(square(away), axes, keepdims=True).named("variance")
    return away / sqrt(spread + eps), center, spread


def _moved(
    asked: str, x: Node, center: Node, spread: Node, axes: tuple[int, ...], running_mean: Operand,
    running_var: Operand, momentum: float,
) -> tuple[Node, Node]:  # fmt: skip
    """The new running statistics."""
    count = size(product(tuple(x.shape[axis] for axis in axes)), x.dtype)
    means, variances = as_node(running_mean), as_node(running_var)
    of_batch = [
        stop_gradient(reshape(part, (x.shape[1],))) for part in (center, spread * (count / maximum(count - 1, 1)))
    ]
    for given in (means, variances):
        _of_channels(asked, x, given)
    new = [(1 - momentum) * old + momentum * part for old, part in zip((means, variances), of_batch, strict=True)]
    return new[0], new[1]


def _of_channels(asked: str, x: Node, given: Operand) -> Node:
    """Numbers for the channels of x (N, C, ...), in place for broadcasting."""
    node = as_node(given)
    if node.shape != x.shape[1:2]:
        raise ShapeError(
            explain(asked, f"{describe(node)} has not one number for each channel of {describe(x)}", at=here())
        )
    return reshape(node, (*node.shape, *[1] * (x.ndim - 2)))


def _affine(asked: str, x: Node, y: Node, weight: Operand | None, bias: Operand | None) -> Node:
    """y scaled and moved, channel by channel."""
    if weight is not None:
        y = y * _of_channels(asked, x, weight)
    return y if bias is None else y + _of_channels(asked, x, bias)


def _scaled(asked: str, x: Node, y: Node, axes: tuple[int, ...], weight: Operand | None, bias: Operand | None) -> Node:
    """y scaled and moved, element by element along its last axes."""
    shape = x.shape[axes[0] :]
    for given in (weight, bias):
        if given is not None and as_node(given).shape != shape:
            raise ShapeError(
                explain(
                    asked, f"{describe(as_node(given))} has not the shape of the last axes of {describe(x)}", at=here()
                )
            )
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def _last_axes(asked: str, x: Node, normalized_shape: int | Dim | Sequence[int | Dim]) -> tuple[int, ...]:
    shape: Shape = as_shape(normalized_shape)
    if not shape or x.shape[max(x.ndim - len(shape), 0) :] != shape:
        raise ShapeError(explain(asked, f"{describe(x)} does not end in the sizes {shape}", at=here()))
    return tuple(range(x.ndim - len(shape), x.ndim))
