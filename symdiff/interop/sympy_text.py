"""SymPy expressions as formulas over our own functions, and the functions that SymPy is told of. Imports SymPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import sympy

from ..core.errors import GraphError, explain
from ..core.provenance import here

_SAME = {
    "exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tan": "tan", "asin": "arcsin", "acos": "arccos",
    "atan": "arctan", "atan2": "arctan2", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "arcsinh",
    "acosh": "arccosh", "atanh": "arctanh", "Abs": "abs", "sign": "sign", "erf": "erf", "erfc": "erfc",
    "erfinv": "erfinv", "gamma": "gamma", "loggamma": "lgamma", "digamma": "digamma", "floor": "floor",
    "ceiling": "ceil", "Mod": "remainder",
}  # fmt: skip
_RELATIONS = {"StrictLessThan": "<", "LessThan": "<=", "StrictGreaterThan": ">", "GreaterThan": ">="}


@cache
def opaque() -> Mapping[str, Any]:
    """Our stable functions, which SymPy differentiates by name and never takes apart."""

    def function(name: str, slope: Callable[[Any], Any]) -> Any:
        return type(name, (sympy.Function,), {"nargs": 1, "fdiff": lambda self, _=1: slope(self.args[0])})

    sigmoid = function("sigmoid", lambda x: sigmoid(x) * sigmoid(-x))
    return {
        "sigmoid": sigmoid,
        "softplus": function("softplus", lambda x: sigmoid(x)),
        "log_sigmoid": function("log_sigmoid", lambda x: sigmoid(-x)),
        "log1p": function("log1p", lambda x: 1 / (1 + x)),
        "expm1": function("expm1", lambda x: sympy.exp(x)),
        "relu": function("relu", lambda x: sympy.Piecewise((1, x > 0), (0, True))),
        "lgamma": function("lgamma", lambda x: sympy.digamma(x)),
        "maximum": sympy.Max,
        "minimum": sympy.Min,
        "abs": sympy.Abs,
        "arcsin": sympy.asin,
        "arccos": sympy.acos,
        "arctan": sympy.atan,
        "arctan2": sympy.atan2,
        "arcsinh": sympy.asinh,
        "arccosh": sympy.acosh,
        "arctanh": sympy.atanh,
        "ceil": sympy.ceiling,
    }


def parsed(text: Any, args: Sequence[str]) -> Any:
    """A SymPy expression over real symbols. Raises GraphError for what is no expression or reads other symbols."""
    symbols = {name: sympy.Symbol(name, real=True) for name in args}
    try:
        expression = sympy.sympify(text, locals={**opaque(), **symbols})
    except (sympy.SympifyError, TypeError, AttributeError, SyntaxError) as refused:
        raise GraphError(explain("elementwise", f"{text!r} is no expression of SymPy: {refused}", at=here())) from None
    given = {symbol: symbols[symbol.name] for symbol in expression.free_symbols if symbol.name in symbols}
    expression = expression.xreplace(given)
    unknown = sorted(symbol.name for symbol in expression.free_symbols if symbol not in symbols.values())
    if unknown:
        problem = f"{expression} reads {', '.join(unknown)}, which is not among its arguments {', '.join(args)}"
        raise GraphError(explain("elementwise", problem, at=here()))
    return expression


def derivative(expression: Any, arg: str) -> Any:
    """By an argument; a jump has no derivative where it is, and counts as flat."""
    expression = expression.replace(sympy.Mod, lambda a, b: a - b * sympy.floor(a / b))
    slope = sympy.diff(expression, sympy.Symbol(arg, real=True))
    slope = slope.replace(sympy.DiracDelta, lambda *_: sympy.Integer(0))
    return slope.replace(_is_of_steps, lambda _: sympy.Integer(0)).doit()


def _is_of_steps(part: Any) -> bool:
    """A derivative that SymPy leaves standing, of a function that is flat between its jumps."""
    inner = part.args[0] if isinstance(part, sympy.Subs) else part
    return isinstance(inner, sympy.Derivative) and isinstance(inner.args[0], sympy.floor | sympy.ceiling)


def written(expression: Any) -> str:
    """The formula, as text over the functions of formulas.py. Raises GraphError for what has no counterpart."""
    name = type(expression).__name__
    parts = [] if isinstance(expression, sympy.Piecewise) else [written(part) for part in expression.args]
    if expression.is_Symbol:
        return str(expression.name)
    if expression is sympy.true or expression is sympy.false:
        return str(bool(expression))
    if expression.is_number:
        return _number(expression)
    if expression.is_Add:
        return f"({' + '.join(parts)})"
    if expression.is_Mul:
        return _product(expression)
    if expression.is_Pow:
        return _power(*expression.args)
    if name in _RELATIONS:
        return f"({parts[0]} {_RELATIONS[name]} {parts[1]})"
    if name in ("Max", "Min"):
        return _folded("maximum" if name == "Max" else "minimum", parts)
    if name in ("And", "Or"):
        return _folded(f"logical_{name.lower()}", parts)
    if name in ("Equality", "Unequality", "Not"):
        return f"{({'Equality': 'equal', 'Unequality': 'not_equal', 'Not': 'logical_not'})[name]}({', '.join(parts)})"
    if name == "Heaviside":
        return f"heaviside({parts[0]}, {parts[1] if len(parts) > 1 else '0.5'})"
    if name == "Piecewise":
        return _choice(expression)
    if name == "polygamma":
        return f"digamma({parts[1]})" if expression.args[0] == 0 else f"polygamma({expression.args[0]}, {parts[1]})"
    if name == "besseli" and expression.args[0] in (0, 1):
        return f"i{expression.args[0]}({parts[1]})"
    if name in _SAME or name in opaque():
        return f"{_SAME.get(name, name)}({', '.join(parts)})"
    problem = f"SymPy's {name} in {expression} has no counterpart here"
    raise GraphError(explain("elementwise", problem, at=here(), hint="write it in functions that symdiff has"))


def _number(value: Any) -> str:
    if value.is_Integer:
        return f"({value})" if value < 0 else str(value)
    if value.is_real is False or value in (sympy.zoo, sympy.nan):
        raise GraphError(explain("elementwise", f"{value} is no real number", at=here()))
    number = repr(float(value))
    return f"({number})" if number.startswith("-") else number if number[0].isdigit() else f"float('{number}')"


def _product(expression: Any) -> str:
    """Numerator over denominator, so that x * 1 / y is a division; nothing is taken apart."""
    below = [part for part in expression.args if part.is_Pow and part.args[1].could_extract_minus_sign()]
    above = [written(part) for part in expression.args if part not in below] or ["1"]
    if not below:
        return f"({' * '.join(above)})"
    under = [written(part.args[0] ** -part.args[1]) for part in below]
    return f"({' * '.join(above)} / {under[0] if len(under) == 1 else '(' + ' * '.join(under) + ')'})"


def _power(base: Any, exponent: Any) -> str:
    if base == sympy.E:
        return f"exp({written(exponent)})"
    if exponent == sympy.Rational(1, 2):
        return f"sqrt({written(base)})"
    if exponent.is_number and exponent.could_extract_minus_sign():
        return f"(1 / {_power(base, -exponent) if exponent != -1 else written(base)})"
    return f"({written(base)} ** {written(exponent)})"


def _folded(function: str, parts: Sequence[str]) -> str:
    total = parts[0]
    for part in parts[1:]:
        total = f"{function}({total}, {part})"
    return total


def _choice(expression: Any) -> str:
    """Nested where; nan where no condition holds."""
    text = "float('nan')"
    for value, condition in reversed(expression.args):
        text = written(value) if condition == True else f"where({written(condition)}, {written(value)}, {text})"  # noqa: E712
    return text
