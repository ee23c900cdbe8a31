"""Products of arrays over shared axes: in which order, and each of them as one product of matrices.

An array's axes carry labels; equal labels are the same axis, and those not kept are summed over.
"""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..core.dim import Dim, evaluate
from ..core.node import Node
from .linalg import matmul
from .record import build_astype
from .reduce import sum
from .shape import expand_dims, permute_dims, reshape, swap_last

Label = str | int
Labels = tuple[Label, ...]
Pair = tuple[int, int]
Sizes = Mapping[Label, "int | Dim"]
EXHAUSTIVE = 8
"""With so many operands or fewer, every order is looked at."""
SYMBOLIC = 64
"""What a named size counts as, when costs are compared."""


# -- the order


def cheapest(operands: Sequence[Labels], kept: Labels, sizes: Sizes) -> list[Pair]:
    """The order of fewest operations: each pair of positions is taken out and its product put at the end."""
    lengths = {label: _number(size) for label, size in sizes.items()}
    if len(operands) > EXHAUSTIVE:
        return greedy(operands, kept, sizes)
    count = len(operands)
    everything = (1 << count) - 1
    best: dict[int, tuple[float, Any]] = {1 << k: (0.0, k) for k in range(count)}
    result = {mask: _left(operands, kept, mask, everything) for mask in range(1, everything + 1)}
    for mask in sorted(range(1, everything + 1), key=int.bit_count):
        part = (mask - 1) & mask
        while part > (mask ^ part):  # each way to divide, once
            rest = mask ^ part
            cost = best[part][0] + best[rest][0] + _cost(result[part] | result[rest], lengths)
            if mask not in best or cost < best[mask][0]:
                best[mask] = cost, (part, rest)
            part = (part - 1) & mask
    return _as_pairs(best, everything, count)


def _as_pairs(best: Mapping[int, tuple[float, Any]], everything: int, count: int) -> list[Pair]:
    """The tree as pairs of positions in the list of what is left."""
    present = [1 << k for k in range(count)]
    pairs: list[Pair] = []

    def build(mask: int) -> None:
        split = best[mask][1]
        if isinstance(split, int):
            return
        for part in split:
            build(part)
        places = sorted(present.index(part) for part in split)
        pairs.append((places[0], places[1]))
        for place in reversed(places):
            present.pop(place)
        present.append(mask)

    build(everything)
    return pairs


def greedy(operands: Sequence[Labels], kept: Labels, sizes: Sizes) -> list[Pair]:
    """At every step the pair whose product grows least over what it replaces; of equals the cheapest."""
    lengths = {label: _number(size) for label, size in sizes.items()}
    left, pairs = [frozenset(labels) for labels in operands], []
    while len(left) > 1:
        pairs.append(min(itertools.combinations(range(len(left)), 2), key=_Growth(left, kept, lengths)))
        left = _after(left, kept, pairs[-1])
    return pairs


class _Growth:
    """How much larger the product of a pair is than both, and what it costs."""

    def __init__(self, left: Sequence[frozenset[Label]], kept: Labels, lengths: Mapping[Label, int]) -> None:
        self.left, self.kept, self.lengths = left, kept, lengths

    def __call__(self, pair: Pair) -> tuple[float, float]:
        made = _after(self.left, self.kept, pair)[-1]
        both = [self.left[place] for place in pair]
        growth = _cost(made, self.lengths) - builtins.sum(_cost(labels, self.lengths) for labels in both)
        return growth, _cost(both[0] | both[1], self.lengths)


def _after(left: Sequence[frozenset[Label]], kept: Labels, pair: Pair) -> list[frozenset[Label]]:
    """What is left when a pair has been multiplied."""
    others = [labels for place, labels in enumerate(left) if place not in pair]
    made = (left[pair[0]] | left[pair[1]]) & frozenset(kept).union(*others)
    return [*others, made]


def cost_of(operands: Sequence[Labels], kept: Labels, sizes: Sizes, pairs: Sequence[Pair]) -> float:
    """Products of numbers that this order takes."""
    lengths = {label: _number(size) for label, size in sizes.items()}
    left, total = [frozenset(labels) for labels in operands], 0.0
    for pair in pairs:
        total += _cost(left[pair[0]] | left[pair[1]], lengths)
        left = _after(left, kept, pair)
    return total


def _left(operands: Sequence[Labels], kept: Labels, mask: int, everything: int) -> frozenset[Label]:
    """The labels of the product of some operands: those that the others or the result have."""
    own = frozenset(label for k, labels in enumerate(operands) if mask >> k & 1 for label in labels)
    others = [labels for k, labels in enumerate(operands) if (everything ^ mask) >> k & 1]
    return own & frozenset(kept).union(*others)


def _cost(labels: Collection[Label], lengths: Mapping[Label, int]) -> float:
    total = 1.0
    for label in labels:
        total *= lengths[label]
    return total


def _number(size: int | Dim) -> int:
    return size if isinstance(size, int) else max(1, evaluate(size, dict.fromkeys(size.names, SYMBOLIC)))


# -- one product


def contract(x: Node, own: Labels, y: Node, other: Labels, kept: Collection[Label]) -> tuple[Node, Labels]:
    """The product of two arrays, summed over the labels that are not kept, and the labels of its axes. Labels in one
    array that are neither kept nor in the other are summed over first."""
    x, own = sum_away(x, own, {*other, *kept})
    y, other = sum_away(y, other, {*own, *kept})
    shared = [label for label in own if label in other]
    batch = [label for label in shared if label in kept]
    inner = [label for label in shared if label not in kept]
    left = [label for label in own if label not in other]
    right = [label for label in other if label not in own]
    made = (*batch, *left, *right)
    if not inner:
        return aligned(x, own, made) * aligned(y, other, made), made
    if not left and not right:
        axes = tuple(range(len(batch), len(batch) + len(inner)))
        whole = (*batch, *inner)
        return build_astype(sum(aligned(x, own, whole) * aligned(y, other, whole), axis=axes), x.dtype), made
    lengths = dict(zip(own, x.shape, strict=True)) | dict(zip(other, y.shape, strict=True))
    a = _grouped(x, own, (batch, left, inner), lengths)
    b = _grouped(y, other, (batch, inner, right), lengths)
    return reshape(matmul(a, b), [lengths[label] for label in made]), made


def sum_away(x: Node, own: Labels, kept: Collection[Label]) -> tuple[Node, Labels]:
    """Without the axes that nobody wants, summed over."""
    axes = tuple(axis for axis, label in enumerate(own) if label not in kept)
    if not axes:
        return x, own
    return build_astype(sum(x, axis=axes), x.dtype), tuple(label for label in own if label in kept)


def aligned(x: Node, own: Labels, whole: Labels) -> Node:
    """The axes in the order of ``whole``, with axes of size 1 for the labels that x has not."""
    ordered = permute_dims(x, [own.index(label) for label in whole if label in own])
    return expand_dims(ordered, [axis for axis, label in enumerate(whole) if label not in own])


def _grouped(x: Node, own: Labels, groups: Sequence[Sequence[Label]], lengths: Sizes) -> Node:
    """x as (a batch of) matrices. The batch keeps its axes; the other two groups become one axis each. Where they stand
    the other way round it is a transposed matrix, which products read as it is."""
    batch, rows, columns = groups
    sizes = [lengths[label] for label in batch]
    row, column = _product(rows, lengths), _product(columns, lengths)
    if own == (*batch, *columns, *rows) and rows and columns:
        return swap_last(reshape(x, (*sizes, column, row)))
    ordered = permute_dims(x, [own.index(label) for label in (*batch, *rows, *columns)])
    return reshape(ordered, (*sizes, row, column))


def _product(labels: Sequence[Label], lengths: Sizes) -> Any:
    total: Any = 1
    for label in labels:
        total = total * lengths[label]
    return total
