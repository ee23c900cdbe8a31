"""Loops over neighbouring axes that become one."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd
from symdiff.lower.ir import Loop
from symdiff.lower.lower import lower
from symdiff.lower.merge import is_merged
from symdiff.lower.program import KernelCall
from symdiff.lower.rewrite import walk
from symdiff.lower.verify import verify_program

N = sd.dim("n")


def extents(output: sd.Node, *inputs: sd.Node) -> list[list[str]]:
    """The loops of each kernel, as the text of their extents."""
    program = lower(sd.Graph({"y": output}, inputs=inputs))
    verify_program(program)
    kernels = [step.kernel for step in program.steps if isinstance(step, KernelCall)]
    return [[str(getattr(s.extent, "value", "n")) for s in walk(k.body) if isinstance(s, Loop)] for k in kernels]


def test_the_pixels_of_a_channel_are_one_loop() -> None:
    x, b = sd.input("x", (N, 3, 4, 5)), sd.input("b", (3,))
    assert extents(x + b.reshape((3, 1, 1)), x, b) == [["n", "3", "20"]]


def test_the_sums_of_a_batch_norm_too() -> None:
    x = sd.input("x", (N, 3, 4, 5))
    loops = extents(sd.nn.batch_norm(x, training=True), x)
    assert loops == [["3", *["n", "20"] * 3]]


def test_axes_that_something_tells_apart_stay_two() -> None:
    x, row = sd.input("x", (N, 3, 4, 5)), sd.input("row", (5,))
    assert extents(x + row, x, row) == [["n", "12", "5"]]
    y = sd.permute_dims(x, (0, 1, 3, 2)) + x.reshape((N, 3, 5, 4))
    assert extents(y, x) == [["n", "3", "5", "4"]]


def test_a_part_of_an_axis_is_not_the_axis() -> None:
    x = sd.input("x", (N, 3, 4, 5))
    assert extents(x[:, :, :, 1:] + 1, x) == [["n", "12", "4"]]
    assert extents(x[:, :, 1:] * sd.input("b", (3,)).reshape((3, 1, 1)), x, sd.input("b", (3,))) == [
        ["n", "3", "3", "5"]
    ]


@pytest.mark.parametrize(
    ("shape", "whole", "fits"),
    [
        ((N, 12), (N, 3, 4), True),
        ((N * 3, 4), (N, 3, 4), True),
        ((3, 4), (3, 4, 1), True),
        ((4, 3), (3, 4), False),
        ((2, 6), (3, 4), False),
        ((12,), (3, 5), False),
    ],
)
def test_what_is_a_shape_with_merged_axes(shape: tuple, whole: tuple, fits: bool) -> None:
    assert is_merged(shape, whole) is fits


def test_results_are_the_same() -> None:
    x = sd.input("x", (N, 3, 4, 5))
    outputs = [sd.nn.batch_norm(sd.relu(x), training=True), sd.softmax(x, axis=1), sd.sum(x * x, axis=(0, 2, 3))]
    value = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    expected = sd.compile(outputs, inputs=[x], backend="numpy")(value)
    for found, wanted in zip(sd.compile(outputs, inputs=[x])(value), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14)
