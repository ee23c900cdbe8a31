"""Interning: equal expressions are one object, for as long as somebody holds it."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.node import Node, build
from symdiff.core.op import Op
from symdiff.core.provenance import Origin


def test_same_expression_is_the_same_object() -> None:
    x = sd.input("x", (3,))
    assert sd.input("x", (3,)) is x
    assert sd.exp(x) + 1 is sd.exp(x) + 1
    assert sd.sum(x, axis=0) is sd.sum(x, axis=(-1,)) is x.sum()
    assert x[1:] is x[1:3]
    assert x @ x is x @ x
    assert sd.param("w", (2,), init=[1.0, 2.0]) is sd.param("w", (2,), init=np.array([1.0, 2.0]))


def test_different_expressions_differ() -> None:
    x = sd.input("x", (3,))
    different = [
        x, sd.input("y", (3,)), sd.input("x", (4,)), sd.input("x", (3,), dtype="float32"), sd.param("x", (3,)),
        x + 1, 1 + x,
        sd.exp(x), x.sum(), x.sum(keepdims=True), x[1:], x[:2], x - 1, sd.param("x", (3,), init=[1, 2, 3]),
    ]  # fmt: skip
    assert len(set(different)) == len(different)


def test_operators_of_one_name_are_two() -> None:
    x = sd.input("x", (3,))
    known = sd.exp(x)
    op = known.op
    other = Op(name=op.name, infer=op.infer, evaluate=op.evaluate, vjp=op.vjp, lowering=op.lowering, flops=op.flops)
    assert build(other, [x]) is not known
    assert build(op, [x]) is known


def test_constants_are_keyed_by_dtype_and_bytes() -> None:
    values = [
        0.0,
        -0.0,
        1,
        True,
        1.0,
        float("nan"),
        np.float32(0),
        np.float32(1),
        np.array([1.0]),
        np.array([[1.0]]),
        np.int32(1),
    ]
    assert len({sd.constant(value) for value in values}) == len(values)
    assert sd.constant(float("nan")) is sd.constant(float("nan"))
    assert sd.constant([1.0, 2.0]) is sd.constant(np.array([1.0, 2.0]))


def test_a_constant_keeps_its_own_copy() -> None:
    array = np.ones(3)
    node = sd.constant(array)
    array[0] = 5
    np.testing.assert_array_equal(node.attrs["value"].array, np.ones(3))
    with pytest.raises(ValueError, match="read-only"):
        node.attrs["value"].array[0] = 2


def test_nodes_are_freed_when_unused() -> None:
    x = sd.input("freed", (1725,))  # a shape of its own: a node that others hold keeps all reasons it exists for
    y = sd.exp(x * 17.25)
    alive = [weakref.ref(node) for node in (y, y.inputs[0])]
    gradient = sd.grad(sd.sum(y), x)
    del y, gradient
    gc.collect()
    assert [ref() for ref in alive] == [None, None]


def test_a_node_whose_reason_depends_on_it_is_freed() -> None:
    x = sd.exp(sd.input("freed", (1725,)))
    y = sd.sin(x)
    x.add_origin(Origin("model.py", 1, "backward", of=y))
    alive = [weakref.ref(node) for node in (x, y)]
    del x, y
    gc.collect()
    assert [ref() for ref in alive] == [None, None]


def test_a_deep_chain_is_built_and_freed() -> None:
    x = sd.input("deep")
    y = x
    for _ in range(100_000):
        y = sd.sin(y)
    last = weakref.ref(y)
    del y
    gc.collect()
    assert last() is None
    assert sd.sin(x).inputs == (x,)


def test_threads_build_the_same_nodes() -> None:
    """Four threads build one expression at once; they must end up with one object for each step."""
    start = threading.Barrier(4)
    built: list[list[Node]] = []

    def work() -> None:
        start.wait()
        y = sd.input("threads", (2,))
        steps = [y]
        for _ in range(2_000):
            y = sd.sin(y) + 1
            steps.append(y)
        built.append(steps)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(built) == 4
    assert all(a is b is c is d for a, b, c, d in zip(*built, strict=True))
    assert all(node.origins for node in built[0])


def test_identity_in_collections() -> None:
    x, y = sd.input("x"), sd.input("y")
    assert [x, y].index(y) == 1
    assert y not in (x, None, "y")
    assert {x: 1}[sd.input("x")] == 1
    assert x != y


def test_methods_and_operators_are_the_functions() -> None:
    n = sd.dim("n")
    x, y = sd.input("x", (n, 3)), sd.input("y", (n, 3))
    assert x.T is sd.permute_dims(x) is x.transpose() is x.transpose(1, 0) is x.transpose((1, 0))
    assert x.reshape(-1) is sd.reshape(x, (-1,)) is x.reshape((3 * n,))
    assert x.mean(axis=1, keepdims=True) is sd.mean(x, 1, True)
    assert x.max(1) is sd.max(x, 1)
    assert x.min(1) is sd.min(x, 1)
    assert x.prod(1) is sd.prod(x, 1)
    assert x.argmax(1) is sd.argmax(x, 1)
    assert x.astype("float32") is sd.astype(x, "float32")
    assert sd.expand_dims(x, 1).squeeze(1) is sd.squeeze(x[:, None], 1)
    assert +x is x
    assert -x is sd.negative(x)
    assert abs(x) is sd.abs(x)
    assert (x < y) is sd.less(x, y)
    assert (x >= y) is sd.greater_equal(x, y)
    assert ((x < y) & (x > 0)) is sd.logical_and(x < y, x > 0)
    assert ((x < y) | (x > 0)) is sd.logical_or(x < y, x > 0)
    assert ((x < y) ^ (x > 0)) is sd.logical_xor(x < y, x > 0)
    assert ~(x < y) is sd.logical_not(x < y)
    assert 2**x is sd.power(2, x)
    assert x % 2 is sd.remainder(x, 2)
    assert 5 // x is sd.floor_divide(5, x)
    assert np.ones((3, 2)).T @ x.T is sd.matmul(np.ones((2, 3)), x.T)


def test_a_node_of_known_length_unpacks() -> None:
    a, b = sd.input("x", (2, 3))
    assert a.shape == b.shape == (3,)
    assert a is sd.input("x", (2, 3))[0]


def test_there_is_one_form_for_each_combination_of_operators():
    x, y = sd.input("x", (3,)), sd.input("y", (3,))
    assert (x + y).form is (y + x).form
    assert (x + y).form is not (x + sd.exp(y)).form
    assert [op.name for op in sd.exp(x).form] == ["exp", "input"]


def test_a_constant_is_where_it_was_first_written():
    first = sd.constant([1.5, 2.5, 4.75])
    again = sd.constant([1.5, 2.5, 4.75])
    assert again is first and len(again.origins) == 1
