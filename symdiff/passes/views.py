"""Stacked views become one: reshapes, permutations, broadcasts, and slices of what is the same everywhere."""

from __future__ import annotations

from ..core.node import Node, build
from ..ops.shape import broadcast_to, expand_dims, permute_dims, reshape, squeeze
from .rules import node_rule, over

SAME_ORDER = ("reshape", "expand_dims", "squeeze")  # other shapes for the same elements in the same order


@node_rule("merge_reshapes", "reshape(reshape(x, s), t) -> reshape(x, t)", over(SAME_ORDER, SAME_ORDER))
def merge_reshapes(node: Node) -> Node | None:
    """Two views of the same order become one, or none."""
    inner = node.inputs[0]
    x = inner.inputs[0]
    if node.shape == x.shape:
        return x
    if node.op.name == inner.op.name == "expand_dims":
        old = set(node.attrs["axis"])
        rest = [axis for axis in range(node.ndim) if axis not in old]
        return expand_dims(x, sorted(old | {rest[axis] for axis in inner.attrs["axis"]}))
    if node.op.name == inner.op.name == "squeeze":
        gone = set(inner.attrs["axis"])
        rest = [axis for axis in range(x.ndim) if axis not in gone]
        return squeeze(x, sorted(gone | {rest[axis] for axis in node.attrs["axis"]}))
    return reshape(x, node.shape)


@node_rule(
    "merge_permutations",
    "permute_dims(permute_dims(x, p), q) -> permute_dims(x, p[q])",
    over(["permute_dims"], ["permute_dims"]),
)
def merge_permutations(node: Node) -> Node | None:
    """Two permutations become one, or none."""
    inner = node.inputs[0]
    return permute_dims(inner.inputs[0], [inner.attrs["axes"][axis] for axis in node.attrs["axes"]])


@node_rule(
    "merge_broadcasts",
    "broadcast_to(broadcast_to(x, s), t) -> broadcast_to(x, t)",
    over(["broadcast_to"], ["broadcast_to", "expand_dims"]),
)
def merge_broadcasts(node: Node) -> Node | None:
    """Two broadcasts become one; leading axes of size 1 come with a broadcast anyway."""
    inner = node.inputs[0]
    if inner.op.name == "broadcast_to" or _only_adds_leading(inner):
        return broadcast_to(inner.inputs[0], node.shape)
    return None


def _only_adds_leading(node: Node) -> bool:
    return node.op.name == "expand_dims" and node.attrs["axis"] == tuple(range(len(node.attrs["axis"])))


@node_rule(
    "view_of_scalar",
    "reshape(c, s) -> broadcast_to(c, s)",
    over([*SAME_ORDER, "permute_dims", "slice"]),
)
def view_of_scalar(node: Node) -> Node | None:
    """Any view of one number, repeated or not, is that number repeated."""
    x = node.inputs[0]
    if x.op.name == "broadcast_to":
        x = x.inputs[0]
    return broadcast_to(x, node.shape) if x.ndim == 0 else None


@node_rule(
    "expand_before_broadcast",
    "expand_dims(broadcast_to(x, s), a) -> broadcast_to(expand_dims(x, b), t)",
    over(["expand_dims"], ["broadcast_to"]),
)
def expand_before_broadcast(node: Node) -> Node | None:
    """The broadcast goes outside, where an elementwise operator can take it over."""
    inner = node.inputs[0]
    x, added = inner.inputs[0], set(node.attrs["axis"])
    kept = [axis for axis in range(node.ndim) if axis not in added]
    first = kept[inner.ndim - x.ndim] if x.ndim else node.ndim  # where x's own axes begin
    return broadcast_to(expand_dims(x, [axis - first for axis in sorted(added) if axis > first]), node.shape)


@node_rule(
    "squeeze_before_broadcast",
    "squeeze(broadcast_to(x, s), a) -> broadcast_to(squeeze(x, b), t)",
    over(["squeeze"], ["broadcast_to"]),
)
def squeeze_before_broadcast(node: Node) -> Node | None:
    """The broadcast goes outside, where an elementwise operator can take it over."""
    inner = node.inputs[0]
    x = inner.inputs[0]
    extra = inner.ndim - x.ndim
    return broadcast_to(squeeze(x, [axis - extra for axis in node.attrs["axis"] if axis >= extra]), node.shape)


@node_rule("merge_slices", "x[a][b] -> x[a + b]", over(["slice"]))
def merge_slices(node: Node) -> Node | None:
    """Two slices become one; one that takes everything is none."""
    x, starts, steps = node.inputs[0], node.attrs["starts"], node.attrs["steps"]
    if node.shape == x.shape and all(start == 0 for start in starts) and set(steps) == {1}:
        return x
    if x.op.name != "slice":
        return None
    first = x.attrs
    merged = [a + step * b for a, step, b in zip(first["starts"], first["steps"], starts, strict=True)]
    strides = tuple(step * own for step, own in zip(first["steps"], steps, strict=True))
    return build(node.op, [x.inputs[0]], {"starts": tuple(merged), "sizes": node.attrs["sizes"], "steps": strides})


VIEWS = (
    merge_slices,
    view_of_scalar,
    merge_reshapes,
    merge_permutations,
    merge_broadcasts,
    expand_before_broadcast,
    squeeze_before_broadcast,
)
