"""Rows of data divided: into training and validation, into minibatches."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.errors import ShapeError, explain
from ..core.provenance import here
from .data import Array


def train_validation_split(
    *arrays: Any, validation: float = 0.2, seed: int = 0, stratify: Any = None
) -> tuple[Array, ...]:
    """Each array divided by rows into (train, validation), one pair after the other.

    ``validation`` is the share of rows held back, or an int, their number. They are drawn by the seed; both parts keep
    the order of the data. ``stratify`` are labels, one per row: each label gets its share of the rows held back, up to
    one row. Raises ShapeError for arrays of different lengths, ValueError when one part would be empty.

    >>> import numpy as np, symdiff as sd
    >>> X, Y = np.arange(20).reshape(10, 2), np.arange(10) % 2
    >>> X_train, X_valid, Y_train, Y_valid = sd.preprocess.train_validation_split(X, Y, validation=0.4, stratify=Y)
    >>> X_train.shape, X_valid.shape, Y_valid.tolist().count(1)
    ((6, 2), (4, 2), 2)
    """
    name = "train_validation_split"
    found, rows = _same_rows(name, arrays)
    random = np.random.default_rng(_int(name, "seed", seed, 0))
    count = _held_back(name, validation, rows)
    if stratify is None:
        chosen = random.permutation(rows)[:count]
    else:
        chosen = _stratified(name, np.asarray(stratify), rows, count, random)
    held = np.zeros(rows, bool)
    held[chosen] = True
    return tuple(part for array in found for part in (array[~held], array[held]))


def minibatches(
    *arrays: Any, batch_size: int, epochs: int = 1, seed: int = 0, shuffle: bool = True, drop_last: bool = False
) -> Iterator[Any]:
    """The rows of all arrays in batches, epoch after epoch: tuples of arrays, or arrays when there is only one.

    With ``shuffle`` every epoch has an order of its own, those that ``train.fit`` takes for the same seed. The last
    batch of an epoch is smaller when the rows do not come out even; ``drop_last`` leaves it out. Raises ShapeError for
    no rows or arrays of different lengths, ValueError for numbers that make no sense, both at once, not when the first
    batch is taken.

    >>> import numpy as np, symdiff as sd
    >>> X, Y = np.arange(10).reshape(5, 2), np.arange(5)
    >>> [(x.shape, y.tolist()) for x, y in sd.preprocess.minibatches(X, Y, batch_size=2, shuffle=False)]
    [((2, 2), [0, 1]), ((2, 2), [2, 3]), ((1, 2), [4])]
    """
    name = "minibatches"
    found, rows = _same_rows(name, arrays)
    size, count = _int(name, "batch_size", batch_size, 1), _int(name, "epochs", epochs, 0)
    if drop_last and size > rows:
        raise ValueError(explain(name, f"drop_last leaves nothing: {rows} rows, batch_size {size}", at=here()))
    random = np.random.default_rng(_int(name, "seed", seed, 0)) if shuffle else None
    return _batches(found, rows, size, count, random, drop_last)


def _batches(
    arrays: list[Array], rows: int, size: int, epochs: int, random: np.random.Generator | None, drop_last: bool
) -> Iterator[Any]:
    end = rows - rows % size if drop_last else rows
    for _ in range(epochs):
        order = np.arange(rows) if random is None else random.permutation(rows)
        for start in range(0, end, size):
            batch = tuple(array[order[start : start + size]] for array in arrays)
            yield batch if len(batch) > 1 else batch[0]


def _stratified(name: str, labels: Array, rows: int, count: int, random: np.random.Generator) -> Array:
    """Rows to hold back: of each label its share, rounded so that they are ``count`` together."""
    if labels.shape != (rows,):
        problem = f"stratify has one label per row, ({rows},), got shape {labels.shape}"
        raise ShapeError(explain(name, problem, at=here()))
    _, which, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = sizes * count / rows
    taken = np.floor(wanted).astype(int)
    most_missing = np.argsort(taken - wanted, kind="stable")
    taken[most_missing[: count - taken.sum()]] += 1
    parts = [random.permutation(np.flatnonzero(which == k))[: taken[k]] for k in range(len(sizes))]
    return np.concatenate(parts)


def _held_back(name: str, validation: float, rows: int) -> int:
    is_count = isinstance(validation, int | np.integer) and not isinstance(validation, bool)
    count = int(validation) if is_count else round(rows * float(validation))
    if not 0 < count < rows:
        problem = (
            f"validation={validation} of {rows} rows leaves none to {'validate with' if count < 1 else 'train on'}"
        )
        raise ValueError(explain(name, problem, at=here(), hint="give a share between 0 and 1, or a number of rows"))
    return count


def _same_rows(name: str, arrays: tuple[Any, ...]) -> tuple[list[Array], int]:
    found = [np.asarray(array) for array in arrays]
    if not found or any(array.ndim == 0 for array in found):
        raise ShapeError(explain(name, "takes arrays of one row per example", at=here()))
    lengths = [len(array) for array in found]
    if len(set(lengths)) > 1:
        raise ShapeError(explain(name, f"the arrays have as many rows as one another, got {lengths}", at=here()))
    if not lengths[0]:
        raise ShapeError(explain(name, "there are no rows", at=here()))
    return found, lengths[0]


def _int(name: str, what: str, value: Any, least: int) -> int:
    try:
        good = not isinstance(value, bool) and operator.index(value) >= least
    except TypeError:
        good = False
    if not good:
        raise ValueError(explain(name, f"{what} is an int of at least {least}, got {value!r}", at=here()))
    return operator.index(value)
