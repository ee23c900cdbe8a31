"""A team of threads that shares out the rows of one step; all of it runs as native code and knows no Python.

A job is cut into pieces before anyone works on it. Its owner and the workers *claim* pieces from one atomic word, so a
worker that sleeps or is kept from its core delays nobody: the owner does what is left. Which thread takes a piece has
no influence on its result. One job runs at a time: a thread that finds the team taken does its job alone. Workers are
started by the first job, watch for the next for about 1 ms, and then sleep. A forked process starts its own.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

from symdiff.runtime import native

PIECE_COST = 160_000  # operations on elements, roughly: what a second thread must take over to be worth waking
PIECES_EACH = 4  # pieces for each thread: one that has no core for a moment leaves more of them to the others
WHOLE = -1  # in place of the slot of a distance: the word stays as it is
MOST_WORDS = 96  # of a step that is shared out
_MOST_PIECES = 1 << 15
_LINE = 64  # bytes of a cache line

# Words of the board. What different threads write lies on different cache lines.
CLAIM, FINISHED, WORDS, SLOTS, OWNED, ASLEEP, STARTED, WANTED, CONDITION, MUTEX = 0, 8, 16, 17, 24, 32, 40, 41, 48, 64
BOARD_WORDS = 80


def threads() -> int:
    """How many threads share a step: SYMDIFF_THREADS, or the number of cores this process may use.

    Raises RuntimeError if SYMDIFF_THREADS is not a positive number.
    """
    return _threads(os.environ.get("SYMDIFF_THREADS", ""))


def pieces(cost: int, units: int, each: int = PIECES_EACH) -> int:
    """Into how many pieces to cut a step of `units` indivisible parts that costs `cost` operations on elements: at most
    `each` for every thread."""
    most = 1 if threads() == 1 else each * threads()
    return max(1, min(most, cost // PIECE_COST, units, _MOST_PIECES))


def counts(slot: int) -> int:
    """In place of the slot of a distance: the word is the number of rows, times what is in `slot`."""
    return -slot


@functools.cache
def split() -> int:
    """The address of the step that shares out other steps. Its words, of which only `slot` are numbers of slots:

    [`board()`, slot of the rows, rows that stay together, slot of the pieces, number of other steps, then for each of
    them its address, count, `count` slots of its words for all rows, `count` slots of what to add to a word for each
    row before a piece]; the latter may be `WHOLE` or `counts(slot)`. The other steps cannot fail. Who takes a piece
    does one after the other for it.
    """
    return native.address_of_written(f"split {sys.platform}", _text)


def _text(entry: str) -> str:
    import signal

    from symdiff.runtime import team_text  # texts are for what has to be compiled

    return team_text.module(int(signal.SIG_BLOCK)).replace(team_text.ENTRY, entry)


@functools.cache
def board() -> int:
    """The address of the memory through which the team of this process speaks."""
    return new_board(threads() - 1)


def new_board(workers: int) -> int:
    """A board for a team of its own. It is never freed: workers watch it even while Python clears away its objects."""
    allocate = ctypes.CDLL(None).calloc
    allocate.restype, allocate.argtypes = ctypes.c_void_p, (ctypes.c_size_t, ctypes.c_size_t)
    memory = allocate(1, 8 * BOARD_WORDS + _LINE)
    if memory is None:
        raise MemoryError("there is no memory for a team of threads")
    address = int(memory)
    address += -address % _LINE
    _clear(address, workers)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _clear(address, workers))
    return address


def can_share() -> bool:
    """Whether this platform has the threads that the team is made of."""
    return sys.platform != "win32" and threads() > 1


@functools.cache
def _threads(wanted: str) -> int:
    if not wanted:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not wanted.isdecimal() or int(wanted) == 0:
        raise RuntimeError(f"SYMDIFF_THREADS={wanted}: give the number of threads that may share a step, 1 or more")
    return int(wanted)


def _clear(address: int, workers: int) -> None:
    """No job and no workers: those of a parent process do not exist in its child."""
    ctypes.memset(address, 0, 8 * BOARD_WORDS)
    words = (ctypes.c_int64 * BOARD_WORDS).from_address(address)
    words[WANTED] = workers
    library = ctypes.CDLL(None)
    library.pthread_mutex_init(ctypes.c_void_p(address + 8 * MUTEX), None)
    library.pthread_cond_init(ctypes.c_void_p(address + 8 * CONDITION), None)
