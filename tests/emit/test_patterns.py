"""Models as people write them, with gradients: interpreter, emitted text and compiled code agree."""

from __future__ import annotations

import pytest

import symdiff as sd
from symdiff.emit.module import Module
from symdiff.lower.lower import lower
from symdiff.passes.pipeline import optimize
from tests.emit.three_ways import assert_three_ways, some_values

N = sd.dim("n")
x = sd.input("x", (N, 6))
labels = sd.input("labels", (N,), dtype="int64")


def with_gradients(cost: sd.Node, wrt: list[sd.Node], **outputs: sd.Node) -> sd.Graph:
    gradients = {f"d_{leaf.attrs['name']}": one for leaf, one in zip(wrt, sd.grad(cost, wrt), strict=True)}
    return sd.Graph({"cost": cost, **outputs, **gradients})


def attention() -> sd.Graph:
    q, k, v = (sd.input(name, (N, 2, 5, 4)) for name in "qkv")
    out = sd.softmax(q @ sd.permute_dims(k, (0, 1, 3, 2)) * 0.5, -1) @ v
    return with_gradients(sd.sum(sd.sin(out)), [q, k, v], out=out)


def normalised(axis: int, shift: sd.Node, scale: sd.Node) -> sd.Node:
    centred = x - sd.mean(x, axis, keepdims=True)
    return centred / sd.sqrt(sd.mean(sd.square(centred), axis, keepdims=True) + 1e-5) * scale + shift


def layer_norm() -> sd.Graph:
    scale, shift = sd.param("scale", (6,)), sd.param("shift", (6,))
    return with_gradients(sd.sum(sd.tanh(normalised(-1, shift, scale))), [x, scale, shift])


def batch_norm() -> sd.Graph:
    scale, shift, average = (sd.param(name, (6,)) for name in ("scale", "shift", "average"))
    cost = sd.sum(sd.tanh(normalised(0, shift, scale)))
    updates = {average: 0.875 * average + 0.125 * sd.mean(x, 0), scale: scale - sd.grad(cost, [scale])[0]}
    return sd.Graph({"cost": cost, "d_x": sd.grad(cost, [x])[0]}, updates=updates)


def convolution() -> sd.Graph:
    """By slicing, stacking and one product."""
    w = sd.input("w", (3, 2))
    out = sd.relu(sd.stack([x[:, k : k + 4] for k in range(3)], -1) @ w)
    return with_gradients(sd.sum(out * out), [x, w], out=out)


def embedding() -> sd.Graph:
    table, w = sd.param("table", (7, 4)), sd.param("w", (4, 3))
    words = sd.input("words", (N, 5), dtype="int64")
    cost = sd.mean(sd.cross_entropy(sd.mean(sd.take(table, words, axis=0), 1) @ w, labels))
    d_table, d_w = sd.grad(cost, [table, w])
    return sd.Graph({"cost": cost}, updates={table: table - 0.1 * d_table, w: w - 0.1 * d_w})


def lstm() -> sd.Graph:
    series, w, b = sd.input("series", (N, 5, 3)), sd.param("w", (7, 16)), sd.param("b", (16,))
    hidden = cell = sd.broadcast_to(sd.constant(0.0), (N, 4))
    for step in range(5):
        z = sd.concat([series[:, step], hidden], 1) @ w + b
        i, f, g, o = (z[:, 4 * k : 4 * k + 4] for k in range(4))
        cell = sd.sigmoid(f) * cell + sd.sigmoid(i) * sd.tanh(g)
        hidden = sd.sigmoid(o) * sd.tanh(cell)
    return with_gradients(sd.sum(hidden * hidden), [w, b])


def gradient_penalty() -> sd.Graph:
    """The gradient of a cost that holds its own gradient."""
    w, v = sd.param("w", (6, 4)), sd.param("v", (4, 3))
    cost = sd.mean(sd.cross_entropy(sd.tanh(x @ w) @ v, labels))
    first, second = sd.grad(cost, [w, v])
    return with_gradients(cost + sd.sum(first * first) + sd.sum(second * second), [w, v])


def integer_products() -> sd.Graph:
    outputs = {}
    for dtype in ("int64", "int32", "uint8"):
        a, b = sd.input(f"a_{dtype}", (N, 3), dtype=dtype), sd.input(f"b_{dtype}", (3, 2), dtype=dtype)
        outputs[dtype] = a @ b
    return sd.Graph(outputs)


def deep_diamond() -> sd.Graph:
    value = x
    for _ in range(40):
        value = sd.tanh(value) * sd.sigmoid(value)
    return with_gradients(sd.sum(value), [x])


def cheap_diamond() -> sd.Graph:
    value = x
    for _ in range(30):
        value = (value * 0.5 + value * value * 0.125)[:, ::1]
    return with_gradients(sd.sum(value), [x])


def shrinking_stencil() -> sd.Graph:
    line = sd.input("line", (32,))
    value = line
    for _ in range(8):
        value = value[1:] * 0.5 + value[:-1] * 0.375
    return with_gradients(sd.sum(value * value), [line])


def long_chain() -> sd.Graph:
    value = x
    for step in range(600):
        value = sd.sin(value) * 1.01 if step % 3 else value * 0.5 + x
    return sd.Graph({"value": value})


def two_softmaxes() -> sd.Graph:
    """Each needs a row of its own to keep exponentials in, of another length."""
    w = sd.input("w", (6, 9))
    return sd.Graph({"out": sd.softmax(sd.softmax(sd.softmax(sd.sin(x)) @ w) @ w.T)})


def sums_that_cancel() -> sd.Graph:
    """Sums may be taken in any order; what is summed may not be rearranged with them."""
    large = sd.input("large", (N, 6))
    return sd.Graph({"zero": sd.sum((x + large * 1e20) - large * 1e20), "x": sd.sum(x)})


def ten_axes() -> sd.Graph:
    """More axes than letters."""
    deep = sd.input("deep", (N, *(1, 2) * 5))
    return sd.Graph({"sums": sd.sum(sd.tanh(deep), 0), "turned": sd.permute_dims(deep, tuple(reversed(range(11))))})


def totals_and_rows() -> sd.Graph:
    """Each reduction needs the one before it, along another axis."""
    centred = x - sd.sum(x, 0)
    scaled = centred * sd.sum(centred, 1, keepdims=True)
    return sd.Graph({"out": scaled / (sd.sum(scaled) + 100), "columns": sd.sum(x, 0)})


def indices_that_are_computed() -> sd.Graph:
    table = sd.input("table", (6, 3))
    best = sd.argmax(x, 1)
    cost = sd.sum(sd.square(sd.take(table, best - 6, axis=0)))
    return with_gradients(cost, [table], best=best, along=sd.take_along_axis(x, sd.expand_dims(best, 1), 1))


def many_results() -> sd.Graph:
    return sd.Graph({f"sin{k}": sd.sin(x * k) for k in range(1, 120)})


PATTERNS = [
    attention, layer_norm, batch_norm, convolution, embedding, lstm, gradient_penalty, integer_products, deep_diamond,
    cheap_diamond, shrinking_stencil, long_chain, two_softmaxes, sums_that_cancel, ten_axes,
    totals_and_rows, indices_that_are_computed, many_results,
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.__name__)
def test_agrees_three_ways(pattern: object) -> None:
    graph = pattern()  # type: ignore[operator]
    assert_three_ways(graph, some_values(*graph.inputs, *graph.params, n=4), {"n": 4})


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.__name__)
def test_kernels_are_of_bounded_size(pattern: object) -> None:
    module = Module(lower(optimize(pattern())[0]))  # type: ignore[operator]
    assert max(len(kernel.text.source.splitlines()) for kernel in module.kernels) < 250
