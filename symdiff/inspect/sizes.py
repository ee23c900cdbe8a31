"""Symbolic counts as people write them: ``16384 n + 128``, ``2 m n^2``."""

from __future__ import annotations

from collections.abc import Callable

from ..core.dim import Dim, evaluate, product
from ..core.node import Node

SAMPLE = 64  # what every symbolic size is taken to be where two counts are compared


def count(size: int | Dim, times: str = " ", power: str = "^{}", spell: Callable[[str], str] = str) -> str:
    """A count with a space for the product: ``16384 n + 128``."""
    if isinstance(size, int):
        return str(size)
    text = ""
    for monomial, factor in size.terms:
        names = [spell(name) if exponent == 1 else spell(name) + power.format(exponent) for name, exponent in monomial]
        number = [] if names and abs(factor) == 1 else [str(abs(factor))]
        sign = "-" if factor < 0 else "+"
        part = times.join(number + names)
        text += f" {sign} {part}" if text else ("-" + part if factor < 0 else part)
    return text


def held_bytes(node: Node) -> int | Dim:
    """Bytes of a node's value."""
    return product(node.shape) * node.dtype.itemsize


def ratio(a: int | Dim, b: int | Dim) -> str:
    """``1.14 x forward at n = 64``: a / b, with symbolic sizes at :data:`SAMPLE`; empty when b is zero."""
    names = sorted({name for size in (a, b) if isinstance(size, Dim) for name in size.names})
    sizes = dict.fromkeys(names, SAMPLE)
    below = evaluate(b, sizes)
    if not below:
        return ""
    where = f" at {' = '.join(names)} = {SAMPLE}" if names else ""
    return f"{evaluate(a, sizes) / below:.2f} x forward{where}"
