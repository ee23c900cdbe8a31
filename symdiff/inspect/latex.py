r"""LaTeX notation: ``W1`` is W_{1}, its cotangent ``d_W1`` is \bar{W}_{1}, axes are the indices i, j, k, l of a sum.

Repetition and new axes of size 1 are not written: an elementwise operator has NumPy's meaning. \odot is the elementwise
product of two tensors, juxtaposition a product with a number or of matrices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..core.dim import Dim
from ..core.node import Node
from ..ops.convert import scalar_value
from .expression import Piece, Written, indexed, last_axes_swapped, mean_axes
from .plain import number
from .sizes import count

LOGIC, RELATION, SUM, SIGN, PRODUCT, MATRIX, POWER, ATOM = range(1, 9)

_GREEK = frozenset(
    ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
     "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega")
)  # fmt: skip
_INFIX = {
    "add": ("+", SUM),
    "subtract": ("-", SUM),
    "equal": ("=", RELATION),
    "not_equal": (r"\neq", RELATION),
    "less": ("<", RELATION),
    "less_equal": (r"\leq", RELATION),
    "greater": (">", RELATION),
    "greater_equal": (r"\geq", RELATION),
    "logical_and": (r"\wedge", LOGIC),
    "logical_or": (r"\vee", LOGIC),
    "logical_xor": (r"\oplus", LOGIC),
    "remainder": (r"\;\mathrm{mod}\;", PRODUCT),
}
_FUNCTIONS = {
    "exp": r"\exp", "log": r"\log", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "tanh": r"\tanh",
    "sinh": r"\sinh", "cosh": r"\cosh", "sigmoid": r"\sigma", "arcsin": r"\arcsin", "arccos": r"\arccos",
    "arctan": r"\arctan", "arcsinh": r"\operatorname{arsinh}", "arccosh": r"\operatorname{arcosh}",
    "arctanh": r"\operatorname{artanh}", "log2": r"\log_{2}", "log10": r"\log_{10}", "gamma": r"\Gamma",
    "lgamma": r"\log \Gamma", "digamma": r"\psi", "zeta": r"\zeta", "beta": r"\mathrm{B}", "betaln": r"\log \mathrm{B}",
    "gammainc": "P", "gammaincc": "Q", "i0": "I_{0}", "i1": "I_{1}", "erfinv": r"\operatorname{erf}^{-1}",
    "erfcinv": r"\operatorname{erfc}^{-1}", "log_ndtr": r"\log \Phi", "ndtri": r"\Phi^{-1}",
    "logit": r"\sigma^{-1}", "gcd": r"\gcd", "fmax": r"\max", "fmin": r"\min",
}  # fmt: skip
_SUMMED = {"sum": r"\sum", "prod": r"\prod"}
_BEST = {"max": r"\max", "min": r"\min"}
_SILENT = frozenset(("expand_dims", "squeeze", "astype", "in_range"))
_AXES = "ijklmpqr"


class Latex:
    """The notation of papers."""

    def name(self, name: str) -> Piece:
        return Piece(latex_name(name), ATOM)

    def leaf(self, node: Node) -> Piece:
        if node.op.name == "size":
            return _size(node.attrs["size"])
        if scalar_value(node) is not None:
            return _number(scalar_value(node))
        if node.op.name == "constant":
            return Piece(r"\mathrm{const}", ATOM)
        return Piece(r"\left(0, 1, \ldots\right)" if node.op.name == "iota" else _operator(node.op.name), ATOM)

    def apply(self, written: Written, look: Callable[[Node], Written | None]) -> Piece:
        node, pieces = written.node, written.pieces
        name = node.op.name
        mean = mean_axes(written, look)
        if mean is not None:
            return Piece(rf"\frac{{1}}{{{pieces[1].text}}} {_over_axes(mean).text}", SIGN)
        norm = _norm(written, look)
        if norm is not None:
            return norm
        picked = indexed(written, look)
        if picked is not None:
            return _slice(picked, node.attrs["axis"])
        if name in _INFIX:
            symbol, level = _INFIX[name]
            second = _bracket(pieces[1], level + 1)
            second = _parens(second) if second.startswith("-") else second
            return Piece(f"{_bracket(pieces[0], level + (level == RELATION))} {symbol} {second}", level)
        if name in _SILENT:
            return pieces[0]
        if name in _FUNCTIONS:
            return _call(_FUNCTIONS[name], pieces)
        form = _FORMS.get(name)
        return form(written) if form else _call(_operator(name), pieces)


def latex_name(name: str) -> str:
    r"""``W1`` -> W_{1}, ``d_W1`` -> \bar{W}_{1}, ``d_W1_from_z1`` -> \bar{W}_{1}^{(z_{1})}, ``alpha`` -> \alpha."""
    if name.startswith("d_"):
        whole, _, source = name[2:].partition("_from_")
        base, index = _split(whole)
        above = rf"^{{({latex_name(source)})}}" if source else ""
        bar = "bar" if len(base) == 1 or (base[0] == "\\" and "{" not in base) else "overline"
        return rf"\{bar}{{{base}}}{index}{above}"
    return "".join(_split(name))


def _split(name: str) -> tuple[str, str]:
    """A letter (or word) and its index: ``("W", "_{1}")``."""
    if name.startswith("d_"):  # the cotangent of a cotangent
        return latex_name(name), ""
    match = re.fullmatch(r"([A-Za-z]+?)_?(\d*)((?:_\w+)?)_?", name)
    if match is None:
        return _word(name), ""
    letters, digits, rest = match.groups()
    index = ",".join([*([digits] if digits else []), *(_word(part) for part in rest.split("_") if part)])
    return _word(letters), f"_{{{index}}}" if index else ""


def _word(text: str) -> str:
    if text in _GREEK:
        return "\\" + text
    if len(text) == 1 or text.isdigit():
        return text if text != "_" else r"\_"
    return r"\mathrm{" + text.replace("_", r"\_") + "}"


def _operator(name: str) -> str:
    return r"\operatorname{" + name.replace("_", r"\_") + "}"


def _parens(text: str) -> str:
    return rf"\left({text}\right)"


def _bracket(piece: Piece, least: int) -> str:
    return piece.text if piece.level >= least else _parens(piece.text)


def _call(function: str, pieces: Iterable[Piece]) -> Piece:
    return Piece(function + _parens(", ".join(piece.text for piece in pieces)), ATOM)


def _number(value: Any) -> Piece:
    text = number(value)
    if isinstance(value, bool):
        return Piece(rf"\mathrm{{{text.lower()}}}", ATOM)
    text = text.replace("inf", r"\infty").replace("nan", r"\mathrm{NaN}")
    if "e" in text and "\\" not in text:
        digits, exponent = text.split("e")
        text = rf"{digits} \cdot 10^{{{int(exponent)}}}" if digits != "1" else f"10^{{{int(exponent)}}}"
        return Piece(text, SIGN if digits.startswith("-") else PRODUCT)
    return Piece(text, SIGN if text.startswith("-") else ATOM)


def _size(size: int | Dim) -> Piece:
    text = count(size, times=r" \, ", power="^{{{}}}", spell=latex_name)
    return Piece(text, SUM if "+" in text or "-" in text else PRODUCT if " " in text else ATOM)


# -- operators with a form of their own


def _multiply(written: Written) -> Piece:
    """A number times something is set side by side, two tensors with a circled dot."""
    left, right = written.pieces
    both_numbers = left.text[-1].isdigit() and right.text[0].isdigit()
    tensors = all(written.shapes)
    symbol = r"\odot" if tensors else r"\cdot" if both_numbers else r"\,"
    return Piece(f"{_bracket(left, PRODUCT)} {symbol} {_bracket(right, PRODUCT + 1)}", PRODUCT)


def _matmul(written: Written) -> Piece:
    left, right = written.pieces
    return Piece(f"{_bracket(left, MATRIX)} {_bracket(right, MATRIX + 1)}", MATRIX)


def _quotient(written: Written) -> Piece:
    over, under = written.pieces
    return Piece(rf"\frac{{{over.text}}}{{{under.text}}}", PRODUCT)


def _power(written: Written) -> Piece:
    base, exponent = written.pieces
    return Piece(f"{_bracket(base, ATOM)}^{{{exponent.text}}}", POWER)


def _transpose(written: Written) -> Piece:
    if last_axes_swapped(written.node):
        return Piece(rf"{_bracket(written.pieces[0], ATOM)}^{{\top}}", POWER)
    axes = "".join(_letters(written.node.attrs["axes"]))
    return _call(rf"\operatorname{{permute}}_{{{axes}}}", written.pieces)


def _letters(axes: Iterable[int]) -> list[str]:
    return [_AXES[axis] if axis < len(_AXES) else str(axis) for axis in axes]


def _under(node: Node) -> str:
    axis = node.attrs["axis"]
    return ",".join(_letters(axis if isinstance(axis, tuple) else (axis,)))


def _over_axes(written: Written) -> Piece:
    symbol = _SUMMED[written.node.op.name]
    return Piece(rf"{symbol}_{{{_under(written.node)}}} {_bracket(written.pieces[0], PRODUCT)}", SIGN)


def _best(written: Written) -> Piece:
    return Piece(rf"{_BEST[written.node.op.name]}_{{{_under(written.node)}}} {_bracket(written.pieces[0], ATOM)}", SIGN)


def _position(written: Written) -> Piece:
    return _call(rf"{_operator(written.node.op.name)}_{{{_under(written.node)}}}", written.pieces)


def _softmax(written: Written) -> Piece:
    node = written.node
    last = node.attrs["axis"] == node.ndim - 1
    return _call(_operator(node.op.name) + ("" if last else f"_{{{_under(node)}}}"), written.pieces)


def _logsumexp(written: Written) -> Piece:
    return Piece(rf"\log \sum_{{{_under(written.node)}}} \exp{_parens(written.pieces[0].text)}", SIGN)


def _where(written: Written) -> Piece:
    condition, yes, no = (piece.text for piece in written.pieces)
    cases = rf"{yes} & \text{{if }} {condition} \\ {no} & \text{{otherwise}}"
    return Piece(rf"\begin{{cases}} {cases} \end{{cases}}", ATOM)


def _broadcast(written: Written) -> Piece:
    """A number repeated is that number times a tensor of ones."""
    (x,) = written.pieces
    if written.shapes[0]:
        return x
    sizes = r" \times ".join(_size(size).text for size in written.node.shape)
    ones = rf"\mathbf{{1}}_{{{sizes}}}"
    return Piece(ones if x.text == "1" else rf"{_bracket(x, PRODUCT)} \, {ones}", PRODUCT)


def _take(written: Written) -> Piece:
    x, indices = written.pieces
    before = "".join(rf"{letter}," for letter in _letters(range(written.node.attrs["axis"])))
    return Piece(rf"{_bracket(x, ATOM)}\left[{before}{indices.text}\right]", ATOM)


def _slice(written: Written, dropped: Sequence[int] = ()) -> Piece:
    attrs, parts = written.node.attrs, []
    for axis, (start, size, step) in enumerate(zip(attrs["starts"], attrs["sizes"], attrs["steps"], strict=True)):
        bounds = [_size(start).text, _size(start + step * size).text]
        parts.append(bounds[0] if axis in dropped else ":".join(bounds if step == 1 else [*bounds, str(step)]))
    return Piece(rf"{_bracket(written.pieces[0], ATOM)}\left[{', '.join(parts)}\right]", ATOM)


def _norm(written: Written, look: Callable[[Node], Written | None]) -> Piece | None:
    r"""``sqrt(sum(x * x))`` as \left\| x \right\|."""
    if written.node.op.name != "sqrt" or written.node.inputs[0].op.name != "sum":
        return None
    total = look(written.node.inputs[0])
    square = look(total.node.inputs[0]) if total is not None and total.node.shape == () else None
    if square is None:
        return None
    inputs = square.node.inputs
    squares = square.node.op.name == "square" or (square.node.op.name == "multiply" and inputs[0] is inputs[1])
    squares = squares or (square.node.op.name == "power" and scalar_value(inputs[1]) == 2)
    return Piece(rf"\left\| {square.pieces[0].text} \right\|", ATOM) if squares else None


_FORMS: dict[str, Callable[[Written], Piece]] = {
    "multiply": _multiply,
    "matmul": _matmul,
    "integer_matmul": _matmul,
    "power": _power,
    "square": lambda w: Piece(f"{_bracket(w.pieces[0], ATOM)}^{{2}}", POWER),
    "sqrt": lambda w: Piece(rf"\sqrt{{{w.pieces[0].text}}}", ATOM),
    "divide": _quotient,
    "reciprocal": lambda w: Piece(rf"\frac{{1}}{{{w.pieces[0].text}}}", PRODUCT),
    "floor_divide": lambda w: Piece(rf"\left\lfloor {_quotient(w).text} \right\rfloor", ATOM),
    "negative": lambda w: Piece(f"-{_bracket(w.pieces[0], PRODUCT)}", SIGN),
    "logical_not": lambda w: Piece(rf"\neg {_bracket(w.pieces[0], ATOM)}", POWER),
    "cbrt": lambda w: Piece(rf"\sqrt[3]{{{w.pieces[0].text}}}", ATOM),
    "exp2": lambda w: Piece(f"2^{{{w.pieces[0].text}}}", POWER),
    "expm1": lambda w: Piece(rf"e^{{{w.pieces[0].text}}} - 1", SUM),
    "log1p": lambda w: _call(r"\log", [Piece(f"1 + {_bracket(w.pieces[0], SUM + 1)}", SUM)]),
    "floor": lambda w: Piece(rf"\left\lfloor {w.pieces[0].text} \right\rfloor", ATOM),
    "ceil": lambda w: Piece(rf"\left\lceil {w.pieces[0].text} \right\rceil", ATOM),
    "hypot": lambda w: Piece(rf"\sqrt{{{' + '.join(f'{_bracket(p, ATOM)}^{{2}}' for p in w.pieces)}}}", ATOM),
    "logaddexp": lambda w: _call(r"\log", [Piece(" + ".join(f"e^{{{p.text}}}" for p in w.pieces), SUM)]),
    "polygamma": lambda w: _call(rf"\psi^{{({w.pieces[0].text})}}", w.pieces[1:]),
    "iv": lambda w: _call(f"I_{{{w.pieces[0].text}}}", w.pieces[1:]),
    "sinc_derivative": lambda w: _call(rf"\operatorname{{sinc}}^{{({w.pieces[0].text})}}", w.pieces[1:]),
    "abs": lambda w: Piece(rf"\left| {w.pieces[0].text} \right|", ATOM),
    "relu": lambda w: Piece(rf"\max\left(0, {w.pieces[0].text}\right)", ATOM),
    "maximum": lambda w: _call(r"\max", w.pieces),
    "minimum": lambda w: _call(r"\min", w.pieces),
    "sum": _over_axes,
    "prod": _over_axes,
    "max": _best,
    "min": _best,
    "argmax": _position,
    "argmin": _position,
    "softmax": _softmax,
    "log_softmax": _softmax,
    "logsumexp": _logsumexp,
    "where": _where,
    "permute_dims": _transpose,
    "broadcast_to": _broadcast,
    "reshape": lambda w: w.pieces[0] if not w.node.inputs[0].shape else _call(r"\operatorname{reshape}", w.pieces),
    "one_hot": lambda w: _call(r"\operatorname{onehot}", w.pieces),
    "take": _take,
    "slice": _slice,
}
