"""Regions that are alike: the same operators on the same types, joined in the same way. One kernel serves them all.

A deep network has the same few regions layer after layer; a kernel is built for the first and called by the others.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from ..core.node import Node
from ..core.op import Gather, Scatter
from .regions import Region
from .trace import starts_at_zero


def form(
    region: Region, rank: Mapping[Node, int], in_memory: Callable[[Node], bool]
) -> tuple[Hashable, dict[Node, int]]:
    """Everything a region's kernel depends on but names, and the numbers that stand for nodes in it.

    Regions with equal forms have one kernel, for nodes of equal numbers. The nodes are the members and all they are
    made of, down to what is in memory.
    """
    number = {node: k for k, node in enumerate(sorted(region.members, key=rank.__getitem__))}
    nodes = list(number)

    def numbered(node: Node) -> int:
        k = number.get(node)
        if k is None:
            k = number[node] = len(nodes)
            nodes.append(node)
        return k

    parts = [(numbered(value), numbered(concat), offset, axes) for value, concat, offset, axes in region.parts]
    words: list[Hashable] = [tuple(region.extents), region.inner, *parts]
    for node in nodes:  # which grows as operands are met
        member = region.members.get(node)
        if member is None and in_memory(node):
            words.append(node.type)
            continue
        words += (node.type, node.op, member, node in region.stores, *node.attrs.items(), *map(numbered, node.inputs))
        if isinstance(node.op.lowering, (Gather, Scatter)):
            words.append(starts_at_zero(node.inputs[1]))
    return tuple(words), number
