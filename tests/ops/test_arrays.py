"""What shape, index and reduction operators promise beside their rows: NaN, ties, errors, methods; interpreted and
compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd

Array = np.ndarray[Any, Any]
N = sd.dim("n")
X = sd.input("x", (N,))
M = sd.input("m", (4, 3))
POSITIONS = sd.input("k", (2,), dtype="int64")
NAN, INF = np.nan, np.inf


def both(outputs: Any, inputs: list[sd.Node], *values: Any) -> Any:
    """What the interpreter and the compiled code agree on."""
    first = sd.compile(outputs, inputs=inputs, backend="numpy")(*values)
    second = sd.compile(outputs, inputs=inputs)(*values)
    for one, other in zip(*(found if isinstance(found, list) else [found] for found in (first, second)), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-14)
    return first


# -- NaN, infinities and ties

WITH_NAN = np.array([2.0, NAN, -INF, 3.0, NAN, INF, 2.0, -1.0])


@pytest.mark.parametrize(
    ("ours", "numpys"),
    [
        (sd.sort, np.sort),
        (sd.argsort, lambda x: np.argsort(x, kind="stable")),
        (lambda x: sd.sort(x, descending=True), lambda x: np.sort(x)[::-1]),
        (lambda x: sd.top_k(x, 1)[0], lambda x: np.sort(x)[-1:]),
        (sd.median, np.median),
        (lambda x: sd.quantile(x, 0.5), lambda x: np.quantile(x, 0.5)),
        (sd.cummax, np.maximum.accumulate),
        (sd.cummin, np.minimum.accumulate),
        (sd.cumsum, np.cumsum),
        (sd.logcumsumexp, np.logaddexp.accumulate),
        (sd.count_nonzero, np.count_nonzero),
        (sd.any, np.any),
        (
            lambda x: sd.searchsorted([-INF, 1.0, 2.0, NAN, NAN], x),
            lambda x: np.searchsorted([-INF, 1, 2, NAN, NAN], x),
        ),
        (
            lambda x: sd.searchsorted([1.0, 2.0, NAN], x, "right"),
            lambda x: np.searchsorted([1, 2, NAN], x, "right"),
        ),
    ],
)
@pytest.mark.parametrize("values", [WITH_NAN, WITH_NAN[[0, 3, 7, 2, 5, 6]], WITH_NAN[[0]], WITH_NAN[[1]]])
def test_not_a_number_as_in_numpy(ours: Callable[..., Any], numpys: Callable[..., Any], values: Array) -> None:
    with np.errstate(all="ignore"):
        expected = numpys(values)
    np.testing.assert_array_equal(both(ours(X), [X], values), expected)


def test_logcumsumexp_where_everything_is_infinite() -> None:
    x = np.array([-INF, -INF, 0.5, 900.0, INF, 3.0])
    six = sd.input("six", (6,))
    value = sd.logcumsumexp(six)
    found, slope = both([value, sd.vjp(value[:4], six, [1.0, 1.0, 1.0, 1.0])], [six], x)
    np.testing.assert_allclose(found, [-INF, -INF, 0.5, 900, INF, INF], rtol=1e-15)
    np.testing.assert_allclose(slope[:4], [0, 0, 1, 1], atol=1e-15)


def test_cumprod_at_zeros_to_the_third_order() -> None:
    x = np.array([2.0, 0.0, -3.0, 0.0, 0.5])
    weights = np.array([1.0, -2.0, 0.5, 3.0, -1.0])
    five = sd.input("five", (5,))
    first = sd.grad(sd.sum(sd.cumprod(five) * weights), five)
    second = sd.grad(first[1], five)
    third = sd.grad(second[3], five)
    found = both([first, second, third], [five], x)
    prefix = [np.delete(x[: j + 1], i).prod() if i <= j else 0 for i in range(5) for j in range(5)]
    np.testing.assert_allclose(found[0], np.reshape(prefix, (5, 5)) @ weights, rtol=1e-14)
    np.testing.assert_allclose(found[1][3], weights[3] * -6 + weights[4] * -3, rtol=1e-14)
    np.testing.assert_allclose(found[2][0], weights[3] * -3 + weights[4] * -1.5, rtol=1e-14)


def test_prod_at_zeros() -> None:
    cost = sd.prod(X)
    first = sd.grad(cost, X)
    found = both([first, sd.grad(first[1], X)], [X], np.array([2.0, 0.0, -3.0, 0.0]))
    np.testing.assert_array_equal(found[0], 0)
    np.testing.assert_array_equal(found[1], [0, 0, 0, -6])


def test_norms_and_deviations_at_zero_have_derivative_zero() -> None:
    for cost in (sd.norm(X), sd.vector_norm(X, ord=3), sd.vector_norm(X, ord=0.5), sd.std(X)):
        np.testing.assert_array_equal(both(sd.grad(cost, X), [X], np.zeros(3)), 0)


def test_the_last_of_several_writers_wins_and_gets_the_derivative() -> None:
    v = sd.input("v", (4,))
    out = M.at[[1, 3, 1, 1], 2].set(v)
    found, to_m, to_v = both(
        [out, *sd.vjp(out, [M, v], np.arange(12.0).reshape(4, 3))], [M, v], np.ones((4, 3)), [5, 6, 7, 8]
    )
    assert (found[1, 2], found[3, 2]) == (8, 6)
    np.testing.assert_array_equal(to_v, [0, 11, 0, 5])
    np.testing.assert_array_equal(to_m[:, 2], [2, 0, 8, 0])


def test_ties_of_written_maxima_share_evenly() -> None:
    v = sd.input("v", (3,))
    x = sd.input("x", (2,))
    out = x.at[[0, 0, 1]].max(v)
    to_x, to_v = both(sd.vjp(out, [x, v], [6.0, 1.0]), [x, v], [2.0, 2.0], [2.0, 2.0, 1.0])
    np.testing.assert_array_equal(to_x, [2, 1])
    np.testing.assert_array_equal(to_v, [2, 2, 0])


# -- positions outside

OUTSIDE: list[tuple[Any, int, str]] = [
    (lambda k: sd.take(M, k, axis=1), 3, "size 3: axis 1 of m"),
    (lambda k: sd.take(M, k), -13, "size 12"),
    (lambda k: M[k, k], 3, "size 3: axis 1"),
    (lambda k: M[1:, k], -4, "size 3: axis 1"),
    (lambda k: M.at[k, 0].set(0.0), 4, "size 4: axis 0"),
    (lambda k: M.at[k].add(1.0), -5, "size 4: axis 0"),
    (lambda k: sd.gather(M, 0, sd.expand_dims(k, 0)), 4, "size 4: axis 0 of"),
    (lambda k: sd.gather(M, 0, sd.expand_dims(k, 0)), -1, "size 4: axis 0 of"),
    (lambda k: sd.scatter(M, 0, sd.expand_dims(k, 0), 1.0), 4, "size 4: axis 0"),
    (lambda k: sd.scatter_add(M, 1, sd.expand_dims(k, 1), sd.ones((2, 1))), 3, "size 3: axis 1"),
    (lambda k: sd.index_add(M, 0, k, sd.ones((2, 3))), 4, "size 4: axis 0"),
    (lambda k: sd.put_along_axis(M[:2], sd.expand_dims(k, 1), 1.0, 1), 3, "size 3: axis 1"),
    (lambda k: sd.segment_sum(M[:2], k, 3), -1, "size 3: axis 0"),
    (lambda k: sd.segment_max(M[:2], k, 3), 3, "size 3: axis 0"),
    (lambda k: sd.bincount(k, length=5), 5, "size 5: axis 0"),
    (lambda k: sd.choose(k, [M[0, :2], M[1, :2]]), 2, "size 2: axis 0"),
]


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize(("build", "bad", "where"), OUTSIDE)
def test_positions_outside_are_named(build: Callable[..., sd.Node], bad: int, where: str, backend: str) -> None:
    f = sd.compile(build(POSITIONS), inputs=[M, POSITIONS], **({"backend": backend} if backend == "numpy" else {}))
    with pytest.raises(sd.IndexRangeError, match=rf"index {bad} at \[.*1.*\].* is out of range for {where}"):
        f(np.ones((4, 3)), [0, bad])


# -- errors when a graph is built

mask = sd.input("mask", (4,), dtype="bool")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: M[mask], "index: a mask gives a shape that depends on data.*use sd.where"),
        (lambda: M.at[mask].set(0.0), "index: a mask gives a shape"),
        (lambda: M[np.ones(3, bool)], r"a mask of shape \(3,\) does not fit the axes from 0 on of m"),
        (lambda: M[[0, 1], [0, 1, 2]], "index: shapes do not broadcast"),
        (lambda: M[[0, 4]], "index: index 4 at .* is out of range for size 4: axis 0 of m"),
        (lambda: sd.where(M > 0), "where: without x and y"),
        (lambda: sd.nonzero(M), "nonzero: the shape of the result would depend on the values of m"),
        (lambda: sd.unique(M), "unique: the shape of the result would depend on the values of m"),
        (lambda: sd.compress(mask, M, 0), "compress: the shape of the result would depend"),
        (lambda: sd.split(M, 3), "split: axis 0 of m: .* does not divide into 3 equal pieces.*use sd.array_split"),
        (lambda: sd.repeat(M, [1, 2], 0), "takes one number for each of the 4 elements along axis 0, got 2"),
        (lambda: sd.repeat(M, POSITIONS, 0), "repeat: the numbers of repeats decide the shape"),
        (lambda: sd.pad(M, ((1, 1), (1, 1), (1, 1))), "pad: pad_width: is a number, a pair, or a pair for each axis"),
        (lambda: sd.pad(M, 1, "mean"), "pad: mode is one of constant, edge"),
        (lambda: sd.pad(M[:0], 1, "edge"), "pad: axis 0 of .* has no elements to repeat"),
        (lambda: sd.unfold(M, 0, 5), "unfold: windows of 5 every 1 do not fit axis 0 of m"),
        (lambda: sd.unflatten(M, 0, (3, -1)), "unflatten: axis 0 of m: .* does not divide"),
        (lambda: sd.diag(sd.input("t", (2, 2, 2))), "diag: takes a vector or a matrix"),
        (lambda: sd.meshgrid(M), "meshgrid: takes vectors"),
        (lambda: sd.arange(0, N, 2), "arange: the step 2 does not divide n"),
        (lambda: sd.top_k(M, 4), "top_k: axis 1 of m: .* has no 4 elements"),
        (lambda: sd.quantile(M, 1.5), r"quantile: shares lie in 0 ... 1, got 1.5"),
        (lambda: sd.searchsorted(M, 1.0), "searchsorted: takes a vector"),
        (lambda: sd.median(M[:0]), "median: no elements along axis"),
        (lambda: sd.var(M, ddof=1, correction=1), "var: ddof and correction are two names"),
        (lambda: sd.vector_norm(M, ord="fro"), "vector_norm: ord is a number, got 'fro'"),
        (lambda: sd.average(M, 0, [1.0, 2.0]), "average: weights have the shape of x, or of the axes"),
        (lambda: sd.bincount(POSITIONS), "bincount: the shape of the result would depend.*give length="),
        (lambda: sd.segment_sum(M[:2], POSITIONS), "segment_sum: .* would depend .*give num_segments="),
        (lambda: sd.gather(M, 1, sd.zeros((5, 1), "int64")), "gather: the index .* does not lie within m"),
        (lambda: sd.index_add(M, 0, POSITIONS, sd.ones((3, 3))), "index_add: .* has no slice of m"),
        (lambda: M.at[0].set(sd.ones(2)), r"at\[...\].set of m: .* does not broadcast to \(3\)"),
        (lambda: sd.cumsum(M, 2), "cumsum of m: .*: axis 2 is out of range for rank 2"),
        (lambda: sd.cumulative_sum(M), "cumulative_sum: an axis is needed for m"),
        (lambda: sd.moveaxis(M, (0, 1), 0), "moveaxis: as many places as axes"),
        (lambda: sd.fliplr(X), "fliplr: takes an array of rank 2 or more"),
        (lambda: sd.trapezoid(sd.constant(1.0)), "trapezoid of .*axis -1 is out of range for rank 0"),
    ],
)
def test_errors(build: Callable[[], Any], message: str) -> None:
    with pytest.raises((sd.ShapeError, sd.IndexRangeError), match=message):
        build()


def test_values_are_not_narrowed_when_they_are_written() -> None:
    small = sd.input("small", (3,), dtype="float32")
    with pytest.raises(sd.DTypeError, match=r"at\[...\].set: v: float64\[\] does not fit in small|use astype"):
        small.at[0].set(sd.input("v"))
    assert small.at[0].set(1.5).dtype == np.float32


# -- methods


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.var(axis=0), lambda x: x.std(1, ddof=1), lambda x: x.clip(-0.5, 0.5), lambda x: x.swapaxes(0, 1),
        lambda x: x.ravel(), lambda x: x.flatten(), lambda x: x.cumsum(0), lambda x: x.cumprod(axis=1),
        lambda x: x.take([0, 2], axis=1), lambda x: x.repeat(2), lambda x: x.any(axis=1), lambda x: x.all(),
        lambda x: x.argmin(0), lambda x: x.argsort(), lambda x: x.diagonal(1), lambda x: x.trace(), lambda x: x.mT,
    ],
)  # fmt: skip
def test_methods_are_numpys(call: Callable[[Any], Any]) -> None:
    values = np.array([[0.3, -1.2, 2.0], [0.1, 0.9, -0.4], [1.5, 0.2, -2.2], [0.7, -0.8, 0.6]])
    np.testing.assert_allclose(both(call(M), [M], values), call(values), rtol=1e-14)


@pytest.mark.parametrize("size", [15, 16, 17, 33, 200])
def test_long_rows_are_sorted_and_equal_elements_keep_their_order(size: int) -> None:
    rng = np.random.default_rng(size)
    values = rng.integers(-9, 9, (3, size)) / 2
    values[1, rng.integers(0, size, 5)] = NAN
    rows = sd.input("rows", (3, N))
    found = both([sd.argsort(rows), sd.argsort(rows, 0), sd.sort(rows, descending=True)], [rows], values)
    np.testing.assert_array_equal(found[0], np.argsort(values, 1, kind="stable"))
    np.testing.assert_array_equal(found[1], np.argsort(values, 0, kind="stable"))
    np.testing.assert_array_equal(found[2], np.sort(values)[:, ::-1])


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "cumsum", "cumprod"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_a_dtype_that_is_asked_for(name, dtype):
    x = sd.input("x", (4,), dtype="int32")
    given = np.array([3, -2, 5, 7], "int32")
    if name == "mean" and dtype.startswith("int"):
        return
    found = sd.compile(getattr(sd, name)(x, dtype=dtype), inputs=[x], backend="numpy")(given)
    expected = getattr(np, name)(given, dtype=dtype)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_an_identity_is_no_condition():
    a, b = sd.input("a", (3,)), sd.input("b", (3,))
    for choose in (lambda: sd.where(a == b, a, b), lambda: sd.cond(a == b, lambda: a, lambda: b)):
        with pytest.raises(sd.DTypeError, match=r"same expression.*sd\.equal"):
            choose()
