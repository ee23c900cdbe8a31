"""Constant folding, common subexpressions and dead code."""

import numpy as np
import pytest
from pass_support import ops, run

import symdiff as sd
from symdiff.core.errors import IndexRangeError
from symdiff.ops.index import arange, in_range
from symdiff.passes import optimize
from symdiff.passes.cse import cse
from symdiff.passes.dce import dce
from symdiff.passes.fold import fold
from symdiff.passes.rewrite import rewrite

n = sd.dim("n")
a = sd.input("a", (4, 4))
b = sd.input("b", (4, 4))
x = sd.input("x", (n, 4))


def folded(node):
    return rewrite([node], fold.rules)[0]


def test_operators_on_constants_become_constants():
    node = sd.exp(sd.constant(2.0)) * 3 + 1
    assert folded(node) is sd.constant(np.exp(2.0) * 3 + 1)
    assert folded(sd.constant([1.0, 2.0]) + sd.constant([3.0, 4.0])) is sd.constant([4.0, 6.0])
    assert folded(sd.sum(sd.constant([1, 2, 3]))) is sd.constant(6)


def test_the_dtype_stays():
    node = sd.constant(np.float32(1)) / 3
    assert folded(node).dtype == np.float32


def test_nan_and_inf_are_values_like_others():
    assert np.isnan(folded(sd.constant(0.0) / 0.0).attrs["value"].array)
    assert folded(sd.exp(sd.constant(1e4))).attrs["value"].array == np.inf


def test_what_comes_out_filled_is_one_number():
    node = folded(sd.constant([1.0, 2.0]) * 0.0)
    assert ops(node) == ["broadcast_to"] and node.shape == (2,)


def test_large_arrays_are_not_made():
    wide = sd.broadcast_to(sd.constant([1.0, 2.0]), (4096, 2))
    assert folded(sd.exp(wide)) is sd.exp(wide)
    count = arange(5000)
    assert folded(count * 2) is count * 2
    assert folded(sd.sum(sd.broadcast_to(sd.constant([1.0, 2.0]), (400, 2)), 0)) is sd.constant([400.0, 800.0])


def test_a_large_constant_may_be_folded_into_another():
    large = np.arange(5000.0)
    assert folded(sd.constant(large) * 2) is sd.constant(large * 2)


def test_symbolic_shapes_are_left():
    node = sd.exp(sd.broadcast_to(1.0, (n, 2)))
    assert folded(node) is node


def test_an_operator_that_raises_is_left_to_raise_when_it_runs():
    node = in_range(sd.constant([7]), 3)
    assert folded(node) is node
    with pytest.raises(IndexRangeError):
        run([node], {})


def merged(**outputs):
    return cse(sd.Graph(outputs)).roots


def test_operands_the_other_way_round_are_one_expression():
    left, right = merged(p=a * b, q=sd.exp(b * a))
    assert left is a * b and right is sd.exp(a * b)


def test_what_does_not_commute_is_not_merged():
    graph = sd.Graph({"p": a - b, "q": b - a, "r": a @ b, "s": b @ a})
    assert cse(graph) is graph


@pytest.mark.parametrize("reduce", [sd.sum, sd.max, sd.min, sd.argmax])
def test_a_reduction_with_and_without_its_axes_is_computed_once(reduce):
    flat, kept = merged(p=reduce(a, 1), q=reduce(a, 1, keepdims=True))
    assert flat is reduce(a, 1) and kept is sd.expand_dims(flat, 1)
    kept, flat = merged(p=reduce(b, 0, keepdims=True), q=reduce(b, 0))
    assert kept is reduce(b, 0, keepdims=True) and flat is sd.squeeze(kept, 0)
    first, second = merged(p=reduce(a, 0), q=reduce(a, 1, keepdims=True))
    assert ops(first, second).count(first.op.name) == 2


def test_a_product_and_its_transpose_are_computed_once():
    first, second = merged(p=a.T @ b, q=b.T @ a)
    assert first is a.T @ b and second is (a.T @ b).T
    gram = a.T @ a
    assert merged(p=gram) == [gram]


def test_merging_keeps_values():
    graph = sd.Graph({"p": a.T @ b, "q": b.T @ a, "r": sd.sum(a * b, 1), "s": sd.sum(b * a, 1, keepdims=True)})
    rng = np.random.default_rng(0)
    values = {a: rng.normal(size=(4, 4)), b: rng.normal(size=(4, 4))}
    for old, new in zip(run(graph.roots, values), run(cse(graph).roots, values), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-13)


def alive(node):
    return rewrite([node], dce.rules)[0]


def test_a_slice_of_a_concatenation_needs_one_operand():
    joined = sd.concat([a, b], 0)
    graph, _ = optimize(sd.Graph({"p": joined[4:]}))
    assert graph.outputs["p"] is b
    graph, _ = optimize(sd.Graph({"p": joined[1:3]}))
    assert graph.outputs["p"] is a[1:3]
    assert alive(joined[2:6]) is joined[2:6]
    assert alive(joined[::2]) is joined[::2]


def test_a_slice_of_a_symbolic_concatenation():
    graph, _ = optimize(sd.Graph({"p": sd.concat([x, x * 2], 0)[n:]}))
    assert graph.outputs["p"] is 2 * x


def test_a_slice_of_a_padded_slice_is_the_slice():
    v = sd.input("v", (6,))
    padded = sd.grad(sd.sum(sd.exp(v[1:4])), v)
    assert padded.op.name == "slice_transpose"
    assert alive(padded[1:4]) is padded.inputs[0]
    assert alive(padded[1:5]) is padded[1:5]


def test_nodes_that_no_root_needs_are_not_in_the_graph():
    graph, _ = optimize(sd.Graph({"p": sd.where(sd.constant(True), a, sd.exp(b))}))
    assert graph.nodes == [a] and graph.inputs == [a, b]
