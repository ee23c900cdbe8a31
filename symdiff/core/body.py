"""Functions inside a graph: bodies of loops, branches of conditions. A body is closed: all it reads is passed to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any

import numpy as np

from .errors import GraphError
from .naming import Unique
from .node import Node, build
from .op import Leaf, Op, View
from .record import record
from .traversal import depends_on, substitute, toposort
from .types import TensorType

_WRITTEN_OUT = ("constant", "size", "iota")


def _unbound(**attrs: Any) -> np.ndarray[Any, Any]:
    raise GraphError(f"{attrs['name']}: it has a value only inside the loop or branch it belongs to")


BOUND = Op(
    name="bound",
    infer=lambda inputs, attrs: attrs["type"],
    evaluate=_unbound,
    vjp=(),
    lowering=Leaf(),
    flops=lambda node: 0,
)


@record
class Body:
    """``formals`` stand for what is passed; ``results`` are nodes over them. Equal bodies are made of equal nodes."""

    formals: tuple[Node, ...]
    results: tuple[Node, ...]

    def __repr__(self) -> str:
        return f"({', '.join(node.attrs['name'] for node in self.formals)}) -> {len(self.results)} values"


def close(
    names: Sequence[str], leaves: Sequence[Node], results: Sequence[Node], inside: Set[Node] | None = None
) -> tuple[Body, list[Node]]:
    """The body with ``leaves`` as its first formals, and what else it reads: the operands for further formals.

    What is not among ``inside``, by default what depends on the leaves, is computed outside, once; only numbers that
    are written into the code stay.
    """
    inside = _with_views(results, depends_on(results, leaves) if inside is None else inside)
    captured: dict[Node, None] = {}
    constant: set[Node] = set()
    for node in toposort(results):
        if node in inside:
            captured.update((parent, None) for parent in node.inputs if parent not in inside and parent not in constant)
        elif _is_written_out(node, constant):
            constant.add(node)
    captured.update((node, None) for node in results if node not in inside and node not in constant)
    unique = Unique(())
    titles = [*names, *map(_title, captured)]
    given = [*leaves, *captured]
    formals = [bound(unique(title), k, node.type) for k, (title, node) in enumerate(zip(titles, given, strict=True))]
    closed = substitute(results, dict(zip(given, formals, strict=True)))
    return Body(tuple(formals), tuple(closed)), list(captured)


def bound(name: str, index: int, type: TensorType) -> Node:
    """The formal number ``index`` of a body."""
    return build(BOUND, [], {"name": name, "index": index, "type": type})


def _with_views(results: Sequence[Node], inside: Set[Node]) -> set[Node]:
    """And the views that are read inside, which cost nothing there: what they are views of is passed."""
    found = set(inside)
    for node in reversed(toposort(results)):
        if node in found:
            found.update(parent for parent in node.inputs if isinstance(parent.op.lowering, View))
    return found


def _is_written_out(node: Node, constant: Iterable[Node]) -> bool:
    """A number, or one repeated."""
    if not node.inputs:
        return node.op.name in _WRITTEN_OUT and (node.ndim == 0 or node.op.name == "iota")
    return node.op.name == "broadcast_to" and all(parent in constant for parent in node.inputs)


def _title(node: Node) -> str:
    given = node.attrs.get("name") or next((origin.name for origin in node.origins if origin.name), None)
    return str(given or node.op.name).replace(".", "_")
