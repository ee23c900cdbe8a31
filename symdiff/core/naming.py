"""Names for nodes, derived from the user's own source: ``h1`` for ``h1 = sd.relu(...)``, ``d_W1`` for its cotangent."""

from __future__ import annotations

import keyword
import linecache
import re
from collections.abc import Mapping, Sequence

from .node import Node
from .provenance import Origin
from .traversal import users

_ASSIGNMENT = re.compile(r"^\s*([A-Za-z_]\w*)\s*(?::[^=]+)?=(?!=)")


def assign_names(nodes: Sequence[Node], outputs: Mapping[str, Node]) -> dict[Node, str]:
    """A unique identifier for every node of a topologically sorted graph.

    In order of preference: the name of an input or parameter, the name given with ``named`` or as an output, the
    variable the user assigned the expression to, ``d_`` and the name of what a cotangent belongs to, the operator's
    name with a number.
    """
    names: dict[Node, str] = {}
    taken: set[str] = set()
    output_names = {node: name for name, node in reversed(outputs.items())}
    assigned = _assigned_variables(nodes)
    for node in nodes:
        if node.op.name in ("input", "param"):
            names[node] = _unique(node.attrs["name"], taken)
    for node in nodes:
        if node in names or not node.inputs:
            continue
        given = next((origin.name for origin in reversed(node.origins) if origin.name), None)
        wanted = given or _as_identifier(output_names.get(node)) or assigned.get(node)
        wanted = wanted or _cotangent_name(node, names)
        names[node] = _unique(wanted or node.op.name, taken, numbered=wanted is None)
    for node in nodes:
        if node not in names:
            names[node] = _unique(node.op.name, taken, numbered=True)
    return names


def _assigned_variables(nodes: Sequence[Node]) -> dict[Node, str]:
    """For each line ``name = expression`` of the user, the node that is the expression's whole value."""
    consumers = users(nodes)
    found: dict[Node, str] = {}
    for node in nodes:
        origin = node.origin
        if not node.inputs or origin.section != "forward" or origin.of is not None:
            continue
        if any(_same_line(origin, user.origin) for user in consumers[node]):
            continue
        match = _ASSIGNMENT.match(linecache.getline(origin.file, origin.line)) if origin.line else None
        if match:
            found[node] = match.group(1)
    return found


def _same_line(a: Origin, b: Origin) -> bool:
    return (a.file, a.line) == (b.file, b.line) and b.of is None


def _cotangent_name(node: Node, names: Mapping[Node, str]) -> str | None:
    """``d_h1`` for the total cotangent of h1."""
    for origin in node.origins:
        if origin.of is not None and origin.operand is None and origin.of in names:
            return f"d_{names[origin.of]}"
    return None


def _as_identifier(name: str | None) -> str | None:
    if name is None:
        return None
    return name if name.isidentifier() else re.sub(r"\W+", "_", name)


def _unique(name: str, taken: set[str], *, numbered: bool = False) -> str:
    """``name``, or the first free ``name_2``, ``name_3``, ...; remembered as taken."""
    if keyword.iskeyword(name):
        name += "_"
    if not numbered and name not in taken:
        taken.add(name)
        return name
    number = 1 if numbered else 2
    while f"{name}_{number}" in taken:
        number += 1
    taken.add(f"{name}_{number}")
    return f"{name}_{number}"
