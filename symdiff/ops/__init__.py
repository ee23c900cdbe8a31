"""The operators: one record each, a file per family."""

from . import (  # noqa: F401  (they register)
    at,
    convert,
    create,
    diagonal,
    elementwise,
    index,
    indexing,
    leaf,
    linalg,
    manipulate,
    reduce,
    scans,
    shape,
    slicing,
    softmax,
    sorting,
    statistics,
    write,
)
from .record import OPS as OPS
