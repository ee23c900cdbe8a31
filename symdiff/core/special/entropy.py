"""Terms of entropies and divergences, defined where a probability is 0."""

from __future__ import annotations

from math import inf
from typing import Any

from numpy import log


def rel_entr(x: Any, y: Any) -> Any:
    """x log(x / y)."""
    if x > 0.0 and y > 0.0:
        return x * log(x / y)
    if x != x or y != y:
        return x + y
    return 0.0 if x == 0.0 and y >= 0.0 else inf


def kl_div(x: Any, y: Any) -> Any:
    """x log(x / y) - x + y."""
    if x > 0.0 and y > 0.0:
        return x * log(x / y) - x + y
    if x != x or y != y:
        return x + y
    return y if x == 0.0 and y >= 0.0 else inf
