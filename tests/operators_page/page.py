"""The page: a table for each family, with what docstrings say, derivatives, and the peers that have the operator."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

from .formulas import derivative
from .peers import PEERS, looked_up
from .public import Function, calls, operators

PAGE = Path(__file__).parents[2] / "docs" / "operators.md"

HEAD = """# Operators

Every public function on nodes. This page is generated from the operators themselves by `python -m
tests.operators_page`, and the tests compare it with them. Names without a room are `sd.` names; `nn.relu` is
`sd.nn.relu`. The methods of nodes (`x.sum()`, `x + y`, `x[1:]`, `x.at[i].add(v)`) are these operators, too.

- **Derivative**: the cotangents of the operands, for `ct`, that of the result `out`; written out from the graph that
  `sd.vjp` builds for an example of the test table, so sizes and axes in it are those of this example. Forward mode,
  batches and higher orders follow from it ([derivatives.md](derivatives.md)). Where it is long, the operators it is
  made of are named; `print(sd.Graph(...))` shows the rest.
- **At kinks and edges**: what holds where the function is not smooth, or not defined. In general: NumPy's values, ties
  and kinks as stated, positions outside an axis are an IndexRangeError and singular systems a LinAlgError when the
  compiled function runs.
- **Also in**: the peers that have the operator, with its name there where that is another one.

`einsum_path` tells in which order `einsum` multiplies. `linalg.eig` and `linalg.eigvals` are errors that say why:
eigenvalues of general matrices are complex.
"""

FAMILIES = {
    "Arithmetic": ["ops.arithmetic"],
    "Powers, exponentials, logarithms": ["ops.exponential"],
    "Trigonometric and hyperbolic functions": ["ops.trigonometric"],
    "Rounding": ["ops.rounding"],
    "Bounds": ["ops.bounds"],
    "Comparison, logic, selection": ["ops.comparison"],
    "Bits and divisors": ["ops.bitwise"],
    "Types and gradients": ["ops.flow"],
    "Special functions": ["ops.special"],
    "Activations": ["ops.gelu", "ops.activations", "nn.activations"],
    "Reductions": ["ops.reduce", "ops.statistics"],
    "The softmax family": ["ops.softmax"],
    "Running totals and differences": ["ops.scans", "ops.differences"],
    "Order": ["ops.sorting"],
    "New arrays": ["ops.create"],
    "Shapes": ["ops.shape", "ops.manipulate", "ops.slicing", "ops.pad"],
    "Diagonals, triangles, windows": ["ops.diagonal"],
    "Reading and writing at positions": ["ops.index", "ops.scatter", "ops.segments", "ops.known"],
    "Products": ["ops.linalg", "ops.products", "ops.einsum"],
    "Linear algebra": [
        "ops.solvers", "ops.determinants", "ops.factors", "ops.spectra", "ops.least_squares", "ops.matrix_functions",
        "ops.matrix_norms", "ops.norms", "linalg",
    ],
    "Convolution and pooling": ["nn.convolution", "nn.pooling", "nn.images"],
    "Normalization": ["nn.normalization"],
    "Linear maps, attention, dropout": ["nn.linear", "nn.attention", "nn.dropout", "nn.distance"],
    "Layers that make their parameters": [
        "nn.scopes", "nn.layers.dense", "nn.layers.convolution", "nn.layers.normalization", "nn.layers.dropout",
        "nn.layers.attention", "nn.layers.recurrent",
    ],
    "Losses": ["nn.losses", "losses"],
    "Random numbers": ["random"],
    "Loops and branches": ["control.public"],
}  # fmt: skip

_COLUMNS = "| operator | what it is | derivative | at kinks and edges | also in |\n|---|---|---|---|---|\n"
_SENTENCE = re.compile(r"(?<=[^.]\.)\s+(?=[A-Z`(\"]|d/d|vjp)|(?<=\.\.\.)\s+(?=[A-Z][a-z])")
_VALUE = re.compile(r"[:,]\s+(?=[-+]?(?:(?:inf|infinite|NaN|0|1) (?:at|if|where|below|beyond|stays)\b|y where))")
_KINK = re.compile(
    r"derivatives?( of vectors)? (at|where|is right|goes|is 1|is that|by a|moves|0|[-+]?inf|NaN)"
    r"|\b(at|where) -?(0|3|lambd|both)\b|\bties?\b|NaN|\binf\b|[Ii]nfinit|\bempty\b|of (none|no elements)"
    r"|no elements|singular|origin|last one wins|IndexRangeError|LinAlgError|[Ee]qual elements|both included"
    r"|not taken|first of equal|Padding is|sees nothing|at zeros|wrong way round|has that of one|[Nn]o gradient"
    r"|where the (two|sum|norm|rank)|share|jumps|no derivative|0 where|so is its|x = 0|at the step"
)


def page(update_peers: bool) -> str:
    """The text of the page. The last column is looked up anew, or that of the page as it is."""
    known = {} if update_peers else _last_column(PAGE.read_text(encoding="utf-8"))
    return HEAD + "".join(_family(title, modules, known) for title, modules in FAMILIES.items())


def _family(title: str, modules: list[str], known: dict[str, str]) -> str:
    members = [function for function in operators() if function.__module__.removeprefix("symdiff.") in modules]
    rows = sorted((_row(function, known) for function in members), key=str.lower)
    return f"\n## {title}\n\n{_COLUMNS}{''.join(rows)}"


def without_family() -> list[str]:
    """Operators of modules that have no place on the page."""
    placed = {f"symdiff.{module}" for modules in FAMILIES.values() for module in modules}
    return [names[0] for function, names in operators().items() if function.__module__ not in placed]


def _row(function: Function, known: dict[str, str]) -> str:
    names = operators()[function]
    others = [name for name in names[1:] if name.removeprefix("special.") not in names[: names.index(name)]]
    first = f"`{names[0]}{signature(function)}`" + "".join(f", `{name}`" for name in others)
    what, edges = description(function)
    text = _SAID.get(_room(function)) or derivative(calls()[function])
    also = known.get(names[0], "?") if known else _also(names)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in (first, what, text, edges))} | {also} |\n"


def _room(function: Function) -> str:
    return ".".join(function.__module__.split(".")[1:3])


_SAID = {
    "control.public": "a loop (a branch) again: [loops.md](loops.md)",
    "nn.layers": "those of what it is made of",
    "nn.scopes": "those of what it is made of",
}
"""Derivatives, where an example would say less."""


def without_row() -> list[str]:
    """Operators that no row of the table calls by a public name."""
    return [
        names[0] for function, names in operators().items() if not calls()[function] and _room(function) not in _SAID
    ]


def signature(function: Function) -> str:
    """The arguments and their defaults, without types."""
    whole = inspect.signature(function)
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in whole.parameters.values()]
    return str(whole.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def description(function: Callable[..., object]) -> tuple[str, str]:
    """What the docstring says: what it is, from its first sentence; and what holds at kinks and edges."""
    text = (inspect.getdoc(function) or "").partition(">>>")[0]
    text = re.sub(r":func:`(\w+)`", r"`\1`", text).replace("``", "`")
    sentences = [one for part in text.split("\n\n") for one in _SENTENCE.split(" ".join(part.split())) if one]
    start, *clauses = [part for clause in _without_stop(sentences[0]).split("; ") for part in _parts(clause)]
    edges = [clause for clause in clauses if _KINK.search(clause)]
    what = [start, *(one for one in clauses if one not in edges and not one.startswith(("derivative", "vjp", "d/d")))]
    edges += [_without_stop(one) for one in sentences[1:] if _KINK.search(one) and not one.startswith("Raises Shape")]
    return "; ".join(what), "; ".join(map(_small, edges))


def _parts(clause: str) -> list[str]:
    """Values at single points apart from the rest; of a derivative (``derivative 1 / x, inf at 0``) these alone."""
    parts = _VALUE.split(clause)
    if clause.startswith("derivative") and len(parts) > 1:
        return [f"derivative {', '.join(parts[1:])}"]
    return parts


def _without_stop(sentence: str) -> str:
    return sentence if sentence.endswith("...") else sentence.removesuffix(".")


def _small(sentence: str) -> str:
    """With a small letter first, where a word begins."""
    return sentence[0].lower() + sentence[1:] if re.match(r"[A-Z][a-z]*[a-z]\b", sentence) else sentence


def _also(names: list[str]) -> str:
    short = {name.rpartition(".")[2] for name in names}
    found = zip(PEERS, looked_up(names), strict=True)
    return ", ".join(peer if full.rpartition(".")[2] in short else f"{peer} `{full}`" for peer, full in found if full)


def _last_column(text: str) -> dict[str, str]:
    """For each operator on the page, by name, which peers have it."""
    rows = re.findall(r"^\| `([\w.]+)\(.*\| ([^|]*) \|$", text, re.MULTILINE)
    return {name: also.strip() for name, also in rows}
