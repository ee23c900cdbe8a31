"""Steps that threads share: which follow each other without waiting, and that threads do not change a bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from symdiff.lower.program import Storage
from symdiff.shares import COUNTS, STAYS, Memory, Move, Pieces, Run, Share, runs

ROOT = Path(__file__).parents[1]
GRADIENT, WEIGHT, MOMENT, ACTIVATION = 0, Storage("param"), Storage("param"), Storage("work", slot=3)


def share(rows: int, *memory: Memory, cost: int = 1) -> Share:
    words = list(range(len(memory) + 1))
    moves = [COUNTS, *(STAYS if m.apart is None else Move(m.apart) for m in memory)]
    return Share(f"cost {cost}", words, moves, memory, Pieces(((cost, 1),), rows, 16))


def test_an_update_follows_the_gradient_it_reads() -> None:
    """The product has 10 rows of 5 numbers, the update sees 50 numbers."""
    product = share(10, Memory(ACTIVATION, None, False), Memory(GRADIENT, 20, True))
    update = share(50, Memory(GRADIENT, 4, False), Memory(WEIGHT, 4, True), Memory(MOMENT, 4, True))
    joined = Run(product).after(update)
    assert joined is not None
    assert joined.moves == [Move(5, counts=True), Move(20), Move(20), Move(20)]
    assert runs([[product], [update]]) == [[product, joined], []]


@pytest.mark.parametrize(
    "other",
    [
        share(10, Memory(WEIGHT, 4, True)),  # has nothing to do with the rows of the product
        share(11, Memory(GRADIENT, 20, False)),  # has other rows
        share(10, Memory(GRADIENT, None, False)),  # sees all rows
        share(10, Memory(GRADIENT, 20, False), Memory(ACTIVATION, 20, True)),  # writes what they all read
        share(20, Memory(GRADIENT, 20, False)),  # reads rows that are further apart than they were written
        share(3, Memory(GRADIENT, 8, False)),  # its rows are no part of those
    ],
    ids=["unrelated", "more rows", "whole", "overwrites", "wider rows", "no multiple"],
)
def test_a_step_that_has_to_wait(other: Share) -> None:
    product = share(10, Memory(ACTIVATION, None, False), Memory(GRADIENT, 20, True))
    assert Run(product).after(other) is None
    assert runs([[product], [other]]) == [[product], [other]]


def test_a_third_step_must_suit_the_first_as_well() -> None:
    first = share(10, Memory(ACTIVATION, None, False), Memory(GRADIENT, 20, True))
    second = share(10, Memory(GRADIENT, 20, False), Memory(WEIGHT, 20, True))
    third = share(10, Memory(WEIGHT, 20, False), Memory(ACTIVATION, 20, True))
    assert [len(run or ()) for run in runs([[first], [second], [third]])] == [2, 0, 1]


def test_the_way_that_the_next_step_can_follow_is_taken() -> None:
    by_columns = share(5, Memory(GRADIENT, None, True))
    by_rows = share(10, Memory(GRADIENT, 20, True))
    update = share(10, Memory(GRADIENT, 20, False), Memory(WEIGHT, 20, True))
    assert runs([[by_columns, by_rows], [update]])[0] == [by_rows, Run(by_rows).after(update)]
    assert runs([[by_columns, by_rows], []]) == [[by_columns], None]


TRAIN = """
import hashlib, numpy as np, symdiff as sd
from unittest.mock import patch
from symdiff.lower import columns
from symdiff.runtime import team
n = sd.dim("n")
x, y = sd.input("x", (n, 37), dtype="{dtype}"), sd.input("y", (n,), dtype="int64")
h = x
for k, (a, b) in enumerate([(37, 150), (150, 70)]):
    h = sd.relu(h @ sd.param(f"W{{k}}", (a, b), init=sd.init.glorot_uniform(), dtype="{dtype}")
                + sd.param(f"b{{k}}", (b,), dtype="{dtype}"))
loss = sd.losses.softmax_cross_entropy(h, y)
with patch.object(team, "PIECE_COST", 500), patch.object(columns, "MANY", 32):
    step = sd.train_step(loss, [x, y], sd.optim.adam(1e-2))
    train, state = sd.compile(step), step.init(seed=0)
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(4):
        losses.append(train(state, rng.standard_normal((61, 37)).astype("{dtype}"), rng.integers(0, 70, 61)).loss)
    words = train._executor._linked.plan.words
    splits = [position for position, name in words.addresses if name == "split"]
    print(sum(words.numbers[position + 6] > 1 for position in splits) if team.can_share() else 2)
digest = hashlib.sha256(b"".join(np.ascontiguousarray(state[name]).tobytes() for name in sorted(state)))
print(digest.hexdigest(), losses)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no team without POSIX threads")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_of_threads_does_not_change_a_bit(dtype: str) -> None:
    found = []
    for threads in ("1", "2", "3", "5"):
        environ = os.environ | {"SYMDIFF_THREADS": threads, "PYTHONPATH": str(ROOT)}
        code = [sys.executable, "-c", TRAIN.format(dtype=dtype)]
        done = subprocess.run(code, capture_output=True, text=True, env=environ, check=True)
        together, result = done.stdout.splitlines()
        assert int(together) >= 2  # gradients of weights with their updates
        found.append(result)
    assert len(set(found)) == 1
