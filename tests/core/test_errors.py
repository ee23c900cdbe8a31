"""Errors at build time: what was asked, the operands, the rule, the user's line, the next step. Wording is pinned."""

# ruff: noqa: E501  (messages are quoted whole)

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd

n = sd.dim("n")
x = sd.input("x", (n, 10), dtype="float32")
w = sd.param("w", (12, 4), dtype="float32")
v = sd.input("v", (3,))
k = sd.input("k", (3,), dtype="int64")
small = sd.input("small", (3,), dtype="uint8")
mask = sd.input("mask", (3,), dtype="bool")

Shape, DType, Graph = sd.ShapeError, sd.DTypeError, sd.GraphError

CASES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: x + w, Shape, "add: shapes do not broadcast: x: float32[n, 10] and w: float32[12, 4], at LINE; sizes must be equal or 1"),
    (lambda: x + sd.input("y", (7, 10)), Shape, "add: shapes do not broadcast: astype: float64[n, 10] and y: float64[7, 10], at LINE; sizes must be equal or 1"),
    (lambda: x @ w, Shape, "matmul: inner sizes differ: x: float32[n, 10] @ w: float32[12, 4] (10 != 12), at LINE"),
    (lambda: v @ sd.input("u", (4,)), Shape, "matmul: inner sizes differ: v: float64[3] @ u: float64[4] (3 != 4), at LINE"),
    (lambda: v @ 2.0, Shape, "matmul: takes arrays of at least one axis: v: float64[3] @ constant: float64, at LINE; use * to scale"),
    (lambda: sd.input("a", (2, 5, 3)) @ sd.input("b", (3, 3, 2)), Shape, "matmul: batch sizes do not broadcast: a: float64[2, 5, 3] @ b: float64[3, 3, 2], at LINE"),
    (lambda: x.reshape(7), Shape, "reshape: x: float32[n, 10] has 10*n elements, not those of (7), at LINE"),
    (lambda: x.reshape(3, -1), Shape, "reshape: x: float32[n, 10] has 10*n elements, not those of (3, -1), at LINE"),
    (lambda: x.reshape(-1, -1), Shape, "reshape: only one size may be -1, got (-1, -1), at LINE"),
    (lambda: v[3], Shape, "index: 3 is out of range for axis 0 of v: float64[3], at LINE"),
    (lambda: v[0, 0], Shape, "index: v: float64[3] has 1 axes, 2 were indexed, at LINE"),
    (lambda: v[v > 0], Shape, "index: a mask gives a shape that depends on data, at LINE; use sd.where"),
    (lambda: v["a"], Shape, "index: v: float64[3] cannot be indexed with 'a', at LINE"),
    (lambda: v[..., ...], Shape, "index: '...' may stand once, at LINE"),
    (lambda: x[::2], Shape, "slice: axis 0 of x: float32[n, 10] has a symbolic size, so the step must be 1, at LINE"),
    (lambda: sd.take(v, [0, 3]), sd.IndexRangeError, "take: index 3 at [1] is out of range for size 3: axis 0 of v: float64[3], at LINE"),
    (lambda: sd.one_hot([0, -1], 3), sd.IndexRangeError, "one_hot: index -1 at [1] is out of range for size 3: axis -1 of constant: int64[2], at LINE"),
    (lambda: sd.take(v, v), DType, "take: indices are integers, got v: float64[3], at LINE"),
    (lambda: sd.sum(v, axis=1), Shape, "sum of v: float64[3] at LINE: axis 1 is out of range for rank 1"),
    (lambda: sd.sum(x, axis=(0, -2)), Shape, "sum of x: float32[n, 10] at LINE: an axis is named twice in [0, -2]"),
    (lambda: sd.sum(v, axis=0.5), Shape, "sum of v: float64[3] at LINE: an axis is an int, got 0.5"),
    (lambda: sd.max(sd.input("e", (0, 3)), axis=0), Shape, "max: no elements along axis (0,) of e: float64[0, 3], at LINE"),
    (lambda: sd.argmin(sd.input("e", (0,))), Shape, "argmin: no elements along axis (0,) of e: float64[0], at LINE"),
    (lambda: sd.softmax(sd.input("e", (2, 0))), Shape, "softmax: no elements along axis (1,) of e: float64[2, 0], at LINE"),
    (lambda: sd.squeeze(x, 1), Shape, "squeeze of x: float32[n, 10] at LINE: axis 1 has size 10, not 1"),
    (lambda: sd.permute_dims(x, (0, 0)), Shape, "permute_dims of x: float32[n, 10] at LINE: (0, 0) does not name every axis once"),
    (lambda: sd.broadcast_to(v, (3, 2)), Shape, "broadcast_to: v: float64[3] does not broadcast to (3, 2), at LINE"),
    (lambda: sd.concat([x, w]), Shape, "concat: all sizes but axis 0 must agree: x: float32[n, 10], w: float32[12, 4], at LINE"),
    (lambda: sd.concat([]), Shape, "concat: takes a non-empty list or tuple of arrays, at LINE"),
    (lambda: sd.stack([v, x]), Shape, "stack: takes arrays of one shape, got v: float64[3], x: float32[n, 10], at LINE"),
    (lambda: sd.cross_entropy(v, k), Shape, "cross_entropy: labels have the shape of the logits without their last axis: v: float64[3], k: int64[3], at LINE"),
    (lambda: mask + mask, DType, "add: takes numbers, got mask: bool[3] and mask: bool[3], at LINE; use astype first"),
    (lambda: -mask, DType, "negative: takes numbers, got mask: bool[3], at LINE; use astype first"),
    (lambda: sd.max(mask), DType, "max: takes numbers, got mask: bool[3], at LINE; use astype first"),
    (lambda: mask @ mask, DType, "matmul: takes numbers: mask: bool[3] @ mask: bool[3], at LINE"),
    (lambda: small + 300, DType, "add: 300 does not fit in uint8 of small: uint8[3], at LINE"),
    (lambda: small * -1, DType, "multiply: -1 does not fit in uint8 of small: uint8[3], at LINE"),
    (lambda: mask + 2**70, DType, "add: 1180591620717411303424 does not fit in int64 of mask: bool[3], at LINE"),
    (lambda: x * 1e300, DType, "multiply: 1e+300 does not fit in float32 of x: float32[n, 10], at LINE"),
    (lambda: sd.constant("text"), DType, "constant: 'text' is not an array of numbers, at LINE"),
    (lambda: sd.constant([1, [2]]), DType, "constant: [1, [2]] is not an array of numbers, at LINE"),
    (lambda: sd.input("c", (2,), dtype="complex64"), DType, "dtype 'complex64': it is not one symdiff computes with, at LINE; use one of bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64"),
    (lambda: sd.input("s", (2, -1)), Shape, "shape (2, -1): sizes are not negative, at LINE"),
    (lambda: sd.input("s", (n, 2.5)), Shape, "shape (n, 2.5): a size is an int or sd.dim(...), got 2.5, at LINE"),
    (lambda: sd.input("s", 2.5), Shape, "shape (2.5): a size is an int or sd.dim(...), got 2.5, at LINE"),
    (lambda: sd.param("p", (3,), init=[1, 2]), Shape, "param 'p': init has shape (2,), which does not broadcast to (3,), at LINE"),
    (lambda: sd.input("2x"), Graph, "input: a name is an identifier (dots allowed), got '2x'"),
    (lambda: sd.param("p", (n, 2)), Graph, "param 'p': sizes of a parameter are numbers, got ('n', '2')"),
    (lambda: v.named("a b"), Graph, "named: a name is an identifier, got 'a b'"),
    (lambda: v == 0, Graph, "v: float64[3] == 0: == compares identity; use sd.equal for elements"),
    (lambda: v != 0.5, Graph, "v: float64[3] == 0.5: == compares identity; use sd.equal for elements"),
    (lambda: np.ones(3) == v, Graph, "v: float64[3] == array([1., 1., 1.]): == compares identity; use sd.equal for elements"),
    (lambda: bool(v), Graph, "bool(v: float64[3]): a symbol has no value while the model is built; use sd.where or sd.logical_and"),
    (lambda: v if v > 0 else -v, Graph, "bool(greater: bool[3]): a symbol has no value while the model is built; use sd.where or sd.logical_and"),
    (lambda: list(x), Graph, "len(x: float32[n, 10]): the leading size is not a number"),
    (lambda: sd.Graph(3), TypeError, ""),
    (lambda: sd.Graph({"y": 3}), Graph, "graph output 'y': expected a node, got int: 3"),
    (lambda: sd.Graph(v + 1, inputs=[]), Graph, "graph inputs: the outputs also need v: float64[3]; add it to inputs=[...]"),
    (lambda: sd.Graph(v, inputs=[v, v]), Graph, "graph inputs: a node is listed twice"),
    (lambda: sd.Graph(v, inputs=[v, v + 1]), Graph, "graph inputs: add: float64[3] is neither an input nor a parameter; make one with sd.input"),
    (lambda: sd.Graph([sd.input("t", (2,)), sd.input("t", (3,))]), Graph, "graph: two different inputs are called 't': float64[2] (LINE) and float64[3] (LINE); give one another name"),
    (lambda: sd.Graph(v).find("nothing"), Graph, "graph: no node is called 'nothing'; it has v"),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "kind", "expected"), CASES, ids=[str(place) for place in range(len(CASES))])
def test_wording(ask: Callable[[], Any], kind: type[Exception], expected: str) -> None:
    with pytest.raises(kind) as caught:
        ask()
    text = str(caught.value)
    own = inspect.getsourcelines(ask)[1]
    assert all(int(place) == own for place in re.findall(r"test_errors\.py:(\d+)", text))
    if expected:
        assert re.sub(r"test_errors\.py:\d+", "LINE", text) == expected


def test_errors_are_the_builtin_kinds_too() -> None:
    """So that ``except ValueError`` and the like, written for NumPy, still catch."""
    assert issubclass(sd.ShapeError, ValueError)
    assert issubclass(sd.DTypeError, TypeError)
    assert issubclass(sd.IndexRangeError, IndexError)
    for kind in (sd.ShapeError, sd.DTypeError, sd.GraphError, sd.GradientError, sd.IndexRangeError, sd.StateError):
        assert issubclass(kind, sd.SymdiffError)
