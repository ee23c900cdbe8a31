"""Running layers on given values, compiled and interpreted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import symdiff as sd

Array = np.ndarray[Any, Any]


def parameters(*outputs: sd.Node) -> list[sd.Node]:
    return sd.Graph(list(outputs)).params


def names(*outputs: sd.Node) -> list[str]:
    return [param.attrs["name"] for param in parameters(*outputs)]


def random_state(*outputs: sd.Node, seed: int = 0) -> sd.State:
    """Normal numbers in every float parameter, so that none hides behind a zero; positive variances."""
    state, rng = sd.State.initial(parameters(*outputs), seed), np.random.default_rng(seed)
    for name in state:
        if state[name].dtype.kind == "f":
            state[name] = rng.normal(0, 0.5, state[name].shape).astype(state[name].dtype)
        if name.endswith(".var"):
            state[name] = np.abs(state[name]) + 0.5
    return state


def run(outputs: Sequence[sd.Node], given: Mapping[sd.Node, Array], state: sd.State) -> list[Array]:
    """What the outputs are; the compiled function and the interpreter agree."""
    inputs = list(given)
    found = [
        sd.compile(list(outputs), inputs=inputs, backend=backend)(*([state] if len(state) else []), *given.values())
        for backend in ("native", "numpy")
    ]
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    return [np.asarray(array) for array in found[0]]


def check_all_gradients(y: sd.Node, given: Mapping[sd.Node, Array], state: sd.State) -> None:
    """By the inputs and all float parameters, of a cost that weighs every element of y differently."""
    cost = sd.sum(sd.sin(y) * (1 + 0.1 * sd.arange(y.shape[-1])))
    wrt = [node for node in [*given, *parameters(y)] if node.type.is_float]
    check = sd.check_grad(cost, wrt, {**given, **{name: state[name] for name in state}})
    assert check.ok, str(check)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))
