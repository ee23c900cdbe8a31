"""Every elementwise operator by name, gathered from the families, each of which is imported when it is first asked for.
The aliases are those of NumPy and the Array API; ``elementwise.pyi`` says the same to type checkers."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_FAMILIES = {
    "arithmetic": """
        abs add copysign divide divmod fabs floor_divide fmod heaviside lerp multiply negative nextafter
        reciprocal remainder sign square subtract
    """,
    "bitwise": """
        bitwise_and bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor
        gcd invert lcm left_shift right_shift
    """,
    "bounds": "clip fmax fmin isclose maximum minimum nan_to_num",
    "comparison": """
        equal greater greater_equal isfinite isinf isnan isneginf isposinf less less_equal logical_and
        logical_not logical_or logical_xor not_equal signbit where
    """,
    "exponential": """
        cbrt exp exp2 expm1 float_power ldexp log log10 log1p log2 logaddexp logaddexp2 power relu rsqrt
        sigmoid softplus sqrt
    """,
    "flow": "astype positive stop_gradient",
    "rounding": "around ceil fix floor rint round trunc",
    "special": """
        beta betaln digamma entr erf erfc erfcinv erfcx erfinv expit gamma gammainc gammaincc gammaln i0 i0e
        i1 i1e kl_div lgamma log_ndtr logit ndtr ndtri polygamma rel_entr xlog1py xlogy zeta
    """,
    "trigonometric": """
        acos acosh arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh atan atan2 atanh cos cosh
        deg2rad degrees hypot rad2deg radians sin sinc sinh tan tanh
    """,
}
_ALIASES = {"absolute": "abs", "mod": "remainder", "pow": "power", "true_divide": "divide"}
_HOMES = {name: family for family, names in _FAMILIES.items() for name in names.split()}
__all__ = [*_HOMES, *_ALIASES]


def __getattr__(name: str) -> Any:
    own = _ALIASES.get(name, name)
    if own not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[own]}", __package__), own)
    globals()[name] = value
    return value
