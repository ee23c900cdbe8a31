"""Random bodies: a scan is the same as its steps written out, in value and two derivatives, however it is run."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.node import Node
from tests.emit.three_ways import undecorated
from tests.strategies import SWEEP, assert_close

UNARY = (sd.tanh, sd.sin, lambda a: a * a, lambda a: -a, lambda a: a[::-1], sd.softplus, lambda a: sd.cumsum(a, -1))
BINARY = (sd.add, sd.multiply, sd.subtract, sd.maximum, lambda a, b: sd.where(a > 0.1, a, b))
EXAMPLES = 8 * SWEEP


def random_body(rng: np.random.Generator, carries: int, captured: list[Node]):
    """A body over vectors of 3 that mixes carries, the row, and what lies outside."""
    plan = rng.integers(0, 2**31, 40)

    def body(carry, x):
        draw = iter(plan)
        pool = [*carry, x, *captured[:2]]

        def pick():
            return pool[next(draw) % len(pool)]

        for _ in range(4):
            kind = next(draw) % 4
            if kind == 0:
                pool.append(UNARY[next(draw) % len(UNARY)](pick()))
            elif kind == 1:
                pool.append(0.5 * pick() @ captured[2])
            else:
                pool.append(0.7 * BINARY[next(draw) % len(BINARY)](pick(), pick()))
        return tuple(sd.tanh(pool[-1 - k % 4] + 0.1 * carry[k]) for k in range(carries)), (pool[-2], sd.sum(pool[-1]))

    return body


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_scan_is_its_steps(seed):
    rng = np.random.default_rng(seed)
    carries, length, reverse = int(rng.integers(1, 4)), int(rng.integers(1, 5)), bool(rng.integers(2))
    inits = [sd.input(f"h{k}", (3,)) for k in range(carries)]
    outside = [sd.input("p", (3,)), sd.exp(sd.input("q", (3,))), sd.input("W", (3, 3))]
    leaves = [*inits, sd.input("xs", (length, 3)), sd.input("p", (3,)), sd.input("q", (3,)), outside[2]]
    body = random_body(rng, carries, outside)
    xs = leaves[carries]

    def by_hand():
        carry, ys = tuple(inits), [None] * length
        for t in reversed(range(length)) if reverse else range(length):
            carry, ys[t] = body(carry, xs[t])
        return carry, tuple(sd.stack([y[k] for y in ys]) for k in range(2))

    options = [{}, {"unroll": 2}, {"checkpoint": 2}][int(rng.integers(3))]
    pairs = []
    for carry, ys in (sd.scan(body, tuple(inits), xs, reverse=reverse, **options), by_hand()):
        cost = sum((sd.sum(c * c) for c in carry), sd.sum(ys[0] * 0.3) + sd.sum(ys[1] * ys[1]))
        first = sd.grad(cost, leaves, unused="zero")
        second = sd.grad(sum((sd.sum(g * g) for g in first), sd.constant(0.0)), leaves, unused="zero")
        pairs.append([cost, *ys, *first, *second])
    values = {leaf: rng.uniform(-1, 1, leaf.shape) for leaf in leaves}
    expected = sd.compile(pairs[1], inputs=leaves, backend="numpy")(*values.values())
    optimized, _ = sd.optimize(sd.Graph(pairs[0], inputs=leaves))
    for found in (
        sd.compile(pairs[0], inputs=leaves, backend="numpy")(*values.values()),
        sd.compile(pairs[0], inputs=leaves)(*values.values()),
        undecorated(optimized, values, {}),
        undecorated(sd.Graph(pairs[0], inputs=leaves), values, {}),
    ):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10)
            assert_close(np.asarray(one), np.asarray(other), np.dtype("float64"))
