"""What core calls by name, and the room that answers: it is imported when that is first called."""

from .core.registry import provide_later

_ANSWERS = {
    "control.public": "map",
    "inspect.dot": "graph_dot",
    "inspect.formula": "graph_formula",
    "inspect.html": "graph_html",
    "inspect.picture.svg": "graph_svg",
    "inspect.text": "graph_text",
    "inspect.why": "graph_why",
    "ops.activations": "softsign tanhshrink",
    "ops.arithmetic": """
        abs absolute add copysign divide divmod fabs floor_divide fmod heaviside multiply negative nextafter
        reciprocal remainder sign square subtract
    """,
    "ops.at": "at",
    "ops.bitwise": "bitwise_and bitwise_or bitwise_xor gcd invert lcm left_shift right_shift",
    "ops.bounds": "clip fmax fmin maximum minimum",
    "ops.comparison": """
        equal greater greater_equal isfinite isinf isnan less less_equal logical_and logical_not logical_or
        logical_xor not_equal signbit
    """,
    "ops.diagonal": "diagonal trace",
    "ops.exponential": """
        cbrt exp exp2 expm1 float_power ldexp log log10 log1p log2 logaddexp logaddexp2 power relu sigmoid
        softplus sqrt
    """,
    "ops.flow": "astype positive",
    "ops.index": "take",
    "ops.indexing": "getitem",
    "ops.leaf": "size",
    "ops.linalg": "matmul",
    "ops.manipulate": "flatten matrix_transpose moveaxis ravel repeat swapaxes",
    "ops.reduce": "argmax argmin max mean min prod sum",
    "ops.rounding": "ceil floor rint trunc",
    "ops.scans": "cumprod cumsum",
    "ops.shape": "permute_dims reshape squeeze",
    "ops.sorting": "argsort",
    "ops.special": """
        beta betaln digamma entr erf erfc erfcinv erfcx erfinv gamma gamma_density gammainc gammainc_slope
        gammaincc i0 i0e i1 i1e iv ive kl_div lgamma log_ndtr logit ndtri polygamma rel_entr xlog1py xlogy
        zeta
    """,
    "ops.statistics": "all any std var",
    "ops.trigonometric": """
        arccos arccosh arcsin arcsinh arctan arctan2 arctanh cos cosh deg2rad degrees hypot rad2deg radians
        sin sinc sinc_derivative sinh tan tanh
    """,
}

for _room, _names in _ANSWERS.items():
    for _name in _names.split():
        provide_later(_name, f"{__package__}.{_room}")
