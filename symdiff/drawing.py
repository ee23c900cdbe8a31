"""Figures by matplotlib, which only those need who plot."""

from __future__ import annotations

import os
from typing import Any

from .core.errors import explain


def new_figure(asked: str, width: float, height: float) -> Any:
    """An empty figure, in inches. Raises ImportError where there is no matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as problem:
        hint = 'install it with: pip install "symdiff[plot]"'
        raise ImportError(explain(asked, f"pictures are drawn by matplotlib ({problem})", hint=hint)) from problem
    return Figure(figsize=(width, height), layout="constrained")


def saved(figure: Any, path: str | os.PathLike[str] | None) -> Any:
    """The figure, written to ``path`` when one is given."""
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure
