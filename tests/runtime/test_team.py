"""Steps whose rows are shared by several threads: every row is done once, whoever does it."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from symdiff.runtime import native, team
from symdiff.runtime.signature import Array, Size

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no team without POSIX threads")

COUNT_UP = """
def count_up(size, scale, counts):
    for i in range(size):
        for j in range(3):
            counts[i, j] = counts[i, j] + scale
"""

ADD_FLAT = """
def add_flat(size, more, numbers):
    for i in range(size):
        numbers[i] = numbers[i] + more
"""


class Job:
    """Each run adds 2 to every element of ``counts``, cut into pieces."""

    def __init__(self, board: int, rows: int, grain: int, pieces: int) -> None:
        address = native.kernel_address(COUNT_UP, "count_up", [Size(), Size(), Array("int64", (3, 1))], {})
        self.counts = np.zeros((rows + 2, 3), np.int64)  # a row on either side stays 0
        self.slots = np.array([0, 0, rows, 2, self.counts[1:].ctypes.data, 24, pieces, 1], np.int64)
        words = [board, 2, grain, 6, 1, address, 3, 2, 3, 4, team.counts(7), team.WHOLE, 5]
        self.words = np.array(words, np.int64)
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
        self.split = kind(team.split())
        self.runs = 0

    def run(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.split(self.words.ctypes.data, self.slots.ctypes.data) == 0
        self.runs += times

    def check(self) -> None:
        expected = np.zeros_like(self.counts)
        expected[1:-1] = 2 * self.runs
        np.testing.assert_array_equal(self.counts, expected)


@pytest.fixture(scope="module")
def board() -> int:
    return team.new_board(workers=3)


@pytest.mark.parametrize("rows", [0, 1, 2, 15, 16, 17, 63, 64, 100, 1000])
@pytest.mark.parametrize("grain", [1, 16])
@pytest.mark.parametrize("pieces", [1, 2, 3, 7, 40])
def test_every_row_is_done_once(board: int, rows: int, grain: int, pieces: int) -> None:
    job = Job(board, rows, grain, pieces)
    job.run(3)
    job.check()


def test_steps_that_are_shared_out_together(board: int) -> None:
    """One adds 2 to every row, then one that sees each row as three adds 5 to its elements."""
    job = Job(board, 100, 16, 7)
    address = native.kernel_address(ADD_FLAT, "add_flat", [Size(), Size(), Array("int64", (1,))], {})
    job.slots = np.array([*job.slots, 3, 300, 5], np.int64)
    job.words = np.array([*job.words, address, 3, 9, 10, 4, team.counts(8), team.WHOLE, 5], np.int64)
    job.words[4] = 2
    job.run(3)
    assert (job.counts[1:-1] == 3 * 7).all()
    assert not job.counts[[0, -1]].any()


def test_many_jobs_of_different_sizes_in_turn(board: int) -> None:
    jobs = [Job(board, rows, 1, pieces) for rows, pieces in [(5, 2), (2000, 8), (33, 5), (700, 3)]]
    for _ in range(2000):
        for job in jobs:
            job.run()
    for job in jobs:
        job.check()


def test_workers_that_fell_asleep_come_back(board: int) -> None:
    job = Job(board, 5000, 1, 4)
    for _ in range(20):
        job.run(5)
        time.sleep(0.005)
    job.check()


def test_several_owners_at_once(board: int) -> None:
    """One has the team, the others do their jobs alone."""
    jobs = [Job(board, 300 + k, 1, 4) for k in range(4)]
    threads = [threading.Thread(target=job.run, args=(2000,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job in jobs:
        job.check()


def in_a_child(job: Job) -> int:
    """A forked process that runs a job; its number."""
    child = os.fork()
    if child == 0:
        try:
            job.run(100)
            job.check()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_a_team_of_its_own(board: int) -> None:
    job = Job(board, 1000, 1, 4)
    job.run(10)
    child = in_a_child(job)
    job.run(100)
    job.check()
    assert exit_code(child) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_in_the_middle_of_a_job(board: int) -> None:
    """The child's copy of the board says that a thread it does not have owns the team."""
    job, mine = Job(board, 100_000, 1, 4), Job(board, 1000, 1, 4)
    thread = threading.Thread(target=job.run, args=(200,))
    thread.start()
    children = [in_a_child(mine) for _ in range(5)]
    thread.join()
    job.check()
    assert list(map(exit_code, children)) == [0] * 5


def test_signals_go_to_python() -> None:
    """Ctrl-C reaches the main thread although workers exist, and the process ends although they sleep or watch."""
    code = """
import os, signal, threading, time
from tests.runtime.test_team import Job, team
job = Job(team.new_board(workers=3), 1000, 1, 4)
job.run(100)
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    time.sleep(10)
except KeyboardInterrupt:
    job.run(100)
    job.check()
    print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "interrupted\n"


@pytest.mark.parametrize(
    "wanted, cost, units, expected",
    [("1", 10**9, 100, 1), ("4", 10**9, 100, 16), ("4", 10**9, 3, 3), ("4", 0, 100, 1), ("4", 10**9, 0, 1)],
)
def test_number_of_pieces(monkeypatch: pytest.MonkeyPatch, wanted: str, cost: int, units: int, expected: int) -> None:
    monkeypatch.setenv("SYMDIFF_THREADS", wanted)
    assert team.pieces(cost, units) == expected


def test_small_steps_are_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMDIFF_THREADS", "8")
    assert team.pieces(2 * team.PIECE_COST - 1, 1000) == 1
    assert team.pieces(2 * team.PIECE_COST, 1000) == 2


@pytest.mark.parametrize("wanted", ["0", "-1", "two"])
def test_a_number_of_threads_that_makes_no_sense(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("SYMDIFF_THREADS", wanted)
    with pytest.raises(RuntimeError, match=f"SYMDIFF_THREADS={wanted}"):
        team.threads()
