"""Sizes: canonical form and arithmetic of integer polynomials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symdiff as sd
from symdiff.core.dim import Dim, divide_exactly, evaluate, never_exceeds, product
from tests.strategies import examples

N, M = sd.dim("n"), sd.dim("m")
NUMBERS = {"n": 7, "m": 3, "k": 5}


@st.composite
def polynomials(draw: st.DrawFn) -> int | Dim:
    size: int | Dim = draw(st.integers(-3, 3))
    for _ in range(draw(st.integers(0, 4))):
        term: int | Dim = draw(st.integers(-3, 3))
        for name in draw(st.lists(st.sampled_from("nmk"), max_size=3)):
            term = term * sd.dim(name)
        size = size + term
    return size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (N, "n"), (2 * N + 1, "2*n + 1"), (1 - N, "-n + 1"), (N * M, "m*n"), (M * N, "m*n"), (N * N - N, "n**2 - n"),
        (3 + N * 2 - 4, "2*n - 1"), ((N + 1) * (N - 1), "n**2 - 1"), (-(N * 2), "-2*n"), (N + M * N * 2, "2*m*n + n"),
    ],
)  # fmt: skip
def test_text_is_canonical(size: int | Dim, text: str) -> None:
    assert str(size) == text


def test_equal_polynomials_are_equal_and_hash_alike() -> None:
    assert N + N == 2 * N
    assert hash((N + 1) * 2) == hash(2 * N + 2)
    assert N != M
    assert N != 1
    assert len({N, sd.dim("n"), N + 0, N * 1}) == 1


def test_what_ends_in_a_number_is_an_int() -> None:
    assert type(N - N) is int
    assert type(0 * N) is int
    assert N - N + 3 == 3
    assert product((2, 3)) == 6
    assert product(()) == 1
    assert product((N, 0)) == 0
    assert product((N, 3)) == 3 * N


def test_names() -> None:
    assert (N * M + 1).names == {"n", "m"}


@given(polynomials(), polynomials(), polynomials())
@examples(100)
def test_arithmetic_is_that_of_the_values(a: int | Dim, b: int | Dim, c: int | Dim) -> None:
    x, y = evaluate(a, NUMBERS), evaluate(b, NUMBERS)
    assert evaluate(a + b, NUMBERS) == x + y
    assert evaluate(a - b, NUMBERS) == x - y
    assert evaluate(a * b, NUMBERS) == x * y
    assert evaluate(-a, NUMBERS) == -x
    assert a * (b + c) == a * b + a * c
    assert (a + b) + c == a + (b + c)
    assert a * b == b * a
    assert a - a == 0


@given(polynomials(), polynomials())
@examples(100)
def test_a_product_divides_exactly(a: int | Dim, b: int | Dim) -> None:
    if b == 0:
        assert divide_exactly(a, b) is None
    else:
        assert divide_exactly(a * b, b) == a


@given(polynomials(), polynomials())
@examples(100)
def test_a_quotient_times_the_divisor_is_the_size(a: int | Dim, b: int | Dim) -> None:
    quotient = divide_exactly(a, b)
    assert quotient is None or quotient * b == a


def test_what_does_not_divide() -> None:
    assert divide_exactly(N, 2) is None
    assert divide_exactly(N, M) is None
    assert divide_exactly(N + 1, N) is None
    assert divide_exactly(7, 2) is None
    assert divide_exactly(0, N) == 0


@given(polynomials(), polynomials())
@examples(100)
def test_never_exceeds_is_a_promise(a: int | Dim, b: int | Dim) -> None:
    if never_exceeds(a, b):
        for value in (0, 1, 4):
            sizes = dict.fromkeys("nmk", value)
            assert evaluate(a, sizes) <= evaluate(b, sizes)


def test_never_exceeds() -> None:
    assert never_exceeds(N, N + 1)
    assert never_exceeds(0, N)
    assert not never_exceeds(N, 5)
    assert not never_exceeds(1, N)
    assert not never_exceeds(N, M)


def test_a_size_has_no_truth_value() -> None:
    with pytest.raises(
        sd.ShapeError, match=r"^size n \+ 1: its value is known only when the compiled function is called"
    ):
        bool(N + 1)


def test_a_size_is_named_by_an_identifier() -> None:
    with pytest.raises(sd.ShapeError, match=r"^dim: a size is named by an identifier, got '2n'$"):
        sd.dim("2n")
