"""Promotion and broadcasting are NumPy 2's; a symbolic size never broadcasts by surprise."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symdiff as sd
from symdiff.core.types import DTYPES, Shape, broadcast
from symdiff.ops.convert import scalar_value
from tests.strategies import examples

N, M = sd.dim("n"), sd.dim("m")
PAIRS = list(itertools.product(DTYPES, DTYPES))


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_promotion_is_numpys(a: str, b: str) -> None:
    x, y = sd.input("x", (2,), dtype=a), sd.input("y", (2,), dtype=b)
    expected = np.result_type(np.dtype(a), np.dtype(b))
    assert sd.where(sd.constant(True), x, y).dtype == expected
    assert sd.concat([x, y]).dtype == expected
    if expected != np.bool_:
        assert (x + y).dtype == (np.zeros(2, a) + np.zeros(2, b)).dtype


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("number", [True, 2, 0.5])
def test_weak_numbers_take_the_arrays_dtype(name: str, number: Any) -> None:
    x = sd.input("x", (2,), dtype=name)
    if name == "bool" and number is True:
        with pytest.raises(sd.DTypeError):
            x + number
        return
    expected = (np.zeros(2, name) + number).dtype
    if isinstance(number, float) and name not in ("float32", "float64"):
        expected = np.dtype(
            "float64"
        )  # NumPy gives float16 and float32 for small integers; here integers become float64
    assert (x + number).dtype == (number + x).dtype == expected


def test_numpy_scalars_are_not_weak() -> None:
    x = sd.input("x", (2,), dtype="float32")
    assert (x * np.float64(2)).dtype == np.float64
    assert (np.float64(2) * x).dtype == np.float64
    assert (np.ones(2) + x).dtype == np.float64


def test_every_weak_number_is_met() -> None:
    k = sd.input("k", (2,), dtype="int32")
    assert sd.where(k > 0, 1.5, k).dtype == np.float64
    assert sd.where(k > 0, 1, 2.5).dtype == np.float64


@pytest.mark.parametrize(
    ("shapes", "common"),
    [
        ([(N, 3), (3,)], (N, 3)), ([(N, 1), (1, 3)], (N, 3)), ([(1,), (N,)], (N,)), ([(), (N, 2)], (N, 2)),
        ([(N,), (N,)], (N,)), ([(N,), (M,)], None), ([(N,), (3,)], None), ([(2,), (3,)], None), ([(0,), (1,)], (0,)),
        ([(0,), (2,)], None), ([], ()), ([(N + 1,), (1 + N,)], (N + 1,)), ([(2 * N,), (N,)], None),
    ],
)  # fmt: skip
def test_broadcasting_of_symbolic_sizes(shapes: list[Shape], common: Shape | None) -> None:
    assert broadcast(shapes) == common


@given(st.lists(st.lists(st.sampled_from([0, 1, 2, 3]), max_size=3).map(tuple), min_size=1, max_size=3))
@examples(150)
def test_broadcasting_of_numbers_is_numpys(shapes: list[tuple[int, ...]]) -> None:
    try:
        expected: tuple[int, ...] | None = np.broadcast_shapes(*shapes)
    except ValueError:
        expected = None
    assert broadcast(shapes) == expected


def test_types_print_short() -> None:
    assert str(sd.input("x", (N, 64), dtype="float32").type) == "float32[n, 64]"
    assert str(sd.input("x", ()).type) == "float64"


def test_byte_order_is_native() -> None:
    assert sd.constant(np.arange(3, dtype=">f4")).dtype == np.dtype("float32")
    np.testing.assert_array_equal(sd.constant(np.arange(3, dtype=">i8")).attrs["value"].array, [0, 1, 2])


def test_weak_zeros_keep_their_signs_and_kinds() -> None:
    x = sd.input("x", (2,))
    positive, negative, again = (x + zero for zero in (0.0, -0.0, 0))
    assert positive is again and positive is not negative
    assert np.signbit(negative.inputs[1].attrs["value"].array)


def test_a_constant_knows_the_number_in_every_element() -> None:
    assert scalar_value(sd.constant(np.full((2, 3), 1.5))) == 1.5
    assert scalar_value(sd.constant([1.0, 2.0, 1.0])) is None
    assert scalar_value(sd.constant([0.0, -0.0])) is None
    assert scalar_value(sd.constant(np.zeros(0))) is None
    assert scalar_value(sd.constant(True)) is True
