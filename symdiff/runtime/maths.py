"""The scalar functions that a kernel's text may call, with NumPy's meaning, and where each name comes from.

Three readers: the compiler (native_maths.py has each name's machine code), plain Python (`NUMPY`, so that the same text
runs undecorated) and the standalone file (`standalone`, for plain `numba.njit`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

from symdiff.core import special, threefry
from symdiff.runtime import branching
from symdiff.runtime.signature import DTYPES

CASTS = tuple("bool_" if dtype == "bool" else dtype for dtype in DTYPES)

UNARY = (
    "exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "arcsinh", "arccosh", "arctanh", "exp2", "log2", "log10", "cbrt", "sigmoid", "erf", "erfc", "floor", "ceil",
    "rint", "trunc", "abs", "fabs", "sign", "isnan", "isinf", "isfinite",
)  # fmt: skip
BINARY = (
    "arctan2", "maximum", "minimum", "copysign", "hypot", "power", "fmod", "remainder", "floor_divide", "nextafter",
)  # fmt: skip
OF_INTEGERS = ("gcd", "lcm", "left_shift", "right_shift", "threefry")
SPECIAL = (
    "lgamma", "gamma", "digamma", "polygamma", "zeta", "betaln", "beta", "gamma_density", "gammainc", "gammaincc",
    "gammainc_slope", "rel_entr", "kl_div", "erfinv", "erfcinv", "erfcx", "ndtri", "log_ndtr", "iv", "ive",
    "sinc_derivative",
)  # fmt: skip

NAMES = frozenset(UNARY + BINARY + OF_INTEGERS + SPECIAL + CASTS)


def _room(name: str) -> Any:
    """The module that has the meaning of a name."""
    return next((room for room in (special, threefry) if hasattr(room, name)), np)


NUMPY: MappingProxyType[str, Any] = MappingProxyType({name: getattr(_room(name), name) for name in sorted(NAMES)})


def requirements(name: str) -> tuple[str, ...]:
    """The names that a file needs for `name`, in the order in which they can be defined; itself last."""
    return branching.needed(name)


def standalone(name: str, integers: bool = True) -> str:
    """What gives `name` to a file for plain `numba.njit`: an import, or a function and its overload.

    The latter need `import numba`, `import numba.extending` and `import numpy` above them, and what `requirements` has.
    Some are needed on `integers` only.
    """
    if name in special.FUNCTIONS:
        return branching.saved(name)
    plain = f"from {'math' if name in _OF_MATH else 'numpy'} import {name}\n"
    return plain if not integers and name in _RIGHT_ON_FLOATS else _HELPERS.get(name, plain)


_OF_MATH = {"erf", "erfc", "inf", "nan", "pi"}
_RIGHT_ON_FLOATS = {"power", "fmod", "remainder"}  # where Numba has NumPy's results for floats


def _helper(name: str, integers: str, floats: str) -> str:
    def indented(body: str) -> str:
        return body.strip().replace("\n", "\n        ")

    return f'''\
def {name}(x, y):
    """numpy.{name}, which Numba has with other results for some numbers."""
    return numpy.{name}(x, y)


@numba.extending.overload({name})
def _{name}(x, y):
    def integers(x, y):
        {indented(integers)}

    def floats(x, y):
        {indented(floats)}

    return integers if all(isinstance(t, numba.types.Integer) for t in (x, y)) else floats
'''


def _threefry() -> str:
    """core/threefry.py, round by round."""
    lines = [
        "@numba.njit",
        "def threefry(key, counter):",
        '    """Threefry-2x32-20 (Salmon et al., 2011): bits for a key and a counter."""',
        "    word, half = numpy.uint64(0xFFFFFFFF), numpy.uint64(32)",
        "    k0, k1 = key & word, key >> half",
        f"    k2 = k0 ^ k1 ^ numpy.uint64({threefry.PARITY})",
        "    x, y = ((counter & word) + k0) & word, ((counter >> half) + k1) & word",
    ]
    for number in range(threefry.ROUNDS):
        turn, added = threefry.ROTATIONS[number % 8], number // 4 + 1
        turned = f"(y << numpy.uint64({turn})) | (y >> numpy.uint64({32 - turn}))"
        lines += ["    x = (x + y) & word", f"    y = (({turned}) & word) ^ x"]
        if number % 4 == 3:
            lines.append(f"    x = (x + k{added % 3}) & word")
            lines.append(f"    y = (y + k{(added + 1) % 3} + numpy.uint64({added})) & word")
    return "\n".join([*lines, "    return x | (y << half)", ""])


_HELPERS = {
    "threefry": _threefry(),
    "sigmoid": '''\
def sigmoid(x):
    """1 / (1 + exp(-x)), which keeps the digits of small results."""
    e = numpy.exp(-abs(x))
    return (1 if x >= 0 else e) / (1 + e)


@numba.extending.overload(sigmoid)
def _sigmoid(x):
    """With a 1 of the dtype of x, since a literal would widen float32."""
    one = numpy.float32(1) if x == numba.types.float32 else 1.0

    def of_float(x):
        e = numpy.exp(-abs(x))
        return (one if x >= 0 else e) / (one + e)

    return of_float
''',
    "power": _helper(
        "power",
        """
result = x**0
while y > 0:
    if y & 1:
        result *= x
    x *= x
    y >>= 1
return result
""",
        "return numpy.power(x, y)",
    ),
    "fmod": _helper(
        "fmod",
        """
if y == 0 or y == -1:
    return x - x
rest = x % y
return rest - y if rest != 0 and (rest < 0) != (x < 0) else rest
""",
        "return numpy.fmod(x, y)",
    ),
    "remainder": _helper(
        "remainder",
        "return x - x if y == 0 or y == -1 else x % y",
        "return numpy.remainder(x, y)",
    ),
    "left_shift": _helper(
        "left_shift",
        "return x << y if 0 <= y < 64 else x - x",
        "return numpy.left_shift(x, y)",
    ),
    "right_shift": _helper(
        "right_shift",
        "return x >> y if 0 <= y < 64 else x >> 63 >> 63",
        "return numpy.right_shift(x, y)",
    ),
    "floor_divide": _helper(
        "floor_divide",
        "return x - x if y == 0 else -x if y == -1 else x // y",
        """
if y == 0:
    return x / y
rest = numpy.fmod(x, y)
quotient = (x - rest) / y
return numpy.rint(quotient - 1) if rest != 0 and (rest < 0) != (y < 0) else numpy.rint(quotient)
""",
    ),
}
