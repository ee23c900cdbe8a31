"""Losses with PyTorch's names, arguments and derivatives at kinks; ``reduction`` is "mean", "sum" or "none"."""

from __future__ import annotations

import math

from ..core.errors import GraphError, ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import INT64
from ..losses import reduced, same_shapes
from ..ops.convert import as_index, as_node
from ..ops.create import arange
from ..ops.elementwise import (
    abs,
    equal,
    exp,
    log,
    log1p,
    maximum,
    minimum,
    not_equal,
    relu,
    softplus,
    sqrt,
    square,
    stop_gradient,
    where,
    xlogy,
)
from ..ops.index import in_range, take
from ..ops.leaf import size
from ..ops.record import build_astype
from ..ops.reduce import mean, sum
from ..ops.shape import expand_dims, reshape
from ..ops.softmax import log_softmax
from .distance import pairwise_distance
from .windows import floats

COSINE_EPSILON = 1e-12
"""Added to squared lengths in cosine_embedding_loss."""


def _at_least_zero(x: Node) -> Node:
    """max(x, 0) whose derivative at 0 is 1, as that of PyTorch's clamp; NaN stays."""
    return where(x < 0, 0, x)


# -- numbers and targets of one shape


def l1_loss(input: Operand, target: Operand, reduction: str = "mean") -> Node:
    """``|input - target|``; derivative 0 where the two are equal.

    >>> import symdiff as sd
    >>> sd.nn.l1_loss(sd.input("x", (5,)), sd.input("t", (5,))).type.shape
    ()
    """
    x, t = same_shapes("l1_loss", input, target)
    return reduced("l1_loss", abs(x - t), reduction)


def mse_loss(input: Operand, target: Operand, reduction: str = "mean") -> Node:
    """``(input - target)^2``."""
    x, t = same_shapes("mse_loss", input, target)
    return reduced("mse_loss", square(x - t), reduction)


def huber_loss(input: Operand, target: Operand, reduction: str = "mean", delta: float = 1.0) -> Node:
    """With d = input - target: ``d^2 / 2`` for |d| <= delta, else ``delta (|d| - delta / 2)``."""
    if delta <= 0:
        raise GraphError(explain("huber_loss", f"delta is positive, got {delta}", at=here()))
    x, t = same_shapes("huber_loss", input, target)
    away = abs(x - t)
    return reduced("huber_loss", where(away <= delta, 0.5 * square(away), delta * (away - 0.5 * delta)), reduction)


def smooth_l1_loss(input: Operand, target: Operand, reduction: str = "mean", beta: float = 1.0) -> Node:
    """With d = input - target: ``d^2 / (2 beta)`` for |d| < beta, else ``|d| - beta / 2``; derivative 0 at d = 0."""
    if beta < 0:
        raise GraphError(explain("smooth_l1_loss", f"beta is not negative, got {beta}", at=here()))
    x, t = same_shapes("smooth_l1_loss", input, target)
    away = abs(x - t)
    values = away if beta == 0 else where(away < beta, square(away) / (2 * beta), away - 0.5 * beta)
    return reduced("smooth_l1_loss", values, reduction)


def kl_div(input: Operand, target: Operand, reduction: str = "mean", log_target: bool = False) -> Node:
    """``target (log target - input)``: input holds logarithms, target probabilities (their logarithms with
    ``log_target``); 0 where target is. ``reduction="batchmean"`` divides the sum by the first size.

    >>> import symdiff as sd
    >>> x, t = sd.input("x", (sd.dim("n"), 3)), sd.input("t", (sd.dim("n"), 3))
    >>> sd.nn.kl_div(sd.log_softmax(x), sd.softmax(t), reduction="batchmean").type.shape
    ()
    """
    x, t = same_shapes("kl_div", input, target)
    values = exp(t) * (t - x) if log_target else xlogy(t, t) - t * x
    if reduction != "batchmean":
        return reduced("kl_div", values, reduction)
    return sum(values) / (size(x.shape[0], x.dtype) if x.ndim else 1)


def poisson_nll_loss(
    input: Operand, target: Operand, log_input: bool = True, full: bool = False, eps: float = 1e-8,
    reduction: str = "mean",
) -> Node:  # fmt: skip
    """``exp(input) - target * input``; without ``log_input``: ``input - target * log(input + eps)``. ``full`` adds
    Stirling's approximation of log(target!) for targets above 1."""
    x, t = same_shapes("poisson_nll_loss", input, target)
    values = exp(x) - t * x if log_input else x - t * log(x + eps)
    if full:
        values = values + where(t > 1, t * log(t) - t + 0.5 * log(2 * math.pi * t), 0)
    return reduced("poisson_nll_loss", values, reduction)


def gaussian_nll_loss(
    input: Operand, target: Operand, var: Operand, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Node:
    """``(log(var) + (input - target)^2 / var) / 2``, with var at least ``eps`` (which leaves its derivative as it is);
    ``full`` adds log(2 pi) / 2. var has the shape of input, or 1 for its last size, or lacks the last axis."""
    x, t = same_shapes("gaussian_nll_loss", input, target)
    spread = floats(var)
    if spread.shape != x.shape and spread.shape == x.shape[:-1]:
        spread = expand_dims(spread, -1)
    if spread.shape not in (x.shape, (*x.shape[:-1], 1)) and spread.ndim:
        raise ShapeError(explain("gaussian_nll_loss", f"{describe(spread)} does not fit {describe(x)}", at=here()))
    spread = where(spread < eps, eps + (spread - stop_gradient(spread)), spread)
    values = 0.5 * (log(spread) + square(x - t) / spread)
    return reduced("gaussian_nll_loss", values + 0.5 * math.log(2 * math.pi) if full else values, reduction)


# -- yes or no


def binary_cross_entropy(
    input: Operand, target: Operand, weight: Operand | None = None, reduction: str = "mean"
) -> Node:
    """``-(t log p + (1 - t) log(1 - p))`` of probabilities p; logarithms are at least -100 (no derivative there)."""
    p, t = same_shapes("binary_cross_entropy", input, target)
    values = -(t * maximum(log(p), -100) + (1 - t) * maximum(log1p(-p), -100))
    return reduced("binary_cross_entropy", values if weight is None else values * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Operand, target: Operand, weight: Operand | None = None, reduction: str = "mean",
    pos_weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Cross-entropy of sigmoid(input), stable for logits of any size: ``(1 - t) x + w log(1 + e^-x)`` with ``w = 1 +
    (pos_weight - 1) t``.

    >>> import symdiff as sd
    >>> x, t = sd.input("x", (sd.dim("n"),)), sd.input("t", (sd.dim("n"),), dtype="int64")
    >>> sd.nn.binary_cross_entropy_with_logits(x, t, reduction="none").type.shape
    (Dim(n),)
    """
    x, t = same_shapes("binary_cross_entropy_with_logits", input, target)
    rest = softplus(-x)
    if pos_weight is not None:
        rest = (1 + (as_node(pos_weight) - 1) * t) * rest
    values = (1 - t) * x + rest
    return reduced("binary_cross_entropy_with_logits", values if weight is None else values * weight, reduction)


def soft_margin_loss(input: Operand, target: Operand, reduction: str = "mean") -> Node:
    """``log(1 + exp(-target * input))`` for targets 1 and -1."""
    x, t = same_shapes("soft_margin_loss", input, target)
    return reduced("soft_margin_loss", softplus(-t * x), reduction)


def multilabel_soft_margin_loss(
    input: Operand, target: Operand, weight: Operand | None = None, reduction: str = "mean"
) -> Node:
    """The mean over the last axis of the cross-entropies of sigmoid(input) against yes/no targets."""
    values = binary_cross_entropy_with_logits(input, target, weight, "none")
    return reduced("multilabel_soft_margin_loss", mean(values, -1), reduction)


def hinge_embedding_loss(input: Operand, target: Operand, margin: float = 1.0, reduction: str = "mean") -> Node:
    """``input`` for target 1, ``max(0, margin - input)`` for target -1; at the margin the derivative is -1."""
    x, t = same_shapes("hinge_embedding_loss", input, target)
    values = where(equal(t, 1), 0, _at_least_zero(margin - x)) + where(equal(t, -1), 0, x)
    return reduced("hinge_embedding_loss", values, reduction)


def margin_ranking_loss(
    input1: Operand, input2: Operand, target: Operand, margin: float = 0.0, reduction: str = "mean"
) -> Node:
    """``max(0, -target (input1 - input2) + margin)``: target 1 asks for the first to be larger, -1 for the second.

    Where the two sides of the maximum are equal, its derivative is 1."""
    x, y = same_shapes("margin_ranking_loss", input1, input2)
    x, t = same_shapes("margin_ranking_loss", x, target)
    return reduced("margin_ranking_loss", _at_least_zero(-t * (x - y) + margin), reduction)


def cosine_embedding_loss(
    input1: Operand, input2: Operand, target: Operand, margin: float = 0.0, reduction: str = "mean"
) -> Node:
    """``1 - cos`` for target 1, ``max(0, cos - margin)`` for target -1, with the cosine along the last axis.

    Where the two sides of the maximum are equal, its derivative is 1."""
    x, y = same_shapes("cosine_embedding_loss", input1, input2)
    t = as_node(target)
    if x.ndim < 1 or t.shape != x.shape[:-1]:
        problem = f"targets have the shape of the vectors without the last axis: {describe(x)}, {describe(t)}"
        raise ShapeError(explain("cosine_embedding_loss", problem, at=here()))
    lengths = (sum(square(x), -1) + COSINE_EPSILON) * (sum(square(y), -1) + COSINE_EPSILON)
    cosine = sum(x * y, -1) / sqrt(lengths)
    values = where(equal(t, 1), 1 - cosine, 0) + where(equal(t, -1), _at_least_zero(cosine - margin), 0)
    return reduced("cosine_embedding_loss", values, reduction)


def triplet_margin_loss(
    anchor: Operand, positive: Operand, negative: Operand, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: str = "mean",
) -> Node:  # fmt: skip
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with the pairwise distance d; with ``swap`` the
    nearer of anchor and positive counts for the second. Where the two sides of the maximum are equal, its derivative
    is 1."""
    a, b = same_shapes("triplet_margin_loss", anchor, positive)
    a, c = same_shapes("triplet_margin_loss", a, negative)
    far = pairwise_distance(a, c, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(b, c, p, eps))
    values = _at_least_zero(margin + pairwise_distance(a, b, p, eps) - far)
    return reduced("triplet_margin_loss", values, reduction)


# -- classes


def _classes(asked: str, input: Operand, target: Operand) -> tuple[Node, Node, int]:
    """Scores, labels, and the axis of the classes: 1, or 0 where there is no batch."""
    x, labels = floats(input), as_index(target, asked)
    axis = min(x.ndim - 1, 1)
    if x.ndim < 1 or labels.shape != (*x.shape[:axis], *x.shape[axis + 1 :]):
        problem = (
            f"labels have the shape of the scores (N, C, ...) without the axis C: {describe(x)}, {describe(labels)}"
        )
        raise ShapeError(explain(asked, problem, at=here()))
    return x, build_astype(labels, INT64), axis


def _class_weights(asked: str, x: Node, axis: int, weight: Operand | None) -> Node | None:
    if weight is None:
        return None
    node = as_node(weight)
    if node.shape != (x.shape[axis],):
        raise ShapeError(explain(asked, f"weight has one number for each class: {describe(node)}", at=here()))
    return build_astype(node, x.dtype)


def _along(weights: Node, x: Node, axis: int) -> Node:
    """One number for each class, in place for broadcasting."""
    return reshape(weights, (-1, *[1] * (x.ndim - axis - 1)))


def _picked(x: Node, labels: Node, axis: int) -> Node:
    """The score of the label. It is selected along the whole axis, as its cotangent is, in the loop over the row."""
    count = x.shape[axis]
    own = equal(_along(arange(count), x, axis), expand_dims(in_range(labels, count, wrap=False), axis))
    return sum(where(own, x, 0), axis)


def nll_loss(
    input: Operand, target: Operand, weight: Operand | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Node:
    """``-weight[y] * input[n, y]`` for labels y: input (N, C, ...) holds logarithms of probabilities, target (N, ...)
    integers in 0 ... C - 1, or ``ignore_index``, for which the loss is 0. "mean" divides by the sum of the weights.

    Raises IndexRangeError for other labels, when the compiled function runs.
    """
    x, labels, axis = _classes("nll_loss", input, target)
    return _nll("nll_loss", x, labels, axis, weight, ignore_index, reduction, 0.0)


def cross_entropy(
    input: Operand, target: Operand, weight: Operand | None = None, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Node:  # fmt: skip
    """``-weight[y] * log softmax(input)[y]`` for labels y: input (N, C, ...), target (N, ...) integers in 0 ... C - 1,
    or ``ignore_index``, for which the loss is 0; or target (N, C, ...) probabilities.

    ``label_smoothing`` mixes in as much of the uniform distribution. "mean" divides by the sum of the weights of the
    labels (for probabilities: by the number of losses). Raises IndexRangeError for other labels, when the compiled
    function runs.

    >>> import symdiff as sd
    >>> x, y = sd.input("x", (sd.dim("n"), 10)), sd.input("y", (sd.dim("n"),), dtype="int64")
    >>> sd.nn.cross_entropy(x, y, label_smoothing=0.1).type.shape
    ()
    """
    if not 0 <= label_smoothing <= 1:
        raise GraphError(explain("cross_entropy", f"label_smoothing is in [0, 1], got {label_smoothing}", at=here()))
    if as_node(target).type.is_float:
        return _of_probabilities(floats(input), as_node(target), weight, reduction, label_smoothing)
    x, labels, axis = _classes("cross_entropy", input, target)
    scores = log_softmax(x, axis)
    return _nll("cross_entropy", scores, labels, axis, weight, ignore_index, reduction, label_smoothing)


def _nll(
    asked: str, scores: Node, labels: Node, axis: int, weight: Operand | None, ignore_index: int, reduction: str,
    smoothing: float,
) -> Node:  # fmt: skip
    counted = not_equal(labels, ignore_index)
    known = where(counted, labels, 0)
    weights = _class_weights(asked, scores, axis, weight)
    own = build_astype(counted, scores.dtype) if weights is None else where(counted, take(weights, known), 0)
    picked = _picked(scores, known, axis)
    values = where(counted, -(picked if weights is None else picked * own), 0)
    if smoothing:
        spread = scores if weights is None else scores * _along(weights, scores, axis)
        uniform = where(counted, -mean(spread, axis), 0)
        values = (1 - smoothing) * values + smoothing * uniform
    if reduction == "mean":
        return sum(values) / sum(own)
    return reduced(asked, values, reduction)


def _of_probabilities(x: Node, target: Node, weight: Operand | None, reduction: str, smoothing: float) -> Node:
    if target.shape != x.shape or x.ndim < 1:
        problem = f"probabilities have the shape of the scores: {describe(x)}, {describe(target)}"
        raise ShapeError(explain("cross_entropy", problem, at=here()))
    axis = min(x.ndim - 1, 1)
    if smoothing:
        target = target * (1 - smoothing) + smoothing / size(x.shape[axis], target.dtype)
    products = log_softmax(x, axis) * target
    weights = _class_weights("cross_entropy", x, axis, weight)
    if weights is not None:
        products = products * _along(weights, x, axis)
    return reduced("cross_entropy", -sum(products, axis), reduction)


def multi_margin_loss(
    input: Operand, target: Operand, p: int = 1, margin: float = 1.0, weight: Operand | None = None,
    reduction: str = "mean",
) -> Node:  # fmt: skip
    """``sum over j != y of weight[y] * max(0, margin - x[y] + x[j])^p / C`` for labels y: input (N, C), target (N,).

    Where the two sides of the maximum are equal, its derivative is 0. Raises IndexRangeError for labels that are not in
    0 ... C - 1, when the compiled function runs.
    """
    x, labels, axis = _classes("multi_margin_loss", input, target)
    if x.ndim > 2 or p not in (1, 2):
        raise ShapeError(explain("multi_margin_loss", f"takes (N, C) and p 1 or 2, got {describe(x)}, {p}", at=here()))
    count = x.shape[axis]
    others = not_equal(arange(count), expand_dims(labels, axis))
    behind = relu(margin - expand_dims(_picked(x, labels, axis), axis) + x)
    behind = where(others, behind if p == 1 else square(behind), 0)
    weights = _class_weights("multi_margin_loss", x, axis, weight)
    if weights is not None:
        behind = behind * expand_dims(take(weights, labels), axis)
    return reduced("multi_margin_loss", sum(behind, axis) / size(count, x.dtype), reduction)
