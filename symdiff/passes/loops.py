"""Loops: bodies optimised like graphs, loops over the same steps made one, and what nobody reads left out.

A derivative in reverse mode makes the loop forward once more, with the values of each step stacked. The two have equal
operands and formals, so they become one loop with the results of both.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from ..core.body import Body
from ..core.graph import Graph
from ..core.node import Node, build
from ..core.op import Attrs, Item, Repeat
from ..core.provenance import inherit
from ..core.traversal import depends_on, substitute, toposort, with_inputs
from ..ops.several import items
from .rewrite import with_roots

Optimize = Callable[[Graph], Graph]


def with_bodies(graph: Graph, optimize: Optimize) -> Graph:
    """The graph with every body in it optimised as a graph of its own."""
    if not any(isinstance(value, Body) for node in graph.nodes if node.attrs for value in node.attrs.values()):
        return graph
    done: dict[Node, Node] = {}
    for node in graph.nodes:
        fresh = with_inputs(node, [done[parent] for parent in node.inputs])
        bodies = {name: _optimized(value, optimize) for name, value in node.attrs.items() if isinstance(value, Body)}
        done[node] = _with_attrs(fresh, {**node.attrs, **bodies}) if bodies else fresh
    return with_roots(graph, [done[root] for root in graph.roots])


def _optimized(body: Body, optimize: Optimize) -> Body:
    after = optimize(Graph({f"result_{k}": node for k, node in enumerate(body.results)}))
    return Body(body.formals, tuple(after.outputs.values()))


def _with_attrs(node: Node, attrs: Attrs) -> Node:
    if attrs == node.attrs:
        return node
    with inherit(node.origin):
        made = build(node.op, node.inputs, attrs)
    for origin in node.origins[1:]:
        made.add_origin(origin)
    return made


class Loops:
    """The pass ``loops``."""

    name = "loops"

    def __call__(self, graph: Graph) -> Graph:
        if not any(isinstance(op.lowering, Repeat) for op, *_ in graph.forms):
            return graph
        loops = [node for node in graph.nodes if isinstance(node.op.lowering, Repeat)]
        plan = _Plan(graph, loops)
        done: dict[Node, Node] = {}
        for node in graph.nodes:
            loop = node.inputs[0] if isinstance(node.op.lowering, Item) else None
            if loop is not None and loop in plan.group:
                done[node] = plan.item(loop, node.attrs["index"], done)
            elif node not in plan.group:
                done[node] = with_inputs(node, [done[parent] for parent in node.inputs])
        return with_roots(graph, [done[root] for root in graph.roots])


class _Plan:
    """For each loop the others that take the same steps, and the results that are read of any of them."""

    def __init__(self, graph: Graph, loops: Sequence[Node]) -> None:
        self.group: dict[Node, list[Node]] = {}
        by_key: dict[Hashable, list[Node]] = {}
        for loop in loops:
            own = by_key.setdefault(_key(loop), [])
            own.append(loop)
            self.group[loop] = own
        self.read: dict[Node, set[int]] = {loop: set() for loop in loops}
        for node in graph.nodes:
            if isinstance(node.op.lowering, Item) and node.inputs[0] in self.read:
                self.read[node.inputs[0]].add(node.attrs["index"])
        self.made: dict[Node, tuple[tuple[Node, ...], dict[Node, int], dict[int, int]]] = {}

    def item(self, loop: Node, index: int, done: dict[Node, Node]) -> Node:
        """The node that stands for one result of a loop."""
        group = self.group[loop]
        if group[0] not in self.made:
            self.made[group[0]] = self._one_for(group, done)
        results, place_of_y, place_of_carry = self.made[group[0]]
        carries = loop.attrs["carries"]
        if index < carries:
            return results[place_of_carry[index]]
        if index == len(loop.attrs["body"].results):
            return results[-1]  # how often the body ran
        return results[place_of_y[loop.attrs["body"].results[index]]]

    def _one_for(
        self, group: Sequence[Node], done: dict[Node, Node]
    ) -> tuple[tuple[Node, ...], dict[Node, int], dict[int, int]]:
        first = group[0]
        carries, rows, head = first.attrs["carries"], first.attrs["rows"], int(first.attrs["counted"])
        body, cond = first.attrs["body"], first.attrs["cond"]
        ys = dict.fromkeys(
            loop.attrs["body"].results[index]
            for loop in group
            for index in sorted(self.read[loop])
            if carries <= index < len(loop.attrs["body"].results)
        )
        final = {index for loop in group for index in self.read[loop] if index < carries}
        holds = list(cond.results) if cond is not None else []
        kept = _live_carries(body, carries, final, [*ys, *holds])
        results = [*(body.results[k] for k in kept), *ys]
        used = depends_on([*results, *holds], body.formals)
        x_kept = [k for k in range(carries, carries + rows) if body.formals[k] in used]
        others = [k for k in range(carries + rows, len(body.formals)) if body.formals[k] in used]
        places = [*kept, *x_kept, *others]
        operands = [*first.inputs[:head], *(first.inputs[head + k] for k in places)]
        attrs = {
            **first.attrs,
            "body": _body(body, places, results),
            "cond": None if cond is None else _body(cond, places, holds),
            "carries": len(kept),
            "rows": len(x_kept),
        }
        with inherit(first.origin):
            made = build(first.op, [done[operand] for operand in operands], attrs)
            found = items(made)
        for loop in group:
            for origin in loop.origins:
                made.add_origin(origin)
        place_of_y = {y: len(kept) + place for place, y in enumerate(ys)}
        return found, place_of_y, {k: place for place, k in enumerate(kept)}


def _key(loop: Node) -> Hashable:
    """What two loops have in common that take the same steps: all but what they stack."""
    attrs = {name: value for name, value in loop.attrs.items() if name not in ("body", "again")}
    body = loop.attrs["body"]
    return (loop.inputs, *attrs.items(), body.formals, body.results[: attrs["carries"]])


def _live_carries(body: Body, carries: int, final: set[int], others: Sequence[Node]) -> list[int]:
    """The carries whose last value is read, or which some other value depends on."""
    live = set(final)
    while True:
        under = set(toposort([*(body.results[k] for k in live), *others]))
        more = {k for k in range(carries) if body.formals[k] in under} - live
        if not more:
            return sorted(live)
        live |= more


def _body(body: Body, places: Sequence[int], results: Sequence[Node]) -> Body:
    """A body of some of the formals, numbered again."""
    old = [body.formals[k] for k in places]
    formals = tuple(build(f.op, [], {**f.attrs, "index": index}) for index, f in enumerate(old))
    return Body(formals, tuple(substitute(results, dict(zip(old, formals, strict=True)))))


loops = Loops()
