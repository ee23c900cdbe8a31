"""What a program will call, as far as the operators of its graph tell: LLVM begins with it at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from .core.body import Body
from .core.graph import Graph
from .core.node import Node
from .core.op import Matmul, Routine
from .core.traversal import toposort
from .lower.prepare import are_small
from .runtime import blas, driver, native, team
from .table import native_step


def begin(graph: Graph) -> None:
    """Begin to compile it."""
    native.begin_function("run", driver.run)
    for node in _with_bodies(graph.nodes):
        lowering = node.op.lowering
        if isinstance(lowering, Matmul) and not are_small(node) and blas.provider() == "own":
            dtype = node.dtype.name
            native.begin_function(f"gemm_{dtype}", partial(driver.builtin, f"gemm_{dtype}"))
            if team.can_share():
                native.begin_function("split", team.split)
        elif isinstance(lowering, Routine) and (name := lowering.layout(node).native):
            dtype = node.inputs[0].dtype.name
            found = native_step(name, dtype)
            if found is not None:
                make, _ = found
                native.begin_function(f"{name} {dtype}", make)


def _with_bodies(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        for value in node.attrs.values():
            if isinstance(value, Body):
                yield from _with_bodies(toposort(value.results))
