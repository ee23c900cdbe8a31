"""The scalar functions that a kernel's text may call, with the meaning NumPy gives them, and where each name comes from.

Three readers: the compiler (native_maths.py has the machine code of each name), plain Python (`NUMPY`, so that the same
text runs undecorated) and the standalone file (`STANDALONE`, where Numba's own version of the NumPy function is used).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

from symdiff.runtime.signature import DTYPES

CASTS = tuple("bool_" if dtype == "bool" else dtype for dtype in DTYPES)

UNARY = (
    "exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "arcsinh", "arccosh", "arctanh", "floor", "ceil", "rint", "trunc", "fabs", "sign", "isnan", "isinf", "isfinite",
)  # fmt: skip
BINARY = (
    "arctan2", "maximum", "minimum", "copysign", "hypot", "power", "fmod", "remainder", "floor_divide",
)  # fmt: skip

NAMES = frozenset(UNARY + BINARY + CASTS)

NUMPY: MappingProxyType[str, Any] = MappingProxyType({name: getattr(np, name) for name in UNARY + BINARY + CASTS})
