"""Rows of random numbers: known answers, and what can be said of any draw by another formula."""

from __future__ import annotations

import math

import numpy as np

import symdiff as sd
from symdiff.core.node import build
from symdiff.core.threefry import threefry
from symdiff.ops.record import OPS
from tests.ops.rows import Array, N, of, positive, row

KEY = 0x13198A2E | 0x03707344 << 32


def bits(count: int, purpose: int = 0) -> Array:
    """One number after the other."""
    return np.array([threefry(np.uint64(KEY), np.uint64(k + (purpose << 62))) for k in range(count)], np.uint64)


def fractions(count: int, purpose: int = 0) -> Array:
    """The 53 highest bits as a fraction, by Python's integers."""
    return np.array([math.ldexp(int(number) >> 11, -53) for number in bits(count, purpose)])


def np_normal(count: int) -> Array:
    """Box and Muller, by complex numbers."""
    radius, angle = np.sqrt(-2 * np.log1p(-fractions(count))), fractions(count, 1)
    return (radius * np.exp(2j * math.pi * angle)).real


row(
    "threefry",
    lambda: build(OPS["threefry"], [sd.random.key(KEY), sd.constant(np.uint64(0x243F6A88 | 0x85A308D3 << 32))]),
    lambda: np.array(0xC4923A9C | 0x483DF7A0 << 32, np.uint64),
    order=0,
)
row("random_bits", lambda: sd.random.bits(sd.random.key(KEY), (2, 3)), lambda: bits(6).reshape(2, 3), order=0)
row(
    "random_uniform", lambda: sd.random.uniform(sd.random.key(KEY), (3, 2)), lambda: fractions(6).reshape(3, 2), order=0
)
row("random_normal", lambda: sd.random.normal(sd.random.key(KEY), (5,)), lambda: np_normal(5), order=0)
row(
    "random_normal",
    lambda m, s: sd.random.normal(sd.random.key(KEY), dtype=m.dtype, loc=m, scale=s),
    lambda m, s: (m + s * np_normal(3)).astype(m.dtype),
    of(3), of(3, domain=positive), variant="reparameterised",
)  # fmt: skip
row(
    "random_uniform",
    lambda a, b: sd.random.uniform(sd.random.key(KEY), (2, 3), a.dtype, a, b),
    lambda a, b: (a + (b - a) * fractions(6).reshape(2, 3)).astype(a.dtype),
    of(3), of(2, 1), variant="reparameterised",
)  # fmt: skip
row(
    "exponential",
    lambda s: sd.random.exponential(sd.random.key(KEY), (N, 2), s.dtype, s),
    lambda s: (-s * np.log(1 - fractions(2 * len(s)).reshape(-1, 2))).astype(s.dtype),
    of(N, 1, domain=positive),
)
row(
    "gumbel",
    lambda m: sd.random.gumbel(sd.random.key(KEY), dtype=m.dtype, loc=m),
    lambda m: (m - np.log(-np.log(1 - (fractions(3) + 2.0**-54)))).astype(m.dtype),
    of(3),
)
row("permutation", lambda: sd.random.permutation(sd.random.key(KEY), 6), lambda: np.argsort(bits(6)), order=0)
row(
    "randint",
    lambda: sd.random.randint(sd.random.key(KEY), -3, 7, (4,)),
    lambda: np.array([int(number) % 10 - 3 for number in bits(4)]),
    order=0,
)
row("fold_in", lambda: sd.random.fold_in(sd.random.key(KEY), 5), lambda: bits(6, 3)[5], order=0)
row("split", lambda: sd.random.split(sd.random.key(KEY), 3), lambda: bits(3, 2), order=0)
