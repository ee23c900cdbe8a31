"""Typed constants of the emitted source: ``ZERO``, ``HALF``, ``C0_001``. An untyped literal would widen float32."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Set
from typing import Any

import numpy as np

_WORDS = {0.0: "ZERO", 1.0: "ONE", 2.0: "TWO", 0.5: "HALF", -1.0: "MINUS_ONE", math.inf: "INF", -math.inf: "NEG_INF"}


class Constants:
    """Names for the numbers of one module. The same number in a second dtype gets the dtype in its name, as does one
    whose name is ``taken``."""

    def __init__(self, taken: Set[str]) -> None:
        self._taken = taken
        self._names: dict[tuple[str, str], str] = {}  # (dtype, exact value) -> name
        self._values: dict[str, np.generic] = {}

    def name(self, value: Any, dtype: np.dtype[Any]) -> str:
        number = dtype.type(value)
        key = (dtype.name, number.tobytes().hex())
        if key not in self._names:
            name = _word(number)
            while name in self._values or name in self._taken:
                name = f"{name}_{dtype.name.upper()}"
            self._names[key] = name
            self._values[name] = number
        return self._names[key]

    def values(self) -> Mapping[str, np.generic]:
        return self._values

    def lines(self) -> list[str]:
        """The assignments, for the head of a module."""
        return [f"{name} = {literal(value)}" for name, value in self._values.items()]


def literal(value: np.generic) -> str:
    """Python source that gives exactly this NumPy scalar."""
    number = value.item()
    if isinstance(number, float) and not math.isfinite(number):
        text = "np.nan" if math.isnan(number) else "np.inf" if number > 0 else "-np.inf"
    else:
        text = repr(number)
    return f"np.{value.dtype.name}({text})" if value.dtype.kind != "b" else f"np.bool_({text})"


def _word(value: np.generic) -> str:
    number = value.item()
    if isinstance(number, float) and math.isnan(number):
        return "NAN"
    if number in _WORDS and not (number == 0 and math.copysign(1, number) < 0):
        return _WORDS[number]
    text = re.sub(r"\W", "_", str(value).replace("-", "m", 1) if str(value).startswith("-") else str(value))
    return f"C{text}"
