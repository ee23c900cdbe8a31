"""Losses: what training makes small. Each is a formula in public operators; ``reduction`` is mean, sum or none."""

from __future__ import annotations

from .core.errors import GraphError, ShapeError, explain
from .core.node import Node, Operand, describe
from .core.provenance import here
from .core.types import FLOAT64
from .ops.convert import as_index, as_node
from .ops.create import arange
from .ops.elementwise import abs, astype, equal, relu, softplus, square, where
from .ops.index import in_range
from .ops.reduce import mean, sum
from .ops.shape import expand_dims
from .ops.softmax import cross_entropy

__all__ = [
    "hinge",
    "huber",
    "max_margin",
    "mean_absolute_error",
    "mean_squared_error",
    "multiclass_hinge",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
]


def softmax_cross_entropy(logits: Operand, labels: Operand, *, reduction: str = "mean") -> Node:
    """``mean_i(-log softmax(logits_i)[labels_i])``, stable for logits of any size.

    logits: float[..., k]; labels: integers [...] in 0 ... k - 1. With ``reduction="none"`` one value per label.
    Raises ShapeError when the leading sizes differ, DTypeError for labels that are not integers, and IndexRangeError
    for a label outside the range, when the compiled function runs.

    >>> import symdiff as sd
    >>> x, y = sd.input("x", (sd.dim("n"), 10)), sd.input("y", (sd.dim("n"),), dtype="int64")
    >>> sd.losses.softmax_cross_entropy(x, y).type.shape
    ()
    """
    return reduced("softmax_cross_entropy", cross_entropy(logits, labels), reduction)


def sigmoid_cross_entropy(logits: Operand, targets: Operand, *, reduction: str = "mean") -> Node:
    """``mean(log(1 + e^x) - x z)``: cross-entropy of independent yes/no targets, stable for logits of any size.

    logits x: float[...]; targets z: of the same shape, between 0 and 1 (integers and truth values are taken as
    numbers). Raises ShapeError when the shapes differ.

    >>> import symdiff as sd
    >>> x, z = sd.input("x", (sd.dim("n"),)), sd.input("z", (sd.dim("n"),), dtype="int64")
    >>> sd.losses.sigmoid_cross_entropy(x, z, reduction="none").type.shape
    (Dim(n),)
    """
    x, z = same_shapes("sigmoid_cross_entropy", logits, targets)
    return reduced("sigmoid_cross_entropy", softplus(x) - x * z, reduction)


def mean_squared_error(prediction: Operand, target: Operand, *, reduction: str = "mean") -> Node:
    """``mean((prediction - target)^2)`` over all elements.

    Both have one shape: broadcasting (n, 1) against (n,) is nearly always a mistake, and a ShapeError here.

    >>> import symdiff as sd
    >>> sd.losses.mean_squared_error(sd.input("p", (5,)), sd.input("t", (5,)))
    <divide: float64>
    """
    p, t = same_shapes("mean_squared_error", prediction, target)
    return reduced("mean_squared_error", square(p - t), reduction)


def mean_absolute_error(prediction: Operand, target: Operand, *, reduction: str = "mean") -> Node:
    """``mean(|prediction - target|)`` over all elements, the L1 loss; derivative 0 where the two are equal.

    Both have one shape; a ShapeError otherwise.

    >>> import symdiff as sd
    >>> sd.losses.mean_absolute_error(sd.input("p", (5,)), sd.input("t", (5,))).type.shape
    ()
    """
    p, t = same_shapes("mean_absolute_error", prediction, target)
    return reduced("mean_absolute_error", abs(p - t), reduction)


def huber(prediction: Operand, target: Operand, *, delta: float = 1.0, reduction: str = "mean") -> Node:
    """With d = prediction - target: ``d^2 / 2`` for |d| <= delta, else ``delta (|d| - delta / 2)``: square near the
    target, absolute far from it, so that outliers pull no harder than ``delta`` (Huber, 1964).

    Both have one shape; a ShapeError otherwise. Raises GraphError for a delta that is not positive.

    >>> import symdiff as sd
    >>> sd.losses.huber(sd.input("p", (5,)), sd.input("t", (5,)), delta=0.5).type.shape
    ()
    """
    if not delta > 0:
        raise GraphError(explain("huber", f"delta is positive, got {delta}", at=here()))
    p, t = same_shapes("huber", prediction, target)
    away = abs(p - t)
    return reduced("huber", where(away <= delta, 0.5 * square(away), delta * (away - 0.5 * delta)), reduction)


def hinge(scores: Operand, targets: Operand, *, delta: float = 1.0, reduction: str = "mean") -> Node:
    """``mean(max(0, delta - t s))`` for targets t of -1 or 1: a score on the right side by ``delta`` costs nothing.
    The derivative at the kink is 0.

    scores s: float[...]; targets of the same shape, numbers. Raises ShapeError when the shapes differ.

    >>> import symdiff as sd
    >>> s, t = sd.input("s", (sd.dim("n"),)), sd.input("t", (sd.dim("n"),), dtype="int64")
    >>> sd.losses.hinge(s, t).type.shape
    ()
    """
    s, t = same_shapes("hinge", scores, targets)
    return reduced("hinge", relu(delta - t * s), reduction)


def multiclass_hinge(scores: Operand, labels: Operand, *, delta: float = 1.0, reduction: str = "mean") -> Node:
    """``mean_i(sum_{j != y_i} max(0, s_ij - s_iy_i + delta))``: the score of the right class shall be higher than each
    other by ``delta`` (Weston and Watkins, 1999). The derivative at the kink is 0.

    scores: float[..., k]; labels: integers [...] in 0 ... k - 1. With ``reduction="none"`` one value per label. Raises
    ShapeError when the leading sizes differ, DTypeError for labels that are not integers, and IndexRangeError for a
    label outside the range, when the compiled function runs.

    >>> import symdiff as sd
    >>> s, y = sd.input("s", (sd.dim("n"), 10)), sd.input("y", (sd.dim("n"),), dtype="int64")
    >>> sd.losses.multiclass_hinge(s, y, reduction="none").type.shape
    (Dim(n),)
    """
    s, y = as_node(scores), as_index(labels, "multiclass_hinge")
    s = s if s.type.is_float else astype(s, FLOAT64)
    if s.ndim == 0 or s.shape[:-1] != y.shape:
        problem = f"labels have the shape of the scores without the last axis, got {describe(s)} and {describe(y)}"
        raise ShapeError(explain("multiclass_hinge", problem, at=here(), hint="reshape one of them"))
    count = s.shape[-1]
    own = equal(arange(count), expand_dims(in_range(y, count, wrap=False), -1))
    of_label = sum(where(own, s, 0), axis=-1, keepdims=True)
    return reduced("multiclass_hinge", sum(where(own, 0, relu(s - of_label + delta)), axis=-1), reduction)


def max_margin(score: Operand, corrupted: Operand, *, delta: float = 1.0, reduction: str = "mean") -> Node:
    """``mean(max(0, delta + s_c - s))``: a true score s shall be higher than that of its corrupted counterpart s_c by
    ``delta`` (Collobert et al., 2011). The derivative at the kink is 0.

    Both have one shape; a ShapeError otherwise.

    >>> import symdiff as sd
    >>> sd.losses.max_margin(sd.input("s", (sd.dim("n"),)), sd.input("s_c", (sd.dim("n"),))).type.shape
    ()
    """
    s, s_c = same_shapes("max_margin", score, corrupted)
    return reduced("max_margin", relu(delta + s_c - s), reduction)


def same_shapes(name: str, values: Operand, targets: Operand) -> tuple[Node, Node]:
    """Both as float nodes of one shape; targets that are no floats take the dtype of the values."""
    x, z = as_node(values), as_node(targets)
    if not x.type.is_float:
        x = astype(x, FLOAT64)
    if x.shape != z.shape:
        problem = f"both operands have one shape, got {describe(x)} and {describe(z)}"
        raise ShapeError(explain(name, problem, at=here(), hint="reshape one of them"))
    return x, z if z.type.is_float else astype(z, x.dtype)


def reduced(name: str, values: Node, reduction: str) -> Node:
    """The values, their mean or their sum."""
    if reduction not in ("mean", "sum", "none"):
        raise GraphError(explain(name, f"reduction is 'mean', 'sum' or 'none', got {reduction!r}", at=here()))
    if reduction == "none":
        return values
    return mean(values) if reduction == "mean" else sum(values)
