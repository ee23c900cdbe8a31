"""Functions that vectorise: how each is computed, and how far its results may be from the true value.

docs/maths.md has the measured errors and times; tests/runtime/test_maths_accuracy.py holds them to these bounds.
"""

from __future__ import annotations

import functools

from symdiff.core.record import record
from symdiff.runtime.elementary.error_function import erf, erfc
from symdiff.runtime.elementary.exponential import exp, expm1, sigmoid, tanh
from symdiff.runtime.elementary.formula import FORMATS, Formula, definition
from symdiff.runtime.elementary.logarithm import log, log1p
from symdiff.runtime.elementary.powers import power
from symdiff.runtime.elementary.trigonometry import cos, sin


@record
class Elementary:
    """A formula, and its largest error in units in the last place: for every argument, in float32 and float64."""

    formula: Formula
    ulp: float
    arity: int = 1


FUNCTIONS = {
    "exp": Elementary(exp, 1),
    "expm1": Elementary(expm1, 3),
    "log": Elementary(log, 1),
    "log1p": Elementary(log1p, 1),
    "sin": Elementary(sin, 2),
    "cos": Elementary(cos, 2),
    "tanh": Elementary(tanh, 3),
    "sigmoid": Elementary(sigmoid, 3),
    "erf": Elementary(erf, 3),
    "erfc": Elementary(erfc, 4),
    "power": Elementary(power, 2, arity=2),
}


def symbol(name: str, dtype: str) -> str:
    """What the function is called in LLVM."""
    return f"symdiff.{name}.{dtype}"


@functools.cache
def text(name: str, dtype: str) -> str:
    """LLVM's text of the function."""
    function = FUNCTIONS[name]
    return definition(symbol(name, dtype), function.formula, FORMATS[dtype], function.arity)
