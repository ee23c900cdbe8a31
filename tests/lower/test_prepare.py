"""The graph before kernels: composite operators written out, reshapes that move nothing made views."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.node import Node
from symdiff.core.op import Expand, Reshape
from symdiff.core.traversal import toposort
from symdiff.interpret import interpret
from symdiff.lower.prepare import prepare
from tests.emit.three_ways import some_values
from tests.strategies import assert_close

N = sd.dim("n")
x = sd.input("x", (N, 4))
y = sd.input("y", (N,), dtype="int64")


def prepared(node: Node) -> Node:
    (found,), _ = prepare([node])
    return found


def operators(node: Node) -> list[str]:
    return [each.op.name for each in toposort([node])]


@pytest.mark.parametrize(
    "node",
    [sd.softmax(x), sd.log_softmax(x), sd.logsumexp(x, 1), sd.cross_entropy(x, y), sd.one_hot(y, 4), sd.tanh(x) @ x.T],
    ids=lambda node: node.op.name,
)
def test_composites_are_written_out_and_mean_the_same(node: Node) -> None:
    found = prepared(node)
    assert found.type == node.type
    assert not any(isinstance(each.op.lowering, Expand) for each in toposort([found]))
    values = some_values(x, y, n=3)
    one, other = interpret([found, node], values, {"n": 3})
    assert_close(one, other, node.dtype)


def test_each_node_stands_for_one_of_the_graph() -> None:
    loss = sd.sum(sd.softmax(sd.tanh(x)))
    (found,), stands_for = prepare([loss])
    assert stands_for[found] is loss
    assert {node.op.name for node in stands_for.values()} == {"input", "tanh", "softmax", "sum"}


def test_provenance_is_kept() -> None:
    inner = [node for node in toposort([prepared(sd.softmax(x))]) if node.op.name == "exp"]
    assert all("test_prepare.py" in node.origin.place for node in inner)
    assert all("expand softmax" in node.origin.rewrites for node in inner)


@pytest.mark.parametrize(
    ("node", "wanted"),
    [
        pytest.param(sd.reshape(x, (N, 1, 4)), ["input", "expand_dims"], id="new axis"),
        pytest.param(sd.reshape(sd.reshape(x, (N, 1, 4)), (N, 4)), ["input", "expand_dims", "squeeze"], id="back"),
        pytest.param(sd.reshape(sd.reshape(x, (N, 2, 2)), (4 * N,)), ["input", "reshape"], id="reshape of a reshape"),
        pytest.param(sd.reshape(x, (N, 2, 2)), ["input", "reshape"], id="a real one"),
        pytest.param(sd.sum(sd.expand_dims(x, 1), 1), ["input", "expand_dims", "squeeze"], id="sum over one element"),
    ],
)
def test_reshapes_that_move_nothing_are_views(node: Node, wanted: list[str]) -> None:
    assert operators(prepared(sd.exp(node)))[:-1] == wanted


def test_vectors_are_read_by_products_where_they_are() -> None:
    """And their results handed on: adding an axis of size 1 is no reason for a copy."""
    w = sd.param("w", (4,))
    score = x @ w
    (found, slope), stands_for = prepare([score, sd.grad(sd.sum(sd.sin(score)), [w])[0]])
    assert found.op.name == slope.op.name == "reshape"
    assert stands_for[found] is score
    assert [parent.op.name for parent in found.inputs[0].inputs] == ["input", "reshape"]


def test_constants_are_reshaped_at_once() -> None:
    found = prepared(sd.reshape(sd.constant(np.arange(6.0)), (2, 3)))
    assert operators(found) == ["constant"]
    assert found.shape == (2, 3)


def test_products_get_whole_batches_or_one_matrix() -> None:
    """BLAS repeats an operand only when it is the same for all pairs."""
    a, b, one = sd.input("a", (N, 1, 3, 8)), sd.input("b", (5, 8, 2)), sd.input("one", (1, 8, 2))
    repeated = prepared(a @ b)
    assert [parent.shape[:-2] for parent in repeated.inputs] == [(N, 5), (N, 5)]
    same = prepared(sd.input("c", (N, 3, 8)) @ one)
    assert [parent.op.name for parent in same.inputs] == ["input", "input"]


def test_many_small_products_are_sums_of_a_kernel() -> None:
    a, b = sd.input("a", (N, 4, 4)), sd.input("b", (N, 4, 4))
    assert prepared(a @ b).op.name == "sum"
    assert prepared(a[0] @ b[0]).op.name == "matmul"
    assert prepared(sd.exp(a) @ b).op.name == "matmul", "exp would be computed for every column of b"


def test_deep_graphs_are_no_problem() -> None:
    value: Node = x
    for _ in range(20_000):
        value = value + 1
    assert prepared(value).type == x.type


def test_reshapes_share_a_lowering() -> None:
    assert isinstance(prepared(sd.reshape(x, (-1,))).op.lowering, Reshape)
