"""einsum: Einstein's sums over products of arrays, as products of matrices in a good order."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from ..core.dim import Dim
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import BOOL, INT64
from .contraction import Labels, Sizes, cheapest, contract, cost_of, greedy, sum_away
from .convert import as_node, promote
from .diagonal import diagonal
from .record import build_astype
from .shape import permute_dims, squeeze


def einsum(subscripts: Any, *operands: Any, optimize: Any = True) -> Node:
    """The sum over products of elements that ``subscripts`` describes, as NumPy's: ``"ij,jk->ik"`` is a product of
    matrices. A label repeated in an operand is its diagonal; ``...`` stands for axes that broadcast; without ``->`` the
    result has the labels that occur once, in alphabetical order. Also ``einsum(x, [0, 1], y, [1, 2], [0, 2])``.

    Operands are multiplied two at a time: ``optimize=True`` or ``"optimal"`` takes the order of fewest operations (over
    8 operands ``"greedy"``, where symbolic sizes count as 64), False goes from left to right, and a list of pairs, as
    ``einsum_path`` gives it, is followed. Raises ShapeError for subscripts that do not fit.

    >>> import symdiff as sd
    >>> sd.einsum("bij,bjk->bik", sd.input("a", (sd.dim("n"), 2, 3)), sd.input("b", (sd.dim("n"), 3, 4))).type.shape
    (Dim(n), 2, 4)
    """
    nodes, labels, kept = _parsed(subscripts, operands)
    dtype = nodes[0].dtype
    if dtype == BOOL:  # or over and
        nodes = [build_astype(node, INT64) for node in nodes]
    nodes, labels, sizes = _with_sizes(nodes, labels, kept)
    left = list(zip(nodes, labels, strict=True))
    for pair in _order(optimize, labels, kept, sizes):
        chosen = [left[place] for place in pair]
        left = [item for place, item in enumerate(left) if place not in pair]
        (x, own), *rest = chosen
        for number, (y, other) in enumerate(rest):
            others = {label for item in (*left, *rest[number + 1 :]) for label in item[1]}
            x, own = contract(x, own, y, other, others | set(kept))
        left.append((x, own))
    ((x, own),) = left
    x, own = sum_away(x, own, kept)
    return build_astype(permute_dims(x, [own.index(label) for label in kept]), dtype)


def einsum_path(subscripts: Any, *operands: Any, optimize: Any = True) -> tuple[list[Any], str]:
    """The order in which ``einsum`` multiplies, as NumPy writes it, and a text that explains it."""
    nodes, labels, kept = _parsed(subscripts, operands)
    _, labels, sizes = _with_sizes(nodes, labels, kept)
    pairs = _order(optimize, labels, kept, sizes)
    lines = [f"{','.join(map(_written, labels))}->{_written(kept)}"]
    left = list(labels)
    for pair in pairs:
        taken = [left[place] for place in pair]
        left = [own for place, own in enumerate(left) if place not in pair]
        wanted = set(kept).union(*left)
        made = tuple(dict.fromkeys(label for own in taken for label in own if label in wanted))
        left.append(made)
        lines.append(f"  {pair}: {','.join(map(_written, taken))}->{_written(made)}")
    by_two = all(len(pair) == 2 for pair in pairs)
    if by_two:
        lines.append(f"  {cost_of(labels, kept, sizes, pairs):.4g} products")
    return ["einsum_path", *pairs], "\n".join(lines)


def _written(labels: Labels) -> str:
    return "".join(str(label) for label in labels)


def _order(optimize: Any, labels: Sequence[Labels], kept: Labels, sizes: Sizes) -> list[Any]:
    if isinstance(optimize, list | tuple) and optimize and optimize[0] in ("optimal", "greedy"):
        optimize = optimize[0]  # what follows is a limit of memory
    if optimize is True or optimize == "optimal":
        return cheapest(labels, kept, sizes)
    if optimize == "greedy":
        return greedy(labels, kept, sizes)
    if optimize is False:
        last = len(labels) - 1
        return [(0, 1) if step == 0 else (0, last - step) for step in range(last)]
    if isinstance(optimize, list | tuple) and optimize and optimize[0] == "einsum_path":
        return _checked([tuple(pair) for pair in optimize[1:]], len(labels))
    problem = f"optimize is a bool, 'optimal', 'greedy' or a path of einsum_path, got {optimize!r}"
    raise ShapeError(explain("einsum", problem, at=here()))


def _checked(path: list[tuple[int, ...]], count: int) -> list[tuple[int, ...]]:
    for places in path:
        if not all(0 <= place < count for place in places) or len(set(places)) < len(places):
            raise ShapeError(explain("einsum", f"the path {path} does not fit its operands", at=here()))
        count -= len(places) - 1
    if count != 1:
        raise ShapeError(explain("einsum", f"the path {path} leaves {count} operands", at=here()))
    return path


# -- subscripts


def _parsed(subscripts: Any, operands: Sequence[Any]) -> tuple[list[Node], list[Labels], Labels]:
    """Operands of one dtype, the labels of their axes, and those of the result."""
    if not isinstance(subscripts, str):
        subscripts, operands = _as_text([subscripts, *operands])
    text = subscripts.replace(" ", "")
    terms, arrow, result = text.partition("->")
    parts = terms.split(",")
    if len(parts) != len(operands) or not operands:
        problem = f"{subscripts!r} has {len(parts)} terms for {len(operands)} operands"
        raise ShapeError(explain("einsum", problem, at=here()))
    nodes = promote("einsum", *(as_node(operand) for operand in operands))
    hidden = [_hidden(part, node, subscripts) for part, node in zip(parts, nodes, strict=True)]
    most = max(hidden)
    labels = [_labels(part, count, most, subscripts) for part, count in zip(parts, hidden, strict=True)]
    ellipsis_labels: Labels = tuple(range(most))
    if arrow:
        if most and "..." not in result:
            problem = f"{subscripts!r} has no '...' in its result, which the {most} axes of '...' belong to"
            raise ShapeError(explain("einsum", problem, at=here()))
        kept = _labels(result, most, most, subscripts)
    else:
        once = sorted(label for label in set("".join(parts).replace(".", "")) if terms.count(label) == 1)
        kept = (*ellipsis_labels, *once)
    strangers = [label for label in kept if not any(label in own for own in labels)]
    if strangers or len(set(kept)) < len(kept):
        fault = f"{strangers[0]!r}, which no operand has" if strangers else "a label twice"
        problem = f"the result of {subscripts!r} has {fault}"
        raise ShapeError(explain("einsum", problem, at=here()))
    return nodes, labels, kept


def _hidden(part: str, node: Node, subscripts: str) -> int:
    """How many axes ``...`` stands for in a term."""
    named = len(part.replace("...", ""))
    if node.ndim < named or (node.ndim > named and "..." not in part):
        problem = f"the term {part!r} of {subscripts!r} does not fit {describe(node)}"
        raise ShapeError(explain("einsum", problem, at=here()))
    return node.ndim - named


def _labels(part: str, count: int, most: int, subscripts: str) -> Labels:
    """The labels of a term; the axes of ``...`` are numbers, counted so that the last ones agree."""
    before, dots, after = part.partition("...")
    bad = [label for label in before + after if label not in string.ascii_letters]
    if bad:
        problem = f"{subscripts!r} holds {bad[0]!r}; labels are letters, and '...' stands once in a term"
        raise ShapeError(explain("einsum", problem, at=here()))
    middle: Labels = tuple(range(most - count, most)) if dots else ()
    return (*before, *middle, *after)


def _as_text(parts: list[Any]) -> tuple[str, list[Operand]]:
    """``x, [0, 1], y, [1, 2], [0, 2]`` as text and operands."""
    result = parts.pop() if len(parts) % 2 else None
    lists = [*parts[1::2], *([] if result is None else [result])]
    numbers = sorted({label for own in lists for label in own if label is not Ellipsis})
    letters = dict(zip(numbers, string.ascii_letters, strict=False))

    def term(own: Sequence[Any]) -> str:
        return "".join("..." if label is Ellipsis else letters[label] for label in own)

    text = ",".join(map(term, parts[1::2]))
    return (text if result is None else f"{text}->{term(result)}"), parts[::2]


# -- sizes


def _with_sizes(
    nodes: Sequence[Node], labels: Sequence[Labels], kept: Labels
) -> tuple[list[Node], list[Labels], dict[Any, int | Dim]]:
    """Operands in which no label stands twice, and of which an axis of size 1 that meets a longer one is dropped."""
    sizes: dict[Any, int | Dim] = {}
    for node, own in zip(nodes, labels, strict=True):
        for label, size in zip(own, node.shape, strict=True):
            known = sizes.setdefault(label, size)
            if known == 1:
                sizes[label] = size
            elif size not in (1, known):
                operands = ", ".join(map(describe, nodes))
                where = f"label {label!r}" if isinstance(label, str) else "an axis of '...'"
                raise ShapeError(explain("einsum", f"{where} has sizes {known} and {size}: {operands}", at=here()))
    plain = [_plain(node, own, sizes) for node, own in zip(nodes, labels, strict=True)]
    return [node for node, _ in plain], [own for _, own in plain], sizes


def _plain(node: Node, own: Labels, sizes: Sizes) -> tuple[Node, Labels]:
    short = [axis for axis, label in enumerate(own) if node.shape[axis] == 1 and sizes[label] != 1]
    node = squeeze(node, tuple(short)) if short else node
    own = tuple(label for axis, label in enumerate(own) if axis not in short)
    while len(set(own)) < len(own):
        label = next(label for label in own if own.count(label) > 1)
        first = own.index(label)
        second = own.index(label, first + 1)
        node = diagonal(node, 0, first, second)
        own = (*(one for axis, one in enumerate(own) if axis not in (first, second)), label)
    return node, own
