"""Reading and writing at places given by integers, by PyTorch's and NumPy's names."""

from __future__ import annotations

from ..core.dim import Dim, never_exceeds
from ..core.errors import DTypeError, ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import Shape, broadcast, normal_axis
from .convert import as_index, as_node, constant_value, promote
from .index import add_along, checked_index, in_range, scatter_add_at, take_along_axis, take_at
from .shape import broadcast_to, reshape
from .slicing import place_all, slice_all
from .write import flat_positions, write


def fit(name: str, x: Node, values: Operand) -> Node:
    """Values to be written into x, in its dtype; an error where that would lose something."""
    found = promote(name, x, values)[1]
    if found.dtype != x.dtype:
        problem = f"{describe(as_node(values))} does not fit in {describe(x)}"
        raise DTypeError(explain(name, problem, at=here(), hint="use astype on either"))
    return found


def inside(name: str, indices: Operand, length: int | Dim, axis: int, x: Node, wrap: bool = True) -> Node:
    """Positions that are known to lie within an axis once the program runs."""
    node = checked_index(name, indices, length, axis, x, wrap)
    known = constant_value(node) is not None and isinstance(length, int)
    return node if known else in_range(node, length, wrap=wrap, axis=axis)


def _corner(x: Node, sizes: Shape) -> Node:
    """The first ``sizes`` elements along every axis."""
    return slice_all(x, (0,) * x.ndim, sizes, (1,) * x.ndim)


def _check_ranks(name: str, x: Node, index: Node, axis: int, src: Node | None = None) -> None:
    """PyTorch's rule: the index lies within src, and, but for the axis, within x."""
    fits = index.ndim == x.ndim and all(
        other == axis or never_exceeds(own, size)
        for other, (own, size) in enumerate(zip(index.shape, x.shape, strict=False))
    )
    if src is not None:
        fits = fits and src.ndim == x.ndim and all(map(never_exceeds, index.shape, src.shape))
    if not fits:
        rest = "" if src is None else f" and {describe(src)}"
        problem = f"the index {describe(index)} does not lie within {describe(x)}{rest} along the axes but {axis}"
        raise ShapeError(explain(name, problem, at=here()))


# -- PyTorch's names


def gather(x: Operand, dim: int, index: Operand) -> Node:
    """Elements picked along one axis: ``out[i, j] = x[i, index[i, j]]`` for ``dim=1``; the result has index's shape.

    Raises IndexRangeError for a position outside the axis, negative ones included.

    >>> import symdiff as sd
    >>> sd.gather(sd.input("x", (4, 5)), 1, sd.input("i", (3, 2), dtype="int64")).type.shape
    (3, 2)
    """
    node, places = as_node(x), as_index(index, "gather")
    axis = normal_axis(dim, node.ndim, f"gather of {describe(node)} at {here()}")
    _check_ranks("gather", node, places, axis)
    part = _corner(node, (*places.shape[:axis], node.shape[axis], *places.shape[axis + 1 :]))
    return take_along_axis(part, places, axis, wrap=False)


def scatter(x: Operand, dim: int, index: Operand, src: Operand) -> Node:
    """x with elements of src (an array or a number) written along one axis: ``out[i, index[i, j]] = src[i, j]``.

    Where several go to one place the last one wins, and gets the derivative. Raises IndexRangeError for a position
    outside the axis, negative ones included.

    >>> import symdiff as sd
    >>> sd.scatter(sd.input("x", (4, 5)), 1, sd.input("i", (4, 2), dtype="int64"), 0.0).type.shape
    (4, 5)
    """
    node, places, values, axis = _scattered("scatter", x, dim, index, src)
    positions = inside("scatter", places, node.shape[axis], axis, node, wrap=False)
    return write("set", node, flat_positions(positions, axis, node.shape, places.shape), values)


def scatter_add(x: Operand, dim: int, index: Operand, src: Operand) -> Node:
    """x with elements of src added along one axis: ``out[i, index[i, j]] += src[i, j]`` for ``dim=1``.

    Raises IndexRangeError for a position outside the axis, negative ones included.

    >>> import symdiff as sd
    >>> i, src = sd.input("i", (4, 2), dtype="int64"), sd.input("src", (4, 2))
    >>> sd.scatter_add(sd.zeros((4, 5)), 1, i, src).type.shape
    (4, 5)
    """
    node, places, values, axis = _scattered("scatter_add", x, dim, index, src)
    shape = (*places.shape[:axis], node.shape[axis], *places.shape[axis + 1 :])
    at = checked_index("scatter_add", places, node.shape[axis], axis, node, wrap=False)
    return node + place_all(add_along(values, at, axis, shape), (0,) * node.ndim, node.shape, (1,) * node.ndim)


def _scattered(name: str, x: Operand, dim: int, index: Operand, src: Operand) -> tuple[Node, Node, Node, int]:
    node, places = as_node(x), as_index(index, name)
    axis = normal_axis(dim, node.ndim, f"{name} into {describe(node)} at {here()}")
    values = fit(name, node, src)
    if values.ndim == 0:
        values = broadcast_to(values, places.shape)
    _check_ranks(name, node, places, axis, values)
    return node, places, _corner(values, places.shape), axis


def index_select(x: Operand, dim: int, index: Operand) -> Node:
    """Slices of x at the positions of a vector along one axis."""
    node, places = as_node(x), as_index(index, "index_select")
    axis = normal_axis(dim, node.ndim, f"index_select from {describe(node)} at {here()}")
    places = _vector("index_select", places)
    return take_at(node, checked_index("index_select", places, node.shape[axis], axis, node), axis)


def index_add(x: Operand, dim: int, index: Operand, source: Operand, alpha: Operand = 1) -> Node:
    """x with ``alpha`` times the slices of source added at the positions of a vector along one axis.

    >>> import symdiff as sd
    >>> sd.index_add(sd.input("x", (5, 3)), 0, sd.constant([0, 4, 0]), sd.input("s", (3, 3))).type.shape
    (5, 3)
    """
    node, places = as_node(x), _vector("index_add", as_index(index, "index_add"))
    axis = normal_axis(dim, node.ndim, f"index_add to {describe(node)} at {here()}")
    values = fit("index_add", node, source)
    expected = (*node.shape[:axis], *places.shape, *node.shape[axis + 1 :])
    if values.shape != expected:
        problem = f"{describe(values)} has no slice of {describe(node)} for each of {describe(places)}"
        raise ShapeError(explain("index_add", problem, at=here()))
    at = checked_index("index_add", places, node.shape[axis], axis, node)
    scaled = values if isinstance(alpha, int | float) and alpha == 1 else values * alpha
    return node + scatter_add_at(scaled, at, axis, node.shape)


def _vector(name: str, index: Node) -> Node:
    if index.ndim > 1:
        raise ShapeError(explain(name, f"the index is a vector, got {describe(index)}", at=here()))
    return reshape(index, (1,)) if index.ndim == 0 else index


# -- NumPy's names


def put_along_axis(x: Operand, indices: Operand, values: Operand, axis: int | None = -1) -> Node:
    """x with values written along one axis (None: of the flattened array), as a new array: the opposite of
    take_along_axis. Where several go to one place the last one wins.

    >>> import symdiff as sd
    >>> x = sd.input("x", (2, 3))
    >>> sd.put_along_axis(x, sd.expand_dims(sd.argmax(x, 1), 1), 0.0, 1).type.shape
    (2, 3)
    """
    node, places = as_node(x), as_index(indices, "put_along_axis")
    if axis is None:
        return reshape(put_along_axis(reshape(node, -1), places, values, 0), node.shape)
    where = normal_axis(axis, node.ndim, f"put_along_axis into {describe(node)} at {here()}")
    one_place = (*node.shape[:where], 1, *node.shape[where + 1 :])
    counts = broadcast([one_place, places.shape]) if places.ndim == node.ndim else None
    if counts is None:
        problem = f"shapes but axis {where} must broadcast: {describe(node)} and {describe(places)}"
        raise ShapeError(explain("put_along_axis", problem, at=here()))
    positions = inside("put_along_axis", places, node.shape[where], where, node)
    whole = broadcast_to(fit("put_along_axis", node, values), counts)
    return write("set", node, flat_positions(positions, where, node.shape, counts), whole)
