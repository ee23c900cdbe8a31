"""check_grad finds right gradients right and wrong ones wrong, and tells what it cannot check."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd
from symdiff.autodiff.check import check_grad
from symdiff.core.node import Node, build
from symdiff.core.op import Elementwise, Op
from symdiff.core.types import TensorType


def wrong_sine(x: Node) -> Node:
    """sin with the derivative of cos."""
    op = Op(
        name="wrong_sine",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, inputs[0].shape),
        evaluate=np.sin,
        vjp=(lambda t, out, x: -(t * sd.sin(x)),),
        lowering=Elementwise("sin(a)"),
        flops=lambda node: 1,
    )
    return build(op, [x])


def model() -> tuple[Node, list[Node], dict[str, object]]:
    n = sd.dim("n")
    x, y = sd.input("x", (n, 4)), sd.input("y", (n,), dtype="int64")
    w, b = sd.param("w", (4, 3)), sd.param("b", (3,))
    rng = np.random.default_rng(0)
    values = {"x": rng.normal(size=(5, 4)), "y": [0, 1, 2, 1, 0], "w": rng.normal(size=(4, 3)), "b": [0.1, 0.0, -0.1]}
    return sd.mean(sd.cross_entropy(sd.tanh(x @ w) + b, y)), [w, b, x], values


def test_right_gradients() -> None:
    cost, wrt, values = model()
    result = check_grad(cost, wrt, values)
    assert result.ok
    assert [verdict.name for verdict in result.verdicts] == ["w", "b", "x"]
    assert all(verdict.error < 1e-8 for verdict in result.verdicts)


def test_wrong_gradient_and_its_table() -> None:
    x, w = sd.input("x", (2,)), sd.param("w", (2,))
    result = check_grad(sd.sum(wrong_sine(x) * w), [x, w], {x: [0.0, 2.0], w: [1.0, 1.0]})
    assert not result.ok
    assert [verdict.ok for verdict in result.verdicts] == [False, True]
    assert result.verdicts[0].worst == (0,)
    lines = str(result).splitlines()
    assert lines[0].split() == ["wrt", "error", "worst", "element", "gradient", "difference", "modes", "step"]
    assert lines[1].startswith("WRONG  x")
    assert lines[1].split()[3] == "[0]"
    assert lines[2].startswith("ok     w")


def test_a_nan_is_wrong() -> None:
    x = sd.input("x", (2,))
    assert not check_grad(sd.sum(sd.log(x)), x, {x: [-1.0, 1.0]}).ok


def test_intermediate_node_scalar_and_empty() -> None:
    x = sd.input("x")
    h = sd.exp(x)
    assert check_grad(h * h * x, [h, x], {"x": 0.3}).ok
    e = sd.input("e", (0, 2))
    assert check_grad(sd.sum(e * e) + x * x, [e, x], {e: np.zeros((0, 2)), x: 2}).ok


def test_a_large_cost_is_not_mistaken() -> None:
    x = sd.input("x", (3,))
    assert check_grad(1e8 + sd.sum(sd.sin(x)), x, {x: [0.1, 0.2, 0.3]}).ok


def test_eps_and_tolerance_are_the_users() -> None:
    x = sd.input("x", (3,))
    cost, values = sd.sum(sd.exp(x)), {x: [1.0, 2.0, 3.0]}
    assert not check_grad(cost, x, values, eps=0.1).ok
    assert check_grad(cost, x, values, eps=0.1, rtol=1e-2).ok


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "no value was given for x: float64[n, 2]"),
        ({"x": np.zeros(3)}, "x: float64[n, 2] was given an array of shape (3,)"),
        ({"x": np.zeros((3, 5))}, "x: float64[n, 2] was given an array of shape (3, 5)"),
        ({"x": np.zeros((3, 2), complex)}, "x: float64[n, 2] was given complex128"),
        ({"x": [[1, 2], [3]]}, "x: float64[n, 2]: setting an array element"),
    ],
)
def test_nothing_is_raised(values: dict[str, object], problem: str) -> None:
    x = sd.input("x", (sd.dim("n"), 2))
    result = check_grad(sd.sum(x * x), x, values)
    assert not result.ok
    assert str(result).startswith("not checked: check_grad: ")
    assert problem in str(result)


def test_what_has_no_gradient_is_told() -> None:
    x, y, narrow = sd.input("x", (2,)), sd.input("y", (2,)), sd.input("x", (2,), dtype="float32")
    assert "does not depend on y" in str(check_grad(sd.sum(x), y, {x: [1, 2], y: [1, 2]}))
    assert "float32" in str(check_grad(sd.sum(narrow), narrow, {"x": [1, 2]}))
    assert "the cost is a float scalar" in str(check_grad(x, x, {"x": [1, 2]}))


def test_modes_that_disagree() -> None:
    """A jvp that is not the transpose of the vjp is found, though the gradient itself is right."""

    def one_sided(x: Node) -> Node:
        op = Op(
            name="one_sided",
            infer=lambda inputs, attrs: inputs[0].type,
            evaluate=np.sin,
            vjp=(lambda t, out, x: t * sd.cos(x),),
            lowering=Elementwise("sin(a)"),
            flops=lambda node: 1,
            jvp=lambda tangents, out, x: 2 * tangents[0] * sd.cos(x),
        )
        return build(op, [x])

    x = sd.input("x", (3,))
    (verdict,) = check_grad(sd.sum(one_sided(x)), x, {x: [0.1, 0.2, 0.3]}).verdicts
    assert not verdict.ok
    assert verdict.error < 1e-8
    assert verdict.modes > 0.1


def test_a_rule_that_is_not_linear_is_told() -> None:
    x = sd.input("x", (3,))
    crooked = sd.custom_vjp(sd.sum, lambda ct, out, x: [ct * ct * x])
    result = check_grad(crooked(x), x, {x: [1.0, 2.0, 3.0]})
    assert not result.ok
    assert "not linear" in result.problem


@pytest.mark.parametrize("scale", [1e-2, 1.0, 30.0])
def test_the_step_it_suggests_is_better(scale: float) -> None:
    """For a function that varies on another scale than eps expects, the suggested step gives smaller errors."""
    x = sd.input("x", (3,))
    cost, values = sd.sum(sd.sin(scale * x)), {x: [0.5, 1.0, 1.5]}
    (coarse,) = check_grad(cost, x, values, eps=1e-3).verdicts
    (better,) = check_grad(cost, x, values, eps=coarse.step).verdicts
    assert better.error <= coarse.error
    assert better.error < 1e-7
