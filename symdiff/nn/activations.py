"""Activations, with PyTorch's names, arguments and derivatives at kinks. Integers become floats."""

from __future__ import annotations

from ..core.errors import GraphError, ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..ops.activations import softsign as softsign
from ..ops.activations import tanhshrink as tanhshrink
from ..ops.convert import as_node
from ..ops.elementwise import abs, clip, divide, expm1, where
from ..ops.elementwise import relu as relu
from ..ops.elementwise import sigmoid as sigmoid
from ..ops.elementwise import softplus as plain_softplus
from ..ops.elementwise import tanh as tanh
from ..ops.gelu import gelu as gelu
from ..ops.shape import reshape
from ..ops.softmax import log_softmax as log_softmax_over
from ..ops.softmax import softmax as softmax_over
from ..ops.softmax import softmin as softmin_over

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""With these, layers keep mean 0 and variance 1 (Klambauer et al., 2017)."""


def _float(x: Operand) -> Node:
    node = as_node(x)
    return node if node.type.is_float else divide(node, 1)


def leaky_relu(x: Operand, negative_slope: float = 0.01) -> Node:
    """x for x > 0, else ``negative_slope * x``; the derivative at 0 is ``negative_slope``."""
    node = _float(x)
    return where(node > 0, node, negative_slope * node)


def prelu(x: Operand, weight: Operand) -> Node:
    """x for x > 0, else ``weight * x``, where weight is one number or has one for each channel, axis 1 of x.

    The derivative at 0 is the weight. Raises ShapeError when the sizes differ.
    """
    node, factor = _float(x), as_node(weight)
    if factor.ndim == 1 and factor.shape[0] == 1:
        factor = reshape(factor, ())
    elif factor.ndim == 1 and node.ndim >= 2 and factor.shape[0] == node.shape[1]:
        factor = reshape(factor, (factor.shape[0], *[1] * (node.ndim - 2)))
    elif factor.ndim:
        raise ShapeError(
            explain("prelu", f"{describe(node)} and weight {describe(factor)}: one for each channel", at=here())
        )
    return where(node > 0, node, factor * node)


def elu(x: Operand, alpha: float = 1.0) -> Node:
    """x for x > 0, else alpha (e^x - 1); the derivative at 0 is alpha."""
    node = _float(x)
    return where(node > 0, node, alpha * expm1(node))


def celu(x: Operand, alpha: float = 1.0) -> Node:
    """x for x > 0, else alpha (e^(x / alpha) - 1); the derivative at 0 is 1."""
    node = _float(x)
    return where(node > 0, node, alpha * expm1(node / alpha))


def selu(x: Operand) -> Node:
    """``scale * elu(x, alpha)`` with the two numbers of self-normalising networks; at 0 the slope is their product."""
    node = _float(x)
    return where(node > 0, SELU_SCALE * node, SELU_SCALE * SELU_ALPHA * expm1(node))


def silu(x: Operand) -> Node:
    """x sigmoid(x), also called swish."""
    node = _float(x)
    return node * sigmoid(node)


def mish(x: Operand) -> Node:
    """x tanh(softplus(x))."""
    node = _float(x)
    return node * tanh(plain_softplus(node))


def softplus(x: Operand, beta: float = 1, threshold: float = 20) -> Node:
    """log(1 + e^(beta x)) / beta; x itself where ``beta * x > threshold``."""
    node = _float(x)
    scaled = beta * node
    return where(scaled > threshold, node, plain_softplus(scaled) / beta)


def log_sigmoid(x: Operand) -> Node:
    """log(sigmoid(x)), exact where sigmoid(x) rounds to 0 or 1."""
    return -plain_softplus(-_float(x))


def hardtanh(x: Operand, min_val: float = -1.0, max_val: float = 1.0) -> Node:
    """x between min_val and max_val; the derivative at both is 0. Raises GraphError unless min_val < max_val."""
    if not min_val < max_val:
        raise GraphError(explain("hardtanh", f"min_val < max_val, got {min_val!r} and {max_val!r}", at=here()))
    node = _float(x)
    return where(node >= max_val, max_val, where(node <= min_val, min_val, node))


def relu6(x: Operand) -> Node:
    """x between 0 and 6; the derivative at both is 0."""
    return hardtanh(x, 0.0, 6.0)


def hardsigmoid(x: Operand) -> Node:
    """x / 6 + 1/2 between 0 and 1; the derivative at -3 and 3 is 0."""
    node = _float(x)
    return where(node >= 3, 1, where(node <= -3, 0, node / 6 + 0.5))


def hardswish(x: Operand) -> Node:
    """x hardsigmoid(x); the derivative at -3 is 0, at 3 it is 1."""
    node = _float(x)
    return where(node >= 3, node, where(node <= -3, 0, node * (node + 3) / 6))


def softshrink(x: Operand, lambd: float = 0.5) -> Node:
    """x moved towards 0 by ``lambd``, 0 within; the derivative at -lambd and lambd is 0."""
    node = _float(x)
    return node - clip(node, -lambd, lambd)


def hardshrink(x: Operand, lambd: float = 0.5) -> Node:
    """x where |x| > lambd, else 0; the derivative at -lambd and lambd is 0."""
    node = _float(x)
    return where(abs(node) <= lambd, 0, node)


def threshold(x: Operand, threshold: float, value: float) -> Node:
    """x where x > threshold, else ``value``; the derivative at the threshold is 0."""
    node = as_node(x)
    return where(node <= threshold, value, node)


def softmax(x: Operand, dim: int = -1) -> Node:
    """e^x / sum(e^x) over one axis."""
    return softmax_over(x, axis=dim)


def log_softmax(x: Operand, dim: int = -1) -> Node:
    """The logarithm of softmax over one axis."""
    return log_softmax_over(x, axis=dim)


def softmin(x: Operand, dim: int = -1) -> Node:
    """softmax(-x) over one axis."""
    return softmin_over(x, axis=dim)


def glu(x: Operand, dim: int = -1) -> Node:
    """a sigmoid(b), where a and b are the halves of x along one axis.

    Raises ShapeError unless the axis is there and its size an even number.
    """
    node = _float(x)
    size = node.shape[dim] if -node.ndim <= dim < node.ndim else None
    if not isinstance(size, int) or size % 2:
        raise ShapeError(explain("glu", f"axis {dim} of {describe(node)} has no two halves", at=here()))
    before = (slice(None),) * (dim % node.ndim)
    return node[(*before, slice(size // 2))] * sigmoid(node[(*before, slice(size // 2, None))])


swish, logsigmoid = silu, log_sigmoid
