"""Linear algebra under the names of numpy.linalg and the Array API (which has no complex numbers here)."""

from __future__ import annotations

from .core.errors import LinAlgError
from .core.node import Node, Operand
from .ops.determinants import det, logdet, slogdet
from .ops.diagonal import diagonal as _diagonal
from .ops.diagonal import trace as _trace
from .ops.einsum import einsum, einsum_path
from .ops.factors import qr
from .ops.least_squares import lstsq, matrix_rank, pinv
from .ops.linalg import matmul
from .ops.manipulate import matrix_transpose
from .ops.matrix_functions import expm, matrix_power, multi_dot, tensorinv, tensorsolve
from .ops.matrix_norms import cond, matrix_norm, norm
from .ops.norms import vector_norm
from .ops.products import cross as _cross
from .ops.products import dot, inner, kron, matvec, outer, tensordot, vdot, vecdot, vecmat
from .ops.solvers import cho_solve, cholesky, inv, solve, solve_triangular, triangular_solve
from .ops.spectra import eig, eigh, eigvals, eigvalsh, svd, svdvals

__all__ = [  # noqa: RUF022  (topic by topic)
    "LinAlgError",
    "matmul", "dot", "vdot", "inner", "outer", "tensordot", "einsum", "einsum_path", "kron", "cross", "vecdot",
    "matvec", "vecmat", "matrix_power", "multi_dot",
    "cholesky", "qr", "svd", "svdvals", "eigh", "eigvalsh", "eig", "eigvals",
    "norm", "matrix_norm", "vector_norm", "cond", "det", "slogdet", "logdet", "matrix_rank", "trace", "diagonal",
    "matrix_transpose",
    "solve", "triangular_solve", "solve_triangular", "cho_solve", "lstsq", "inv", "pinv", "tensorsolve", "tensorinv",
    "expm",
]  # fmt: skip


def cross(x1: Operand, x2: Operand, *, axis: int = -1) -> Node:
    """The cross product of vectors of 3 along one axis; the others broadcast."""
    return _cross(x1, x2, axis=axis)


def trace(x: Operand, *, offset: int = 0) -> Node:
    """The sum of a diagonal of (a batch of) matrices: of the last two axes."""
    return _trace(x, offset, -2, -1)


def diagonal(x: Operand, *, offset: int = 0) -> Node:
    """A diagonal of (a batch of) matrices: of the last two axes."""
    return _diagonal(x, offset, -2, -1)
