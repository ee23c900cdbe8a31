"""One graph computed three ways: by the interpreter, by the emitted source as plain Python, by the compiled code (on
one thread, and with every step that can be cut shared by several)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from unittest.mock import patch

import numpy as np

from symdiff import cut
from symdiff.core.dim import evaluate
from symdiff.core.graph import Graph
from symdiff.core.node import Node
from symdiff.emit.module import Module
from symdiff.interpret import interpret_graph
from symdiff.lower import columns
from symdiff.lower.lower import lower
from symdiff.lower.verify import verify_program
from symdiff.native import NativeExecutor
from symdiff.passes.pipeline import optimize
from symdiff.runtime import team
from tests.strategies import Array, assert_close

_POISON = {"f": 1e30, "i": 11, "u": 11, "b": True}


def undecorated(graph: Graph, values: Mapping[Node, Array], sizes: Mapping[str, int]) -> list[Array]:
    """The outputs by the emitted text, run by Python on NumPy scalars; updates are written into the parameters."""
    program = lower(graph)
    verify_program(program)
    module = Module(program)
    names = module.undecorated()
    leaves = dict.fromkeys((*graph.inputs, *graph.params))
    with np.errstate(all="ignore"):
        work = names["workspace"](*(sizes[name] for name in module.program.sizes))
        for array in work:
            array.fill(_POISON[array.dtype.kind])  # a value read before it is written shows
        found = names[program.name](*(values[leaf] for leaf in leaves), work)
    if len(graph.outputs) < 2:
        return [np.array(found)] * len(graph.outputs)
    return [np.array(one) for one in found]


def compiled(executor: NativeExecutor, values: Mapping[Node, Array], sizes: Mapping[str, int]) -> list[Array]:
    """The outputs by the compiled code."""
    params = {param: values[param] for param in executor.graph.params if param not in executor.graph.inputs}
    return executor.call([np.asarray(values[leaf]) for leaf in executor.graph.inputs], sizes, params)


def shared(graph: Graph, name: str, values: Mapping[Node, Array], sizes: Mapping[str, int]) -> list[Array]:
    """The outputs by the compiled code, the smallest steps cut into as many pieces as they have rows or columns, up to
    12."""
    with (
        patch.dict(os.environ, SYMDIFF_THREADS="3"),
        patch.object(team, "PIECE_COST", 1),
        patch.object(columns, "MANY", 2),
        patch.object(cut, "KERNEL_GRAIN", 1),
        patch.object(cut, "PRODUCT_GRAIN", 2),
    ):
        return compiled(NativeExecutor(graph, name), values, sizes)


def assert_three_ways(graph: Graph, values: Mapping[Node, Array], sizes: Mapping[str, int] | None = None) -> None:
    """Outputs, updated parameters and everything that must stay as it was: the same by interpreter, text and code."""
    sizes = sizes or {}
    expected = interpret_graph(graph, values, sizes)
    optimized, _ = optimize(graph)
    for way, run in {
        "the text, before the passes": lambda own: undecorated(graph, own, sizes),
        "the text": lambda own: undecorated(optimized, own, sizes),
        "the code": lambda own: compiled(NativeExecutor(optimized, graph.name), own, sizes),
        "the code, shared by threads": lambda own: shared(optimized, graph.name, own, sizes),
    }.items():
        own = {node: np.array(value) for node, value in values.items()}
        found = [*run(own), *(own[param] for param in graph.updates)]
        untouched = [node for node in values if node not in graph.updates]
        names = [*graph.outputs, *(node.attrs["name"] for node in (*graph.updates, *untouched))]
        pairs = zip([*found, *map(own.get, untouched)], [*expected, *map(values.get, untouched)], strict=True)
        for name, (one, other) in zip(names, pairs, strict=True):
            try:
                assert_close(one, other, np.asarray(other).dtype)
            except AssertionError as problem:
                problem.add_note(f"{name}, by {way}")
                raise


def some_values(*nodes: Node, seed: int = 0, **sizes: int) -> dict[Node, Array]:
    """Values for leaves: multiples of 1/8, and positions 0, 1, 2 for integers."""
    rng = np.random.default_rng(seed)

    def one(node: Node) -> Array:
        shape = tuple(evaluate(size, sizes) for size in node.shape)
        if node.dtype.kind == "f":
            return np.array(rng.integers(-12, 13, shape) / 8, node.dtype)
        return np.array(rng.integers(0, 3, shape), node.dtype)

    return {node: one(node) for node in nodes}
