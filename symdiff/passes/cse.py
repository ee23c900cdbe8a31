"""Common subexpressions that interning cannot see: equal values under different nodes.

Equal expressions are one node as soon as they are built. What is left: operands the other way round, a reduction with
its axes kept and without, a product of matrices and its transpose. The first of each pair in the graph's order stays.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from ..core.graph import Graph
from ..core.node import Node
from ..core.op import ArgReduction, Reduction
from ..core.provenance import inherit
from ..core.traversal import transform
from ..ops.shape import expand_dims, squeeze, swap_last
from .pattern import COMMUTATIVE
from .rewrite import replace, with_roots
from .rules import Rule, over


def _twin_rule(name: str, equation: str, from_twin: Callable[[Node, Node], Node]) -> Rule:
    """A rule that makes a node from its twin, the equal expression found elsewhere in the graph."""
    return Rule(name, equation, over(()), lambda bound: from_twin(bound["node"], bound["twin"]))


def _other_rank(node: Node, twin: Node) -> Node:
    axes = node.attrs["axis"]
    return expand_dims(twin, axes) if node.attrs["keepdims"] else squeeze(twin, axes)


_REDUCTIONS = (Reduction, ArgReduction)

COMMUTED = _twin_rule("commuted", "y * x -> x * y, which is there already", lambda node, twin: twin)
SAME_REDUCTION = _twin_rule("same_reduction", "sum(x, keepdims=True) -> expand_dims(sum(x)), or back", _other_rank)
TRANSPOSED = _twin_rule("transposed_product", "b.T @ a.T -> (a @ b).T", lambda node, twin: swap_last(twin))


class CommonSubexpressions:
    """The pass ``cse``."""

    name = "cse"

    def __call__(self, graph: Graph) -> Graph:
        found = [key for node in graph.nodes if (key := _twin_key(node)) is not None]
        if len(set(found)) == len(found):
            return graph  # as for most graphs
        seen: dict[Hashable, Node] = {}

        def merged(node: Node) -> Node:
            key = _twin_key(node)
            twin = node if key is None else seen.setdefault(key, node)
            if twin is node:
                return node
            made = replace(node, _rule_of(node), {"node": node, "twin": twin}, reason)
            return node if made is None else made

        with inherit() as reason:
            return with_roots(graph, transform(graph.roots, merged, nodes=graph.nodes))


def _twin_key(node: Node) -> Hashable:
    """What a node and its twin have in common, and no other node; None for one that has no twin."""
    name = node.op.name
    if name in COMMUTATIVE:
        x, y = node.inputs
        return (name, x, y) if x.serial < y.serial else (name, y, x)
    if isinstance(node.op.lowering, _REDUCTIONS):
        return name, node.inputs, *[attr for attr in node.attrs.items() if attr[0] != "keepdims"]
    if name == "matmul" and node.inputs[0].ndim == node.inputs[1].ndim == 2:
        (x, x_turned), (y, y_turned) = map(_turned, node.inputs)
        own, transposed = (x, x_turned, y, y_turned), (y, not y_turned, x, not x_turned)
        return name, min(own, transposed, key=lambda key: (key[0].serial, key[1], key[2].serial))
    return None


def _rule_of(node: Node) -> Rule:
    """The rule that makes a node from its twin."""
    if node.op.name in COMMUTATIVE:
        return COMMUTED
    return TRANSPOSED if node.op.name == "matmul" else SAME_REDUCTION


def _turned(matrix: Node) -> tuple[Node, bool]:
    """The matrix without its transposition, and whether it had one."""
    return (matrix.inputs[0], True) if matrix.op.name == "permute_dims" else (matrix, False)


cse = CommonSubexpressions()
