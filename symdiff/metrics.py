"""Metrics: figures to watch beside the loss. Nothing is differentiated through them."""

from __future__ import annotations

from .core.errors import ShapeError, explain
from .core.node import Node, Operand, describe
from .core.provenance import here
from .core.types import FLOAT64
from .losses import same_shapes
from .ops.convert import as_index, as_node
from .ops.elementwise import astype, equal
from .ops.reduce import argmax, mean

__all__ = [
    "accuracy",
    "binary_accuracy",
]


def accuracy(logits: Operand, labels: Operand) -> Node:
    """The share of rows whose largest logit is at the label: ``mean(argmax(logits, -1) == labels)``.

    logits: [..., k]; labels: integers [...]. A scalar in the logits' dtype (float64 for integers). Raises ShapeError
    when the leading sizes differ, DTypeError for labels that are not integers.

    >>> import symdiff as sd
    >>> z, y = sd.input("z", (sd.dim("n"), 3)), sd.input("y", (sd.dim("n"),), dtype="int64")
    >>> float(sd.compile(accuracy(z, y), [z, y], backend="numpy")([[3, 1, 1], [1, 1, 3]], [0, 1]))
    0.5
    """
    z, y = as_node(logits), as_index(labels, "accuracy")
    if z.ndim < 1 or y.shape != z.shape[:-1]:
        problem = f"labels have the shape of the logits without their last axis: {describe(z)}, {describe(y)}"
        raise ShapeError(explain("accuracy", problem, at=here()))
    return mean(astype(equal(argmax(z, -1), y), z.dtype if z.type.is_float else FLOAT64))


def binary_accuracy(logits: Operand, targets: Operand) -> Node:
    """The share of elements on the right side: ``mean((logits > 0) == (targets > 0.5))``, of one shape.

    A scalar in the logits' dtype. Raises ShapeError when the shapes differ.
    """
    x, z = same_shapes("binary_accuracy", logits, targets)
    return mean(astype(equal(x > 0, z > 0.5), x.dtype))
