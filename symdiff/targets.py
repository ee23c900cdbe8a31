"""What ``sd.compile`` is asked to compute: outputs by name, the form of the result, inputs in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from .arguments import Binder
from .core.dim import Dim
from .core.errors import GraphError, explain
from .core.graph import Graph
from .core.node import Node, describe
from .core.provenance import here

Array = np.ndarray[Any, Any]


def taken_apart(target: Any) -> tuple[dict[str, Node], Callable[[Sequence[Array]], Any]]:
    """The outputs by name, and how to put their arrays back into the form of the target."""
    if isinstance(target, Node):
        return {"out": target}, itemgetter(0)
    if isinstance(target, Mapping):
        outputs = dict(target)
        if any(not isinstance(name, str) for name in outputs):
            raise GraphError(explain("compile", f"outputs are named by strings, got {list(outputs)}", at=here()))
        return checked_nodes(outputs), lambda found: dict(zip(outputs, found, strict=True))
    if isinstance(target, list | tuple):
        form = type(target) if type(target) in (list, tuple) else tuple
        return checked_nodes({f"out{k}": node for k, node in enumerate(target)}), form
    return checked_nodes({"out": target}), list


def checked_nodes(outputs: dict[str, Any]) -> dict[str, Node]:
    for name, node in outputs.items():
        if not isinstance(node, Node):
            hint = "compile a node, a list, tuple or dict of nodes, or a training step"
            raise GraphError(explain("compile", f"{name} is no node but {type(node).__name__}", at=here(), hint=hint))
    if not outputs:
        raise GraphError(explain("compile", "there is nothing to compute", at=here()))
    return outputs


def in_order(outputs: Mapping[str, Node], inputs: Sequence[Node] | None) -> Sequence[Node]:
    """The inputs given; or the only one there is, since nobody said in which order several would come."""
    if inputs is not None:
        return inputs
    found = Graph(outputs).inputs
    if len(found) > 1:
        listed = ", ".join(map(describe, found))
        hint = f"pass inputs=[{', '.join(node.attrs['name'] for node in found)}] in the order you call it"
        raise GraphError(explain("compile", f"nobody gave the order of several inputs: {listed}", at=here(), hint=hint))
    return found


def check_sizes(graph: Graph, binder: Binder) -> None:
    """Every symbolic size in the graph is one that the arguments determine."""
    determined: set[Dim] = set()
    for node in graph.nodes:
        for size in (*node.shape, *node.attrs.values()) if node.attrs else node.shape:
            if not isinstance(size, Dim) or size in determined:
                continue
            unknown = size.names - binder.names
            if unknown:
                listed = ", ".join(map(describe, binder.inputs)) or "none"
                problem = f"size {', '.join(sorted(unknown))} of {describe(node)} is no size of the inputs: {listed}"
                raise GraphError(explain(graph.name, problem, at=node.origin.place))
            determined.add(size)
