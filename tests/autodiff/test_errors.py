"""What the gradient says when there is none. The wording is part of the interface."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import pytest

import symdiff as sd

X, Y, K = sd.input("x_of_errors", (3,)), sd.input("y", (3,)), sd.input("k", (3,), dtype="int64")
N = sd.input("n_rows", (sd.dim("n"), 3))


def fails(ask: Callable[[], object]) -> str:
    """The message, with the line of this file written as LINE."""
    with pytest.raises(sd.GradientError) as caught:
        ask()
    source, line = inspect.getsourcelines(ask)
    text = str(caught.value)
    places = [int(found) for found in re.findall(r"test_errors\.py:(\d+)", text)]
    assert any(line <= place < line + len(source) for place in places), f"no line of the user in {text!r}"
    return re.sub(r"test_errors\.py:\d+", "LINE", text)


def test_cost_is_not_a_scalar() -> None:
    text = fails(lambda: sd.grad(X * 2, X))
    assert text == "grad: the cost is a float scalar, got multiply: float64[3], at LINE; reduce it, or use sd.vjp"


def test_cost_is_no_node() -> None:
    assert fails(lambda: sd.grad(3.0, X)) == (  # type: ignore[call-overload]
        "grad: the cost is a float scalar, got 3.0, at LINE; reduce it, or use sd.vjp"
    )


def test_cost_is_an_integer() -> None:
    text = fails(lambda: sd.grad(sd.sum(K), X))
    assert text == "grad: the cost is a float scalar, got sum: int64, at LINE; reduce it, or use sd.vjp"


def test_wrt_is_an_integer() -> None:
    assert fails(lambda: sd.grad(sd.sum(X), K)) == "vjp: only float nodes have derivatives, got k: int64[3], at LINE"


def test_no_path_names_both() -> None:
    assert fails(lambda: sd.grad(sd.sum(X), [X, Y])) == (
        'grad: sum: float64 does not depend on y: float64[3] differentiably, at LINE; pass unused="zero" for zeros'
    )


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: sd.stop_gradient(X), "stop_gradient at LINE: the gradient was stopped on purpose"),
        (
            lambda: sd.astype(sd.argmax(X), "float64"),
            "argmax at LINE: its result is a position or a truth value, not a real number",
        ),
        (
            lambda: sd.where(X > 0, 1.0, 0.0),
            "greater at LINE: its result is a position or a truth value, not a real number",
        ),
        (lambda: sd.sign(X), "sign at LINE: its value is a step function: the derivative is zero wherever it exists"),
        (lambda: X.astype("int64").astype("float64"), "astype at LINE: its result is int64[3], not a real number"),
        (
            lambda: (X.astype("int64")[None] @ K).astype("float64"),
            "astype at LINE: its result is int64[3], not a real number",
        ),
    ],
)
def test_what_blocked_the_path(build: Callable[[], sd.Node], reason: str) -> None:
    node = build()
    text = fails(lambda: sd.grad(sd.sum(node) * 2, X))
    asked = "grad: multiply: float64 does not depend on x_of_errors: float64[3] differentiably"
    assert text == f'{asked} ({reason}), at LINE; pass unused="zero" for zeros'


def test_only_the_unblocked_path_counts() -> None:
    stopped = sd.stop_gradient(X)
    assert sd.vjp(X * stopped, X, Y) is Y * stopped


def test_unused_has_two_values() -> None:
    assert fails(lambda: sd.grad(sd.sum(X), X, unused="none")) == (
        "vjp: unused is 'error' or 'zero', got 'none', at LINE"
    )


def test_cotangents_do_not_fit() -> None:
    assert (
        fails(lambda: sd.vjp(X, X, N))
        == "vjp: cotangent n_rows: float64[n, 3] does not fit x_of_errors: float64[3], at LINE"
    )
    assert fails(lambda: sd.vjp([X, Y], [X], [X])) == (
        "vjp: takes a list with one cotangent for each of x_of_errors: float64[3], y: float64[3], at LINE"
    )
    assert (
        fails(lambda: sd.vjp([X], [X], X))
        == "vjp: takes a list with one cotangent for each of x_of_errors: float64[3], at LINE"
    )
