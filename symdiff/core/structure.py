"""Nested lists, tuples and dicts of values, as a flat list and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def flatten(tree: Any) -> list[Any]:
    """The values of a nested structure in order; None holds none."""
    return list(_leaves(tree))


def _leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, list | tuple):
        for part in tree:
            yield from _leaves(part)
    elif tree is not None:
        yield tree


def unflatten(tree: Any, values: Sequence[Any]) -> Any:
    """The structure with other values, given in the order of :func:`flatten`."""
    rest = iter(values)

    def rebuilt(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: rebuilt(value) for key, value in part.items()}
        if isinstance(part, list | tuple):
            items = [rebuilt(value) for value in part]
            return type(part)(*items) if hasattr(part, "_fields") else type(part)(items)
        return None if part is None else next(rest)

    return rebuilt(tree)


def same_structure(one: Any, other: Any) -> bool:
    """Whether two structures differ in their values only."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict) and list(one) == list(other) and all(same_structure(one[k], other[k]) for k in one)
        )
    if isinstance(one, list | tuple):
        pair = isinstance(other, list | tuple) and len(one) == len(other)
        return pair and all(map(same_structure, one, other))
    return not isinstance(other, dict | list | tuple) and (one is None) == (other is None)
