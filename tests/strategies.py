"""Random well-typed graphs with values to run them on, and the comparison that goes with them.

``random_graphs()`` is a Hypothesis strategy. Any two ways of computing a graph (interpreter, a pass, emitted source,
compiled code) must agree on what it draws::

    from hypothesis import given
    from tests.strategies import SampledGraph, assert_close, random_graphs

    @pytest.mark.sweep
    @examples(40)
    @given(random_graphs(gradients=True))
    def test_my_pass(sample: SampledGraph) -> None:
        before = interpret_graph(sample.graph, sample.values, sample.sizes)
        after = interpret_graph(my_pass(sample.graph), sample.values, sample.sizes)
        for name, a, b in zip(sample.graph.outputs, after, before):
            assert_close(a, b, b.dtype)

The values stay where two correct evaluations agree to rounding: magnitudes near 1, and every discontinuous operator
(comparison, ``sign``, ``floor_divide``, ``argmax``, the branch of ``where``, ties of ``max``) reads only inputs or
exact functions of them, so rounding never decides a branch. Inputs are multiples of 1/8, with exact zeros and ties.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import symdiff as sd
from symdiff.core.dim import Dim, evaluate, product
from symdiff.core.node import Node
from symdiff.core.traversal import toposort
from symdiff.core.types import Shape, broadcast

Array = np.ndarray[Any, Any]
Draw = Callable[..., Any]

SWEEP = int(os.environ.get("SYMDIFF_SWEEP", "1"))


def examples(count: int) -> settings:
    """Hypothesis settings: ``count`` examples, the same in every run.

    With ``SYMDIFF_SWEEP=50`` in the environment (``pytest -m sweep``): 50 times as many, different in every run.
    """
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=count * SWEEP, deadline=None, derandomize=SWEEP == 1, suppress_health_check=slow)


BATCHES = (0, 1, 7, 64)
N = sd.dim("n")


@dataclass(frozen=True)
class SampledGraph:
    """A graph, an array for each of its inputs, and a number for each symbolic size."""

    graph: sd.Graph
    values: dict[Node, Array]
    sizes: dict[str, int]

    def resized(self, n: int, seed: int = 0) -> SampledGraph:
        """The same graph with other values, for batch size ``n``: to call one compiled function again."""
        rng = np.random.default_rng(seed)
        return SampledGraph(self.graph, {node: _values(node, {"n": n}, rng) for node in self.graph.inputs}, {"n": n})

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def __repr__(self) -> str:
        """The program, one node a line: what Hypothesis shows for the smallest failing example."""
        numbers = {node: place for place, node in enumerate(self.graph.nodes)}
        lines = [f"n = {self.sizes['n']}"]
        for node, number in numbers.items():
            operands = ", ".join(f"%{numbers[parent]}" for parent in node.inputs)
            lines.append(f"%{number} = {node.op.name}({operands}) {dict(node.attrs)}: {node.type}")
        lines += [f"{node.attrs['name']} = {np.array2string(v, threshold=40)}" for node, v in self.values.items()]
        return "\n".join([*lines, *(f"{name} -> %{numbers[node]}" for name, node in self.graph.outputs.items())])


def assert_close(actual: Any, expected: Any, dtype: Any, *, rtol: float | None = None) -> None:
    """Same shape and dtype, NaN and infinities at the same places, finite values equal relative to their scale.

    The scale is the largest finite magnitude of ``expected``, at least 1; the default ``rtol`` is 1e-9 for float64,
    2e-4 for float32 and exact equality for integers and booleans.
    """
    actual, expected, dtype = np.asarray(actual), np.asarray(expected), np.dtype(dtype)
    assert actual.dtype == dtype, f"dtype {actual.dtype}, expected {dtype}"
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    if dtype.kind != "f":
        np.testing.assert_array_equal(actual, expected)
        return
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected), "NaN at different places")
    infinite = np.isinf(expected)
    np.testing.assert_array_equal(np.isinf(actual), infinite, "infinities at different places")
    np.testing.assert_array_equal(actual[infinite], expected[infinite])
    finite = np.isfinite(expected)
    scale = max(1.0, float(np.abs(expected[finite]).max(initial=0)))
    tolerance = rtol if rtol is not None else (1e-9 if dtype.itemsize == 8 else 2e-4)
    np.testing.assert_allclose(actual[finite], expected[finite], rtol=0, atol=tolerance * scale)


@st.composite
def random_graphs(
    draw: Draw,
    *,
    gradients: bool | None = None,
    dtype: str | None = None,
    max_steps: int = 14,
    batches: tuple[int, ...] = BATCHES,
) -> SampledGraph:
    """A graph of up to ``max_steps`` drawn operators over one to three inputs.

    ``gradients``: with True a scalar cost and its gradients with respect to every input the cost depends on are
    outputs too; with None that is drawn. ``dtype`` is ``"float32"``, ``"float64"`` or drawn. ``batches`` are the values
    of the one symbolic size, ``n``. The other outputs, up to four, are nodes that no drawn operator reads.
    """
    maker = _Maker(draw, dtype or draw(st.sampled_from(["float64", "float32"])))
    for kind in draw(st.lists(st.sampled_from(_KINDS), min_size=min(3, max_steps), max_size=max_steps)):
        maker.step(kind)
    outputs = {f"out{place}": node for place, node in enumerate(maker.outputs())}
    if gradients if gradients is not None else draw(st.booleans()):
        outputs |= maker.cost_and_gradients()
    inputs = [node for node in toposort(outputs.values()) if node.op.name == "input"]
    sizes = {"n": draw(st.sampled_from(batches))}
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return SampledGraph(sd.Graph(outputs, inputs), {node: _values(node, sizes, rng) for node in inputs}, sizes)


def _values(node: Node, sizes: dict[str, int], rng: np.random.Generator) -> Array:
    shape = tuple(evaluate(size, sizes) for size in node.shape)
    if node.dtype.kind == "b":
        return rng.random(shape) < 0.5
    if node.dtype.kind == "i":
        return rng.integers(0, _LABELS, shape)
    return (rng.integers(-12, 13, shape) / 8).astype(node.dtype)


_LABELS = 3  # integer inputs are positions along an axis of this size
_LARGEST = 2**16
_SIZES: tuple[int | Dim, ...] = (N, 3, 1, 2, N, 3, 0)


class _Maker:
    """Grows a pool of float nodes whose magnitude stays near 1.

    ``exact`` are the nodes whose elements any evaluation computes to the same bits: inputs, and what moves, negates or
    selects their elements. Operators with jumps read only these.
    """

    def __init__(self, draw: Draw, dtype: str) -> None:
        self.draw, self.dtype = draw, dtype
        self.leaves = [sd.input(f"x{place}", self.shape(), dtype=dtype) for place in range(draw(st.integers(1, 3)))]
        self.exact = list(self.leaves)
        self.pool = list(self.leaves)
        self.position_shapes: list[Shape] = []

    def outputs(self) -> list[Node]:
        """What no other drawn operator reads."""
        used = {parent for node in toposort(self.pool) for parent in node.inputs}
        return [node for node in self.pool if node not in used][-4:] or self.pool[-1:]

    def cost_and_gradients(self) -> dict[str, Node]:
        parts = [sd.sum(node * self.weight(node)) for node in self.outputs()]
        cost = parts[0]
        for part in parts[1:]:
            cost = cost + part
        wrt = [node for node in toposort([cost]) if node in self.leaves]
        gradients = sd.grad(cost, wrt, unused="zero")
        return {"cost": cost, **{f"d_{x.attrs['name']}": g for x, g in zip(wrt, gradients, strict=True)}}

    def weight(self, node: Node) -> Node:
        """Different for every element, so that cotangents are not all ones."""
        return sd.cos(1 + node * 0.25)

    # -- drawing

    def shape(self) -> tuple[int | Dim, ...]:
        rank = self.draw(st.sampled_from([2, 1, 2, 3, 0]))
        sizes = [self.draw(st.sampled_from(_SIZES)) for _ in range(rank)]
        return tuple(3 if size is N and N in sizes[:axis] else size for axis, size in enumerate(sizes))

    def any(self) -> Node:
        """A node, the recent ones more often: that makes chains as well as diamonds."""
        recent = self.pool[-3:]
        return self.draw(st.sampled_from(recent if self.draw(st.booleans()) else self.pool))

    def axis_of(self, node: Node) -> int:
        return self.draw(st.integers(-node.ndim, node.ndim - 1))

    def partner(self, node: Node) -> Node:
        """A node that broadcasts with this one: another of the pool, else a part of itself, else a number."""
        fitting = [other for other in self.pool if broadcast([node.shape, other.shape]) is not None]
        return self.draw(st.sampled_from(fitting))

    def condition(self, node: Node) -> Node:
        fitting = [other for other in self.exact if broadcast([node.shape, other.shape]) is not None]
        if not fitting:
            return sd.constant(self.draw(st.booleans()))
        left, right = self.draw(st.sampled_from(fitting)), self.draw(st.sampled_from([0, 0.5, -0.25]))
        compare = self.draw(st.sampled_from([sd.less, sd.less_equal, sd.greater, sd.equal, sd.not_equal]))
        found = compare(left, right)
        return sd.logical_not(found) if self.draw(st.booleans()) else found

    def positions(self, shape: Shape) -> Node:
        if shape not in self.position_shapes:
            self.position_shapes.append(shape)
        return sd.input(f"i{self.position_shapes.index(shape)}", shape, dtype="int64")

    # -- one more operator

    def step(self, kind: Callable[[_Maker, Node], Made]) -> None:
        made, exact = kind(self, self.any())
        if made is None or made in self.pool or evaluate(product(made.shape), {"n": max(BATCHES)}) > _LARGEST:
            return
        self.pool.append(made)
        if exact:
            self.exact.append(made)


Made = tuple[Node | None, bool]  # the node (None: the operator does not apply) and whether its elements are exact


def _unary(maker: _Maker, x: Node) -> Made:
    smooth: list[Callable[[Node], Node]] = [
        sd.tanh, sd.sigmoid, sd.sin, sd.cos, sd.softplus, sd.square, sd.negative,
        lambda x: sd.exp(-sd.square(x)), lambda x: sd.log(1 + sd.square(x)), lambda x: sd.sqrt(sd.square(x) + 0.5),
        lambda x: sd.log1p(sd.square(x)), lambda x: sd.expm1(sd.tanh(x)), lambda x: 1 / (1 + sd.square(x)),
        lambda x: sd.reciprocal(sd.exp(sd.tanh(x))), lambda x: x**3, lambda x: (1.5 + sd.tanh(x)) ** 2.5,
        lambda x: sd.tanh(x) * 0.5, lambda x: 2 - x, lambda x: sd.stop_gradient(x) * 0.5,
    ]  # fmt: skip
    made = maker.draw(st.sampled_from(smooth))(x)
    return _calm(made), False


def _kink(maker: _Maker, x: Node) -> Made:
    x = maker.draw(st.sampled_from(maker.exact))
    return maker.draw(st.sampled_from([sd.relu, sd.abs, sd.negative, sd.sign]))(x), True


def _binary(maker: _Maker, x: Node) -> Made:
    y = maker.partner(x)
    made: list[Callable[[Node, Node], Node]] = [
        sd.add, sd.subtract, sd.multiply,
        lambda x, y: x / (1 + sd.square(y)), lambda x, y: (1.25 + sd.sigmoid(x)) ** sd.tanh(y), lambda x, y: x * y + x,
    ]  # fmt: skip
    return _calm(maker.draw(st.sampled_from(made))(x, y)), False


def _jump(maker: _Maker, x: Node) -> Made:
    """Operators whose value or derivative jumps, on exact operands."""
    x = maker.draw(st.sampled_from(maker.exact))
    fitting = [other for other in maker.exact if broadcast([x.shape, other.shape]) is not None]
    y = maker.draw(st.sampled_from(fitting))
    operators: list[Callable[[Node, Node], Node]] = [
        sd.maximum, sd.minimum, lambda x, y: sd.maximum(x, 0.25), lambda x, y: sd.minimum(y, -0.5),
        lambda x, y: x % 0.75, lambda x, y: x // 0.5, lambda x, y: sd.maximum(sd.minimum(x, 1), -1),
    ]  # fmt: skip
    return maker.draw(st.sampled_from(operators))(x, y), True


def _reduce(maker: _Maker, x: Node) -> Made:
    axes = None
    if x.ndim and maker.draw(st.booleans()):
        axes = tuple(sorted(maker.draw(st.sets(st.integers(0, x.ndim - 1), min_size=1))))
    reduce = maker.draw(st.sampled_from([sd.sum, sd.sum, _sensible_mean]))
    return _calm(reduce(x, axis=axes, keepdims=maker.draw(st.booleans()))), False


def _sensible_mean(x: Node, axis: Any, keepdims: bool) -> Node:
    return (
        sd.mean(x, axis, keepdims)
        if all(isinstance(size, int) and size for size in x.shape)
        else sd.sum(x * 0.125, axis, keepdims)
    )


def _choose(maker: _Maker, x: Node) -> Made:
    """max, min, prod, argmax: along an axis whose size is a positive number."""
    x = maker.draw(st.sampled_from(maker.exact))
    axes = [axis for axis, size in enumerate(x.shape) if isinstance(size, int) and size > 0]
    if not axes:
        return None, False
    axis, keepdims = maker.draw(st.sampled_from(axes)), maker.draw(st.booleans())
    name = maker.draw(st.sampled_from(["max", "min", "prod", "argmax", "argmin"]))
    made: Node = getattr(sd, name)(x, axis=axis, keepdims=keepdims)
    return (made, True) if name in ("max", "min") else (_calm(sd.astype(made, maker.dtype)), False)


def _move(maker: _Maker, x: Node) -> Made:
    """The same elements at other places."""
    exact = x in maker.exact
    kind = maker.draw(st.sampled_from(["permute", "expand", "squeeze", "flat", "split", "slice", "reverse", "drop"]))
    if kind == "permute" and x.ndim > 1:
        return sd.permute_dims(x, maker.draw(st.permutations(range(x.ndim)))), exact
    if kind == "expand" and x.ndim < 3:
        return sd.expand_dims(x, maker.draw(st.integers(0, x.ndim))), exact
    if kind == "squeeze" and 1 in x.shape:
        return sd.squeeze(x), exact
    if kind == "flat" and x.ndim > 1:
        return sd.reshape(x, -1 if x.ndim == 2 else (x.shape[0], x.shape[1] * x.shape[2])), exact
    if kind == "split" and x.ndim and x.ndim < 3:
        return sd.reshape(x, (*x.shape[:-1], 1, x.shape[-1])), exact
    fixed = [axis for axis, size in enumerate(x.shape) if isinstance(size, int) and size > 1]
    if kind == "reverse" and x.ndim:
        return sd.flip(x, maker.draw(st.integers(0, x.ndim - 1))), exact
    if not fixed:
        return None, False
    axis = maker.draw(st.sampled_from(fixed))
    full: list[Any] = [slice(None)] * x.ndim
    full[axis] = maker.draw(
        st.sampled_from([slice(1, None), slice(None, -1), slice(None, None, 2), slice(1, 1), 0, -1])
    )
    return x[tuple(full)], exact


def _broadcast(maker: _Maker, x: Node) -> Made:
    return (sd.broadcast_to(x, (2, *x.shape)) if x.ndim < 3 else None), x in maker.exact


def _join(maker: _Maker, x: Node) -> Made:
    if not x.ndim:
        return sd.stack([x, x]), x in maker.exact
    axis = maker.axis_of(x) % x.ndim
    rest = (*x.shape[:axis], *x.shape[axis + 1 :])
    fitting = [y for y in maker.pool if y.ndim == x.ndim and (*y.shape[:axis], *y.shape[axis + 1 :]) == rest]
    parts = [x, maker.draw(st.sampled_from(fitting))]
    return sd.concat(parts, axis), all(part in maker.exact for part in parts)


def _matmul(maker: _Maker, x: Node) -> Made:
    if not x.ndim:
        return None, False
    if x.ndim > 1 and maker.draw(st.booleans()):
        return _calm(x @ sd.permute_dims(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)) * 0.25), False
    fitting = [y for y in maker.pool if y.ndim in (1, 2) and y.shape[max(y.ndim - 2, 0)] == x.shape[-1]]
    if fitting:
        return _calm(x @ maker.draw(st.sampled_from(fitting)) * 0.25), False
    if not isinstance(x.shape[-1], int):
        return None, False
    w = sd.input(f"w{x.shape[-1]}", (x.shape[-1], 2), dtype=maker.dtype)
    maker.leaves += [] if w in maker.leaves else [w]
    return _calm(x @ w * 0.25), False


def _softmax(maker: _Maker, x: Node) -> Made:
    axes = [axis for axis, size in enumerate(x.shape) if isinstance(size, int) and size > 0]
    if not axes:
        return None, False
    axis = maker.draw(st.sampled_from(axes))
    kind = maker.draw(st.sampled_from(["softmax", "log_softmax", "logsumexp", "spelled out", "cross_entropy"]))
    if kind == "logsumexp":
        return sd.logsumexp(x, axis, maker.draw(st.booleans())), False
    if kind == "spelled out":
        return sd.log(sd.sum(sd.exp(_calm(x)), axis, keepdims=True)), False
    if kind == "cross_entropy":
        x = x if x.shape[-1] == _LABELS else sd.stack([x, sd.sin(x), -x], axis=-1)
        return sd.cross_entropy(x, maker.positions(x.shape[:-1])), False
    return getattr(sd, kind)(x, axis), False


def _select(maker: _Maker, x: Node) -> Made:
    """where, with guards whose branch not taken is infinite or NaN."""
    kind = maker.draw(st.sampled_from(["two", "zero", "log", "sqrt", "divide"]))
    if kind in ("log", "sqrt", "divide"):
        x = maker.draw(st.sampled_from(maker.exact))
        inside = {"log": lambda: sd.log(x), "sqrt": lambda: sd.sqrt(x), "divide": lambda: 0.25 / x}[kind]()
        return _calm(sd.where(x > 0, inside, 0)), False
    condition = maker.condition(x)
    y = maker.partner(x) if kind == "two" else 0
    try:
        return sd.where(condition, x, y), False
    except sd.ShapeError:  # the condition fits x and y fits x, but not each other
        return None, False


def _index(maker: _Maker, x: Node) -> Made:
    axes = [axis for axis, size in enumerate(x.shape) if size == _LABELS]
    kind = maker.draw(st.sampled_from(["take", "along", "one_hot"]))
    if kind == "one_hot":
        return sd.one_hot(maker.positions((N,)), _LABELS, maker.dtype), True
    if not axes:
        table = sd.input("table", (_LABELS, 2), dtype=maker.dtype)
        maker.leaves += [] if table in maker.leaves else [table]
        return sd.take(table, maker.positions((N,)), 0), True
    axis, exact = maker.draw(st.sampled_from(axes)), x in maker.exact
    if kind == "take":
        shape = maker.draw(st.sampled_from([(), (2,), (N,), (2, 1)]))
        return (sd.take(x, maker.positions(shape), axis) if x.ndim + len(shape) < 5 else None), exact
    shape = (*x.shape[:axis], 2, *x.shape[axis + 1 :])
    return sd.take_along_axis(x, maker.positions(shape), axis), exact


def _calm(x: Node) -> Node:
    """Values that may have grown, brought back near 1."""
    return sd.tanh(x * 0.5)


_KINDS = (
    _unary, _unary, _binary, _binary, _kink, _jump, _reduce, _reduce, _choose, _move, _move, _broadcast, _join, _matmul,
    _matmul, _softmax, _softmax, _select, _select, _index, _index,
)  # fmt: skip
