"""Random bits and numbers as functions of a key and a position: no state, no order, any part of an array by itself.

Each element is Threefry (core/threefry.py) of the key and of the element's place in its array. So the same key gives
the same numbers wherever they are computed, by however many threads; they fuse into any kernel, and need no memory.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.dim import product
from ..core.node import Node, build
from ..core.op import Expand, Op
from ..core.threefry import threefry
from ..core.types import DTYPES, FLOAT32, Shape, TensorType
from .convert import constant
from .create import arange
from .elementwise import add, bitwise_right_shift, cos, log, multiply, sqrt
from .leaf import size
from .record import INTEGERS, build_astype, define, elementwise, size_of
from .shape import broadcast_to, expand_dims

Array = np.ndarray[Any, Any]
UINT64 = DTYPES["uint64"]
DRAW, SECOND_DRAW, SPLIT, FOLD = (purpose << 62 for purpose in range(4))
"""What a counter is for stands in its two highest bits, so that children of a key meet none of its draws."""

_MIXED = elementwise("threefry", "threefry(a, b)", threefry, INTEGERS, INTEGERS, cost=100)


def mixed(key: Node, counter: Node, purpose: int) -> Node:
    """64 bits for each counter, which is below 2^62."""
    number = build_astype(counter, UINT64)
    return build(_MIXED, [key, number if purpose == DRAW else add(number, constant(np.uint64(purpose)))])


def _positions(shape: Shape) -> Node:
    """The place of each element, counted row by row."""
    total = broadcast_to(constant(0), shape)
    for axis, length in enumerate(shape):
        if length != 1:
            along = multiply(arange(length), size(product(shape[axis + 1 :]), np.dtype("int64")))
            total = add(total, expand_dims(along, tuple(range(1, len(shape) - axis))))
    return total


def _np_bits(key: Array, shape: tuple[int, ...], purpose: int = DRAW) -> Array:
    count = math.prod(shape)
    return np.asarray(threefry(key, np.arange(count, dtype=UINT64) + np.uint64(purpose)), UINT64).reshape(shape)


def _drawn(bits: Any, dtype: np.dtype[Any], shift: Any) -> Any:
    """The highest bits of each number, as many as a float holds."""
    return shift(bits, np.uint64(40 if dtype == FLOAT32 else 11))


def _step(dtype: np.dtype[Any]) -> Any:
    """The distance between numbers that can be drawn."""
    return dtype.type(2.0**-24 if dtype == FLOAT32 else 2.0**-53)


def _uniform(key: Node, shape: Shape, dtype: np.dtype[Any], purpose: int = DRAW) -> Node:
    bits = mixed(key, _positions(shape), purpose)
    return multiply(build_astype(_drawn(bits, dtype, bitwise_right_shift), dtype), constant(_step(dtype)))


def _np_uniform(key: Array, shape: tuple[int, ...], dtype: np.dtype[Any], purpose: int = DRAW) -> Array:
    return np.asarray(_drawn(_np_bits(key, shape, purpose), dtype, np.right_shift).astype(dtype) * _step(dtype))


def _normal(node: Node) -> Node:
    """Box and Muller (1958): a radius and an angle."""
    (key,), shape, dtype = node.inputs, node.shape, node.dtype
    radius = sqrt(-2 * log(1 - _uniform(key, shape, dtype)))
    return radius * cos(2 * math.pi * _uniform(key, shape, dtype, SECOND_DRAW))


def _np_normal(key: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    radius = np.sqrt(-2 * np.log(1 - _np_uniform(key, shape, dtype)))
    return np.asarray(radius * np.cos(dtype.type(2 * math.pi) * _np_uniform(key, shape, dtype, SECOND_DRAW)), dtype)


def _typed(inputs: Any, attrs: Any) -> TensorType:
    return TensorType(attrs["dtype"], attrs["shape"])


_BITS = define(
    Op(
        name="random_bits",
        infer=lambda inputs, attrs: TensorType(UINT64, attrs["shape"]),
        evaluate=_np_bits,
        vjp=(INTEGERS,),
        lowering=Expand(lambda node: mixed(node.inputs[0], _positions(node.shape), DRAW)),
        flops=lambda node: 100 * size_of(node),
    )
)
_UNIFORM = define(
    Op(
        name="random_uniform",
        infer=_typed,
        evaluate=_np_uniform,
        vjp=(INTEGERS,),
        lowering=Expand(lambda node: _uniform(node.inputs[0], node.shape, node.dtype)),
        flops=lambda node: 102 * size_of(node),
    )
)
_NORMAL = define(
    Op(
        name="random_normal",
        infer=_typed,
        evaluate=_np_normal,
        vjp=(INTEGERS,),
        lowering=Expand(_normal),
        flops=lambda node: 240 * size_of(node),
    )
)


def random_bits(key: Node, shape: Shape) -> Node:
    """uint64 numbers, each as likely as any other."""
    return build(_BITS, [key], {"shape": shape})


def random_uniform(key: Node, shape: Shape, dtype: np.dtype[Any]) -> Node:
    """Floats in [0, 1) at equal distances, 2^-24 in float32 and 2^-53 in float64."""
    return build(_UNIFORM, [key], {"shape": shape, "dtype": dtype})


def random_normal(key: Node, shape: Shape, dtype: np.dtype[Any]) -> Node:
    """Floats of mean 0 and variance 1."""
    return build(_NORMAL, [key], {"shape": shape, "dtype": dtype})
