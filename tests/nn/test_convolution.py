"""Convolutions: the native steps, the text that means the same, threads, batches, errors."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff import nn
from symdiff.core.record import replace
from symdiff.ops.conv import convolve, convolve_transposed
from symdiff.runtime import codegen, convolution, driver, gemm, load
from tests.emit.three_ways import assert_three_ways, some_values

N = sd.dim("n")


def everything(
    image: tuple[Any, ...], weights: tuple[int, ...], **settings: Any
) -> tuple[list[sd.Node], list[sd.Node]]:
    """A convolution with its gradients; the leaves."""
    x, w = sd.input("x", image), sd.input("w", weights)
    y = getattr(nn, f"conv{len(image) - 2}d")(x, w, **settings)
    ct = sd.input("ct", y.shape)
    return [y, *sd.vjp([y], [x, w], [ct])], [x, w, ct]


CASES = [
    ((N, 2, 6), (3, 2, 3), {"padding": 1}),
    ((N, 2, 6), (5, 2, 3), {"padding": 1}),
    ((N, 2, 5, 4), (4, 2, 3, 2), {"padding": (1, 0), "stride": (1, 2)}),
    ((N, 4, 5, 5), (8, 2, 2, 2), {"groups": 2, "dilation": 2}),
    ((N, 1, 3, 4, 3), (4, 1, 2, 1, 2), {"stride": 2, "padding": 1}),
]


@pytest.mark.parametrize(("image", "weights", "settings"), CASES)
@pytest.mark.parametrize("n", [2, 0])
def test_three_ways(image: Any, weights: Any, settings: Any, n: int) -> None:
    outputs, leaves = everything(image, weights, **settings)
    graph = sd.Graph(dict(zip("yxw", outputs, strict=True)), inputs=leaves)
    assert_three_ways(graph, some_values(*leaves, n=n), {"n": n})


@pytest.mark.parametrize("native", [True, False], ids=["native", "compiled text"])
@pytest.mark.parametrize(
    ("image", "weights", "settings"),
    [
        ((N, 40, 9, 11), (70, 40, 4, 4), {"padding": 2}),  # channels in blocks
        ((N, 3, 30, 7), (19, 3, 3, 3), {"stride": (2, 1), "padding": 1}),  # rows shorter than a vector
        ((N, 2, 3, 5, 40), (5, 2, 2, 3, 5), {"padding": (1, 0, 2), "dilation": (1, 1, 3)}),
        ((N, 4, 20, 20, 20), (4, 4, 3, 3, 3), {"padding": 1}),  # planes in boxes
        ((N, 4, 7, 9, 8), (5, 4, 3, 3, 3), {"padding": 1, "stride": (2, 3, 1)}),
        ((N, 2, 10, 12, 900), (4, 2, 4, 9, 3), {"stride": (3, 1, 1)}),  # planes that fill a field
        ((N, 1, 4, 4), (530, 1, 2, 2), {}),
        ((N, 16, 20, 20), (16, 1, 3, 3), {"groups": 16, "padding": "same"}),
        ((N, 6, 20, 20), (15, 2, 3, 3), {"groups": 3, "padding": "same"}),
        ((N, 5, 200), (7, 5, 9), {"dilation": 20, "padding": 70}),  # taps that meet no window of a vector
        ((N, 3, 9, 9), (5, 3, 1, 1), {"stride": 3, "padding": 2}),  # elements that no tap meets
        ((N, 5, 12, 12), (6, 5, 2, 2), {"stride": 4, "dilation": 3}),
        ((N, 4, 3, 3), (4, 4, 5, 5), {"padding": 2}),  # windows larger than the image
        ((N, 4, 300, 70), (4, 4, 3, 3), {"padding": 1}),  # rows in boxes
        ((N, 2, 5000), (4, 2, 5), {"padding": 2}),  # parts of rows in boxes
        ((N, 2, 5000), (4, 2, 5), {"stride": 3, "dilation": 2}),
        ((N, 2, 30, 30), (4, 2, 20, 20), {}),  # taps in blocks
        ((N, 2, 3000), (4, 2, 700), {"stride": 2}),
        ((N, 2, 7000), (4, 2, 3), {"dilation": 3000, "padding": 10}),  # taps too far apart for one field
        ((N, 2, 90, 90), (4, 2, 3, 3), {"dilation": (30, 35), "padding": 10}),
    ],
)
def test_blocks(image: Any, weights: Any, settings: Any, native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not native:
        monkeypatch.setattr(convolution, "step", lambda name, dtype: None)
    outputs, leaves = everything(image, weights, **settings)
    values = [
        np.random.default_rng(0).normal(size=node.shape if k == 1 else (3, *node.shape[1:]))
        for k, node in enumerate(leaves)
    ]
    expected = sd.compile(outputs, inputs=leaves, backend="numpy")(*values)
    for actual, wanted in zip(sd.compile(outputs, inputs=leaves)(*values), expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-11, atol=1e-11 * np.abs(wanted).max())


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_what_is_not_finite_goes_only_where_its_windows_are(bad: float) -> None:
    outputs, leaves = everything((2, 3, 6, 7), (5, 3, 3, 3), padding=1)
    x, w, ct = (np.random.default_rng(k).normal(size=node.shape) for k, node in enumerate(leaves))
    compiled, reference = (sd.compile(outputs, inputs=leaves, backend=backend) for backend in ("native", "numpy"))
    for k, at in ((0, (1, 2, 0, 6)), (0, (0, 0, 3, 3)), (2, (0, 4, 5, 6)), (2, (1, 0, 2, 6))):
        values = [x.copy(), w.copy(), ct.copy()]
        values[k][at] = bad
        with np.errstate(invalid="ignore"):
            expected = reference(*values)
        for found, wanted in zip(compiled(*values), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@functools.cache
def step(name: str, dtype: str, width: int) -> int:
    shape = gemm.AVX512 if width == 64 else replace(gemm.AVX2, cpu="haswell")
    entry = f"test_{name}_{dtype}_{width}"
    return load.load(codegen.object_code(convolution.text(name, dtype, shape, entry), entry, thorough=False), entry)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [64, 32])
def test_steps_for_both_kinds_of_vectors(width: int, dtype: str, stride: int) -> None:
    if gemm.shape() is None or (width == 64 and gemm.shape() is not gemm.AVX512):
        pytest.skip("this CPU has no such vectors")
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 3, 9, 21)).astype(dtype), rng.normal(size=(5, 3, 3, 4)).astype(dtype)
    nodes = sd.input("x", (2, 3, 9, 21)), sd.input("w", (5, 3, 3, 4))
    node = nn.conv2d(*nodes, stride=stride, padding=1)
    ct = sd.input("ct", node.shape)
    image = sd.vjp([node], [nodes[0]], [ct])[0]
    weights = next(n for n in sd.Graph([sd.vjp([node], [nodes[1]], [ct])[0]]).nodes if n.op.name == "conv_weight")
    y, spread, turned = (np.full(found.shape, np.nan, dtype) for found in (node, image, weights))
    c = rng.normal(size=node.shape).astype(dtype)
    sizes = [2, 1, 3, 5, 1, 9, 21, 1, *node.shape[2:], 1, 3, 4, 1, stride, stride, 0, 1, 1, 1, 1, 1]
    run_step(step("conv", dtype, width), sizes, x, w, y)
    run_step(step("conv_transpose", dtype, width), sizes, c, w, spread)
    run_step(step("conv_weight", dtype, width), [*sizes, 1, 3, 5], x, c, turned)
    expected = sd.compile([node, image, weights], inputs=[*nodes, ct], backend="numpy")(
        x.astype(float), w.astype(float), c.astype(float)
    )
    for actual, wanted in zip((y, spread, turned), expected, strict=True):
        np.testing.assert_allclose(
            actual, wanted, rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-4 if dtype == "float32" else 1e-12
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shares_have_the_bits_of_the_whole(dtype: str) -> None:
    """Whatever images or channels a thread makes."""
    found = gemm.shape()
    if found is None:
        pytest.skip("products are not our own")
    rng = np.random.default_rng(0)
    x, w, y = (rng.normal(size=s).astype(dtype) for s in ((9, 40, 9, 9), (24, 40, 3, 3), (9, 24, 9, 9)))
    sizes = [9, 1, 40, 24, 1, 9, 9, 1, 9, 9, 1, 3, 3, 1, 1, 1, 0, 1, 1, 1, 1, 1]
    for name, given, shape in (("conv", x, y.shape), ("conv_transpose", y, x.shape)):
        whole, parts = (np.full(shape, np.nan, dtype) for _ in range(2))
        run_step(step(name, dtype, found.bytes), sizes, given, w, whole)
        for images in (slice(0, 2), slice(2, 9)):
            count = images.stop - images.start
            run_step(step(name, dtype, found.bytes), [count, *sizes[1:]], given[images], w, parts[images])
        assert np.array_equal(whole, parts)
    whole, parts = (np.full((40, 3, 3, 24), np.nan, dtype) for _ in range(2))
    run_step(step("conv_weight", dtype, found.bytes), [*sizes, 1, 40, 24], x, y, whole)
    slots = [*sizes, 1, 40, 24]
    for inputs in (slice(0, 7), slice(7, 40)):
        slots[2] = inputs.stop - inputs.start
        run_step(step("conv_weight", dtype, found.bytes), slots, x[:, inputs], y, parts[inputs])
    assert np.array_equal(whole, parts)


def run_step(address: int, numbers: list[int], *arrays: Any) -> None:
    values = [*numbers, *(array.ctypes.data for array in arrays)]
    slots = np.array([0, 0, *values], np.int64)
    table = np.array([address, len(values), *range(2, 2 + len(values))], np.int64)
    assert driver.run()(table.ctypes.data, 1, slots.ctypes.data) == 0


def test_a_transposed_convolution_is_the_transpose() -> None:
    x, w, y = sd.input("x", (2, 4, 7, 6)), sd.input("w", (6, 2, 3, 2)), sd.input("y", (2, 6, 4, 5))
    settings = ((2, 1), ((1, 1), (0, 1)), (1, 2), 2)
    there = sd.sum(convolve(x, w, *settings) * y)
    back = sd.sum(convolve_transposed(y, w, (7, 6), *settings) * x)
    values = [np.random.default_rng(0).normal(size=node.shape) for node in (x, w, y)]
    one, other = sd.compile([there, back], inputs=[x, w, y])(*values)
    np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("of_weights", [False, True])
def test_batches(of_weights: bool) -> None:
    """All items at once, as images or as groups, with derivatives."""
    x, w = sd.input("x", (2, 4, 5, 4)), sd.input("w", (6, 2, 3, 2))
    xs, ws = sd.input("xs", (3, 2, 4, 5, 4)), sd.input("ws", (3, 6, 2, 3, 2))
    y = nn.conv2d(x, w, padding=1, groups=2)
    outputs = [y, *sd.grad(sd.sum(y**3), [x, w])]
    batches = {x: xs, w: ws} if of_weights else {x: xs}
    from symdiff.autodiff.batch import batched

    rng = np.random.default_rng(0)
    many, weights = rng.normal(size=xs.shape), rng.normal(size=ws.shape)
    given = [xs, ws] if of_weights else [xs, w]
    found = sd.compile(batched(outputs, batches), inputs=given)(many, weights if of_weights else weights[0])
    one = sd.compile(outputs, inputs=[x, w])
    for k in range(3):
        for all_items, item in zip(found, one(many[k], weights[k if of_weights else 0]), strict=True):
            np.testing.assert_allclose(all_items[k], item, rtol=1e-10, atol=1e-10)


def test_forward_mode() -> None:
    x, w = sd.input("x", (2, 2, 5)), sd.input("w", (3, 2, 3))
    dx, dw = sd.input("dx", x.shape), sd.input("dw", w.shape)
    y = nn.conv1d(x, w, padding=1)
    (tangent,) = sd.jvp([y], [x, w], [dx, dw])
    values = [np.random.default_rng(0).normal(size=node.shape) for node in (x, w, dx, dw)]
    found, one, other = sd.compile(
        [tangent, nn.conv1d(dx, w, padding=1), nn.conv1d(x, dw, padding=1)], inputs=[x, w, dx, dw]
    )(*values)
    np.testing.assert_allclose(found, one + other, rtol=1e-12)


X, W = sd.input("x", (N, 4, 8, 8)), sd.input("w", (6, 2, 3, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.conv2d(X, W), r"channels differ: x: float64\[n, 4, 8, 8\] with w.*\(4 != 2\)"),
        (lambda: nn.conv2d(X, W, groups=4), "channels differ"),
        (lambda: nn.conv2d(X, sd.input("w", (5, 2, 3, 3)), groups=2), "the groups do not divide the channels"),
        (lambda: nn.conv2d(X, W, groups=2, padding="same", stride=2), "goes with stride 1"),
        (lambda: nn.conv2d(X, W, groups=2, padding="full"), '"same" or "valid"'),
        (lambda: nn.conv2d(X, W, groups=2, stride=0), "stride is at least 1"),
        (lambda: nn.conv2d(X, W, groups=2, stride=(1, 2, 3)), "stride is an int or 2 of them"),
        (lambda: nn.conv2d(X, W, groups=2, dilation=4), "a window of 3 .* does not fit into 8"),
        (lambda: nn.conv2d(X, W, sd.input("b", (4,)), groups=2), "bias has one number for each channel"),
        (lambda: nn.conv1d(X, W), "takes .N, C, 1 spatial axes."),
        (lambda: nn.conv1d(sd.input("x", (2, 4, N)), sd.input("w", (6, 4, 3)), stride=2), "does not divide"),
        (lambda: nn.conv_transpose2d(X, sd.input("w", (4, 2, 3, 3)), output_padding=1), "output_padding is smaller"),
        (lambda: nn.fold(sd.input("x", (N, 5, 4)), 3, 2), r"takes \(N, C \* 2 \* 2, 4 windows\)"),
        (lambda: nn.max_pool2d(X, 3, padding=2), "at most half of the window"),
        (lambda: nn.max_pool2d(X, 9), "does not fit"),
        (lambda: nn.avg_pool2d(sd.input("x", (2, 3, N, 4)), 3), "must be numbers"),
        (lambda: nn.adaptive_avg_pool2d(X, (1, 2, 3)), "output_size is 2 numbers"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(sd.ShapeError, match=message):
        call()
