"""Where values enter a graph: inputs, parameters, constants, and sizes as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType
from typing import Any

import numpy as np

from ..core.dim import Dim
from ..core.errors import GraphError, ShapeError, explain
from ..core.node import Node, build
from ..core.op import Attrs, Leaf, Op
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import FLOAT64, Shape, TensorType, as_dtype, as_shape, broadcast
from .convert import CONSTANT, Frozen, constant
from .record import define, free

define(CONSTANT)


def _infer_leaf(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    return TensorType(attrs["dtype"], attrs["shape"])


def _not_given(**attrs: Any) -> np.ndarray[Any, Any]:
    raise GraphError(f"{attrs['name']}: no value was given for it")


INPUT = define(Op(name="input", infer=_infer_leaf, evaluate=_not_given, vjp=(), lowering=Leaf(), flops=free))
PARAM = define(Op(name="param", infer=_infer_leaf, evaluate=_not_given, vjp=(), lowering=Leaf(), flops=free))
SIZE = define(
    Op(
        name="size",
        infer=lambda inputs, attrs: TensorType(attrs["dtype"], ()),
        evaluate=lambda size, dtype: np.asarray(size, dtype),
        vjp=(),
        lowering=Leaf(),
        flops=free,
    )
)


def input(name: str, shape: Any = (), dtype: Any = "float64") -> Node:
    """A tensor that is given at every call.

    ``shape`` is an int, a size made with ``sd.dim``, or a tuple of these. The same name, shape and dtype give the same
    node. Raises ShapeError or DTypeError for a shape or dtype that symdiff does not compute with.

    >>> import symdiff as sd
    >>> sd.input("x", (sd.dim("n"), 64), dtype="float32")
    <x: float32[n, 64]>
    """
    return build(INPUT, [], {"name": _leaf_name("input", name), "dtype": as_dtype(dtype), "shape": as_shape(shape)})


def param(name: str, shape: Any = (), init: Any = None, dtype: Any = "float64") -> Node:
    """A tensor that training changes; its value lives in the state.

    ``init`` is one of ``sd.init`` (default: zeros), or an array or number to start from. Sizes are numbers: a
    parameter has the same shape in every call. Asking again with the same arguments gives the same parameter, so a
    model function may be called for training and for evaluation and share its weights.

    >>> import symdiff as sd
    >>> sd.param("W", (64, 10), init=sd.init.glorot_uniform())
    <W: float64[64, 10]>
    """
    sizes = as_shape(shape)
    if any(isinstance(size, Dim) for size in sizes):
        raise GraphError(f"param {name!r}: sizes of a parameter are numbers, got {tuple(map(str, sizes))}")
    if isinstance(init, type | FunctionType) and init.__module__.startswith("symdiff."):
        raise GraphError(explain("param", f"{name}: init is {init.__name__} itself", at=here(), hint="call it: init()"))
    if init is not None and not callable(init):
        init = _initial_value(name, init, sizes, as_dtype(dtype))
    return build(PARAM, [], {"name": _leaf_name("param", name), "dtype": as_dtype(dtype), "shape": sizes, "init": init})


def _initial_value(name: str, value: Any, shape: Shape, dtype: np.dtype[Any]) -> Frozen:
    array = np.asarray(value, dtype)
    if broadcast([array.shape, shape]) != shape:
        problem = f"init has shape {array.shape}, which does not broadcast to {shape}"
        raise ShapeError(explain(f"param {name!r}", problem, at=here()))
    return Frozen(np.broadcast_to(array, shape))  # type: ignore[arg-type]


def _leaf_name(kind: str, name: str) -> str:
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        raise GraphError(f"{kind}: a name is an identifier (dots allowed), got {name!r}")
    return name


@provide("size")
def size(value: int | Dim, dtype: Any = FLOAT64) -> Node:
    """A size as a number: a constant, or for a symbolic size a node that has its value at every call."""
    dtype = as_dtype(dtype)
    if isinstance(value, int):
        return constant(np.asarray(value, dtype))
    return build(SIZE, [], {"size": value, "dtype": dtype})
