"""Every dtype, at its limits: arithmetic wraps, casts and comparisons as in NumPy, all three ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.node import Node
from symdiff.core.types import DTYPES
from tests.emit.three_ways import assert_three_ways
from tests.strategies import Array

INTEGERS = [name for name, dtype in DTYPES.items() if dtype.kind in "iu"]
FLOATS = ["float32", "float64"]
SIZE = 36

BINARY = [
    "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "maximum", "minimum", "equal", "not_equal",
    "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
]  # fmt: skip
UNARY = ["negative", "abs", "sign", "square", "reciprocal", "logical_not", "sqrt", "exp"]
REDUCTIONS = ["sum", "prod", "max", "min", "mean", "argmax", "argmin"]
WITH_NUMBERS: dict[str, Callable[[Node], Node]] = {
    "x + 3": lambda x: x + 3,
    "2 - x": lambda x: 2 - x,
    "x * 3": lambda x: x * 3,
    "x // 3": lambda x: x // 3,
    "x % 3": lambda x: x % 3,
    "x ** 3": lambda x: x**3,
    "x < 3": lambda x: x < 3,
    "clipped": lambda x: sd.maximum(sd.minimum(x, 5), 1),
    "where": lambda x: sd.where(x > 2, x, 1),
}


def extremes(dtype: str, seed: int) -> Array:
    """Values at the limits of a dtype, each beside each."""
    rng, kind = np.random.default_rng(seed), np.dtype(dtype)
    if dtype == "bool":
        return rng.random(SIZE) < 0.5
    if kind.kind == "f":
        special = [0.0, -0.0, 1.5, -2.5, np.inf, -np.inf, np.nan, 3e4, -7.25, 100.75, 255.0, 0.5]
        return rng.choice(np.array(special, dtype), SIZE)
    limits = np.iinfo(dtype)
    special = [limits.min, limits.max, 0, 1, 2, 3, 5, limits.max // 2, limits.max - 1, limits.min + 7]
    return rng.choice(np.array(special, object), SIZE).astype(dtype)


def agree(outputs: Mapping[str, Node], x: Node, y: Node) -> None:
    values = {leaf: extremes(leaf.dtype.name, seed) for seed, leaf in enumerate((x, y))}
    assert_three_ways(sd.Graph(dict(outputs), [x, y]), values)


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_arithmetic(dtype: str) -> None:
    x, y = sd.input("x", (SIZE,), dtype=dtype), sd.input("y", (SIZE,), dtype=dtype)
    outputs = {name: getattr(sd, name)(x, y) for name in BINARY}
    outputs |= {name: getattr(sd, name)(x) for name in (*UNARY, *REDUCTIONS)}
    outputs |= {name: make(x) for name, make in WITH_NUMBERS.items()}
    agree(outputs, x, y)


def test_truth_values() -> None:
    x, y = sd.input("x", (SIZE,), dtype="bool"), sd.input("y", (SIZE,), dtype="bool")
    outputs = {name: getattr(sd, name)(x, y) for name in ("logical_and", "logical_or", "equal", "not_equal", "less")}
    outputs |= {name: getattr(sd, name)(x) for name in ("logical_not", "sum", "prod", "mean")}
    agree(outputs | {"where": sd.where(x, 1.5, -2.5)}, x, y)


@pytest.mark.parametrize("dtype", DTYPES)
def test_casts(dtype: str) -> None:
    """From everything to ``dtype``; what no dtype can hold has no meaning in NumPy either, and is left out."""
    sources = {name: sd.input(f"x_{name}", (SIZE,), dtype=name) for name in DTYPES}
    if dtype in INTEGERS:
        sources = {name: x for name, x in sources.items() if name not in FLOATS}
    values = {x: extremes(name, 5) for name, x in sources.items()}
    assert_three_ways(sd.Graph({name: sd.astype(x, dtype) for name, x in sources.items()}), values)


def test_small_floats_to_integers() -> None:
    x = sd.input("x", (SIZE,))
    values = {x: np.linspace(-100, 100, SIZE)}
    assert_three_ways(sd.Graph({name: sd.astype(x, name) for name in INTEGERS if name[0] == "i"}), values)


@pytest.mark.parametrize("one", DTYPES)
def test_mixed_operands(one: str) -> None:
    outputs, values = {}, {}
    for first, other in combinations(DTYPES, 2):
        if one != first:
            continue
        x, y = (
            sd.input(f"x_{first}_{other}", (SIZE,), dtype=first),
            sd.input(f"y_{first}_{other}", (SIZE,), dtype=other),
        )
        values |= {x: extremes(first, 1), y: extremes(other, 2)}
        for name in ("add", "multiply", "less", "equal", "maximum"):
            outputs[f"{name}_{other}"] = getattr(sd, name)(x, y)
        outputs[f"where_{other}"] = sd.where(x > 0, x, y)
    if outputs:
        assert_three_ways(sd.Graph(outputs), values)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "bool", "int64"])
def test_reductions_over_one_element(dtype: str) -> None:
    """The dtype changes though nothing is added."""
    x = sd.input("x", (SIZE, 1), dtype=dtype)
    outputs = {"sum": sd.sum(x, 1), "kept": sd.sum(x, 1, keepdims=True), "prod": sd.prod(x, 1)}
    assert_three_ways(sd.Graph(outputs), {x: extremes(dtype, 3)[:, None]})


def test_sums_of_small_integers_do_not_wrap() -> None:
    x = sd.input("x", (sd.dim("n"),), dtype="int8")
    assert sd.compile(sd.sum(x), inputs=[x])(np.full(1000, 127, np.int8)) == 127_000
