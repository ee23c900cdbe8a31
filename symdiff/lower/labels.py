"""Names for kernels, from the operators they compute: ``add_relu``, ``relu_vjp``, ``cross_entropy``."""

from __future__ import annotations

from ..core import special
from ..core.node import Node
from ..core.op import View
from ..core.provenance import Origin
from .regions import Region

EXPANDED = "expand "  # how prepare.py marks what a composite operator was written out to
RESERVED = frozenset(
    [
        *special.FUNCTIONS,
        "np",
        "range",
        "abs",
        "min",
        "max",
        "exp",
        "log",
        "log1p",
        "expm1",
        "sqrt",
        "sin",
        "cos",
        "tan",
        "tanh",
        "sigmoid",
        "erf",
        "erfc",
        "exp2",
        "log2",
        "log10",
        "cbrt",
        "nextafter",
        "gcd",
        "lcm",
        "left_shift",
        "right_shift",
        "threefry",
        "inf",
        "nan",
        "pi",
        "sinh",
        "cosh",
        "floor",
        "ceil",
        "rint",
        "trunc",
        "fabs",
        "isnan",
        "isinf",
        "isfinite",
        "maximum",
        "minimum",
        "copysign",
        "hypot",
        "power",
        "sign",
        "fmod",
        "remainder",
        "floor_divide",
        "size",
        "extent",
        "column_count",
        "kernel",
        "summing_kernel",
        "numba",
        "numpy",
        "njit",
        "work",
        "workspace",
        "candidate",
        "arcsin",
        "arccos",
        "arctan",
        "arctan2",
        "arcsinh",
        "arccosh",
        "arctanh",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bool_",
    ]
)
WORDS = 3


def kernel_name(region: Region) -> str:
    """The first operators of a region, in the words of the model."""
    words = dict.fromkeys(filter(None, map(_word, region.members)))
    words.update(dict.fromkeys(concat.op.name for _, concat, _, _ in region.parts))
    if any(node.origin.section == "update" for node in region.members):
        return "update" if region.extents else "update_scalars"
    return "_".join(list(words)[:WORDS]) or "copy"


def model_name(node: Node) -> str:
    """The operator of the model that a node belongs to: ``cross_entropy`` for what that was written out to."""
    return _composite(node.origin) or node.op.name


def _word(node: Node) -> str:
    origin = node.origin
    composite = _composite(origin)
    if composite or origin.of is None:
        return composite or ("" if isinstance(node.op.lowering, View) else node.op.name)
    return f"{origin.of.op.name}_vjp"


def _composite(origin: Origin) -> str:
    """The composite operator that a node was written out from."""
    marks = [rewrite for rewrite in origin.rewrites if rewrite.startswith(EXPANDED)]
    return marks[-1].removeprefix(EXPANDED) if marks else ""
