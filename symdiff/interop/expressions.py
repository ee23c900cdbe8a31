"""SymPy expressions to nodes and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..core.errors import GraphError, explain
from ..core.node import Node, describe
from ..core.provenance import here
from ..core.traversal import toposort
from ..ops.convert import as_node, scalar_value
from .formulas import evaluated

_NAMES = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "abs": "Abs", "lgamma": "loggamma", "ceil": "ceiling", "maximum": "Max", "minimum": "Min",
}  # fmt: skip
_INFIX: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "negative": lambda a: -a,
    "square": lambda a: a**2,
    "reciprocal": lambda a: 1 / a,
    "greater": lambda a, b: a > b,
    "less": lambda a, b: a < b,
    "greater_equal": lambda a, b: a >= b,
    "less_equal": lambda a, b: a <= b,
}
_TRANSPARENT = ("broadcast_to", "astype", "stop_gradient")


def from_sympy(expression: Any, values: Mapping[Any, Any]) -> Node:
    """The node for a SymPy expression (or its text), element by element; ``values`` gives each symbol, by name or as
    the symbol itself, a node or number.

    Functions and conventions are those of :func:`elementwise`. Raises GraphError for a symbol without a value and a
    function without a counterpart.

    >>> import symdiff as sd
    >>> x = sd.input("x", (3,))
    >>> sd.from_sympy("sin(x)**2", {"x": x}).type.shape
    (3,)
    """
    from . import sympy_text

    named = {str(name): value for name, value in values.items()}
    return as_node(evaluated(sympy_text.written(sympy_text.parsed(expression, list(named))), named))


def to_sympy(node: Node) -> Any:
    """The SymPy expression of an elementwise graph; inputs and parameters become real symbols of their names.

    Raises GraphError for an operator that mixes elements (sum, matmul, ...), and where SymPy has no counterpart.

    >>> import symdiff as sd
    >>> x = sd.input("x")
    >>> str(sd.to_sympy(sd.exp(-x) * 2))
    '2*exp(-x)'
    """
    import sympy

    from .sympy_text import opaque

    found: dict[Node, Any] = {}
    for step in toposort([node]):
        name, operands = step.op.name, [found[parent] for parent in step.inputs]
        if name in ("input", "param"):
            found[step] = sympy.Symbol(step.attrs["name"], real=True)
        elif name in _TRANSPARENT:
            found[step] = operands[0]
        elif name in _INFIX:
            found[step] = _INFIX[name](*operands)
        elif name == "where":
            found[step] = sympy.Piecewise((operands[1], operands[0]), (operands[2], True))
        elif scalar_value(step) is not None:
            found[step] = sympy.nsimplify(scalar_value(step), rational=True)
        elif name in opaque() or hasattr(sympy, _NAMES.get(name, name)):
            function = opaque().get(name) or getattr(sympy, _NAMES.get(name, name))
            found[step] = function(*operands)
        else:
            raise GraphError(explain("to_sympy", f"SymPy has nothing for {name}: {describe(step)}", at=here()))
    return found[node]
