"""Random numbers: ``sd.random.normal(key, shape)``. Keys are explicit, draws have no state and no order.

A *key* is a uint64 node without axes: a constant (``sd.random.key(0)``), an input, or made from another key. A draw is
a function of its key and shape, so the same key gives the same numbers at every call, in the interpreter and compiled,
for any number of threads. Two draws from one key are not independent: ``split`` it first. Fresh numbers at every step
of training come from a key that changes with the step: ``sd.random.fold_in(key, step)``, where ``step`` is an input, or
``sd.optim.step_count()``, which a training step that uses it advances.

Numbers are made element by element (Threefry-2x32-20, Salmon et al. 2011) in the kernels that use them. Derivatives go
through the parameters of continuous draws (loc + scale * z), not through keys, nor through draws of integers and truth
values, which are steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .core.dim import Dim
from .core.errors import DTypeError, ShapeError, explain
from .core.node import Node, Operand, describe
from .core.provenance import here
from .core.types import FLOAT64, INT64, Shape, TensorType, as_dtype, as_shape, broadcast, normal_axis
from .ops.convert import as_node, constant
from .ops.create import arange
from .ops.elementwise import (
    add,
    bitwise_right_shift,
    clip,
    less,
    log,
    log1p,
    ndtr,
    ndtri,
    remainder,
    subtract,
)
from .ops.index import take
from .ops.random import FOLD, SPLIT, UINT64, mixed, random_bits, random_normal, random_uniform
from .ops.record import build_astype
from .ops.reduce import argmax
from .ops.shape import permute_dims
from .ops.sorting import argsort

__all__ = [
    "bernoulli",
    "bits",
    "categorical",
    "exponential",
    "fold_in",
    "gumbel",
    "key",
    "normal",
    "permutation",
    "randint",
    "split",
    "truncated_normal",
    "uniform",
]

# -- keys


def key(seed: Operand) -> Node:
    """The key for a seed, an integer or an integer node. Every seed modulo 2^64 has a key of its own.

    >>> import symdiff as sd
    >>> sd.random.key(42).type.dtype
    dtype('uint64')
    """
    if isinstance(seed, int | np.integer) and not isinstance(seed, bool):
        return constant(np.uint64(int(seed) % 2**64))
    node = as_node(seed)
    if node.dtype.kind not in "iu" or node.ndim:
        raise DTypeError(explain("random.key", f"a seed is one integer, got {describe(node)}", at=here()))
    return build_astype(node, UINT64)


def split(key: Node, num: int | Dim = 2) -> Node:
    """``num`` new keys, uint64[num], independent of each other and of draws from the old one.

    >>> import symdiff as sd
    >>> first, second = sd.random.split(sd.random.key(0))
    """
    return mixed(_checked("split", key), arange(num), SPLIT)


def fold_in(key: Node, data: Operand) -> Node:
    """The key for ``data``, an integer such as a step's number: another one for every integer.

    >>> import symdiff as sd
    >>> step = sd.input("step", (), dtype="int64")
    >>> noise = sd.random.normal(sd.random.fold_in(sd.random.key(0), step), (3,))
    """
    node = as_node(data)
    if node.dtype.kind not in "iu" or node.ndim:
        raise DTypeError(explain("random.fold_in", f"data is one integer, got {describe(node)}", at=here()))
    low = remainder(build_astype(node, UINT64), constant(np.uint64(2**62)))
    return mixed(_checked("fold_in", key), low, FOLD)


def _checked(asked: str, key: Node) -> Node:
    if not isinstance(key, Node) or key.type != TensorType(UINT64, ()):
        got = describe(key) if isinstance(key, Node) else repr(key)
        raise DTypeError(
            explain(f"random.{asked}", f"a key is a uint64 without axes, got {got}", at=here(), hint="sd.random.key(0)")
        )
    return key


def _floating(asked: str, dtype: Any) -> np.dtype[Any]:
    found = as_dtype(dtype)
    if found.kind != "f":
        raise DTypeError(explain(f"random.{asked}", f"dtype is a float, got {found.name}", at=here()))
    return found


def _parameters(asked: str, shape: Any, dtype: np.dtype[Any], *given: Operand) -> tuple[Shape, list[Any]]:
    """The shape of a draw, by default that of its parameters; nodes among these in its dtype."""
    nodes = [one if isinstance(one, int | float) else build_astype(as_node(one), dtype) for one in given]
    shapes = [node.shape for node in nodes if isinstance(node, Node)]
    asked_for = broadcast(shapes) if shape is None else as_shape(shape)
    if asked_for is None or broadcast([asked_for, *shapes]) != asked_for:
        problem = f"parameters {', '.join(describe(n) for n in nodes if isinstance(n, Node))} do not fit {shape}"
        raise ShapeError(explain(f"random.{asked}", problem, at=here()))
    return asked_for, nodes


# -- draws


def bits(key: Node, shape: Any = (), dtype: Any = "uint64") -> Node:
    """Unsigned integers, every one of them as likely: the highest bits of 64 for narrower dtypes."""
    wanted = as_dtype(dtype)
    if wanted.kind != "u":
        raise DTypeError(explain("random.bits", f"dtype is an unsigned integer, got {wanted.name}", at=here()))
    drawn = random_bits(_checked("bits", key), as_shape(shape))
    if wanted == UINT64:
        return drawn
    return build_astype(bitwise_right_shift(drawn, constant(np.uint64(64 - 8 * wanted.itemsize))), wanted)


def uniform(key: Node, shape: Any = None, dtype: Any = "float64", low: Operand = 0.0, high: Operand = 1.0) -> Node:
    """Floats in [low, high): ``low + (high - low) * u`` with u a multiple of 2^-53 (2^-24 in float32).

    The shape is by default that of ``low`` and ``high``, through which derivatives go.

    >>> import symdiff as sd
    >>> sd.random.uniform(sd.random.key(0), (sd.dim("n"), 3), low=-1.0).type.shape
    (Dim(n), 3)
    """
    kind = _floating("uniform", dtype)
    sizes, (a, b) = _parameters("uniform", shape, kind, low, high)
    u = random_uniform(_checked("uniform", key), sizes, kind)
    if isinstance(a, int | float) and isinstance(b, int | float):
        scaled = u if b - a == 1 else u * float(b - a)
        return scaled if a == 0 else scaled + float(a)
    return add(a, subtract(b, a) * u)


def normal(key: Node, shape: Any = None, dtype: Any = "float64", loc: Operand = 0.0, scale: Operand = 1.0) -> Node:
    """Normal numbers, ``loc + scale * z`` with z by Box and Muller: |z| is at most 8.6 (5.8 in float32).

    The shape is by default that of ``loc`` and ``scale``, through which derivatives go.

    >>> import symdiff as sd
    >>> mean, spread = sd.param("mean", (3,)), sd.param("spread", (3,), init=1.0)
    >>> draw = sd.random.normal(sd.random.key(0), loc=mean, scale=spread)
    >>> sd.grad(sd.sum(draw), spread).type.shape
    (3,)
    """
    kind = _floating("normal", dtype)
    sizes, (mean, spread) = _parameters("normal", shape, kind, loc, scale)
    z = random_normal(_checked("normal", key), sizes, kind)
    scaled = z if isinstance(spread, int | float) and spread == 1 else z * spread
    return scaled if isinstance(mean, int | float) and mean == 0 else scaled + mean


def truncated_normal(key: Node, lower: Operand, upper: Operand, shape: Any = None, dtype: Any = "float64") -> Node:
    """Standard normal numbers given that they lie in [lower, upper], by the inverse of the distribution function.

    Bounds beyond 8 (5 in float32) on one and the same side leave too few digits; derivatives go through both.
    """
    kind = _floating("truncated_normal", dtype)
    sizes, bounds = _parameters("truncated_normal", shape, kind, lower, upper)
    a, b = (constant(kind.type(one)) if isinstance(one, int | float) else one for one in bounds)
    u = random_uniform(_checked("truncated_normal", key), sizes, kind)
    return clip(ndtri(ndtr(a) + (ndtr(b) - ndtr(a)) * u), a, b)


def exponential(key: Node, shape: Any = None, dtype: Any = "float64", scale: Operand = 1.0) -> Node:
    """Exponential numbers of mean ``scale``: ``-scale * log(1 - u)``; derivatives go through ``scale``."""
    kind = _floating("exponential", dtype)
    sizes, (mean,) = _parameters("exponential", shape, kind, scale)
    drawn = -log1p(-random_uniform(_checked("exponential", key), sizes, kind))
    return drawn if isinstance(mean, int | float) and mean == 1 else drawn * mean


def gumbel(key: Node, shape: Any = None, dtype: Any = "float64", loc: Operand = 0.0, scale: Operand = 1.0) -> Node:
    """Gumbel numbers, ``loc - scale * log(-log(1 - u))``; derivatives go through ``loc`` and ``scale``."""
    kind = _floating("gumbel", dtype)
    sizes, (place, spread) = _parameters("gumbel", shape, kind, loc, scale)
    half = 2.0**-25 if kind.itemsize == 4 else 2.0**-54  # so that no logarithm is infinite
    drawn = -log(-log1p(-(random_uniform(_checked("gumbel", key), sizes, kind) + half)))
    scaled = drawn if isinstance(spread, int | float) and spread == 1 else drawn * spread
    return scaled if isinstance(place, int | float) and place == 0 else scaled + place


def bernoulli(key: Node, p: Operand = 0.5, shape: Any = None) -> Node:
    """True with probability ``p``: bool. Not differentiable: a truth value is a step in p.

    >>> import symdiff as sd
    >>> sd.random.bernoulli(sd.random.key(0), 0.3, (5,)).type.dtype
    dtype('bool')
    """
    probability = as_node(p)
    kind = probability.dtype if probability.type.is_float else FLOAT64
    sizes, _ = _parameters("bernoulli", shape, kind, probability)
    return less(random_uniform(_checked("bernoulli", key), sizes, kind), build_astype(probability, kind))


def randint(key: Node, low: Operand, high: Operand, shape: Any = (), dtype: Any = "int64") -> Node:
    """Integers from ``low`` to ``high - 1``; for ``high <= low`` it is ``low``. Not differentiable.

    Some integers are more likely than others by at most (high - low) / 2^64.
    """
    wanted = as_dtype(dtype)
    bounds = [build_astype(as_node(bound), INT64) for bound in (low, high)]
    if wanted.kind not in "iu" or any(as_node(bound).dtype.kind not in "iu" for bound in (low, high)):
        raise DTypeError(explain("random.randint", "bounds and dtype are integers", at=here()))
    drawn = random_bits(_checked("randint", key), as_shape(shape))
    offset = remainder(drawn, build_astype(bounds[1] - bounds[0], UINT64))
    return build_astype(bounds[0] + build_astype(offset, INT64), wanted)


def categorical(key: Node, logits: Operand, axis: int = -1, shape: Any = None) -> Node:
    """Positions along ``axis``, each with the probability softmax(logits): int64 (by Gumbel numbers and argmax).

    ``shape`` asks for more draws: leading axes before those of the logits but ``axis``. Not differentiable.

    >>> import symdiff as sd
    >>> sd.random.categorical(sd.random.key(0), sd.input("logits", (sd.dim("n"), 10))).type.shape
    (Dim(n),)
    """
    node = as_node(logits)
    if not node.type.is_float:
        node = build_astype(node, FLOAT64)
    one = normal_axis(axis, node.ndim, f"random.categorical of {describe(node)} at {here()}")
    rows = permute_dims(node, (*(other for other in range(node.ndim) if other != one), one))
    wanted = rows.shape[:-1] if shape is None else as_shape(shape)
    if broadcast([wanted, rows.shape[:-1]]) != wanted:
        problem = f"shape {wanted} does not end in that of the logits without the axis: {describe(node)}"
        raise ShapeError(explain("random.categorical", problem, at=here()))
    return argmax(rows + gumbel(key, (*wanted, rows.shape[-1]), rows.dtype), -1)


def permutation(key: Node, x: Operand) -> Node:
    """The numbers 0 ... x - 1 in random order; for an array its rows. Derivatives move with the rows.

    >>> import symdiff as sd
    >>> sd.random.permutation(sd.random.key(0), 10).type.shape
    (10,)
    """
    if isinstance(x, Dim) or (isinstance(x, int | np.integer) and not isinstance(x, bool)):
        return argsort(random_bits(_checked("permutation", key), (as_shape(x)[0],)))
    node = as_node(x)
    if not node.ndim:
        raise ShapeError(explain("random.permutation", "takes a number or an array with rows", at=here()))
    return take(node, permutation(key, node.shape[0]), axis=0)
