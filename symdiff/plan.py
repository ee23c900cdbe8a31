"""What a call needs to know of a program: the words of its steps, what each slot holds, which functions are called.

A plan is plain data without an address, so that it can be kept on disk: where one is found, nothing is optimised,
lowered or emitted. ``table.py`` makes it of a program, ``link.py`` gives it addresses.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .core.digest import as_bytes
from .core.dim import Dim
from .core.types import Shape
from .runtime import team

Array = np.ndarray[Any, Any]
RESERVED = 3  # slots for the report of a failed step, and for what no step reads
UNREAD = 2
Size = int | Dim
StepWords = list[int | str]
Codes = Mapping[str, tuple[str, str] | None]
"""For functions, by name: the symbol in the object code, and its digest; None for what is not code of ours."""


class Pieces(NamedTuple):
    """Into how many pieces to cut steps: it depends on the largest of their ``costs``, on their ``rows`` and how many
    of them stay together. A cost is a number of operations, and how many of them are done in the time of one on the
    elements of arrays. There are at most ``each`` for every thread."""

    costs: tuple[tuple[Size, int], ...]
    rows: Size
    grain: int
    each: int = team.PIECES_EACH


class Face(NamedTuple):
    """An input or a result, and the slot of its address."""

    name: str
    dtype: str
    shape: Shape
    slot: int


class Words(NamedTuple):
    """Steps one after another, each an address, the number of its words, and these. ``addresses`` says which of the
    int64 numbers are to become the address of the function, or of the inner steps, of that name."""

    steps: int
    numbers: Array
    addresses: tuple[tuple[int, str], ...]


class Plan(NamedTuple):
    """Slots are given with what they hold: ``amounts`` a size, ``pieces`` their number, ``values`` the address of a
    piece of the ``workspace``, which has so many bytes, ``constants`` that of an array, ``pointers`` that of a
    function; ``records`` that of a float64 array for each result of a training step, ``cursor`` the position there.

    ``requirements`` are sizes that must not be negative. ``params`` are given by name. ``inside`` are steps that other
    steps run, by name, those before them that they run themselves.
    """

    training: bool
    sizes: tuple[str, ...]
    requirements: tuple[Size, ...]
    inputs: tuple[Face, ...]
    outputs: tuple[Face, ...]
    params: tuple[tuple[str, int], ...]
    workspace: tuple[Size, ...]
    values: tuple[tuple[int, int], ...]
    constants: tuple[tuple[int, Array], ...]
    amounts: tuple[tuple[int, Size], ...]
    pieces: tuple[tuple[int, Pieces], ...]
    pointers: tuple[tuple[int, str], ...]
    slots: int
    records: tuple[int, ...]
    cursor: int
    words: Words
    inside: tuple[tuple[str, Words], ...]


def packed(steps: Sequence[StepWords]) -> Words:
    """Steps, each an address and its words; a name stands for an address."""
    words: StepWords = []
    for step in steps:
        words += step[0], len(step) - 1, *step[1:]
    addresses = tuple((position, word) for position, word in enumerate(words) if type(word) is str)
    for position, _ in addresses:
        words[position] = 0
    return Words(len(steps), np.array(words, np.int64), addresses)


def joined(*parts: Words) -> Words:
    """Steps of which those of each part come after those of the parts before it."""
    addresses, end = [], 0
    for part in parts:
        addresses += [(end + position, name) for position, name in part.addresses]
        end += len(part.numbers)
    return Words(sum(part.steps for part in parts), np.concatenate([part.numbers for part in parts]), tuple(addresses))


def record_step(result: Face, record: int, cursor: int) -> StepWords:
    """The step that puts a result, which is a number, on record at the cursor as a float64, so that nobody has to ask
    for its dtype."""
    return [f"record_{result.dtype}", result.slot, record, cursor]


# -- as bytes


def encoded(plan: Plan, codes: Codes) -> bytes:
    """A plan, and where the code of its functions is."""
    return as_bytes((_plain(plan), dict(codes)))


def decoded(data: bytes) -> tuple[Plan, Codes]:
    """What :func:`encoded` was given."""
    kept, codes = marshal.loads(data)
    plan = Plan(*map(_restored, kept))
    again = plan._replace(
        inputs=tuple(Face(*face) for face in plan.inputs),
        outputs=tuple(Face(*face) for face in plan.outputs),
        words=Words(*plan.words),
        inside=tuple((name, Words(*words)) for name, words in plan.inside),
    )
    return again, codes


def _plain(value: Any) -> Any:
    """In types that marshal knows. It tells lists from tuples."""
    if isinstance(value, tuple):
        return tuple([part if type(part) in (int, str) else _plain(part) for part in value])
    if isinstance(value, Dim):
        return [value.terms]
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.shape, value.tobytes()]
    return int(value) if isinstance(value, np.integer) else value


def _restored(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_restored, value))
    if not isinstance(value, list):
        return value
    if len(value) == 1:
        return Dim(value[0])
    dtype, shape, data = value
    return np.frombuffer(data, dtype).reshape(shape)
