"""The operators: one record each, a file per family."""

from . import convert, elementwise, index, leaf, linalg, reduce, shape, slicing, softmax  # noqa: F401  (they register)
from .record import OPS as OPS
