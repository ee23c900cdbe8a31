"""The invariants of a graph, checked: what every pass may rely on and must leave behind."""

from __future__ import annotations

from ..core.errors import GraphError, SymdiffError
from ..core.graph import Graph
from ..core.node import Node, describe


def verify_graph(graph: Graph, after: str) -> None:
    """Check a graph by itself. Raises GraphError naming ``after`` (the pass that made it) and the node."""
    known: set[Node] = set()
    for node in graph.nodes:
        _check_order(node, known, after)
        _check_attrs(node, after)
        _check_type(node, after)
        known.add(node)
    for root in graph.roots:
        if root not in known:
            raise _broken(after, root, "is an output but not among the graph's nodes")


def verify_step(before: Graph, after: Graph, name: str) -> None:
    """Check what a pass made of a graph: sound by itself, the same interface, no leaf that was not there."""
    verify_graph(after, name)
    if list(before.outputs) != list(after.outputs) or list(before.updates) != list(after.updates):
        raise GraphError(f"after {name}: the outputs or updated parameters are not those of before")
    if before.inputs != after.inputs:
        raise GraphError(f"after {name}: the inputs are not those of before")
    for old, new in zip(before.roots, after.roots, strict=True):
        if old.type != new.type:
            raise _broken(name, new, f"stands for {describe(old)}, which has another type")
    leaves = {*before.inputs, *before.params}
    for leaf in [*after.inputs, *after.params]:
        if leaf not in leaves:
            raise _broken(name, leaf, "is a leaf that was not in the graph before")


def _check_order(node: Node, known: set[Node], after: str) -> None:
    for parent in node.inputs:
        if parent not in known:
            raise _broken(after, node, f"stands before its operand {describe(parent)}")


def _check_attrs(node: Node, after: str) -> None:
    for name, value in node.attrs.items():
        try:
            hash(value)
        except TypeError:
            raise _broken(after, node, f"has an attribute that is not hashable: {name}={value!r}") from None


def _check_type(node: Node, after: str) -> None:
    count = len(node.op.vjp)
    if count > 1 and len(node.inputs) != count:
        raise _broken(after, node, f"has {len(node.inputs)} operands, {node.op.name} takes {count}")
    try:
        found = node.op.infer(node.inputs, node.attrs)
    except (SymdiffError, LookupError, ValueError) as problem:
        raise _broken(after, node, f"has no type: {problem}") from problem
    if found != node.type:
        raise _broken(after, node, f"has a type that does not follow from its operands, which give {found}")


def _broken(after: str, node: Node, problem: str) -> GraphError:
    return GraphError(f"after {after}: {describe(node)} ({node.origin.place}) {problem}")
