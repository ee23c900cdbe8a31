"""Losses: what training makes small. Each is a formula in public operators; ``reduction`` is mean, sum or none."""

from __future__ import annotations

from .core.errors import GraphError, ShapeError, explain
from .core.node import Node, Operand, describe
from .core.provenance import here
from .core.types import FLOAT64
from .ops.convert import as_node
from .ops.elementwise import astype, softplus, square
from .ops.reduce import mean, sum
from .ops.softmax import cross_entropy


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
    return _reduced("softmax_cross_entropy", cross_entropy(logits, labels), reduction)


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
    return _reduced("sigmoid_cross_entropy", softplus(x) - x * z, reduction)


def mean_squared_error(prediction: Operand, target: Operand, *, reduction: str = "mean") -> Node:
    """``mean((prediction - target)^2)`` over all elements.

    Both have one shape: broadcasting (n, 1) against (n,) is nearly always a mistake, and a ShapeError here.

    >>> import symdiff as sd
    >>> sd.losses.mean_squared_error(sd.input("p", (5,)), sd.input("t", (5,)))
    <divide: float64>
    """
    p, t = same_shapes("mean_squared_error", prediction, target)
    return _reduced("mean_squared_error", square(p - t), reduction)


def same_shapes(name: str, values: Operand, targets: Operand) -> tuple[Node, Node]:
    """Both as float nodes of one shape; targets that are no floats take the dtype of the values."""
    x, z = as_node(values), as_node(targets)
    if not x.type.is_float:
        x = astype(x, FLOAT64)
    if x.shape != z.shape:
        problem = f"both operands have one shape, got {describe(x)} and {describe(z)}"
        raise ShapeError(explain(name, problem, at=here(), hint="reshape one of them"))
    return x, z if z.type.is_float else astype(z, x.dtype)


def _reduced(name: str, values: Node, reduction: str) -> Node:
    if reduction not in ("mean", "sum", "none"):
        raise GraphError(explain(name, f"reduction is 'mean', 'sum' or 'none', got {reduction!r}", at=here()))
    if reduction == "none":
        return values
    return mean(values) if reduction == "mean" else sum(values)
