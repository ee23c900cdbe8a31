"""Plain notation, as in Python: ``d_a2 = (softmax(a2) - one_hot(y, 10)) / n``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim
from ..core.node import Node
from ..ops.convert import Frozen, scalar_value
from .choose import SMALL_ARRAY
from .expression import Piece, Written, all_axes, indexed, last_axes_swapped, mean_axes

COMPARE, OR, XOR, AND, SUM, PRODUCT, SIGN, POWER, ATOM = range(1, 10)  # Python's own order

_INFIX = {
    "add": ("+", SUM),
    "subtract": ("-", SUM),
    "multiply": ("*", PRODUCT),
    "divide": ("/", PRODUCT),
    "floor_divide": ("//", PRODUCT),
    "remainder": ("%", PRODUCT),
    "matmul": ("@", PRODUCT),
    "integer_matmul": ("@", PRODUCT),
    "logical_and": ("&", AND),
    "logical_xor": ("^", XOR),
    "logical_or": ("|", OR),
    "equal": ("==", COMPARE),
    "not_equal": ("!=", COMPARE),
    "less": ("<", COMPARE),
    "less_equal": ("<=", COMPARE),
    "greater": (">", COMPARE),
    "greater_equal": (">=", COMPARE),
}
_PREFIX = {"negative": "-", "logical_not": "~"}
_REDUCTIONS = frozenset(("sum", "prod", "max", "min", "argmax", "argmin", "logsumexp", "any", "all"))
_LAST_AXIS = frozenset(("softmax", "log_softmax"))
_MANY = 12  # arguments of a call that are written out


class Plain:
    """Python's operators and precedence, NumPy's names."""

    def name(self, name: str) -> Piece:
        return Piece(name, ATOM)

    def leaf(self, node: Node) -> Piece:
        if node.op.name == "size":
            return _size(node.attrs["size"])
        if node.op.name == "constant":
            return _constant(node)
        return Piece(_call(node.op.name, [], node.attrs), ATOM)

    def apply(self, written: Written, look: Callable[[Node], Written | None]) -> Piece:
        name, pieces = written.node.op.name, written.pieces
        mean = mean_axes(written, look)
        if mean is not None:
            return _reduction("mean", mean)
        picked = indexed(written, look)
        if picked is not None:
            return Piece(_sliced(picked, written.node.attrs["axis"]), ATOM)
        if name in _INFIX:
            return infix(*_INFIX[name], *pieces)
        if name == "power":
            return Piece(f"{bracket(pieces[0], ATOM)} ** {bracket(pieces[1], SIGN)}", POWER)
        if name in _PREFIX:
            return Piece(_PREFIX[name] + bracket(pieces[0], SIGN), SIGN)
        if name in _REDUCTIONS:
            return _reduction(name, written)
        form = _FORMS.get(name)
        text = form(written) if form else _call(name, (piece.text for piece in pieces), written.node.attrs)
        return Piece(text, ATOM)


def bracket(piece: Piece, least: int) -> str:
    return piece.text if piece.level >= least else f"({piece.text})"


def infix(symbol: str, level: int, left: Piece, right: Piece) -> Piece:
    """Left-associative; comparisons do not chain, and a sign on the right is bracketed."""
    first = bracket(left, level + (level == COMPARE))
    second = bracket(right, level + 1)
    return Piece(f"{first} {symbol} {f'({second})' if second.startswith('-') else second}", level)


def number(value: Any) -> str:
    """A number as people write it: ``2``, ``0.1``, ``1e-08``, ``inf``."""
    item = value.item() if isinstance(value, np.generic) else value
    if isinstance(item, float) and math.isfinite(item) and item == int(item) and abs(item) < 1e15:
        return "-0.0" if item == 0 and math.copysign(1, item) < 0 else str(int(item))
    return str(value)


def _constant(node: Node) -> Piece:
    array = node.attrs["value"].array
    if scalar_value(node) is not None:
        text = number(array.flat[0])
        return Piece(text, SIGN if text.startswith("-") else ATOM)
    if array.size <= SMALL_ARRAY:
        return Piece(_nested(array), ATOM)
    return Piece(f"constant({number(array.flat[0])}, ..., {number(array.flat[-1])})", ATOM)


def _nested(array: Any) -> str:
    return number(array[()]) if array.ndim == 0 else f"[{', '.join(map(_nested, array))}]"


def _size(size: int | Dim) -> Piece:
    text = str(size)
    level = SUM if " " in text else PRODUCT if "*" in text.replace("**", "") else POWER if "**" in text else ATOM
    return Piece(text, SIGN if text.startswith("-") and level > SIGN else level)


def _reduction(name: str, written: Written) -> Piece:
    node = written.node
    options = "" if all_axes(node) else f", axis={_value(_single(node.attrs['axis']))}"
    options += ", keepdims=True" if node.attrs["keepdims"] else ""
    return Piece(f"{name}({written.pieces[0].text}{options})", ATOM)


def _single(axes: Any) -> Any:
    return axes[0] if isinstance(axes, tuple) and len(axes) == 1 else axes


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_value, value))}{',' * (len(value) == 1)})"
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, Frozen):
        return repr(value)
    return getattr(value, "__name__", str(value))


def _call(name: str, arguments: Iterable[str], attrs: Any) -> str:
    written = list(arguments)
    if len(written) > _MANY:
        written = [*written[:2], "...", written[-1]]
    options = [f"{key}={_value(value)}" for key, value in attrs.items() if not key.startswith("_")]
    return f"{name}({', '.join([*written, *options])})"


# -- views and indexing


def _transpose(written: Written) -> str:
    node, (x,) = written.node, written.pieces
    if last_axes_swapped(node):
        return f"{bracket(x, ATOM)}.{'T' if node.ndim == 2 else 'mT'}"
    return f"permute_dims({x.text}, {_value(node.attrs['axes'])})"


def _new_axes(written: Written) -> str:
    node, (x,) = written.node, written.pieces
    last = node.attrs["axis"][-1]
    parts = ["None" if axis in node.attrs["axis"] else ":" for axis in range(last + 1)]
    return f"{bracket(x, ATOM)}[{', '.join(parts)}]"


def _slice(start: int | Dim, size: int | Dim, step: int, whole: int | Dim) -> str:
    if (start, step) == (0, 1):
        return ":" if size == whole else f":{size}"
    stop = start + step * size
    end = "" if stop == whole or (step < 0 and stop == -1) else str(stop)
    begin = "" if start == 0 and step > 0 else str(start)
    return f"{begin}:{end}" + (f":{step}" if step != 1 else "")


def _sliced(written: Written, dropped: Sequence[int] = ()) -> str:
    node = written.node
    return f"{bracket(written.pieces[0], ATOM)}[{_selection(node, node.shape, node.inputs[0].shape, dropped)}]"


def _put_back(written: Written) -> str:
    node = written.node
    place = _selection(node, node.inputs[0].shape, node.shape)
    return f"zeros({_value(node.shape)}).at[{place}].set({written.pieces[0].text})"


def _selection(node: Node, sizes: Any, whole: Any, dropped: Sequence[int] = ()) -> str:
    starts, steps = node.attrs["starts"], node.attrs["steps"]
    parts = [_slice(*axis) for axis in zip(starts, sizes, steps, whole, strict=True)]
    for axis in dropped:
        parts[axis] = str(starts[axis])
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return ", ".join(parts)


def _take(written: Written) -> str:
    x, indices = written.pieces
    axis = written.node.attrs["axis"]
    return f"{bracket(x, ATOM)}[{indices.text}]" if axis == 0 else f"take({x.text}, {indices.text}, axis={axis})"


def _last_axis(written: Written) -> str:
    node = written.node
    where = "" if node.attrs["axis"] == node.ndim - 1 else f", axis={node.attrs['axis']}"
    return f"{node.op.name}({written.pieces[0].text}{where})"


def _loop(written: Written) -> str:
    """What goes in: ``scan(h0, xs, W)``, ``while_loop(w)``."""
    attrs = written.node.attrs
    name = "while_loop" if attrs["cond"] is not None else "scan"
    options = {"length": attrs["length"]} if name == "scan" else {"max_steps": attrs["length"]}
    options |= {"reverse": True} if attrs["reverse"] else {}
    given = [f"{key}={_value(value)}" for key, value in options.items() if value is not None]
    return f"{name}({', '.join([*(piece.text for piece in written.pieces), *given])})"


_FORMS: dict[str, Callable[[Written], str]] = {
    "permute_dims": _transpose,
    "expand_dims": _new_axes,
    "squeeze": lambda w: f"squeeze({w.pieces[0].text}, {_value(_single(w.node.attrs['axis']))})",
    "reshape": lambda w: f"reshape({w.pieces[0].text}, {_value(w.node.shape)})",
    "broadcast_to": lambda w: f"broadcast_to({w.pieces[0].text}, {_value(w.node.shape)})",
    "slice": _sliced,
    "slice_transpose": _put_back,
    "take": _take,
    "loop": _loop,
    "branch": lambda w: f"cond({', '.join(piece.text for piece in w.pieces)})",
    "item": lambda w: f"{bracket(w.pieces[0], ATOM)}[{w.node.attrs['index']}]",
    "astype": lambda w: f"{w.node.dtype.name}({w.pieces[0].text})",
    "one_hot": lambda w: f"one_hot({w.pieces[0].text}, {w.node.attrs['size']})",
} | dict.fromkeys(_LAST_AXIS, _last_axis)
