"""Formulas as text over the public elementwise functions: ``a * exp(-b * x)``, evaluated on nodes."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from functools import cache
from types import CodeType
from typing import Any

from ..core.errors import GraphError, explain
from ..core.provenance import here

NAMES = (
    "abs", "sign", "exp", "expm1", "log", "log1p", "sqrt", "cbrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
    "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "erf", "erfc", "erfinv", "gamma", "lgamma",
    "digamma", "polygamma", "betaln", "i0", "i1", "sinc", "floor", "ceil", "heaviside", "maximum", "minimum",
    "remainder", "softplus", "sigmoid", "log_sigmoid", "relu", "where", "logical_and", "logical_or", "logical_not",
    "equal", "not_equal",
)  # fmt: skip
"""What a formula may call."""


@cache
def functions() -> Mapping[str, Callable[..., Any]]:
    from ..ops import activations, elementwise

    found = {name: getattr(elementwise, name, None) or getattr(activations, name, None) for name in NAMES}
    return {name: function for name, function in found.items() if function is not None}


def evaluated(text: str, values: Mapping[str, Any]) -> Any:
    """The formula on nodes, by name; a number where it reads none."""
    return builtins.eval(_compiled(text), {"__builtins__": {}, **functions()}, dict(values))


@cache
def _compiled(text: str) -> CodeType:
    try:
        return compile(text, "<symdiff formula>", "eval")
    except SyntaxError as problem:
        raise GraphError(explain("formula", f"{text!r} is no expression: {problem.msg}", at=here())) from None
