"""``x.at[index].set(v)`` and its kin: a new array that differs from x at some places, as in JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..core.dim import product
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import broadcast
from .convert import constant
from .elementwise import maximum, minimum, multiply, where
from .index import scatter_add_at
from .indexing import Arrays, Basic, analyse
from .scatter import fit, inside
from .shape import broadcast_to, reshape
from .write import flat_positions, write


class At:
    """``x.at``: what an index turns into a :class:`Place`."""

    __slots__ = ("x",)

    def __init__(self, x: Node) -> None:
        self.x = x

    def __getitem__(self, index: Any) -> Place:
        basic, arrays = analyse(self.x, index)
        return Place(self.x, basic, arrays)


class Place(NamedTuple):
    """Elements of x that an index names, to be read or replaced. Nothing changes x: each method gives a new array.

    Where an integer array names an element several times, ``set`` keeps the last value (which alone gets a derivative),
    and the others combine all of them. Values broadcast to the shape of ``x[index]``. Raises IndexRangeError for a
    position outside its axis.

    >>> import symdiff as sd
    >>> x = sd.input("x", (5, 3))
    >>> x.at[[0, 2, 0], 1].add(1.0).at[1:, 0].set(0.0).shape
    (5, 3)
    """

    x: Node
    basic: Basic
    arrays: Arrays | None

    def get(self) -> Node:
        """``x[index]``."""
        found = self.basic.take(self.x)
        return found if self.arrays is None else self.arrays.take(found)

    def set(self, values: Operand) -> Node:
        """x with these elements replaced."""
        whole = self._whole("set", values)
        return self._replaced(whole) if self.arrays is None else self._written("set", whole)

    def add(self, values: Operand) -> Node:
        """x with values added."""
        whole = self._whole("add", values)
        if self.arrays is not None:
            part = self._part()
            added = scatter_add_at(whole, self.arrays.positions, self.arrays.at, self.arrays.joined(part).shape)
            whole = self.arrays.apart(added, part.shape)
        return self.x + self.basic.put(whole, self.x.shape)

    def multiply(self, values: Operand) -> Node:
        """x with these elements multiplied."""
        return self._combined("multiply", multiply, values)

    def max(self, values: Operand) -> Node:
        """x with the larger of each of these elements and the values."""
        return self._combined("max", maximum, values)

    def min(self, values: Operand) -> Node:
        """x with the smaller of each of these elements and the values."""
        return self._combined("min", minimum, values)

    def _combined(self, how: str, combine: Callable[[Node, Node], Node], values: Operand) -> Node:
        whole = self._whole(how, values)
        return self._replaced(combine(self._part(), whole)) if self.arrays is None else self._written(how, whole)

    def _whole(self, how: str, values: Operand) -> Node:
        """The values in the dtype of x and the shape of ``x[index]``."""
        node, shape = fit(f"at[...].{how}", self.x, values), self.get().shape
        if broadcast([node.shape, shape]) != shape:
            problem = f"{describe(node)} does not broadcast to ({', '.join(map(str, shape))})"
            raise ShapeError(explain(f"at[...].{how} of {describe(self.x)}", problem, at=here()))
        return broadcast_to(node, shape)

    def _part(self) -> Node:
        return self.basic.take(self.x)

    def _replaced(self, part: Node) -> Node:
        """x with the basic part replaced."""
        if part.shape == self.x.shape and self._part() is self.x:
            return part
        chosen = self.basic.put(broadcast_to(constant(True), part.shape), self.x.shape)
        return where(chosen, self.basic.put(part, self.x.shape), self.x)

    def _written(self, how: str, values: Node) -> Node:
        """x with values written one after the other where the arrays say."""
        arrays, part = self.arrays, self._part()
        assert arrays is not None
        joined = arrays.joined(part)
        axis, length = arrays.at, joined.shape[arrays.at]
        count = product(arrays.positions.shape)
        positions = inside(f"at[...].{how}", reshape(arrays.positions, (count,)), length, axis, joined)
        positions = reshape(positions, (count, *[1] * (joined.ndim - axis - 1)))
        counts = (*joined.shape[:axis], count, *joined.shape[axis + 1 :])
        flat = flat_positions(positions, axis, joined.shape, counts)
        return self._replaced(arrays.apart(write(how, joined, flat, reshape(values, counts)), part.shape))


@provide("at")
def at(x: Node) -> At:
    """``x.at``."""
    return At(x)
