"""The softmax family: one node each in the graph, written in simple operators before kernels are made.

All subtract the largest element first, so nothing overflows (Goodfellow et al., *Deep Learning*, 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import product
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Expand, Op
from ..core.provenance import here
from ..core.types import FLOAT64, INT64, TensorType, normal_axes, normal_axis
from .batching import attributes, later
from .convert import as_index, as_node
from .elementwise import exp, isfinite, log, where
from .index import one_hot, take_along_axis
from .record import INTEGERS, build_astype, define, input_size
from .reduce import max, reduced_shape, refuse_empty, spread, sum
from .shape import expand_dims, squeeze

Array = np.ndarray[Any, Any]


def _shift(x: Node, axis: Sequence[int]) -> Node:
    """The largest element, or 0 where that is infinite: what is subtracted before exp."""
    largest = max(x, axis, keepdims=True).named("largest")
    return where(isfinite(largest), largest, 0).named("shift")


def _np_shift(x: Array, axis: Any) -> Array:
    largest = np.max(x, axis=axis, keepdims=True)
    return np.asarray(np.where(np.isfinite(largest), largest, np.zeros_like(largest)))


def _np_softmax(x: Array, axis: int) -> Array:
    weights = np.exp(x - _np_shift(x, axis))
    return np.asarray(weights / weights.sum(axis=axis, keepdims=True))


def _np_logsumexp(x: Array, axis: Any, keepdims: bool) -> Array:
    shift = _np_shift(x, axis)
    total = np.log(np.exp(x - shift).sum(axis=axis, keepdims=True)) + shift
    return np.asarray(total if keepdims else np.squeeze(total, axis))


def _softmax_formula(node: Node) -> Node:
    (x,), axis = node.inputs, (node.attrs["axis"],)
    weights = exp(x - _shift(x, axis)).named("weights")
    return weights / sum(weights, axis, keepdims=True).named("total")


def _log_softmax_formula(node: Node) -> Node:
    (x,), axis = node.inputs, (node.attrs["axis"],)
    shifted = x - _shift(x, axis)
    return shifted - log(sum(exp(shifted).named("weights"), axis, keepdims=True).named("total"))


def _logsumexp_formula(node: Node) -> Node:
    (x,), axis = node.inputs, node.attrs["axis"]
    shift = _shift(x, axis)
    total = sum(exp(x - shift).named("weights"), axis, keepdims=True).named("total")
    result = log(total) + shift
    return result if node.attrs["keepdims"] else squeeze(result, axis)


def _softmax_vjp(ct: Node, out: Node, x: Node) -> Node:
    return out * (ct - sum(ct * out, out.attrs["axis"], keepdims=True))


def _log_softmax_vjp(ct: Node, out: Node, x: Node) -> Node:
    return ct - exp(out) * sum(ct, out.attrs["axis"], keepdims=True)


def _same_type(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    return inputs[0].type


_SOFTMAX = define(
    Op(
        name="softmax",
        infer=_same_type,
        evaluate=_np_softmax,
        vjp=(_softmax_vjp,),
        lowering=Expand(_softmax_formula),
        jvp=lambda tangents, out, x: _softmax_vjp(tangents[0], out, x),  # its Jacobian is symmetric
        flops=lambda node: 14 * product(node.shape),
        batch=attributes(axis=later),
    )
)
_LOG_SOFTMAX = define(
    Op(
        name="log_softmax",
        infer=_same_type,
        evaluate=lambda x, axis: (
            x - _np_shift(x, axis) - np.log(np.exp(x - _np_shift(x, axis)).sum(axis=axis, keepdims=True))
        ),
        vjp=(_log_softmax_vjp,),
        lowering=Expand(_log_softmax_formula),
        flops=lambda node: 14 * product(node.shape),
        batch=attributes(axis=later),
    )
)
_LOGSUMEXP = define(
    Op(
        name="logsumexp",
        infer=lambda inputs, attrs: TensorType(
            inputs[0].dtype, reduced_shape(inputs[0].shape, attrs["axis"], attrs["keepdims"])
        ),
        evaluate=_np_logsumexp,
        vjp=(lambda ct, out, x: spread(ct, out) * exp(x - spread(out, out)),),
        lowering=Expand(_logsumexp_formula),
        flops=lambda node: 13 * product(node.inputs[0].shape),
        batch=attributes(axis=later),
    )
)


def _floats(x: Operand) -> Node:
    node = as_node(x)
    return node if node.type.is_float else build_astype(node, FLOAT64)


def softmax(x: Operand, axis: int = -1) -> Node:
    """e^x / sum(e^x) along one axis; NaN where all are -inf or one is inf; vjp: s * (ct - sum(ct * s))."""
    node = _floats(x)
    return build(_SOFTMAX, [node], {"axis": _one_axis("softmax", node, axis)})


def softmin(x: Operand, axis: int = -1) -> Node:
    """e^-x / sum(e^-x) along one axis."""
    return softmax(-_floats(x), axis)


def log_softmax(x: Operand, axis: int = -1) -> Node:
    """x - log(sum(e^x)) along one axis, exact where softmax itself underflows; vjp: ct - softmax * sum(ct)."""
    node = _floats(x)
    return build(_LOG_SOFTMAX, [node], {"axis": _one_axis("log_softmax", node, axis)})


def _one_axis(name: str, node: Node, axis: int) -> int:
    where = normal_axis(axis, node.ndim, f"{name} of {describe(node)} at {here()}")
    refuse_empty(name, node, (where,))
    return where


def logsumexp(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """log(sum(e^x)) without overflow; -inf where every element is -inf. vjp: ct * e^(x - out)."""
    node = _floats(x)
    axes = normal_axes(axis, node.ndim, f"logsumexp of {describe(node)} at {here()}")
    refuse_empty("logsumexp", node, axes)
    return build(_LOGSUMEXP, [node], {"axis": axes, "keepdims": bool(keepdims)}) if axes else node


# -- cross-entropy of logits against labels


def _infer_cross_entropy(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    logits, labels = inputs
    if logits.ndim < 1 or labels.shape != logits.shape[:-1]:
        problem = f"labels have the shape of the logits without their last axis: {describe(logits)}, {describe(labels)}"
        raise ShapeError(explain("cross_entropy", problem, at=here()))
    return TensorType(logits.dtype, labels.shape)


def _np_cross_entropy(z: Array, y: Array) -> Array:
    from .index import checked_positions

    picked = np.take_along_axis(z, checked_positions(y, z.shape[-1], False)[..., None], -1)[..., 0]
    return np.asarray(_np_logsumexp(z, -1, False) - picked)


def _cross_entropy_formula(node: Node) -> Node:
    z, y = node.inputs
    shift = _shift(z, (z.ndim - 1,))
    total = sum(exp(z - shift).named("weights"), -1, keepdims=True).named("total")
    return squeeze(log(total) - (take_along_axis(z, expand_dims(y, -1), -1, wrap=False) - shift), -1)


_CROSS_ENTROPY = define(
    Op(
        name="cross_entropy",
        infer=_infer_cross_entropy,
        evaluate=_np_cross_entropy,
        vjp=(
            lambda ct, out, z, y: expand_dims(ct, -1) * (softmax(z) - one_hot(y, z.shape[-1], z.dtype)),
            INTEGERS,
        ),
        lowering=Expand(_cross_entropy_formula),
        flops=lambda node: 7 * input_size(node),
        batch=attributes(),
    )
)


def cross_entropy(logits: Operand, labels: Operand) -> Node:
    """-log softmax(logits)[label] for every row: shape ``logits.shape[:-1]``.

    ``labels`` are integers in 0 ... k - 1, of the shape of the logits without the last axis. d/dlogits = softmax -
    one_hot. Raises IndexRangeError for a label outside that range, when the compiled function runs.
    """
    z, y = _floats(logits), as_index(labels, "cross_entropy")
    if z.ndim < 1 or not isinstance(z.shape[-1], int):
        raise ShapeError(explain("cross_entropy", f"the last size of {describe(z)} must be a number", at=here()))
    refuse_empty("cross_entropy", z, (z.ndim - 1,))
    return build(_CROSS_ENTROPY, [z, build_astype(y, INT64)])
