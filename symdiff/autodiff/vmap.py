"""``vmap``: a Python function of one item as a function of a whole batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from ..core.errors import ShapeError, explain
from ..core.node import Node, describe
from ..core.provenance import here
from ..core.structure import flatten, unflatten
from ..core.types import normal_axis
from ..ops.convert import as_node
from ..ops.shape import permute_dims
from .batch import batched
from .placeholder import placeholder

Axes = int | None | Sequence[int | None]


def vmap(f: Callable[..., Any], in_axes: Axes = 0, out_axes: int | Sequence[int] = 0) -> Callable[..., Any]:
    """``f``, written for one item, for a whole batch at once.

    ``in_axes`` is the axis of the batch in every argument, or a sequence with one for each (None: the argument is the
    same for all items). ``f`` takes and returns nodes, or lists, tuples and dicts of nodes; the batch is axis
    ``out_axes`` of each result. ``f`` is called once, on symbols for one item, so it may do whatever builds a graph,
    ``sd.grad`` and ``sd.vmap`` included: ``sd.vmap(lambda x, y: sd.grad(loss(x, y), w))(xs, ys)`` are the gradients
    of each example. Raises ShapeError for axes that the arguments do not have and for batches of different sizes.

    >>> import symdiff as sd
    >>> xs, w = sd.input("xs", (sd.dim("n"), 3)), sd.param("w", (3,))
    >>> sd.vmap(lambda x: sd.grad(sd.tanh(x @ w), w))(xs).type.shape
    (Dim(n), 3)
    """

    @wraps(f)
    def mapped(*args: Any) -> Any:
        batches: dict[Node, Node] = {}
        items = [
            arg if axis is None else unflatten(arg, [_item(as_node(one), axis, batches) for one in flatten(arg)])
            for arg, axis in zip(args, _axes(in_axes, len(args)), strict=True)
        ]
        if not batches:
            raise ShapeError(explain("vmap", "no argument has a batch: every entry of in_axes is None", at=here()))
        return _with_batch(f(*items), batches, out_axes)

    return mapped


def _axes(in_axes: Axes, count: int) -> Sequence[int | None]:
    axes = [in_axes] * count if in_axes is None or isinstance(in_axes, int) else list(in_axes)
    if len(axes) != count:
        raise ShapeError(explain("vmap", f"in_axes has {len(axes)} entries for {count} arguments", at=here()))
    return axes


def _item(arg: Node, axis: int, batches: dict[Node, Node]) -> Node:
    """A symbol for one item of the argument, whose batch is put on record."""
    place = normal_axis(axis, arg.ndim, f"vmap over {describe(arg)} at {here()}")
    shape = (*arg.shape[:place], *arg.shape[place + 1 :])
    name = arg.attrs.get("name") or arg.op.name
    item = placeholder(arg.type._replace(shape=shape), name)
    batches[item] = move_axis(arg, place, 0)
    return item


def _with_batch(results: Any, batches: dict[Node, Node], out_axes: int | Sequence[int]) -> Any:
    """The results of one item for the whole batch, in the form they have."""
    leaves = flatten(results)
    if not leaves or not all(isinstance(leaf, Node) for leaf in leaves):
        problem = f"the function returns a node, or a list, tuple or dict of nodes, got {results!r}"
        raise ShapeError(explain("vmap", problem, at=here()))
    axes = [out_axes] * len(leaves) if isinstance(out_axes, int) else list(out_axes)
    if len(axes) != len(leaves):
        raise ShapeError(explain("vmap", f"out_axes has {len(axes)} entries for {len(leaves)} results", at=here()))
    whole = batched(leaves, batches)
    return unflatten(results, [move_axis(one, 0, axis) for one, axis in zip(whole, axes, strict=True)])


def move_axis(x: Node, source: int, target: int) -> Node:
    """One axis at another place, the rest in order."""
    target = normal_axis(target, x.ndim, f"axis of {describe(x)} at {here()}")
    rest = [axis for axis in range(x.ndim) if axis != source]
    return permute_dims(x, (*rest[:target], source, *rest[target:]))
