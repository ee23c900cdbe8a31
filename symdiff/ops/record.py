"""The table of operators, and the forms that many of them share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import numpy as np

from ..core.dim import Dim, product
from ..core.errors import DTypeError, ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Derivative, Elementwise, NotDifferentiable, Op, Tangent
from ..core.provenance import here
from ..core.registry import is_provided, provide
from ..core.types import BOOL, FLOAT64, TensorType, broadcast
from .convert import as_node, promote

Unary = Callable[[Operand], Node]
Binary = Callable[[Operand, Operand], Node]

OPS: dict[str, Op] = {}  # of the rooms that are imported
_own: set[Op] = set()
_PACKAGE = __name__.removesuffix("ops.record")
_UNPROVIDED = """
    again branch broadcast_to cholesky cofactor concat constant conv conv_transpose conv_weight cross_entropy
    cumulative_argmax cumulative_argmin det diagonal_transpose eigh expand_dims expm gelu gelu_tanh in_range input
    integer_matmul inv iota is_last item largest_of_tiles linear_recurrence log_softmax logcumsumexp logsumexp loop
    max_of_tiles max_position one_hot param pinv put_in_tiles qr random_bits random_normal random_uniform
    scatter_add scatter_add_along_axis scatter_max scatter_min scatter_multiply scatter_set searchsorted_left
    searchsorted_right slice slice_transpose slogdet softmax solve stop_gradient svd take_along_axis take_from_tiles
    threefry triangular_solve unfold where
"""  # the operators of all rooms that core does not call by name
STEPS = NotDifferentiable("its value is a step function: the derivative is zero wherever it exists")
INTEGERS = NotDifferentiable("its result is a position or a truth value, not a real number")


def define(op: Op) -> Op:
    """Enter an operator in the table; a name is taken once."""
    if op.name in OPS:
        raise ValueError(f"operator {op.name!r} is defined twice")
    OPS[op.name] = op
    if _importing().startswith(_PACKAGE):
        _own.add(op)
    return op


def is_own(op: Op) -> bool:
    """Whether an operator is one that this package has by itself: its files decide what it means."""
    return op in _own


def _importing() -> str:
    """The module that is being imported."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals["__name__"])


def is_operator(name: str) -> bool:
    """Whether an operator of ours has this name, whichever rooms are imported. Passes know operators by name, so no
    function of a user may have it."""
    return name in OPS or is_provided(name) or name in _UNPROVIDED.split()


def size_of(node: Node) -> int | Dim:
    """Elements of the result: what an operator costs that does one operation for each."""
    return product(node.shape)


def input_size(node: Node) -> int | Dim:
    return product(node.inputs[0].shape)


def free(node: Node) -> int:
    return 0


def common_shape(name: str, inputs: Sequence[Node]) -> tuple[int | Dim, ...]:
    """The broadcast shape, or an error that names every operand."""
    shape = broadcast([node.shape for node in inputs])
    if shape is None:
        operands = " and ".join(map(describe, inputs))
        raise ShapeError(
            explain(name, f"shapes do not broadcast: {operands}", at=here(), hint="sizes must be equal or 1")
        )
    return shape


def infer_elementwise(name: str, dtype: np.dtype[Any] | None) -> Callable[[Sequence[Node], Attrs], TensorType]:
    def infer(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
        if dtype is None and not attrs:
            type = inputs[-1].type
            for node in inputs:  # most have one type, or are scalars
                own = node.type
                if own is type or not own.shape or own == type:
                    continue
                if type.shape or own.dtype != type.dtype:
                    break
                type = own
            else:
                return type
        return TensorType(dtype or attrs.get("dtype") or inputs[-1].dtype, common_shape(name, inputs))

    return infer


def elementwise(
    name: str,
    code: str,
    evaluate: Callable[..., np.ndarray[Any, Any]],
    *derivatives: Derivative | NotDifferentiable,
    dtype: np.dtype[Any] | None = None,
    cost: int = 1,
    jvp: Tangent | None = None,
) -> Op:
    """An elementwise operator. ``code`` is the scalar expression over a, b, c; ``cost`` its operations per element.

    Each derivative is a rule ``(t, out, *inputs)`` linear in ``t``. An elementwise Jacobian is diagonal, so the same
    rule carries cotangents backward and tangents forward. ``dtype`` fixes the result's; else it is the operands'.
    """
    return define(
        Op(
            name=name,
            infer=infer_elementwise(name, dtype),
            evaluate=evaluate,
            vjp=derivatives,
            lowering=Elementwise(code),
            flops=lambda node: product(node.shape) * cost,
            jvp=jvp,
        )
    )


def unary(
    name: str,
    code: str,
    evaluate: Callable[..., np.ndarray[Any, Any]],
    derivative: Derivative | NotDifferentiable,
    doc: str,
    *,
    floating: bool = True,
    cost: int = 1,
) -> Unary:
    """A public function of one operand; with ``floating`` integers become float64 first, as in NumPy."""
    op = elementwise(name, code, evaluate, derivative, cost=cost)

    def function(x: Operand) -> Node:
        node = as_node(x)
        if floating and not node.type.is_float:
            node = build_astype(node, FLOAT64)
        elif node.dtype == BOOL:
            raise DTypeError(explain(name, f"takes numbers, got {describe(node)}", at=here(), hint="use astype first"))
        return build(op, [node])

    return _public(function, name, doc)


def binary(
    name: str,
    code: str,
    evaluate: Callable[..., np.ndarray[Any, Any]],
    derivatives: tuple[Derivative | NotDifferentiable, Derivative | NotDifferentiable],
    doc: str,
    *,
    floating: bool = False,
    dtype: np.dtype[Any] | None = None,
    truth: bool = False,
    cost: int = 1,
) -> Binary:
    """A public function of two operands, promoted to a common dtype by NumPy 2's rule.

    ``truth`` operators take truth values (numbers become ``x != 0``); ``dtype=BOOL`` alone marks a comparison.
    """
    op = elementwise(name, code, evaluate, *derivatives, dtype=dtype, cost=cost)

    def function(x: Operand, y: Operand) -> Node:
        if isinstance(x, Node) and isinstance(y, Node) and x.type.dtype is y.type.dtype:
            a, b = x, y  # as for nearly all
        else:
            a, b = promote(name, x, y)
        if truth:
            a, b = build_astype(a, BOOL), build_astype(b, BOOL)
        elif dtype is None and a.type.dtype == BOOL:
            raise DTypeError(
                explain(name, f"takes numbers, got {describe(a)} and {describe(b)}", at=here(), hint="use astype first")
            )
        if floating and not a.type.is_float:
            a, b = build_astype(a, FLOAT64), build_astype(b, FLOAT64)
        return build(op, [a, b])

    return _public(function, name, doc)


def _public(function: Callable[..., Node], name: str, doc: str) -> Callable[..., Node]:
    function.__name__ = function.__qualname__ = name
    function.__module__ = sys._getframe(2).f_globals["__name__"]  # the file that asked, where pickle looks
    function.__doc__ = doc
    return provide(name)(function)


_ASTYPE = elementwise(
    "astype", "a", lambda x, dtype: x.astype(dtype), lambda t, out, x: build_astype(t, x.dtype), cost=1
)


def build_astype(node: Node, dtype: np.dtype[Any]) -> Node:
    """``node`` in another dtype; itself when it already is."""
    return node if node.dtype == dtype else build(_ASTYPE, [node], {"dtype": dtype})
