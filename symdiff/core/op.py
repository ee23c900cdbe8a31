"""What an operator is: one record with its shape rule, meaning, derivatives and lowering side by side.

Only the form of the record is here. The operators themselves are in ``symdiff/ops``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from .dim import Dim
    from .node import Node
    from .types import TensorType

Attrs = Mapping[str, Any]
Derivative = Callable[..., "Node"]  # (cotangent, out, *inputs) -> cotangent of one operand


class NotDifferentiable(NamedTuple):
    """Stands where a derivative would be and says why there is none."""

    reason: str


class Leaf:
    """Data from outside: inputs, parameters, constants, sizes."""


class Elementwise(NamedTuple):
    """One scalar expression per element, as Python text over ``a``, ``b``, ``c`` (the operands in order)."""

    code: str


class Reduction(NamedTuple):
    """``total = combine(total, element)`` over ``attrs['axis']``; ``empty`` is the result of no elements, or None
    when NumPy refuses to reduce an empty axis."""

    combine: str
    empty: float | None


class ArgReduction(NamedTuple):
    """Position of the first best element along ``attrs['axis']``; ``better`` is ``>`` or ``<``."""

    better: str


class View(NamedTuple):
    """The same elements at other places: ``source(index, node)`` maps an output index to the operand's index."""

    source: Callable[[tuple[Any, ...], Node], tuple[Any, ...]]


class Place:
    """Zeros, with the operand at ``starts + steps * index``: the transpose of a slice."""


class Reshape:
    """The same elements in the same order under another shape: another name for the same memory."""


class Index:
    """The position along one axis, as a value: element ``i`` of ``iota``."""


class InRange:
    """Positions passed through (negative ones counted from the end when ``attrs['wrap']``) once they are known to lie
    within ``attrs['size']``; the step fails before it changes anything when one does not."""


class Gather(NamedTuple):
    """Elements of operand 0 at positions read from operand 1. For an index into the longer shape (the result),
    ``split`` gives the index at which the position is read and a function from the position to the index into the
    shorter shape (operand 0)."""

    split: Callable[[tuple[Any, ...], Node], tuple[tuple[Any, ...], Callable[[Any], tuple[Any, ...]]]]


class Scatter(NamedTuple):
    """Zeros, plus operand 0 added at positions read from operand 1: the transpose of :class:`Gather`, with the same
    ``split`` (the longer shape is operand 0's, the shorter the result's)."""

    split: Callable[[tuple[Any, ...], Node], tuple[tuple[Any, ...], Callable[[Any], tuple[Any, ...]]]]


class Concat:
    """Operands side by side along ``attrs['axis']``."""


class Matmul:
    """A product of (batches of) matrices, done by BLAS."""


class Expand(NamedTuple):
    """Written in terms of other operators before kernels are made."""

    formula: Callable[[Node], Node]


Lowering = (
    Leaf
    | Elementwise
    | Reduction
    | ArgReduction
    | View
    | Place
    | Reshape
    | Index
    | InRange
    | Gather
    | Scatter
    | Concat
    | Matmul
    | Expand
)


class Op:
    """One operator. Every field must be given; a missing one fails when the module is imported.

    ``infer(inputs, attrs)`` is the shape rule, which reads nothing but types and attrs; ``evaluate(*arrays, **attrs)``
    the NumPy meaning, given attrs in which symbolic sizes have become numbers; ``vjp[k](ct, out, *inputs)`` the
    cotangent of operand ``k`` before broadcasting is undone (a one-entry tuple serves all operands of a variadic
    operator, with the position as ``k=``); ``lowering`` how it becomes loops; ``flops(node)`` what it costs.
    """

    __slots__ = ("evaluate", "flops", "infer", "lowering", "name", "vjp")

    def __init__(
        self,
        *,
        name: str,
        infer: Callable[[Sequence[Node], Attrs], TensorType],
        evaluate: Callable[..., np.ndarray[Any, Any]],
        vjp: tuple[Derivative | NotDifferentiable, ...],
        lowering: Lowering,
        flops: Callable[[Node], int | Dim],
    ) -> None:
        self.name, self.infer, self.evaluate = name, infer, evaluate
        self.vjp, self.lowering, self.flops = vjp, lowering, flops

    def __repr__(self) -> str:
        return f"Op({self.name})"
