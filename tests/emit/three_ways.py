"""One graph computed three ways: by the interpreter, by the emitted source as plain Python, by the compiled code."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from symdiff.core.graph import Graph
from symdiff.core.node import Node
from symdiff.emit.module import Module
from symdiff.lower.lower import lower
from symdiff.lower.verify import verify_program
from symdiff.native import NativeExecutor
from tests.strategies import Array

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
        found = names[graph.name](*(values[leaf] for leaf in leaves), work)
    return [np.array(one) for one in (found if len(graph.outputs) > 1 else (found,))]


def compiled(executor: NativeExecutor, values: Mapping[Node, Array], sizes: Mapping[str, int]) -> list[Array]:
    """The outputs by the compiled code."""
    params = {param: values[param] for param in executor.graph.params if param not in executor.graph.inputs}
    return executor.call([np.asarray(values[leaf]) for leaf in executor.graph.inputs], sizes, params)
