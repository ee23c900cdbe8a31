"""``scan``, ``map``, ``fori_loop``, ``while_loop`` and ``cond``: Python functions over nodes, called once, as loops and
branches of the graph."""

from __future__ import annotations

import builtins
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

from ..autodiff.placeholder import placeholder
from ..core.dim import Dim
from ..core.errors import DTypeError, GraphError, ShapeError, explain
from ..core.node import Node, describe, recorded
from ..core.provenance import here
from ..core.registry import provide
from ..core.structure import flatten, same_structure, unflatten
from ..core.types import BOOL, TensorType
from ..ops.comparison import as_condition
from ..ops.convert import as_node
from ..ops.record import build_astype
from ..ops.shape import concat, reshape, stack
from ..ops.slicing import slice_axis
from .branch import build_branch
from .loop import build_loop
from .parts import close_both

Function = Callable[..., Any]


def scan(
    body: Function,
    init: Any,
    xs: Any = None,
    length: int | Dim | None = None,
    reverse: bool = False,
    unroll: int = 1,
    checkpoint: bool | int = False,
) -> tuple[Any, Any]:
    """``carry, y = body(carry, x)`` for each x along the leading axis of ``xs``: the last carry, and the ys stacked.

    ``init``, ``xs`` and the ys may be nodes or nested lists, tuples and dicts of nodes; without xs (None) give
    ``length``. A carry keeps its dtype and shape. ``reverse`` starts from the last x, and ys keep the places of their
    xs. ``unroll`` steps at a time are compiled as one. ``body`` is called once, on symbols; what it reads from outside
    is passed to the loop by itself, and what does not depend on carry or x is computed before it.

    The derivative in reverse mode runs backward over stored values of each step; ``checkpoint=True`` stores the carry
    of about sqrt(length) steps only and runs the rest again (or of every k-th step with ``checkpoint=k``). Raises
    ShapeError or DTypeError where a carry changes its type or xs disagree on the length.

    >>> import symdiff as sd
    >>> x = sd.input("x", (5,))
    >>> total, partial = sd.scan(lambda sum, x: (sum + x, sum + x), 0.0, x)
    >>> partial.type.shape
    (5,)
    """
    rows = [as_node(x) for x in flatten(xs)]
    steps = _length(rows, length)
    if unroll < 1 or not isinstance(unroll, int):
        raise GraphError(explain("scan", f"unroll is a whole number above 0, got {unroll!r}", at=here()))
    if checkpoint:
        return _in_chunks(body, init, xs, steps, reverse, _chunk(steps, checkpoint))
    if unroll > 1:
        return _unrolled(body, init, xs, steps, reverse, unroll)
    return _scan(body, init, xs, steps, reverse, False)


def _scan(body: Function, init: Any, xs: Any, steps: int | Dim, reverse: bool, again: bool) -> tuple[Any, Any]:
    rows = [as_node(x) for x in flatten(xs)]
    types = [TensorType(x.dtype, x.shape[1:]) for x in rows]
    traced = _Carried("scan", _names(body, 2), init, types, xs, body)
    results = build_loop(traced.body, traced.inits, rows, traced.captured, length=steps, reverse=reverse, again=again)
    carries = len(traced.inits)
    return unflatten(init, results[:carries]), unflatten(traced.structure, results[carries:])


@provide("map")
def map(f: Function, xs: Any) -> Any:
    """``f(x)`` for each x along the leading axis of ``xs``, one after the other, stacked.

    Like ``sd.vmap(f)(xs)``, in the memory of one item.

    >>> import symdiff as sd
    >>> sd.map(lambda x: sd.sum(x * x), sd.input("x", (5, 3))).type.shape
    (5,)
    """
    return scan(lambda carry, x: (carry, f(x)), (), xs)[1]


def fori_loop(lower: int, upper: int | Dim, body: Function, init: Any) -> Any:
    """``value = body(i, value)`` for i from ``lower`` to ``upper - 1``: the last value."""
    start = as_node(lower).astype("int64")
    steps = upper - lower
    (_, value), _ = scan(lambda carry, _x: ((carry[0] + 1, body(carry[0], carry[1])), ()), (start, init), length=steps)
    return value


def while_loop(cond: Function, body: Function, init: Any, max_steps: int | None = None) -> Any:
    """``value = body(value)`` for as long as ``cond(value)`` holds: the last value.

    ``init`` is a node or a nested list, tuple or dict of nodes, whose dtypes and shapes stay. Differentiable in forward
    mode (:func:`jvp`); in reverse mode where ``max_steps`` says how many steps there can be, since each is stored. A
    loop that has not ended after ``max_steps`` is an error when the function runs.

    >>> import symdiff as sd
    >>> x = sd.input("x")
    >>> root = sd.while_loop(lambda r: abs(r * r - x) > 1e-12, lambda r: (r + x / r) / 2, x, max_steps=50)
    >>> round(float(sd.compile(root, inputs=[x])(2.0)), 12)
    1.414213562373
    """
    traced = _Carried("while_loop", _names(body, 1), init, [], None, lambda carry, _x: (body(carry), ()), cond)
    limit = None if max_steps is None else int(max_steps)
    results = build_loop(traced.body, traced.inits, (), traced.captured, length=limit, cond=traced.cond)
    return unflatten(init, results[: len(traced.inits)])


def cond(pred: Any, true: Any, false: Any, *operands: Any) -> Any:
    """``true(*operands)`` where ``pred``, a bool scalar, holds, else ``false(*operands)``; only that one is computed.

    Both return nodes, or nested lists, tuples and dicts of them, of the same structure, dtypes and shapes. Instead of a
    function a node may be given, which is then computed in any case. For a choice element by element use
    :func:`where`.

    >>> import symdiff as sd
    >>> x = sd.input("x")
    >>> y = sd.cond(x > 0, lambda: sd.log(x), lambda: 0.0 * x)
    """
    holds = as_condition("cond", pred)
    if holds.shape != () or holds.dtype.kind not in "biu":
        raise DTypeError(explain("cond", f"the condition is a bool scalar, got {describe(holds)}", at=here()))
    with recorded() as inside:
        found = [branch(*operands) if callable(branch) else branch for branch in (true, false)]
        yes, no = ([as_node(value) for value in flatten(one)] for one in found)
    same = same_structure(*found) and [node.type for node in yes] == [node.type for node in no]
    if not same:
        listed = " and ".join(f"({', '.join(str(node.type) for node in one)})" for one in (yes, no))
        raise ShapeError(explain("cond", f"the branches return different types: {listed}", at=here()))
    return unflatten(found[0], build_branch(build_astype(holds, BOOL), yes, no, inside))


class _Carried:
    """The body of a loop, called once on symbols: what it carries keeps its type."""

    def __init__(
        self, asked: str, names: tuple[str, ...], init: Any, rows: Sequence[TensorType], xs: Any, body: Function,
        condition: Function | None = None,
    ) -> None:  # fmt: skip
        self.asked, self.init = asked, init
        weak = [isinstance(value, bool | int | float) for value in flatten(init)]
        self.inits = [as_node(value) for value in flatten(init)]
        x_leaves = _leaves(names[-1], rows)
        if any(weak):  # a Python number takes the dtype that the body gives it
            types = [None if is_weak else node.type for node, is_weak in zip(self.inits, weak, strict=True)]
            symbols = iter(_leaves(names[0], [type for type in types if type is not None]))
            given = [value if type is None else next(symbols) for value, type in zip(flatten(init), types, strict=True)]
            found = self._next(body(unflatten(init, given), unflatten(xs, x_leaves)))
            pairs = zip(self.inits, found, weak, strict=True)
            self.inits = [build_astype(node, after.dtype) if is_weak else node for node, after, is_weak in pairs]
        leaves = _leaves(names[0], [node.type for node in self.inits])
        results = self._next(body(unflatten(init, leaves), unflatten(xs, x_leaves)))
        self._check(leaves, results)
        ys = [as_node(y) for y in flatten(self.structure)]
        holds = [] if condition is None else [self._condition(condition(unflatten(init, leaves)))]
        self.body, self.cond, self.captured = close_both([*leaves, *x_leaves], [*results, *ys], holds)

    def _next(self, found: Any) -> list[Node]:
        """The carries that a call of the body gives."""
        if not isinstance(found, tuple) or len(found) != 2:
            problem = f"the body returns a pair (carry, y), got {type(found).__name__}"
            raise GraphError(explain(self.asked, problem, at=here()))
        carry, self.structure = found
        if not same_structure(self.init, carry):
            problem = f"the carry comes back in another structure: {_outline(self.init)} became {_outline(carry)}"
            raise GraphError(explain(self.asked, problem, at=here()))
        return [as_node(value) for value in flatten(carry)]

    def _check(self, leaves: Sequence[Node], results: Sequence[Node]) -> None:
        for before, after in zip(leaves, results, strict=True):
            if before.type != after.type:
                problem = (
                    f"a carry keeps its type, but {before.attrs['name']} is {before.type} and becomes {after.type}"
                )
                error = DTypeError if before.shape == after.shape else ShapeError
                raise error(explain(self.asked, problem, at=here(), hint="start it with that type, or use astype"))

    def _condition(self, value: Any) -> Node:
        node = as_node(value)
        if node.shape != () or node.dtype != BOOL:
            problem = f"the condition is a bool scalar, got {describe(node)}"
            raise DTypeError(explain(self.asked, problem, at=here(), hint="reduce it with sd.all or sd.any"))
        return node


def _leaves(name: str, types: Sequence[TensorType]) -> list[Node]:
    """Symbols for what a body is given, under the name of its parameter."""
    return [placeholder(type, name if len(types) == 1 else f"{name}_{k}") for k, type in enumerate(types)]


def _names(body: Function, count: int) -> tuple[str, ...]:
    """The names of a function's parameters; plain ones where nobody knows."""
    default = ("carry", "x")[:count]
    try:
        names = [p.name for p in inspect.signature(body).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):
        return default
    plain = [name.strip("_") or other for name, other in zip(names, default, strict=False)]
    return tuple(plain) if len(names) == count and all(builtins.map(str.isidentifier, plain)) else default


def _length(rows: Sequence[Node], length: int | Dim | None) -> int | Dim:
    sizes = {x.shape[0] if x.shape else None for x in rows} | ({length} - {None})
    if not sizes:
        raise ShapeError(explain("scan", "without xs it needs a length", at=here()))
    if len(sizes) > 1 or None in sizes:
        listed = ", ".join(builtins.map(describe, rows))
        what = "" if length is None else f", length={length}"
        raise ShapeError(explain("scan", f"xs have one leading size, the length: {listed}{what}", at=here()))
    (size,) = sizes
    assert size is not None
    if isinstance(size, int) and size < 0:
        raise ShapeError(explain("scan", f"a length is not negative, got {size}", at=here()))
    return size


def _outline(tree: Any) -> str:
    """A structure without its values."""
    return str(unflatten(tree, ["."] * len(flatten(tree)))).replace("'", "") if flatten(tree) else repr(tree)


# -- several steps at a time


def _chunk(steps: int | Dim, checkpoint: bool | int) -> int:
    if not isinstance(steps, int):
        raise ShapeError(explain("scan", f"checkpoint needs a length in numbers, got {steps}", at=here()))
    return max(1, math.isqrt(steps)) if checkpoint is True else int(checkpoint)


def _in_chunks(body: Function, init: Any, xs: Any, steps: int | Dim, reverse: bool, size: int) -> tuple[Any, Any]:
    """A scan of scans of ``size`` steps: the derivative keeps the carries between them."""

    def chunk(carry: Any, part: Any) -> tuple[Any, Any]:
        return scan(body, carry, part, length=size, reverse=reverse)

    return _grouped(chunk, body, init, xs, steps, reverse, size, again=True)


def _unrolled(body: Function, init: Any, xs: Any, steps: int | Dim, reverse: bool, size: int) -> tuple[Any, Any]:
    """A scan whose body is ``size`` steps."""

    def several(carry: Any, part: Any) -> tuple[Any, Any]:
        found: list[Any] = [None] * size
        for k in reversed(range(size)) if reverse else range(size):
            carry, found[k] = body(carry, unflatten(part, [x[k] for x in flatten(part)]))
        stacked = zip(*builtins.map(flatten, found), strict=True)
        return carry, unflatten(found[0], [stack([as_node(y) for y in ys]) for ys in stacked])

    if not isinstance(steps, int):
        raise ShapeError(explain("scan", f"unroll needs a length in numbers, got {steps}", at=here()))
    return _grouped(several, body, init, xs, steps, reverse, size, again=False)


def _grouped(
    chunk: Function, body: Function, init: Any, xs: Any, steps: int | Dim, reverse: bool, size: int, again: bool
) -> tuple[Any, Any]:
    """``chunk`` on groups of ``size`` steps, ``body`` on those that are left, which come last."""
    assert isinstance(steps, int)
    whole, rest = divmod(steps, size)
    rows = [as_node(x) for x in flatten(xs)]
    groups = unflatten(xs, [reshape(slice_axis(x, 0, 0, whole * size), (whole, size, *x.shape[1:])) for x in rows])
    others = unflatten(xs, [slice_axis(x, 0, whole * size, rest) for x in rows])

    def grouped(carry: Any) -> tuple[Any, Any]:
        carry, ys = _scan(chunk, carry, groups, whole, reverse, again)
        return carry, unflatten(ys, [reshape(y, (whole * size, *y.shape[2:])) for y in flatten(ys)])

    def left(carry: Any) -> tuple[Any, Any]:
        return _scan(body, carry, others, rest, reverse, False)

    if not rest:
        return grouped(init)
    first, second = (left, grouped) if reverse else (grouped, left)
    carry, before = first(init)
    carry, after = second(carry)
    start, end = (after, before) if reverse else (before, after)
    joined = [concat([a, b]) for a, b in zip(flatten(start), flatten(end), strict=True)]
    return carry, unflatten(start, joined)
