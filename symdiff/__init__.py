"""symdiff: models as graphs, gradients as graphs, training steps as readable compiled Python.

The public names, room by room. A room is imported when one of its names is first used, so a program waits for what it
uses; importing the package imports neither Numba nor SymPy. ``__init__.pyi`` says the same to type checkers.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

from . import providers as _providers  # noqa: F401  (it says which room answers to what)

__version__ = "0.1.0"

_ROOMS = {
    "arguments": "ArgumentError",
    "autodiff.batch": "batched",
    "autodiff.check": "check_grad GradCheck",
    "autodiff.checkpoint": "checkpoint",
    "autodiff.custom": "custom_jvp custom_vjp",
    "autodiff.forward": "jvp",
    "autodiff.implicit": "implicit",
    "autodiff.products": "hessian hvp jacobian",
    "autodiff.reverse": "grad value_and_grad vjp",
    "autodiff.sparse": "SparseMatrix",
    "autodiff.vmap": "vmap",
    "checkpoints": "Checkpoint",
    "compiled": "compile Compiled CompiledStep",
    "control.public": "cond fori_loop map scan while_loop",
    "core.dim": "Dim dim",
    "core.errors": """
        DTypeError GradientError GraphError IndexRangeError LinAlgError NonFiniteError ShapeError StateError
        SymdiffError
    """,
    "core.graph": "Graph",
    "core.node": "Node",
    "early_stopping": "EarlyStopping",
    "history": "History Metrics",
    "interop.elementwise": "elementwise",
    "interop.expressions": "from_sympy to_sympy",
    "nn.activations": """
        celu elu hardsigmoid hardswish hardtanh leaky_relu log_sigmoid mish relu6 selu silu softsign swish
    """,
    "ops.convert": "constant",
    "ops.create": """
        arange broadcast_arrays eye full full_like identity linspace meshgrid ones ones_like tri zeros
        zeros_like
    """,
    "ops.determinants": "det slogdet",
    "ops.diagonal": "diag diagflat diagonal sliding_window_view trace tril triu unfold",
    "ops.differences": "diff trapezoid",
    "ops.einsum": "einsum einsum_path",
    "ops.elementwise": """
        abs absolute acos acosh add arccos arccosh arcsin arcsinh arctan arctan2 arctanh around asin asinh
        astype atan atan2 atanh beta betaln bitwise_and bitwise_invert bitwise_left_shift bitwise_not
        bitwise_or bitwise_right_shift bitwise_xor cbrt ceil clip copysign cos cosh deg2rad degrees digamma
        divide divmod entr equal erf erfc erfcinv erfcx erfinv exp exp2 expit expm1 fabs fix float_power
        floor floor_divide fmax fmin fmod gamma gammainc gammaincc gammaln gcd greater greater_equal
        heaviside hypot i0 i0e i1 i1e invert isclose isfinite isinf isnan isneginf isposinf kl_div lcm ldexp
        left_shift lerp less less_equal lgamma log log10 log1p log2 log_ndtr logaddexp logaddexp2
        logical_and logical_not logical_or logical_xor logit maximum minimum mod multiply nan_to_num ndtr
        ndtri negative nextafter not_equal polygamma positive pow power rad2deg radians reciprocal rel_entr
        relu remainder right_shift rint round rsqrt sigmoid sign signbit sin sinc sinh softplus sqrt square
        stop_gradient subtract tan tanh true_divide trunc where xlog1py xlogy zeta
    """,
    "ops.factors": "qr",
    "ops.gelu": "gelu",
    "ops.index": "choose one_hot take take_along_axis",
    "ops.known": "compress nonzero select unique",
    "ops.leaf": "input param size",
    "ops.least_squares": "lstsq pinv",
    "ops.linalg": "matmul",
    "ops.manipulate": """
        array_split atleast_1d atleast_2d atleast_3d column_stack dsplit dstack flatten fliplr flipud hsplit
        hstack matrix_transpose moveaxis ravel repeat roll rot90 split swapaxes tile unflatten unstack
        vsplit vstack
    """,
    "ops.matrix_functions": "expm matrix_power",
    "ops.matrix_norms": "norm",
    "ops.norms": "vector_norm",
    "ops.pad": "pad",
    "ops.products": "cross dot inner kron matvec outer tensordot vdot vecdot vecmat",
    "ops.reduce": "argmax argmin max mean min prod sum",
    "ops.scans": "cummax cummin cumprod cumsum cumulative_prod cumulative_sum logcumsumexp",
    "ops.scatter": "gather index_add index_select put_along_axis scatter scatter_add",
    "ops.segments": "bincount segment_max segment_mean segment_min segment_sum",
    "ops.shape": "broadcast_to concat concatenate expand_dims permute_dims reshape squeeze stack transpose",
    "ops.slicing": "flip",
    "ops.softmax": "cross_entropy log_softmax logsumexp softmax softmin",
    "ops.solvers": "cholesky inv solve triangular_solve",
    "ops.sorting": "argsort median percentile quantile searchsorted sort top_k topk",
    "ops.spectra": "eigh svd",
    "ops.statistics": """
        all any average count_nonzero nanmax nanmean nanmin nanprod nanstd nansum nanvar ptp std var
    """,
    "passes.pipeline": "optimize",
    "state": "State",
    "summaries": "statistics",
    "train": "train_step TrainStep",
}
_MODULES = "init linalg losses metrics nn optim preprocess random regularize special"

_HOMES = {name: room for room, names in _ROOMS.items() for name in names.split()}
__all__ = [*_HOMES, *_MODULES.split()]


def __getattr__(name: str) -> _Any:
    if name in _HOMES:
        value = getattr(_import_module(f".{_HOMES[name]}", __name__), name)
    elif name in _MODULES.split():
        value = _import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
