"""Normalization that makes its scale and shift, and keeps running statistics."""

from __future__ import annotations

from ...along import go_along
from ...core.errors import GraphError, explain
from ...core.node import Node, Operand, recording
from ...core.provenance import here
from ...core.traversal import toposort
from ...init import ones
from ...ops.elementwise import stop_gradient
from .. import normalization
from ..scopes import layer, param
from .common import count, float_input, known_size


def batch_norm(
    x: Operand, training: bool, momentum: float = 0.1, eps: float = 1e-5, affine: bool = True, name: str | None = None
) -> Node:
    """``(x - mean) / sqrt(var + eps) * gamma + beta`` for each channel of x (N, C, ...), with parameters ``gamma`` and
    ``beta`` (C,) unless ``affine=False``.

    With ``training=True`` mean and variance are those of x, and a training step whose loss needs the result moves the
    running statistics ``mean`` and ``var`` (C,), which are in the state but not trained: ``(1 - momentum) * old +
    momentum * batch``, with the unbiased variance of the batch. With ``training=False`` those are used. In other
    compiled functions nothing moves them. Raises GraphError for training=True in the body of a loop, a branch, vmap or
    checkpoint, which a step cannot look into.

    >>> import symdiff as sd
    >>> x = sd.input("x", (sd.dim("n"), 3))
    >>> y = sd.nn.layers.batch_norm(x, training=True, name="norm")
    >>> list(sd.train_step(sd.sum(y * y * y), [x], sd.optim.sgd(0.1)).init())
    ['norm.gamma', 'norm.beta', 'norm.mean', 'norm.var']
    """
    node = float_input("batch_norm", x, "(N, C, ...)", 2)
    shape = (known_size("batch_norm", node, 1),)
    with layer("batch_norm", name):
        gamma = param("gamma", shape, ones(), node.dtype) if affine else None
        beta = param("beta", shape, None, node.dtype) if affine else None
        mean, var = param("mean", shape, None, node.dtype), param("var", shape, ones(), node.dtype)
        if not training:
            given = stop_gradient(mean), stop_gradient(var)
            return normalization.batch_norm(node, *given, gamma, beta, False, momentum, eps)  # type: ignore[no-any-return]
        if recording() or any(one.op.name == "placeholder" for one in toposort([node])):
            problem = "running statistics cannot be moved from inside a loop, a branch, vmap or checkpoint"
            hint = "normalize outside, or with layer_norm or group_norm"
            raise GraphError(explain("batch_norm", problem, at=here(), hint=hint))
        y, next_mean, next_var = normalization.batch_norm(node, mean, var, gamma, beta, True, momentum, eps)
        return go_along(y, {mean: next_mean, var: next_var})


def layer_norm(x: Operand, eps: float = 1e-5, name: str | None = None) -> Node:
    """``(x - mean) / sqrt(var + eps) * gamma + beta`` over the last axis of x (..., C), with ``gamma``, ``beta`` (C,).

    >>> import symdiff as sd
    >>> sd.nn.layers.layer_norm(sd.input("x", (sd.dim("n"), 5, 8)), name="norm").type.shape
    (Dim(n), 5, 8)
    """
    node = float_input("layer_norm", x, "(..., C)", 1)
    size = known_size("layer_norm", node, -1)
    with layer("layer_norm", name):
        gamma, beta = param("gamma", (size,), ones(), node.dtype), param("beta", (size,), None, node.dtype)
        return normalization.layer_norm(node, size, gamma, beta, eps)


def rms_norm(x: Operand, eps: float | None = None, name: str | None = None) -> Node:
    """``x / sqrt(mean(x^2) + eps) * gamma`` over the last axis of x (..., C), with a parameter ``gamma`` (C,); eps is
    the distance of 1 to the next number by default."""
    node = float_input("rms_norm", x, "(..., C)", 1)
    size = known_size("rms_norm", node, -1)
    with layer("rms_norm", name):
        return normalization.rms_norm(node, size, param("gamma", (size,), ones(), node.dtype), eps)


def group_norm(x: Operand, groups: int, eps: float = 1e-5, name: str | None = None) -> Node:
    """Each of ``groups`` groups of channels of x (N, C, ...) normalized over its channels and spatial axes, then scaled
    and shifted by ``gamma`` and ``beta`` (C,)."""
    node = float_input("group_norm", x, "(N, C, ...)", 2)
    size = known_size("group_norm", node, 1)
    with layer("group_norm", name):
        gamma, beta = param("gamma", (size,), ones(), node.dtype), param("beta", (size,), None, node.dtype)
        return normalization.group_norm(node, count("group_norm", "groups", groups), gamma, beta, eps)
