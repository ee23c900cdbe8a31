"""Updates that go along with a value: a training step that computes the value makes them too. So running statistics
move without anybody having to carry them from the layer to the step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from weakref import WeakKeyDictionary

from .core.node import Node
from .core.traversal import substitute, toposort

_along: WeakKeyDictionary[Node, dict[Node, Node]] = WeakKeyDictionary()


def go_along(value: Node, updates: Mapping[Node, Node]) -> Node:
    """The value; steps that compute it make these updates (next values by parameter) too."""
    _along.setdefault(value, {}).update(updates)
    return value


def updates_along(outputs: Iterable[Node]) -> dict[Node, Node]:
    """What goes along with the values that ``outputs`` need. A parameter that several of them update is updated by one
    after the other."""
    found: dict[Node, Node] = {}
    for value in toposort(outputs):
        for leaf, following in _along.get(value, {}).items():
            found[leaf] = substitute([following], {leaf: found[leaf]})[0] if leaf in found else following
    return found
