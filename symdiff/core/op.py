"""What an operator is: one record with its shape rule, meaning, derivatives and lowering side by side.

Only the form of the record is here. The operators themselves are in ``symdiff/ops``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .record import record

if TYPE_CHECKING:
    from .dim import Dim
    from .node import Node
    from .types import Shape, TensorType

Attrs = Mapping[str, Any]
Derivative = Callable[..., Any]  # (cotangent, out, *inputs) -> cotangent of one operand
Tangent = Callable[..., Any]  # (tangents, out, *inputs) -> tangent of out; None stands for an operand without one
BatchRule = Callable[["Node", "Sequence[Node]", "Sequence[bool]"], Any]  # see Op.batch


@record
class NotDifferentiable:
    """Stands where a derivative would be and says why there is none."""

    reason: str


class Leaf:
    """Data from outside: inputs, parameters, constants, sizes."""


@record
class Elementwise:
    """One scalar expression per element, as Python text over ``a``, ``b``, ``c`` (the operands in order)."""

    code: str


@record
class Reduction:
    """``total = combine(total, element)`` over ``attrs['axis']``; ``empty`` is the result of no elements, or None
    when NumPy refuses to reduce an empty axis."""

    combine: str
    empty: float | None


@record
class ArgReduction:
    """Position of the first best element along ``attrs['axis']``; ``better`` is ``>`` or ``<``."""

    better: str


@record
class View:
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


@record
class Gather:
    """Elements of operand 0 at positions read from operand 1. For an index into the longer shape (the result),
    ``split`` gives the index at which the position is read and a function from the position to the index into the
    shorter shape (operand 0)."""

    split: Callable[[tuple[Any, ...], Node], tuple[tuple[Any, ...], Callable[[Any], tuple[Any, ...]]]]


@record
class Scatter:
    """Zeros, plus operand 0 added at positions read from operand 1: the transpose of :class:`Gather`, with the same
    ``split`` (the longer shape is operand 0's, the shorter the result's)."""

    split: Callable[[tuple[Any, ...], Node], tuple[tuple[Any, ...], Callable[[Any], tuple[Any, ...]]]]


class Concat:
    """Operands side by side along ``attrs['axis']``."""


class Matmul:
    """A product of (batches of) matrices, done by BLAS."""


@record
class Shared:
    """Items that threads share out when a native step does a routine: ``size`` says which size is their number,
    ``distances`` how many elements lie between one and the next in each array (0: all use the same ones), ``grain``
    how many stay together. ``whole`` are numbers that the step needs as well, the same for every share."""

    size: int
    distances: tuple[int | Dim, ...]
    grain: int = 1
    whole: tuple[int | Dim, ...] = ()


@record
class Layout:
    """What a routine works on: its ``sizes``; its operands and then its results as contiguous arrays of these
    ``shapes``; memory of its own, ``scratch``. ``native`` names the step of ``runtime/lapack_steps.py`` or
    ``runtime/convolution.py`` that does the same, where it is faster; threads may share it as ``shared`` says."""

    sizes: tuple[int | Dim, ...]
    shapes: tuple[Shape, ...]
    scratch: tuple[TensorType, ...] = ()
    native: str = ""
    shared: Shared | None = None


@record
class Routine:
    """A plain Python function over whole arrays, for what no nest of loops says; it is compiled as kernels are.

    ``function(*sizes, *operands, *results, *scratch)`` fills the results. One that can fail returns 0, or 1 + the
    number of the item it failed at, and ``failure`` says why it does.
    """

    function: Callable[..., Any]
    layout: Callable[[Node], Layout]
    failure: str = ""


class Repeat:
    """A body that is run again and again, with values carried from step to step (``symdiff/control/loop.py``)."""


class Branch:
    """One of two bodies, whichever a truth value names (``symdiff/control/branch.py``)."""


class Item:
    """One result, ``attrs['index']``, of an operator that has several."""


@record
class Expand:
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
    | Routine
    | Repeat
    | Branch
    | Item
    | Expand
)


class Op:
    """One operator. Every field must be given; a missing one fails when the module is imported.

    ``infer(inputs, attrs)`` is the shape rule, which reads nothing but types and attrs; ``evaluate(*arrays, **attrs)``
    the NumPy meaning, given attrs in which symbolic sizes have become numbers; ``vjp[k](ct, out, *inputs)`` the
    cotangent of operand ``k`` before broadcasting is undone (a one-entry tuple serves all operands of a variadic
    operator, with the position as ``k=``; an operator with several results has the one rule ``(cts, out, *inputs) ->``
    cotangents of all operands, with None in ``cts`` for a result that is not used and None for no derivative);
    ``lowering`` how it becomes loops; ``flops(node)`` what it costs.

    Two fields may be left out. ``jvp(tangents, out, *inputs)`` carries tangents forward where that is better than the
    transpose of the vjp. ``batch(node, inputs, batched)`` is ``node`` for every item of a batch at once: ``inputs[k]``
    has a leading axis for the batch where ``batched[k]`` says so, and the result has one (symdiff/ops/batching.py has
    the forms). Elementwise operators, and those that are expanded, need no rule; others without one take the items in a
    loop. For an operator with several results the jvp gives a list of tangents (None for zero), and the batching rule a
    node of the same form or a list of results.
    """

    __slots__ = ("batch", "evaluate", "flops", "infer", "jvp", "lowering", "name", "vjp")

    def __init__(
        self,
        *,
        name: str,
        infer: Callable[[Sequence[Node], Attrs], TensorType],
        evaluate: Callable[..., Any],
        vjp: tuple[Derivative | NotDifferentiable, ...],
        lowering: Lowering,
        flops: Callable[[Node], int | Dim],
        jvp: Tangent | None = None,
        batch: BatchRule | None = None,
    ) -> None:
        self.name, self.infer, self.evaluate = name, infer, evaluate
        self.vjp, self.lowering, self.flops = vjp, lowering, flops
        self.jvp, self.batch = jvp, batch

    def __repr__(self) -> str:
        return f"Op({self.name})"
