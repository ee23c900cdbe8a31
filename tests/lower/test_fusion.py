"""What is computed together: the structure of programs, whatever their names and texts are."""

from __future__ import annotations

import ast

import pytest

import symdiff as sd
from symdiff.emit.module import Module
from symdiff.lower.ir import Accumulate, Combine, Loop
from symdiff.lower.rewrite import walk
from tests.emit.three_ways import assert_three_ways, some_values
from tests.lower.support import N, depth, functions, kernels, loads, products, program, program_of, stores

x = sd.input("x", (N, 10))
w = sd.input("w", (10, 10))
b = sd.input("b", (10,))
y = sd.input("y", (N,), dtype="int64")


def layer_norm(x: sd.Node) -> sd.Node:
    centred = x - sd.mean(x, -1, keepdims=True)
    return centred / sd.sqrt(sd.mean(sd.square(centred), -1, keepdims=True) + 1e-5) * b + b


ONE_KERNEL = {
    "elementwise chain": sd.exp(sd.tanh(x * 2 + 1)) / 3,
    "broadcasts": sd.relu(x * b + 1) - b,
    "sum of everything": sd.sum(sd.square(x)),
    "sums of rows": sd.sum(sd.tanh(x), 1),
    "softmax": sd.softmax(x),
    "log_softmax": sd.log_softmax(x),
    "logsumexp": sd.logsumexp(x, 1),
    "layer norm": layer_norm(x),
    "argmax": sd.argmax(x, 1),
    "accuracy": sd.mean(sd.astype(sd.equal(sd.argmax(x, 1), y), "float64")),
    "slices": x[:, 1:] * x[:, :-1],
    "transpose": sd.exp(x.T),
}


@pytest.mark.parametrize("case", ONE_KERNEL)
def test_is_one_kernel(case: str) -> None:
    assert len(kernels(program(ONE_KERNEL[case]))) == 1


def test_an_elementwise_chain_is_one_flat_loop() -> None:
    (kernel,) = kernels(program(sd.exp(sd.tanh(x * 2 + 1)) / 3))
    assert depth(kernel.body) == 1
    assert kernel.sizes == ("size",)
    assert len(list(loads(kernel.body))) == 1


def test_several_results_of_one_loop() -> None:
    outputs = [sd.sum(x * x), sd.mean(sd.abs(x)), sd.sum(x, 1), sd.sum(x, 0), sd.tanh(x)]
    (kernel,) = kernels(program(*outputs))
    assert len(set(stores(kernel)) | {s.buffer for s in walk(kernel.body) if isinstance(s, Combine)}) == 5


def test_softmax_cross_entropy_with_its_gradient_and_bias_is_one_kernel_over_rows() -> None:
    loss = sd.losses.softmax_cross_entropy(x @ w + b, y)
    found = program(loss, *sd.grad(loss, [w, b]))
    (kernel,) = kernels(found)
    assert depth(kernel.body) == 2
    assert len(products(found)) == 2


def test_bias_and_relu_are_one_kernel_in_place_of_the_product() -> None:
    found = program(sd.relu(x @ w + b) @ w)
    (kernel,) = kernels(found)
    first, second = products(found)
    assert stores(kernel) == [first.out.name]
    assert second.a.storage is first.out.storage


def test_sums_of_columns_have_rows_outside() -> None:
    """The inner loop runs along memory."""
    (kernel,) = kernels(program(sd.sum(sd.tanh(x), 0)))
    outer = kernel.body[-1]
    assert isinstance(outer, Loop)
    (inner,) = outer.body
    assert isinstance(inner, Loop)
    (combine,) = inner.body
    assert isinstance(combine, Combine)
    (load,) = loads(outer.body)
    assert [entry.name for entry in load.index] == [outer.var, inner.var]
    assert [entry.name for entry in combine.index] == [inner.var]


def test_exponentials_of_softmax_are_computed_once() -> None:
    (kernel,) = kernels(program(sd.softmax(x)))
    assert Module(program(sd.softmax(x))).kernels[0].text.source.count("exp(") == 1
    assert sum(isinstance(statement, Accumulate) for statement in walk(kernel.body)) == 2


def test_equal_layers_are_one_function() -> None:
    other = sd.input("other", (10,))
    hidden = sd.relu(sd.relu(x @ w + b) @ w + other)
    found = program(hidden @ w)
    assert len(kernels(found)) == 2
    assert len(functions(found)) == 1


def test_layers_of_different_sizes_that_only_map_elements_are_one_function() -> None:
    wide = sd.input("wide", (N, 30, 2))
    assert len(functions(program(sd.tanh(x), sd.tanh(wide)))) == 1


def adam_step() -> sd.TrainStep:
    weights = [sd.param(f"w{k}", (10, 10)) for k in range(3)]
    biases = [sd.param(f"b{k}", (10,)) for k in range(3)]
    hidden = x
    for weight, bias in zip(weights, biases, strict=True):
        hidden = sd.tanh(hidden @ weight + bias)
    return sd.train_step(sd.losses.softmax_cross_entropy(hidden, y), [x, y], sd.optim.adam(1e-3))


def test_all_adam_updates_call_one_function() -> None:
    module = Module(program_of(adam_step().graph))
    calls = [call.name for call in module.calls.values()]
    counts = {name: calls.count(name) for name in calls}
    assert sorted(counts.values())[-1] == 6, counts


def test_scalars_of_the_step_count_are_computed_once() -> None:
    sources = [kernel.text.source for kernel in Module(program_of(adam_step().graph)).kernels]
    assert sum("power(" in source for source in sources) == 1
    (source,) = (source for source in sources if "power(" in source)
    assert "for " not in source


def test_transposes_are_folded_into_products() -> None:
    found = program(x.T @ x, x @ w.T, sd.matmul(x.T, (x @ w.T)))
    assert not kernels(found)
    assert {(step.transpose_a, step.transpose_b) for step in products(found)} == {(True, False), (False, True)}


def test_batched_transposes_are_folded_too() -> None:
    q, k = sd.input("q", (N, 5, 4)), sd.input("k", (N, 5, 4))
    found = program(q @ sd.permute_dims(k, (0, 2, 1)))
    (product,) = products(found)
    assert not kernels(found)
    assert product.transpose_b
    assert str(product.count) == "n"


def test_reshape_is_free() -> None:
    found = program(sd.reshape(sd.exp(x), (-1,)), inputs=[x])
    assert len(found.steps) == 1
    assert len({buffer.storage for buffer in found.work}) == 1


def test_each_piece_of_a_concatenation_is_written_to_its_place() -> None:
    """Pieces of one size are written in one pass."""
    found = program(sd.concat([x * 2, x + 1, x[1:]], 0))
    both, last = kernels(found)
    out = found.outputs["out0"].name
    assert (stores(both), stores(last)) == ([out, out], [out])
    assert not any(buffer.role == "work" for buffer in found.work)


def test_the_gradient_of_take_adds_into_one_buffer() -> None:
    table, at = sd.input("table", (7, 4)), sd.input("at", (N,), dtype="int64")
    found = program(*sd.grad(sd.sum(sd.square(sd.take(table, at, axis=0))), [table]))
    (kernel,) = kernels(found)
    assert len(found.steps) == 2
    assert sum(isinstance(statement, Combine) for statement in walk(kernel.body)) == 1


def test_attention_is_products_and_one_kernel() -> None:
    q, k, v = (sd.input(name, (N, 5, 4)) for name in "qkv")
    found = program(sd.softmax(q @ sd.permute_dims(k, (0, 2, 1)) * 0.5) @ v)
    assert len(kernels(found)) == 1
    assert len(products(found)) == 2


def test_kernels_stay_of_bounded_size() -> None:
    """A diamond of depth 40 would be 2^40 operations if shared values were written out."""
    value = sd.input("v", (N,))
    for _ in range(40):
        value = sd.tanh(value) * sd.sigmoid(value) + value
    found = Module(program(*sd.grad(sd.sum(value), [sd.input("v", (N,))]), value))
    assert max(len(kernel.text.source.splitlines()) for kernel in found.kernels) < 400
    assert sum(len(kernel.text.source) for kernel in found.kernels) < 60_000


def test_long_chains_are_cut() -> None:
    value = sd.input("v", (N,))
    for step in range(2000):
        value = sd.sin(value) * 1.01 if step % 3 else value * 0.5 + 0.25
    module = Module(program(value))
    assert max(len(kernel.text.source.splitlines()) for kernel in module.kernels) < 200
    assert len(module.calls) < 200


@pytest.mark.parametrize("rows", [0, 2])
def test_memory_is_not_left_to_loops_that_may_be_empty(rows: int) -> None:
    """The sum of the biases is needed along the columns of x, and by a product even when x has no rows."""
    total = b + sd.input("c", (10,))
    graph = sd.Graph([sd.exp(x * total), -total[None] @ w])
    assert_three_ways(graph, some_values(*graph.inputs, n=rows), {"n": rows})


def test_no_kernel_allocates() -> None:
    loss = sd.losses.softmax_cross_entropy(layer_norm(x @ w + b), y)
    source = Module(program(loss, *sd.grad(loss, [w, b]))).source()
    for function in (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)):
        calls = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
        if function.name != "workspace":
            assert not {call for call in calls if "empty" in call or "zeros" in call or "copy" in call}, function.name
        if function.decorator_list:
            assert not any(isinstance(node, ast.Slice | ast.List | ast.Attribute) for node in ast.walk(function))


def test_products_with_vectors_copy_nothing() -> None:
    vector = sd.input("vector", (10,))
    cost = sd.sum(sd.sin(x @ vector))
    assert len(kernels(program(cost, *sd.grad(cost, [vector])))) == 1
