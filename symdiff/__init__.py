"""symdiff: models as graphs, gradients as graphs, training steps as readable compiled Python.

The public names, room by room. Importing this package imports neither Numba nor SymPy.
"""

from . import init, losses, metrics, optim
from . import inspect as _inspect  # noqa: F401  (it registers what print(graph) calls)
from .arguments import ArgumentError
from .autodiff.check import GradCheck, check_grad
from .autodiff.reverse import grad, value_and_grad, vjp
from .compile import Compiled, CompiledStep, compile
from .core.dim import Dim, dim
from .core.errors import DTypeError, GradientError, GraphError, IndexRangeError, ShapeError, StateError, SymdiffError
from .core.graph import Graph
from .core.node import Node
from .history import History, Metrics
from .ops.convert import constant
from .ops.elementwise import (
    abs,
    add,
    astype,
    cos,
    divide,
    equal,
    erf,
    erfc,
    exp,
    expm1,
    floor_divide,
    greater,
    greater_equal,
    isfinite,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    power,
    reciprocal,
    relu,
    remainder,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    square,
    stop_gradient,
    subtract,
    tanh,
    where,
)
from .ops.gelu import gelu
from .ops.index import arange, one_hot, take, take_along_axis
from .ops.leaf import input, param, size
from .ops.linalg import matmul
from .ops.reduce import argmax, argmin, max, mean, min, prod, sum
from .ops.shape import broadcast_to, concat, expand_dims, permute_dims, reshape, squeeze, stack
from .ops.slicing import flip
from .ops.softmax import cross_entropy, log_softmax, logsumexp, softmax
from .passes.pipeline import optimize
from .state import State
from .train import TrainStep, train_step

__version__ = "0.1.0"

__all__ = [  # noqa: RUF022  (room by room)
    # core.dim
    "Dim", "dim",
    # core.errors
    "DTypeError", "GradientError", "GraphError", "IndexRangeError", "ShapeError", "StateError", "SymdiffError",
    # core.graph
    "Graph",
    # core.node
    "Node",
    # ops.convert
    "constant",
    # ops.elementwise
    "abs", "add", "astype", "cos", "divide", "equal", "erf", "erfc", "exp", "expm1", "floor_divide", "greater",
    "greater_equal", "isfinite", "isnan", "less", "less_equal", "log", "log1p", "logical_and", "logical_not",
    "logical_or", "logical_xor", "maximum", "minimum", "multiply", "negative", "not_equal", "power", "reciprocal",
    "relu", "remainder", "sigmoid", "sign", "sin", "softplus", "sqrt", "square", "stop_gradient", "subtract", "tanh",
    "where",
    # ops.gelu
    "gelu",
    # ops.index
    "arange", "one_hot", "take", "take_along_axis",
    # ops.leaf
    "input", "param", "size",
    # ops.linalg
    "matmul",
    # ops.reduce
    "argmax", "argmin", "max", "mean", "min", "prod", "sum",
    # ops.shape
    "broadcast_to", "concat", "expand_dims", "permute_dims", "reshape", "squeeze", "stack",
    # ops.slicing
    "flip",
    # ops.softmax
    "cross_entropy", "log_softmax", "logsumexp", "softmax",
    # passes.pipeline
    "optimize",
    # autodiff.check
    "GradCheck", "check_grad",
    # autodiff.reverse
    "grad", "value_and_grad", "vjp",
    # arguments
    "ArgumentError",
    # compile
    "Compiled", "CompiledStep", "compile",
    # history
    "History", "Metrics",
    # state
    "State",
    # train
    "TrainStep", "train_step",
    # rooms of their own
    "init", "losses", "metrics", "optim",
]  # fmt: skip
