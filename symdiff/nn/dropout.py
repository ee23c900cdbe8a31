"""Dropout: parts of an array set to zero at random while training, the rest scaled so that means stay."""

from __future__ import annotations

import math

from ..core.errors import GraphError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import Shape
from ..ops.convert import constant
from ..ops.elementwise import where
from ..random import bernoulli
from .windows import floats

ALPHA = 1.7580993408473766
"""Minus the limit of selu at minus infinity: what alpha dropout sets elements to (Klambauer et al., 2017)."""


def dropout(input: Operand, p: float = 0.5, training: bool = True, *, key: Node | None = None) -> Node:
    """Each element 0 with probability p, else ``x / (1 - p)``; x itself when not training.

    ``key`` says which (see sd.random): the same key drops the same elements, so a training step folds in its number.

    >>> import symdiff as sd
    >>> x, step = sd.input("x", (sd.dim("n"), 3)), sd.input("step", (), dtype="int64")
    >>> sd.nn.dropout(x, 0.1, key=sd.random.fold_in(sd.random.key(0), step)).type.shape
    (Dim(n), 3)
    """
    x = floats(input)
    return _dropped("dropout", x, x.shape, p, training, key)


def dropout1d(input: Operand, p: float = 0.5, training: bool = True, *, key: Node | None = None) -> Node:
    """:func:`dropout` of whole channels of (N, C, L) or (C, L)."""
    return _of_channels("dropout1d", input, 1, p, training, key)


def dropout2d(input: Operand, p: float = 0.5, training: bool = True, *, key: Node | None = None) -> Node:
    """:func:`dropout` of whole channels of (N, C, H, W) or (C, H, W)."""
    return _of_channels("dropout2d", input, 2, p, training, key)


def dropout3d(input: Operand, p: float = 0.5, training: bool = True, *, key: Node | None = None) -> Node:
    """:func:`dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    return _of_channels("dropout3d", input, 3, p, training, key)


def alpha_dropout(input: Operand, p: float = 0.5, training: bool = False, *, key: Node | None = None) -> Node:
    """Dropout for selu: elements become its negative limit, and a linear map keeps mean 0 and variance 1."""
    x = floats(input)
    return _alpha("alpha_dropout", x, x.shape, p, training, key)


def feature_alpha_dropout(input: Operand, p: float = 0.5, training: bool = False, *, key: Node | None = None) -> Node:
    """:func:`alpha_dropout` of whole channels of (N, C, ...)."""
    x = floats(input)
    return _alpha("feature_alpha_dropout", x, (*x.shape[:2], *[1] * (x.ndim - 2)), p, training, key)


def _of_channels(asked: str, input: Operand, axes: int, p: float, training: bool, key: Node | None) -> Node:
    x = floats(input)
    if x.ndim not in (axes + 1, axes + 2):
        problem = f"takes (N, C, {axes} spatial axes) or the same without N, got {describe(x)}"
        raise GraphError(explain(asked, problem, at=here()))
    return _dropped(asked, x, (*x.shape[: x.ndim - axes], *[1] * axes), p, training, key)


def _kept(asked: str, x: Node, shape: Shape, p: float, key: Node | None) -> Node:
    """Which parts stay, of those that ``shape`` tells apart."""
    if not 0 <= p <= 1:
        raise GraphError(explain(asked, f"p is a probability, got {p}", at=here()))
    if key is None:
        problem = "takes a key while training, which says what is dropped"
        raise GraphError(explain(asked, problem, at=here(), hint="key=sd.random.key(0), folded with the step's number"))
    return bernoulli(key, constant(1 - p, x.dtype), shape)


def _dropped(asked: str, x: Node, shape: Shape, p: float, training: bool, key: Node | None) -> Node:
    if not training or p == 0:
        return x
    scale = 1 / (1 - p) if p != 1 else 0.0
    return where(_kept(asked, x, shape, p, key), x * scale, 0)


def _alpha(asked: str, x: Node, shape: Shape, p: float, training: bool, key: Node | None) -> Node:
    if not training or p == 0:
        return x
    kept = _kept(asked, x, shape, p, key)
    if p == 1:
        return where(kept, x, 0)
    a = 1 / math.sqrt((ALPHA**2 * p + 1) * (1 - p))
    return where(kept, a * x, -ALPHA * a) + ALPHA * a * p
