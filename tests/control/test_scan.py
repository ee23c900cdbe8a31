"""scan, map and fori_loop: values, derivatives and batches against the same written out step by step."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.op import Repeat
from tests.emit.three_ways import assert_three_ways, some_values

T, N = sd.dim("T"), sd.dim("n")


def cell(carry, x):
    h, c = carry["h"], carry["c"]
    new = sd.tanh(x + 0.5 * h * c)
    return {"h": new, "c": c + h}, (sd.sum(new * new), new)


def by_hand(h, c, xs, reverse=False):
    sums, rows = [None] * len(xs), [None] * len(xs)
    for t in reversed(range(len(xs))) if reverse else range(len(xs)):
        new = sd.tanh(xs[t] + 0.5 * h * c)
        h, c = new, c + h
        sums[t], rows[t] = sd.sum(new * new), new
    return h, c, sd.stack(sums), sd.stack(rows)


def cost(h, c, sums, rows):
    return sd.sum(h * c) + sd.sum(sums * sd.arange(sums.shape[0]).astype("float64")) + sd.sum(sd.sin(rows))


def values(*nodes, seed=0, **sizes):
    rng = np.random.default_rng(seed)
    from symdiff.core.dim import evaluate

    return {node: rng.normal(size=[evaluate(size, sizes) for size in node.shape]).astype(node.dtype) for node in nodes}


def leaves(length=4, size=3):
    return sd.input("h", (size,)), sd.input("c", (size,)), sd.input("xs", (length, size))


def scanned(h, c, xs, **options):
    last, (sums, rows) = sd.scan(cell, {"h": h, "c": c}, xs, **options)
    return last["h"], last["c"], sums, rows


OPTIONS: list[dict] = [
    {}, {"reverse": True}, {"unroll": 2}, {"unroll": 3, "reverse": True}, {"checkpoint": True}, {"checkpoint": 3},
    {"checkpoint": 3, "reverse": True},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_equals_the_steps_written_out(options):
    """To the second derivative."""
    h, c, xs = leaves()
    own = cost(*scanned(h, c, xs, **options))
    plain = cost(*by_hand(h, c, xs, options.get("reverse", False)))
    pairs = []
    for one in (own, plain):
        first = sd.grad(one, [h, c, xs])
        pairs.append([one, *first, *sd.grad(sd.sum(first[0] * first[1]) + sd.sum(first[2] ** 2), [h, c, xs])])
    given = values(h, c, xs)
    found, expected = (sd.compile(nodes, inputs=[h, c, xs])(*given.values()) for nodes in pairs)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sizes", [{"T": 4, "n": 3}, {"T": 1, "n": 1}, {"T": 0, "n": 2}, {"T": 3, "n": 0}], ids=str)
def test_three_ways_with_symbolic_sizes(sizes, reverse):
    h, c, xs = leaves(T, N)
    last, (sums, rows) = sd.scan(cell, {"h": h, "c": c}, xs, reverse=reverse)
    loss = sd.sum(last["h"]) + sd.sum(sums**2) + sd.sum(rows)
    graph = sd.Graph([loss, sums, *sd.grad(loss, [h, c, xs])], inputs=[h, c, xs])
    assert_three_ways(graph, some_values(h, c, xs, **sizes), sizes)


def test_forward_mode_is_the_transpose_of_reverse_mode():
    h, c, xs = nodes = leaves()
    loss = cost(*scanned(h, c, xs))
    tangents = [sd.input(f"t{k}", node.shape) for k, node in enumerate(nodes)]
    there = sd.jvp(loss, list(nodes), tangents)
    back = sum((sd.sum(g * t) for g, t in zip(sd.grad(loss, list(nodes)), tangents, strict=True)), sd.constant(0.0))
    product = sd.hvp(loss, h, tangents[0])
    expected = sd.grad(sd.sum(sd.grad(loss, h) * tangents[0]), h)
    f = sd.compile([there, back, product, expected], inputs=[*nodes, *tangents])
    one, other, two, three = f(*values(*nodes, *tangents).values())
    np.testing.assert_allclose(one, other, rtol=1e-12)
    np.testing.assert_allclose(two, three, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("in_axes", [(0, 0, 0), (0, None, None), (None, None, 1)], ids=str)
def test_batches(in_axes):
    h, c, xs = leaves()
    batch = sd.dim("batch")
    wide = [
        node if axis is None else sd.input(f"{node.attrs['name']}s", (*node.shape[:axis], batch, *node.shape[axis:]))
        for node, axis in zip((h, c, xs), in_axes, strict=True)
    ]
    each = lambda h, c, xs: (cost(*scanned(h, c, xs)), sd.grad(cost(*scanned(h, c, xs)), xs))  # noqa: E731
    both = sd.vmap(each, in_axes=in_axes)(*wide)
    given = values(*wide, batch=3)
    found = sd.compile(list(both), inputs=wide)(*given.values())
    one = sd.compile(list(each(h, c, xs)), inputs=[h, c, xs])
    for k in range(3):
        item = [v if axis is None else np.take(v, k, axis) for v, axis in zip(given.values(), in_axes, strict=True)]
        for every, single in zip(found, one(*item), strict=True):
            np.testing.assert_allclose(every[k], single, rtol=1e-12, atol=1e-13)


def test_what_does_not_change_is_computed_once():
    x, w = sd.input("x", (5, 3)), sd.input("w", (3, 3))
    last, _ = sd.scan(lambda h, x: (sd.tanh(h + x @ sd.exp(w)), ()), sd.constant(np.zeros(3)), x)
    (loop,) = [node for node in sd.Graph(last).nodes if isinstance(node.op.lowering, Repeat)]
    assert "exp" in [node.op.name for node in loop.inputs]
    assert "exp" not in [node.op.name for node in sd.Graph(loop.attrs["body"].results[0]).nodes]


def test_value_and_gradient_share_the_loop_forward():
    h, c, xs = leaves()
    loss = cost(*scanned(h, c, xs))
    optimized, _ = sd.optimize(sd.Graph([loss, *sd.grad(loss, [h, xs])]))
    assert sum(isinstance(node.op.lowering, Repeat) for node in optimized.nodes) == 2


def test_what_nobody_reads_is_not_carried():
    h, c, xs = leaves()
    last, _ = sd.scan(lambda s, x: ({"h": s["h"] + x, "c": s["c"] * 2}, (sd.sum(x), x)), {"h": h, "c": c}, xs)
    optimized, _ = sd.optimize(sd.Graph(last["h"]))
    (loop,) = [node for node in optimized.nodes if isinstance(node.op.lowering, Repeat)]
    assert (loop.attrs["carries"], len(loop.attrs["body"].results)) == (1, 1)


def test_a_step_allocates_nothing_and_equal_steps_are_one_kernel():
    x = sd.input("x", (50,))
    f = sd.compile(sd.scan(lambda s, x: (sd.sin(s) + x, s), 0.0, x)[1], inputs=[x])
    assert "for k in range(50):" in f.source and f.source.count("\ndef ") == 4
    expected, s = [], 0.0
    for one in (given := np.linspace(0, 1, 50)):
        expected.append(s)
        s = np.sin(s) + one
    np.testing.assert_allclose(f(given), expected, rtol=1e-14)


def test_python_numbers_take_the_dtype_of_the_body():
    x = sd.input("x", (4,), dtype="float32")
    total, seen = sd.scan(lambda s, x: (s + x, s), 0, x)
    assert total.dtype == seen.dtype == np.float32


def test_swapped_carries():
    a, b = sd.input("a", (2,)), sd.input("b", (2,))
    (x, y), _ = sd.scan(lambda s, _: ((s[1], s[0]), ()), (a, b), length=3)
    assert_three_ways(sd.Graph([x, y, *sd.grad(sd.sum(x * x + y), [a, b])], inputs=[a, b]), some_values(a, b))


def test_map_and_fori_loop():
    x = sd.input("x", (5, 3))
    squares = sd.map(lambda row: sd.sum(row * row), x)
    power = sd.fori_loop(1, 4, lambda i, v: v * i.astype("float64") + x, x)
    graph = sd.Graph([squares, power, sd.grad(sd.sum(squares) + sd.sum(power), x)], inputs=[x])
    given = some_values(x)
    assert_three_ways(graph, given)
    array = given[x]
    expected = array
    for i in range(1, 4):
        expected = expected * i + array
    np.testing.assert_allclose(sd.compile(power, inputs=[x])(array), expected)


def test_inside_a_training_step():
    xs, h0 = sd.input("xs", (N, 6)), sd.constant(np.zeros(4))
    w, u = sd.param("w", (4,), init=0.3), sd.param("u", (4, 4), init=sd.init.normal(0.5))
    total = sd.mean(sd.vmap(lambda row: sd.sum(sd.scan(lambda h, x: (sd.tanh(x * w + h @ u), ()), h0, row)[0]))(xs))
    step = sd.train_step((total - 1) ** 2, inputs=[xs], optimizer=sd.optim.adam(0.05))
    train, state = sd.compile(step), step.init(seed=0)
    given = np.random.default_rng(0).normal(size=(8, 6))
    losses = [float(train(state, given).loss) for _ in range(60)]
    assert losses[-1] < 0.01 * losses[0]


def test_an_index_inside_is_checked():
    table, at = sd.input("table", (3,)), sd.input("at", (N,), dtype="int64")
    total, _ = sd.scan(lambda s, k: (s + sd.take(table, k), ()), 0.0, at)
    for backend in ("native", "numpy"):
        f = sd.compile(total, inputs=[table, at], backend=backend)
        assert f(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 2])) == 9
        with pytest.raises(sd.IndexRangeError, match="size 3"):
            f(np.array([1.0, 2.0, 4.0]), np.array([0, 3, 2]))


@pytest.mark.parametrize(("build", "message"), [
    (lambda x: sd.scan(lambda s, x: (s + x[None], ()), 0.0, x), r"carry keeps its type.*float64 and becomes"),
    (lambda x: sd.scan(lambda s, x: s + x, 0.0, x), r"returns a pair"),
    (lambda x: sd.scan(lambda s, x: ((s, s), ()), 0.0, x), r"another structure"),
    (lambda x: sd.scan(lambda s, x: (s, ()), 0.0), r"without xs it needs a length"),
    (lambda x: sd.scan(lambda s, x: (s, ()), 0.0, x, length=3), r"one leading size"),
    (lambda x: sd.scan(lambda s, x: (s, ()), 0.0, (x, sd.sum(x))), r"one leading size"),
    (lambda x: sd.scan(lambda s, x: (s, ()), 0.0, x, unroll=0), r"unroll"),
    (lambda x: sd.scan(lambda s, x: (s, ()), 0.0, sd.input("y", (N,)), checkpoint=True), r"length in numbers"),
])  # fmt: skip
def test_errors(build, message):
    with pytest.raises(sd.SymdiffError, match=message):
        build(sd.input("x", (5,)))


def test_a_symbol_of_the_body_does_not_leave_it():
    kept = []
    x = sd.input("x", (5,))
    sd.scan(lambda s, x: (kept.append(s) or s + x, ()), sd.constant(0.0), x)
    for backend in ("native", "numpy"):
        with pytest.raises(sd.GraphError, match="only inside"):
            sd.compile(kept[0] + 1, inputs=[x], backend=backend)(np.zeros(5))


def test_printed_with_its_body():
    x, w = sd.input("x", (5,)), sd.input("w")
    total, _ = sd.scan(lambda s, x: (s + x * w, ()), 0.0, x)
    text = str(sd.Graph({"total": total}))
    assert "scan(0, x, w, length=5)" in text and "s <- s + x * w" in text.replace("add_1", "s + x * w")


def test_memory_of_a_checkpointed_scan():
    """About sqrt(length) carries are stored, not one for each step."""
    x, h = sd.input("x", (400, 50)), sd.input("h", (50,))
    peaks = []
    for checkpoint in (False, True):
        last, _ = sd.scan(lambda h, x: (sd.sin(h * x), ()), h, x, checkpoint=checkpoint)
        f = sd.compile(sd.grad(sd.sum(last), h), inputs=[x, h])
        peaks.append(int(f.explain().split("memory")[1].split()[0]))
    assert peaks[1] < peaks[0] / 5


def test_a_loop_over_constants_alone():
    f = sd.compile(sd.scan(lambda s, _: (s * 2, None), sd.constant(1.5), length=3)[0], inputs=[])
    assert f() == 12


def test_a_budget_of_memory_says_what_to_do_about_a_loop():
    x, h = sd.input("x", (40, 30)), sd.input("h", (30,))
    gradient = sd.grad(sd.sum(sd.scan(lambda c, v: (sd.tanh(c + v), ()), h, x)[0]), x)
    f = sd.compile(gradient, inputs=[h, x], memory_budget=10**6)
    assert f(np.zeros(30), np.ones((40, 30))).shape == (40, 30)
    with pytest.raises(sd.GraphError, match=r"memory_budget=1000 is too little.*checkpoint=True"):
        sd.compile(gradient, inputs=[h, x], memory_budget=1000)
