"""Operators that move elements and never change them: their derivatives move cotangents back."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, divide_exactly, product
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Concat, Op, Reshape, View
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import Shape, TensorType, as_shape, broadcast, normal_axes, normal_axis
from .batching import align_ranks, attributes, later, sized
from .convert import as_node, promote
from .record import define, free

# -- reshape


def _reshape_back(ct: Node, out: Node, x: Node) -> Node:
    return reshape(ct, x.shape)


_RESHAPE = define(
    Op(
        name="reshape",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, attrs["shape"]),
        evaluate=lambda x, shape: np.reshape(x, shape),
        vjp=(_reshape_back,),
        lowering=Reshape(),
        flops=free,
        batch=attributes(shape=sized),
    )
)


@provide("reshape")
def reshape(x: Operand, shape: Any) -> Node:
    """The same elements in the same order under another shape; one size may be -1 and is worked out.

    >>> import symdiff as sd
    >>> sd.reshape(sd.input("x", (sd.dim("n"), 2, 3)), (-1, 6)).type.shape
    (Dim(n), 6)
    """
    node = as_node(x)
    sizes = [shape] if isinstance(shape, int | np.integer | Dim) else list(shape)
    if sizes.count(-1) > 1:
        raise ShapeError(explain("reshape", f"only one size may be -1, got {shape}", at=here()))
    total = product(node.shape)
    known = as_shape([size for size in sizes if size != -1])
    if len(known) < len(sizes):
        missing = divide_exactly(total, product(known))
        if missing is None:
            raise ShapeError(_reshape_problem(node, sizes))
        sizes[sizes.index(-1)] = missing
    target = as_shape(sizes)
    if product(target) != total:
        raise ShapeError(_reshape_problem(node, sizes))
    return node if target == node.shape else build(_RESHAPE, [node], {"shape": target})


def _reshape_problem(node: Node, sizes: Sequence[Any]) -> str:
    shape = f"({', '.join(map(str, sizes))})"
    return explain("reshape", f"{describe(node)} has {product(node.shape)} elements, not those of {shape}", at=here())


# -- permute_dims


def _permute_back(ct: Node, out: Node, x: Node) -> Node:
    return permute_dims(ct, np.argsort(out.attrs["axes"]))


_PERMUTE = define(
    Op(
        name="permute_dims",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, tuple(inputs[0].shape[a] for a in attrs["axes"])),
        evaluate=lambda x, axes: np.transpose(x, axes),
        vjp=(_permute_back,),
        lowering=View(lambda index, node: tuple(index[node.attrs["axes"].index(a)] for a in range(node.ndim))),
        flops=free,
        batch=attributes(axes=lambda axes, size: (0, *later(axes, size))),
    )
)


@provide("permute_dims")
def permute_dims(x: Operand, axes: Any = None) -> Node:
    """The axes in another order (default: reversed)."""
    node = as_node(x)

    def what() -> str:
        return f"permute_dims of {describe(node)} at {here()}"

    given = range(node.ndim)[::-1] if axes is None else [axes] if isinstance(axes, int) else axes
    order = tuple(normal_axis(axis, node.ndim, what) for axis in given)
    if sorted(order) != list(range(node.ndim)):
        raise ShapeError(f"{what()}: {order} does not name every axis once")
    return node if order == tuple(range(node.ndim)) else build(_PERMUTE, [node], {"axes": order})


def swap_last(x: Node) -> Node:
    """The transpose of (a batch of) matrices."""
    return build(_PERMUTE, [x], {"axes": (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)})


# -- expand_dims, squeeze


def _squeeze_back(ct: Node, out: Node, x: Node) -> Node:
    return squeeze(ct, out.attrs["axis"])


_EXPAND = define(
    Op(
        name="expand_dims",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, _with_ones(inputs[0].shape, attrs["axis"])),
        evaluate=lambda x, axis: np.expand_dims(x, axis),
        vjp=(_squeeze_back,),
        lowering=View(lambda index, node: tuple(i for a, i in enumerate(index) if a not in node.attrs["axis"])),
        flops=free,
        batch=attributes(axis=later),
    )
)


def _with_ones(shape: Shape, axes: Sequence[int]) -> Shape:
    sizes = iter(shape)
    return tuple(1 if axis in axes else next(sizes) for axis in range(len(shape) + len(axes)))


def expand_dims(x: Operand, axis: Any = 0) -> Node:
    """New axes of size 1 at the positions they have in the result."""
    node = as_node(x)
    count = 1 if isinstance(axis, int | np.integer) else len(axis)
    axes = normal_axes(axis, node.ndim + count, lambda: f"expand_dims of {describe(node)} at {here()}")
    return build(_EXPAND, [node], {"axis": axes}) if axes else node


def _insert_zeros(index: tuple[Any, ...], node: Node) -> tuple[Any, ...]:
    rest = iter(index)
    return tuple(0 if axis in node.attrs["axis"] else next(rest) for axis in range(node.inputs[0].ndim))


_SQUEEZE = define(
    Op(
        name="squeeze",
        infer=lambda inputs, attrs: TensorType(
            inputs[0].dtype, tuple(size for a, size in enumerate(inputs[0].shape) if a not in attrs["axis"])
        ),
        evaluate=lambda x, axis: np.squeeze(x, axis),
        vjp=(lambda ct, out, x: expand_dims(ct, out.attrs["axis"]),),
        lowering=View(_insert_zeros),
        flops=free,
        batch=attributes(axis=later),
    )
)


@provide("squeeze")
def squeeze(x: Operand, axis: Any = None) -> Node:
    """Without the named axes, which must have size 1 (default: all that have)."""
    node = as_node(x)

    def what() -> str:
        return f"squeeze of {describe(node)} at {here()}"

    ones = tuple(a for a, size in enumerate(node.shape) if size == 1)
    axes = ones if axis is None else normal_axes(axis, node.ndim, what)
    for one in axes:
        if node.shape[one] != 1:
            raise ShapeError(f"{what()}: axis {one} has size {node.shape[one]}, not 1")
    return build(_SQUEEZE, [node], {"axis": axes}) if axes else node


# -- broadcast_to


def align(index: tuple[Any, ...], shape: Shape) -> tuple[Any, ...]:
    """The index into an operand of ``shape`` for an index of the broadcast result: 0 along axes of size 1."""
    own = index[len(index) - len(shape) :]
    return tuple(0 if size == 1 else i for i, size in zip(own, shape, strict=True))


def _broadcast_batch(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    (x,) = align_ranks(inputs, batched, node.ndim)
    return broadcast_to(x, (x.shape[0], *node.shape))


_BROADCAST = define(
    Op(
        name="broadcast_to",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, attrs["shape"]),
        evaluate=lambda x, shape: np.broadcast_to(x, shape),
        vjp=(lambda ct, out, x: ct,),  # autodiff undoes the broadcast
        lowering=View(lambda index, node: align(index, node.inputs[0].shape)),
        flops=free,
        batch=_broadcast_batch,
    )
)


def broadcast_to(x: Operand, shape: Any) -> Node:
    """x repeated along axes of size 1 (and new leading axes) until it has ``shape``."""
    node, target = as_node(x), as_shape(shape)
    if broadcast([node.shape, target]) != target:
        sizes = f"({', '.join(map(str, target))})"
        raise ShapeError(explain("broadcast_to", f"{describe(node)} does not broadcast to {sizes}", at=here()))
    return node if target == node.shape else build(_BROADCAST, [node], {"shape": target})


# -- concat, stack


def _infer_concat(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    axis, first = attrs["axis"], inputs[0].shape
    total: int | Dim = 0
    for node in inputs:
        total = total + node.shape[axis]
    return TensorType(inputs[0].dtype, (*first[:axis], total, *first[axis + 1 :]))


def _concat_part(ct: Node, out: Node, *inputs: Node, k: int) -> Node:
    axis = out.attrs["axis"]
    start: int | Dim = 0
    for node in inputs[:k]:
        start = start + node.shape[axis]
    from .slicing import slice_axis

    return slice_axis(ct, axis, start, inputs[k].shape[axis])


_CONCAT = define(
    Op(
        name="concat",
        infer=_infer_concat,
        evaluate=lambda *arrays, axis: np.concatenate(arrays, axis),
        vjp=(_concat_part,),
        lowering=Concat(),
        flops=free,
        batch=attributes(axis=later),
    )
)


def concat(arrays: Sequence[Operand], axis: int | None = 0) -> Node:
    """Arrays joined along an existing axis; with ``axis=None`` they are flattened first."""
    if isinstance(arrays, Node) or not arrays:
        raise ShapeError(explain("concat", "takes a non-empty list or tuple of arrays", at=here()))
    nodes = promote("concat", *(as_node(array) for array in arrays))
    if axis is None:
        return concat([reshape(node, -1) for node in nodes])
    where = normal_axis(axis, nodes[0].ndim, f"concat of {describe(nodes[0])} at {here()}")
    rest = {(*node.shape[:where], *node.shape[where + 1 :]) for node in nodes}
    if len(rest) > 1 or len({node.ndim for node in nodes}) > 1:
        operands = ", ".join(map(describe, nodes))
        raise ShapeError(explain("concat", f"all sizes but axis {where} must agree: {operands}", at=here()))
    return nodes[0] if len(nodes) == 1 else build(_CONCAT, nodes, {"axis": where})


def stack(arrays: Sequence[Operand], axis: int = 0) -> Node:
    """Arrays of one shape side by side along a new axis."""
    nodes = [as_node(array) for array in arrays]
    if not nodes or builtins.any(node.shape != nodes[0].shape for node in nodes):
        operands = ", ".join(map(describe, nodes)) or "nothing"
        raise ShapeError(explain("stack", f"takes arrays of one shape, got {operands}", at=here()))
    return concat([expand_dims(node, axis) for node in nodes], axis)


concatenate, transpose = concat, permute_dims  # NumPy's names
