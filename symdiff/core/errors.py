"""Errors in one shape: what was asked, the operands, the rule broken, the user's line, the next step."""

from __future__ import annotations

import numpy as np


class SymdiffError(Exception):
    """Base of every error that symdiff raises on purpose."""


class ShapeError(SymdiffError, ValueError):
    """Shapes or sizes that do not fit together."""


class DTypeError(SymdiffError, TypeError):
    """A dtype that an operator or an input does not take."""


class GraphError(SymdiffError, ValueError):
    """A graph that does not hold together: names that clash, inputs that are missing, broken invariants."""


class GradientError(SymdiffError, ValueError):
    """A derivative that does not exist or was asked for in a way that has no meaning."""


class IndexRangeError(SymdiffError, IndexError):
    """An index outside its axis, found when the compiled function ran."""


class LinAlgError(SymdiffError, np.linalg.LinAlgError):
    """A matrix that has no such decomposition or inverse, found when the compiled function ran."""


class NonFiniteError(SymdiffError, ArithmeticError):
    """A value that is NaN or infinite where it may not be. One that ended a run has the number of the ``step`` and the
    ``rows`` of its batch in the data."""

    step: int | None = None
    rows: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None


class StateError(SymdiffError, ValueError):
    """A saved state that does not belong to this model, or is damaged."""


def explain(asked: str, problem: str, *, at: str = "", hint: str = "") -> str:
    """One message in the house's shape: ``asked: problem, at file:line; hint``."""
    text = f"{asked}: {problem}"
    if at:
        text += f", at {at}"
    return f"{text}; {hint}" if hint else text
