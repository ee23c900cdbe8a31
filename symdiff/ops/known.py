"""Selection by masks. Where the shape of a result depends on an operand, that operand must be known when the graph is
built; everything else is refused with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import normal_axis
from .convert import as_node, constant, constant_value
from .elementwise import where
from .index import take
from .manipulate import ravel


def _known(name: str, x: Operand, hint: str) -> np.ndarray[Any, Any]:
    node = as_node(x)
    value = constant_value(node)
    if value is None:
        problem = f"the shape of the result would depend on the values of {describe(node)}"
        raise ShapeError(explain(name, problem, at=here(), hint=hint))
    return value


def nonzero(x: Operand) -> tuple[Node, ...]:
    """Positions of the elements that are not 0, one vector for each axis. Only for arrays that are known; for others
    the number of positions depends on data: a ShapeError."""
    return tuple(constant(places) for places in np.nonzero(_known("nonzero", x, "use sd.where with both branches")))


def unique(x: Operand) -> Node:
    """The different elements in order. Only for arrays that are known; for others their number depends on data: a
    ShapeError."""
    return constant(np.unique(_known("unique", x, "sort, and compare neighbours")))


def compress(condition: Operand, x: Operand, axis: int | None = None) -> Node:
    """The slices along an axis (default: elements of the flattened array) for which a known condition holds.

    >>> import symdiff as sd
    >>> sd.compress([True, False, True], sd.input("x", (3, 2)), axis=0).type.shape
    (2, 2)
    """
    (places,) = np.nonzero(_known("compress", condition, "use sd.where"))
    node = ravel(x) if axis is None else as_node(x)
    return take(node, places, normal_axis(0 if axis is None else axis, node.ndim, f"compress of {describe(node)}"))


def select(condlist: Sequence[Operand], choicelist: Sequence[Operand], default: Operand = 0) -> Node:
    """At each place the choice of the first condition that holds, else ``default``.

    >>> import symdiff as sd
    >>> x = sd.input("x", (3,))
    >>> sd.select([x < 0, x < 1], [-x, x * x], x).type.shape
    (3,)
    """
    if not condlist or len(condlist) != len(choicelist):
        problem = f"takes one choice for each condition, got {len(condlist)} and {len(choicelist)}"
        raise ShapeError(explain("select", problem, at=here()))
    found = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        found = where(condition, choice, found)
    return as_node(found)
