"""Walks over graphs. All are iterative: a chain of 10^5 nodes is an ordinary graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from .node import Node
from .node import with_inputs as with_inputs


def toposort(outputs: Iterable[Node], stop: Iterable[Node] = ()) -> list[Node]:
    """Every node the outputs need, inputs before users, in an order that depends on the graph alone.

    Nodes in ``stop``, and what only they need, are left out.
    """
    order: list[Node] = []
    seen: set[Node] = set(stop)
    path: list[tuple[Node, Iterator[Node]]] = []  # from an output down, with the inputs of each not looked at yet
    for output in outputs:
        if output in seen:
            continue
        seen.add(output)
        node, unread = output, iter(output.inputs)
        while True:
            for parent in unread:
                if parent in seen:
                    continue
                seen.add(parent)
                if parent.inputs:
                    path.append((node, unread))
                    node, unread = parent, iter(parent.inputs)
                    break
                order.append(parent)
            else:  # everything below the node is in order
                order.append(node)
                if not path:
                    break
                node, unread = path.pop()
    return order


def users(nodes: Sequence[Node]) -> dict[Node, list[Node]]:
    """For each node, the nodes among ``nodes`` that take it as an input, in order, each once."""
    found: dict[Node, list[Node]] = {node: [] for node in nodes}
    for node in nodes:
        for parent in dict.fromkeys(node.inputs):
            found[parent].append(node)
    return found


def depends_on(outputs: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The nodes under ``outputs`` from which some source can be reached, sources included."""
    reached = set(sources)
    for node in toposort(outputs):
        if any(parent in reached for parent in node.inputs):
            reached.add(node)
    return reached


def is_needed(node: Node, outputs: Iterable[Node]) -> bool:
    """Whether some output needs the node. The walk ends where it is met."""
    seen: set[Node] = set()
    waiting = list(outputs)[::-1]
    while waiting:
        one = waiting.pop()
        if one is node:
            return True
        if one not in seen:
            seen.add(one)
            waiting.extend(one.inputs)
    return False


def substitute(outputs: Sequence[Node], replacements: Mapping[Node, Node]) -> list[Node]:
    """The outputs with some nodes replaced, everything above them rebuilt."""
    return transform(outputs, lambda node: node, first=replacements, nodes=toposort(outputs, stop=replacements))


def transform(
    outputs: Sequence[Node],
    change: Callable[[Node], Node],
    first: Mapping[Node, Node] | None = None,
    nodes: Sequence[Node] | None = None,
) -> list[Node]:
    """Rebuild bottom-up, passing every rebuilt node through ``change``. Nodes in ``first`` are replaced unvisited.

    ``nodes`` are the outputs' in topological order, where they are known.
    """
    replaced: dict[Node, Node] = dict(first or {})
    for node in toposort(outputs) if nodes is None else nodes:
        if node in replaced:
            continue
        fresh = node
        for parent in node.inputs:
            if parent in replaced:
                fresh = with_inputs(node, [replaced.get(parent, parent) for parent in node.inputs])
                break
        fresh = change(fresh)
        if fresh is not node:
            replaced[node] = fresh
    return [replaced.get(output, output) for output in outputs]
