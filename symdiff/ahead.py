"""What a program will call, as far as the operators of its graph tell: LLVM begins with it at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from .core.body import Body
from .core.graph import Graph
from .core.node import Node
from .core.op import Branch, Matmul, Repeat, Routine
from .core.traversal import toposort
from .lower.prepare import are_small
from .runtime import blas, driver, native, team
from .table import native_step


def begin(graph: Graph) -> None:
    """Begin to compile it."""
    native.begin_function("run", driver.run)
    for node in _known(graph.nodes):
        if isinstance(node.op.lowering, Routine):
            _begin_step(node.op.lowering.layout(node).native, node.inputs[0].dtype.name)
        elif not are_small(node) and blas.provider() == "own":
            name = f"gemm_{node.dtype.name}"
            native.begin_function(name, partial(driver.builtin, name))
            if team.can_share():
                native.begin_function("split", team.split)


def _begin_step(step: str, dtype: str) -> None:
    found = native_step(step, dtype) if step else None
    if found is not None:
        name, make, _ = found
        native.begin_function(name, make)


def _known(nodes: Sequence[Node]) -> Iterator[Node]:
    """Products and routines, those inside bodies too."""
    ops = {node.op for node in nodes}
    known = {op for op in ops if isinstance(op.lowering, (Matmul, Routine))}
    around = {op for op in ops if isinstance(op.lowering, (Repeat, Branch))}
    for node in nodes:
        if node.op in known:
            yield node
        elif node.op in around:
            bodies = (value for value in node.attrs.values() if isinstance(value, Body))
            for body in bodies:
                yield from _known(toposort(body.results))
