"""symdiff: models as graphs, gradients as graphs, training steps as readable compiled Python.

The public names, room by room. Importing this package imports neither Numba nor SymPy.
"""

from . import init, linalg, losses, metrics, nn, optim, random, special
from . import inspect as _inspect  # noqa: F401  (it registers what print(graph) calls)
from .arguments import ArgumentError
from .autodiff.batch import batched
from .autodiff.check import GradCheck, check_grad
from .autodiff.checkpoint import checkpoint
from .autodiff.custom import custom_jvp, custom_vjp
from .autodiff.forward import jvp
from .autodiff.implicit import implicit
from .autodiff.products import hessian, hvp, jacobian
from .autodiff.reverse import grad, value_and_grad, vjp
from .autodiff.sparse import SparseMatrix
from .autodiff.vmap import vmap
from .compile import Compiled, CompiledStep, compile
from .control.public import cond, fori_loop, map, scan, while_loop
from .core.dim import Dim, dim
from .core.errors import (
    DTypeError,
    GradientError,
    GraphError,
    IndexRangeError,
    LinAlgError,
    ShapeError,
    StateError,
    SymdiffError,
)
from .core.graph import Graph
from .core.node import Node
from .history import History, Metrics
from .interop.elementwise import elementwise
from .interop.expressions import from_sympy, to_sympy
from .nn.activations import (
    celu,
    elu,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    log_sigmoid,
    mish,
    relu6,
    selu,
    silu,
    softsign,
    swish,
)
from .ops.convert import constant
from .ops.create import (
    arange,
    broadcast_arrays,
    eye,
    full,
    full_like,
    identity,
    linspace,
    meshgrid,
    ones,
    ones_like,
    tri,
    zeros,
    zeros_like,
)
from .ops.determinants import det, slogdet
from .ops.diagonal import diag, diagflat, diagonal, sliding_window_view, trace, tril, triu, unfold
from .ops.differences import diff, trapezoid
from .ops.einsum import einsum, einsum_path
from .ops.elementwise import (
    abs,
    absolute,
    acos,
    acosh,
    add,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    around,
    asin,
    asinh,
    astype,
    atan,
    atan2,
    atanh,
    beta,
    betaln,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    cbrt,
    ceil,
    clip,
    copysign,
    cos,
    cosh,
    deg2rad,
    degrees,
    digamma,
    divide,
    divmod,
    entr,
    equal,
    erf,
    erfc,
    erfcinv,
    erfcx,
    erfinv,
    exp,
    exp2,
    expit,
    expm1,
    fabs,
    fix,
    float_power,
    floor,
    floor_divide,
    fmax,
    fmin,
    fmod,
    gamma,
    gammainc,
    gammaincc,
    gammaln,
    gcd,
    greater,
    greater_equal,
    heaviside,
    hypot,
    i0,
    i0e,
    i1,
    i1e,
    invert,
    isclose,
    isfinite,
    isinf,
    isnan,
    isneginf,
    isposinf,
    kl_div,
    lcm,
    ldexp,
    left_shift,
    lerp,
    less,
    less_equal,
    lgamma,
    log,
    log1p,
    log2,
    log10,
    log_ndtr,
    logaddexp,
    logaddexp2,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    logit,
    maximum,
    minimum,
    mod,
    multiply,
    nan_to_num,
    ndtr,
    ndtri,
    negative,
    nextafter,
    not_equal,
    polygamma,
    positive,
    pow,
    power,
    rad2deg,
    radians,
    reciprocal,
    rel_entr,
    relu,
    remainder,
    right_shift,
    rint,
    round,
    rsqrt,
    sigmoid,
    sign,
    signbit,
    sin,
    sinc,
    sinh,
    softplus,
    sqrt,
    square,
    stop_gradient,
    subtract,
    tan,
    tanh,
    true_divide,
    trunc,
    where,
    xlog1py,
    xlogy,
    zeta,
)
from .ops.factors import qr
from .ops.gelu import gelu
from .ops.index import choose, one_hot, take, take_along_axis
from .ops.known import compress, nonzero, select, unique
from .ops.leaf import input, param, size
from .ops.least_squares import lstsq, pinv
from .ops.linalg import matmul
from .ops.manipulate import (
    array_split,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    column_stack,
    dsplit,
    dstack,
    flatten,
    fliplr,
    flipud,
    hsplit,
    hstack,
    matrix_transpose,
    moveaxis,
    ravel,
    repeat,
    roll,
    rot90,
    split,
    swapaxes,
    tile,
    unflatten,
    unstack,
    vsplit,
    vstack,
)
from .ops.matrix_functions import expm, matrix_power
from .ops.matrix_norms import norm
from .ops.norms import vector_norm
from .ops.pad import pad
from .ops.products import cross, dot, inner, kron, matvec, outer, tensordot, vdot, vecdot, vecmat
from .ops.reduce import argmax, argmin, max, mean, min, prod, sum
from .ops.scans import cummax, cummin, cumprod, cumsum, cumulative_prod, cumulative_sum, logcumsumexp
from .ops.scatter import gather, index_add, index_select, put_along_axis, scatter, scatter_add
from .ops.segments import bincount, segment_max, segment_mean, segment_min, segment_sum
from .ops.shape import broadcast_to, concat, concatenate, expand_dims, permute_dims, reshape, squeeze, stack, transpose
from .ops.slicing import flip
from .ops.softmax import cross_entropy, log_softmax, logsumexp, softmax, softmin
from .ops.solvers import cholesky, inv, solve, triangular_solve
from .ops.sorting import argsort, median, percentile, quantile, searchsorted, sort, top_k, topk
from .ops.spectra import eigh, svd
from .ops.statistics import (
    all,
    any,
    average,
    count_nonzero,
    nanmax,
    nanmean,
    nanmin,
    nanprod,
    nanstd,
    nansum,
    nanvar,
    ptp,
    std,
    var,
)
from .passes.pipeline import optimize
from .state import State
from .train import TrainStep, train_step

__version__ = "0.1.0"

__all__ = [  # noqa: RUF022  (room by room)
    # core.dim
    "Dim", "dim",
    # core.errors
    "DTypeError", "GradientError", "GraphError", "IndexRangeError", "LinAlgError", "ShapeError", "StateError",
    "SymdiffError",
    # core.graph
    "Graph",
    # core.node
    "Node",
    # nn.activations
    "celu", "elu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_sigmoid", "mish", "relu6", "selu",
    "silu", "softsign", "swish",
    # ops.convert
    "constant",
    # ops.create
    "arange", "broadcast_arrays", "eye", "full", "full_like", "identity", "linspace", "meshgrid", "ones", "ones_like",
    "tri", "zeros", "zeros_like",
    # ops.determinants
    "det", "slogdet",
    # ops.diagonal
    "diag", "diagflat", "diagonal", "sliding_window_view", "trace", "tril", "triu", "unfold",
    # ops.differences
    "diff", "trapezoid",
    # ops.einsum
    "einsum", "einsum_path",
    # ops.elementwise
    "abs", "absolute", "acos", "acosh", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2",
    "arctanh", "around", "asin", "asinh", "astype", "atan", "atan2", "atanh", "beta", "betaln", "bitwise_and",
    "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "cbrt", "ceil", "clip", "copysign", "cos", "cosh", "deg2rad", "degrees", "digamma", "divide", "divmod", "entr",
    "equal", "erf", "erfc", "erfcinv", "erfcx", "erfinv", "exp", "exp2", "expit", "expm1", "fabs", "fix",
    "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "gamma", "gammainc", "gammaincc", "gammaln",
    "gcd", "greater", "greater_equal", "heaviside", "hypot", "i0", "i0e", "i1", "i1e", "invert", "isclose",
    "isfinite", "isinf", "isnan", "isneginf", "isposinf", "kl_div", "lcm", "ldexp", "left_shift", "lerp", "less",
    "less_equal", "lgamma", "log", "log10", "log1p", "log2", "log_ndtr", "logaddexp", "logaddexp2", "logical_and",
    "logical_not", "logical_or", "logical_xor", "logit", "maximum", "minimum", "mod", "multiply", "nan_to_num",
    "ndtr", "ndtri", "negative", "nextafter", "not_equal", "polygamma", "positive", "pow", "power", "rad2deg",
    "radians", "reciprocal", "rel_entr", "relu", "remainder", "right_shift", "rint", "round", "rsqrt", "sigmoid",
    "sign", "signbit", "sin", "sinc", "sinh", "softplus", "sqrt", "square", "stop_gradient", "subtract", "tan",
    "tanh", "true_divide", "trunc", "where", "xlog1py", "xlogy", "zeta",
    # ops.factors
    "qr",
    # ops.gelu
    "gelu",
    # ops.index
    "choose", "one_hot", "take", "take_along_axis",
    # ops.known
    "compress", "nonzero", "select", "unique",
    # ops.leaf
    "input", "param", "size",
    # ops.least_squares
    "lstsq", "pinv",
    # ops.linalg
    "matmul",
    # ops.manipulate
    "array_split", "atleast_1d", "atleast_2d", "atleast_3d", "column_stack", "dsplit", "dstack", "flatten", "fliplr",
    "flipud", "hsplit", "hstack", "matrix_transpose", "moveaxis", "ravel", "repeat", "roll", "rot90", "split",
    "swapaxes", "tile", "unflatten", "unstack", "vsplit", "vstack",
    # ops.matrix_functions
    "expm", "matrix_power",
    # ops.matrix_norms
    "norm",
    # ops.norms
    "vector_norm",
    # ops.pad
    "pad",
    # ops.products
    "cross", "dot", "inner", "kron", "matvec", "outer", "tensordot", "vdot", "vecdot", "vecmat",
    # ops.reduce
    "argmax", "argmin", "max", "mean", "min", "prod", "sum",
    # ops.scans
    "cummax", "cummin", "cumprod", "cumsum", "cumulative_prod", "cumulative_sum", "logcumsumexp",
    # ops.scatter
    "gather", "index_add", "index_select", "put_along_axis", "scatter", "scatter_add",
    # ops.segments
    "bincount", "segment_max", "segment_mean", "segment_min", "segment_sum",
    # ops.shape
    "broadcast_to", "concat", "concatenate", "expand_dims", "permute_dims", "reshape", "squeeze", "stack", "transpose",
    # ops.slicing
    "flip",
    # ops.softmax
    "cross_entropy", "log_softmax", "logsumexp", "softmax", "softmin",
    # ops.solvers
    "cholesky", "inv", "solve", "triangular_solve",
    # ops.sorting
    "argsort", "median", "percentile", "quantile", "searchsorted", "sort", "top_k", "topk",
    # ops.spectra
    "eigh", "svd",
    # ops.statistics
    "all", "any", "average", "count_nonzero", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar",
    "ptp", "std", "var",
    # passes.pipeline
    "optimize",
    # autodiff.batch
    "batched",
    # autodiff.check
    "GradCheck", "check_grad",
    # autodiff.checkpoint
    "checkpoint",
    # autodiff.custom
    "custom_jvp", "custom_vjp",
    # autodiff.forward
    "jvp",
    # autodiff.implicit
    "implicit",
    # autodiff.products
    "hessian", "hvp", "jacobian",
    # autodiff.reverse
    "grad", "value_and_grad", "vjp",
    # autodiff.sparse
    "SparseMatrix",
    # autodiff.vmap
    "vmap",
    # arguments
    "ArgumentError",
    # control.public
    "cond", "fori_loop", "map", "scan", "while_loop",
    # compile
    "Compiled", "CompiledStep", "compile",
    # history
    "History", "Metrics",
    # interop.elementwise
    "elementwise",
    # interop.expressions
    "from_sympy", "to_sympy",
    # state
    "State",
    # train
    "TrainStep", "train_step",
    # rooms of their own
    "init", "linalg", "losses", "metrics", "nn", "optim", "random", "special",
]  # fmt: skip
