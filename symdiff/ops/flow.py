"""Elementwise operators that leave the value as it is: another dtype, no gradient."""

from __future__ import annotations

from typing import Any

from ..core.node import Node, Operand, build
from ..core.op import NotDifferentiable
from ..core.registry import provide
from ..core.types import as_dtype
from .convert import as_node
from .record import build_astype, elementwise

_STOP = elementwise("stop_gradient", "a", lambda x: x, NotDifferentiable("the gradient was stopped on purpose"), cost=0)


@provide("astype")
def astype(x: Operand, dtype: Any) -> Node:
    """x in another dtype: floats to integers drop the fraction, numbers to bool are ``x != 0``."""
    return build_astype(as_node(x), as_dtype(dtype))


def stop_gradient(x: Operand) -> Node:
    """x as a value that no gradient flows through.

    >>> import symdiff as sd
    >>> x = sd.input("x")
    >>> sd.vjp(x * sd.stop_gradient(x), x, 3.0) is 3.0 * sd.stop_gradient(x)
    True
    """
    return build(_STOP, [as_node(x)])


@provide("positive")
def positive(x: Operand) -> Node:
    """+x, which is x."""
    return as_node(x)
