"""One row per operator and variant: how to build it, what it means in plain NumPy, where to sample it.

``test_table.py`` checks every row: value, type, first and second derivative. An operator without a row fails there.
Adding an operator means adding a row to one of these files (docs/adding_an_operator.md).
"""

import importlib
import pkgutil

import symdiff
import symdiff.ops

from . import (  # noqa: F401  (they enter their rows)
    rows_activations,
    rows_array,
    rows_autodiff,
    rows_control,
    rows_elementwise,
    rows_factors,
    rows_indexing,
    rows_linalg,
    rows_losses,
    rows_manipulate,
    rows_maths,
    rows_names,
    rows_neural,
    rows_products,
    rows_random,
    rows_reduce,
    rows_special,
    rows_statistics,
    rows_windows,
)
from .rows import ROWS as ROWS
from .rows import Operand as Operand
from .rows import Row as Row

for _module in pkgutil.iter_modules(symdiff.ops.__path__, "symdiff.ops."):  # operators are entered by their modules
    importlib.import_module(_module.name)
for _name in symdiff.__all__:
    getattr(symdiff, _name)
