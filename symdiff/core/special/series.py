"""What the other functions are written with."""

from __future__ import annotations

from typing import Any


def polynomial(x: Any, *coefficients: float) -> Any:
    """c0 + c1 x + c2 x^2 + ..., by Horner's rule."""
    total = 0.0 * x
    for place in range(len(coefficients)):
        total = total * x + coefficients[len(coefficients) - 1 - place]
    return total
