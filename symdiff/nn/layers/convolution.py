"""Convolutions that make their kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.errors import ShapeError, explain
from ...core.node import Node, Operand, describe
from ...core.provenance import here
from ...init import he_uniform
from .. import convolution
from ..scopes import layer, param
from ..windows import per_axis
from .common import Activation, activation_of, count, float_input, known_size


def conv1d(
    x: Operand, filters: int, kernel_size: Any, activation: Activation = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1, name: str | None = None, init: Any = None, bias: bool = True,
) -> Node:  # fmt: skip
    """:func:`conv2d` over sequences: x (N, C, L) -> (N, filters, L'), with ``W`` (filters, C / groups, K)."""
    return _conv("conv1d", convolution.conv1d, 1, x, filters, kernel_size, activation, stride, padding, dilation,
                 groups, name, init, bias)  # fmt: skip


def conv2d(
    x: Operand, filters: int, kernel_size: Any, activation: Activation = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1, name: str | None = None, init: Any = None, bias: bool = True,
) -> Node:  # fmt: skip
    """``activation(sd.nn.conv2d(x, W, b, stride, padding, dilation, groups))``: x (N, C, H, W) -> (N, filters, H', W'),
    with parameters ``W`` (filters, C / groups, KH, KW) and ``b`` (filters,).

    ``kernel_size`` is a number or one for each axis. W starts from ``he_uniform()`` unless ``init`` says otherwise.

    >>> import symdiff as sd
    >>> images = sd.input("images", (sd.dim("n"), 1, 28, 28))
    >>> sd.nn.layers.conv2d(images, 8, 3, "relu", padding="same", name="first").type.shape
    (Dim(n), 8, 28, 28)
    """
    return _conv("conv2d", convolution.conv2d, 2, x, filters, kernel_size, activation, stride, padding, dilation,
                 groups, name, init, bias)  # fmt: skip


def _conv(
    asked: str, convolve: Callable[..., Node], axes: int, x: Operand, filters: int, kernel_size: Any,
    activation: Activation, stride: Any, padding: Any, dilation: Any, groups: int, name: str | None, init: Any,
    bias: bool,
) -> Node:  # fmt: skip
    node = float_input(asked, x, f"(N, C, {axes} spatial axes)", axes + 2, axes + 2)
    activate = activation_of(asked, activation)
    filters, channels = count(asked, "filters", filters), known_size(asked, node, 1)
    window = per_axis(asked, "kernel_size", kernel_size, axes, 1)
    if channels % count(asked, "groups", groups) or filters % groups:
        problem = f"{groups} groups do not divide the {channels} channels of {describe(node)} and {filters} filters"
        raise ShapeError(explain(asked, problem, at=here()))
    with layer(asked, name):
        W = param("W", (filters, channels // groups, *window), init or he_uniform(), node.dtype)
        b = param("b", (filters,), None, node.dtype) if bias else None
        return activate(convolve(node, W, b, stride, padding, dilation, groups))
