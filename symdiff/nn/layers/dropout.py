"""Dropout that draws anew in each training step."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from ...core.node import Node, Operand
from ...core.record import record
from ...init.start import Array, DType, Generator, Shape
from ...ops import leaf
from ...optim.rule import step_count
from ...random import fold_in, key
from .. import dropout as functional
from ..scopes import layer, path
from .common import dropout_rate, float_input


def dropout(x: Operand, p: float, training: bool, name: str | None = None) -> Node:
    """While training each element 0 with probability p, else ``x / (1 - p)``; otherwise x itself.

    What is dropped depends on the seed of the state (kept in it as ``dropout_seed``), the layer's name and the number
    of steps done (``step``), so each step drops others, and a run can be repeated.

    >>> import symdiff as sd
    >>> x = sd.input("x", (sd.dim("n"), 3))
    >>> sd.nn.layers.dropout(x, 0.5, training=False, name="dropout") is x
    True
    """
    node, p = float_input("dropout", x, "an array", 0), dropout_rate("dropout", p, training)
    with layer("dropout", name):
        return functional.dropout(node, p, key=step_key() if p else None)


def step_key() -> Node:
    """A key for the random numbers of the layer around it, another one in each training step."""
    seed = leaf.param("dropout_seed", (), _Seed(), "uint64")
    return fold_in(fold_in(key(seed), crc32(path().encode())), step_count())


@record
class _Seed:
    """Any integer: the seed of the state, and no other parameter's."""

    def __call__(self, shape: Shape, dtype: DType, rng: Generator) -> Array:
        return rng.integers(0, np.iinfo(dtype).max, shape, dtype)
