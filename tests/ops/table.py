"""One row per operator and variant: how to build it, what it means in plain NumPy, where to sample it.

``test_table.py`` checks every row: value, type, first and second derivative. An operator without a row fails there.
Adding an operator means adding a row to one of these files (docs/adding_an_operator.md).
"""

from . import rows_array, rows_elementwise, rows_reduce  # noqa: F401  (they enter their rows)
from .rows import ROWS as ROWS
from .rows import Operand as Operand
from .rows import Row as Row
