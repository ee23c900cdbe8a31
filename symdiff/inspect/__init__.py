"""Showing a graph: text, formula, pictures, and where each node comes from. Each is reached as a method of Graph."""

from . import dot, formula, html, text, why  # noqa: F401  (they register)
from .picture import svg  # noqa: F401
