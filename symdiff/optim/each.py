"""Rules that treat every parameter by itself. A network has hundreds of parameters of a few types, so a rule is applied
to the first of each type, then once to stand-ins, and what it made of these is repeated for the other parameters."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from operator import attrgetter

from ..autodiff.placeholder import placeholder
from ..core.node import Node, build
from ..core.provenance import inherit
from ..core.traversal import toposort, with_inputs
from ..core.types import TensorType
from .rule import Updates

_serial = itertools.count()
One = Callable[[Node, Node], Updates]  # a parameter and its gradient, of which it may know no more than the types


def each(gradients: Mapping[Node, Node], one: One) -> Updates:
    """The updates of a rule that treats every parameter by itself, and all of one type alike."""
    found: Updates = {}
    patterns: dict[tuple[TensorType, TensorType], _Pattern | None] = {}  # None: there was one of these types so far
    for p, g in gradients.items():
        types = p.type, g.type
        if types not in patterns:
            patterns[types] = None
            found |= one(p, g)
            continue
        pattern = patterns[types] = patterns[types] or _Pattern(*types, one)
        found |= pattern.updates(p, g)
    return found


class _Pattern:
    """What a rule makes of a parameter of one type."""

    def __init__(self, parameter: TensorType, gradient: TensorType, one: One) -> None:
        self.name = f"stand_in_{next(_serial)}"
        self.p, self.g = placeholder(parameter, self.name), placeholder(gradient, self.name)
        self.found = one(self.p, self.g)
        self.steps = sorted(self._own_nodes(), key=attrgetter("serial"))  # in the order they were made

    def _own_nodes(self) -> list[Node]:
        """The slots that belong to the stand-ins, and what depends on these or on a slot."""
        stand_ins = self.p, self.g
        own: dict[Node, None] = dict.fromkeys(stand_ins)
        for node in toposort([*self.found, *self.found.values()], stop=stand_ins):
            is_slot = not node.inputs and node.attrs.get("name", "").startswith(f"{self.name}.")
            if is_slot or not own.keys().isdisjoint(node.inputs):
                own[node] = None
        return [node for node in own if node not in stand_ins]

    def updates(self, p: Node, g: Node) -> Updates:
        """The same for a parameter and its gradient."""
        made = {self.p: p, self.g: g}
        for step in self.steps:
            if step.inputs:
                made[step] = with_inputs(step, [made.get(parent, parent) for parent in step.inputs])
                continue
            with inherit(step.origin):
                name = p.attrs["name"] + step.attrs["name"].removeprefix(self.name)
                made[step] = build(step.op, [], {**step.attrs, "name": name})
        return {made.get(leaf, leaf): made.get(value, value) for leaf, value in self.found.items()}
