"""Names of users against names of the emitted text: none may ever mean the other."""

from __future__ import annotations

import ast

import numpy as np
import pytest

import symdiff as sd
from symdiff.emit.constants import Constants, literal
from symdiff.emit.module import Module
from symdiff.lower.lower import lower
from tests.emit.three_ways import assert_three_ways, some_values, undecorated

N = sd.dim("n")


@pytest.mark.parametrize(
    "name",
    [
        "ONE", "HALF", "ZERO", "C2_0", "exp", "range", "np", "size", "extent", "i", "j", "k", "kernel", "work", "njit",
        "candidate", "float64", "n", "slot_1", "workspace", "lambda", "graph", "d_x", "out_out", "numba", "layer.w",
    ],
)  # fmt: skip
def test_an_input_of_any_name(name: str) -> None:
    x, y = sd.input(name, (N, 3)), sd.input("indices", (N,), dtype="int64")
    loss = sd.sum(sd.cross_entropy(1 / (1 + sd.exp(x * 2.0)), y)) + 0.5
    outputs = {"out": x, "loss": loss, "out2": sd.grad(loss, [x])[0], "best": sd.argmax(x, 1)}
    graph = sd.Graph(outputs, [x, y])
    assert_three_ways(graph, some_values(x, y, n=3), {"n": 3})
    ast.parse(Module(lower(graph)).source())


@pytest.mark.parametrize("name", ["i", "j", "size", "extent"])
def test_indices_of_any_name(name: str) -> None:
    at, table = sd.input(name, (N,), dtype="int64"), sd.input("table", (5, 2))
    graph = sd.Graph({"rows": sd.take(table, at, axis=0)}, [at, table])
    assert_three_ways(graph, some_values(at, table, n=3), {"n": 3})


@pytest.mark.parametrize("name", ["ONE", "size", "exp", "i", "slot_0", "weights_row"])
def test_an_intermediate_of_any_name(name: str) -> None:
    x = sd.input("x", (N, 3))
    value = (sd.sum(x) * 3.0).named(name)
    graph = sd.Graph({"out": 1 / (1 + sd.softmax(x * x) * value), "again": value * 1.0 + value})
    assert_three_ways(graph, some_values(x, n=3), {"n": 3})


def test_names_that_the_program_makes_up_are_free() -> None:
    """Copies of outputs end in _out, held values of parameters in _old."""
    x, y, z = sd.input("x", (3,)), sd.input("x_out", (2,)), sd.input("q_old", (2,))
    p, q = sd.param("p", (3,)), sd.param("q", (3,))
    graph = sd.Graph({"a": x, "b": x, "c": y * z}, [x, y, z], updates={p: q, q: p})
    assert_three_ways(graph, some_values(x, y, z, p, q))


@pytest.mark.parametrize(
    "name", ["my-model", "lambda", "np", "x", "exp", "workspace", "2nd", "kernel", "n", "out", "é"]
)
def test_a_graph_of_any_name(name: str) -> None:
    x = sd.input("x", (N, 3))
    graph = sd.Graph({"out": sd.exp(x) * 2}, [x], name=name)
    assert_three_ways(graph, some_values(x, n=3), {"n": 3})
    ast.parse(Module(lower(graph)).source())


@pytest.mark.parametrize("name", ["size", "exp", "float64", "range", "work", "lambda"])
def test_a_size_may_not_have_a_name_that_emitted_code_needs(name: str) -> None:
    x = sd.input("x", (sd.dim(name), 3))
    with pytest.raises(sd.GraphError, match=f"a size is called '{name}', a name that emitted code needs; give sd.dim"):
        lower(sd.Graph({"out": sd.exp(x) * 2}))


@pytest.mark.parametrize("name", ["i", "x", "ONE", "slot_1"])
def test_a_size_of_any_other_name(name: str) -> None:
    x = sd.input("x", (sd.dim(name), 3))
    graph = sd.Graph({"out": 1 / (1 + sd.softmax(x * 2))})
    assert_three_ways(graph, {x: np.ones((4, 3))}, {name: 4})


def test_sizes_are_read_off_whatever_axis_tells_them() -> None:
    m = sd.dim("m")
    a, b, c = sd.input("a", (2 * N + m - 1,)), sd.input("b", (m * N * N + m,)), sd.input("c", (3 * m - 1,))
    graph = sd.Graph({"out": sd.sum(a) + sd.sum(b) + sd.sum(c)}, [a, b, c])
    assert_three_ways(graph, some_values(a, b, c, n=2, m=3), {"n": 2, "m": 3})
    source = Module(lower(graph)).source()
    assert "m = (c.shape[0] + 1) // 3" in source
    assert "n = (a.shape[0] - (m - 1)) // 2" in source


# -- numbers in the text


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.array([np.nan, np.inf, -np.inf, -0.0]), id="not finite"),
        pytest.param(np.array([0.1, 1e-30, 3e38], np.float32), id="float32"),
        pytest.param(np.array([2**63 - 1, -(2**63)]), id="int64"),
        pytest.param(np.array([2**64 - 1, 0], np.uint64), id="uint64"),
        pytest.param(np.array([True, False]), id="bool"),
        pytest.param(np.zeros((0, 3)), id="no rows"),
        pytest.param(np.zeros((3, 0)), id="no columns"),
        pytest.param(np.arange(40.0).reshape(5, 8).T, id="large, transposed"),
        pytest.param(np.full(20, np.nan, np.float32), id="large, not finite"),
    ],
)
def test_constant_arrays(array: np.ndarray) -> None:  # type: ignore[type-arg]
    held = sd.constant(array)
    graph = sd.Graph({"itself": held, "turned": sd.concat([held, held], 0)})
    assert_three_ways(graph, {})
    first, _ = undecorated(graph, {}, {})
    assert first.tobytes() == np.ascontiguousarray(array).tobytes()


@pytest.mark.parametrize(
    "value",
    [np.float32(0.1), np.float64(-0.0), np.float64("nan"), np.float32("-inf"), np.int8(-128), np.uint64(2**64 - 1)],
    ids=str,
)
def test_literals_are_exact(value: np.generic) -> None:
    found = eval(literal(value), {"np": np})
    assert found.dtype == value.dtype
    assert np.signbit(found) == np.signbit(value)
    np.testing.assert_array_equal(found, value)


def test_constants_have_different_names() -> None:
    constants = Constants({"HALF"})
    values = [0.0, -0.0, 0.5, -0.5, 1e16, 1e-16, np.inf, np.nan, 1.0]
    kinds = [np.dtype("float32"), np.dtype("float64"), np.dtype("int32")]
    names = [constants.name(v, kind) for v in values[:7] for kind in kinds[:2]]
    names += [constants.name(1, kind) for kind in kinds]
    assert len(set(names)) == len(names)
    assert "HALF" not in names
    assert all(name.isidentifier() for name in names)
    assert constants.name(0.5, kinds[0]) == names[4]


def test_what_is_read_more_than_once_through_a_view_is_written_once() -> None:
    x = sd.input("x", (sd.dim("n"), 8))
    h = sd.relu(x * 2.0 + 1.0)
    left, right = h[:, 0::2], h[:, 1::2]
    source = Module(lower(sd.Graph({"out": sd.where(left > right, left, right * left)}))).source()
    assert source.count("x[i, j * 2] * TWO") == source.count("x[i, j * 2 + 1] * TWO") == 1
