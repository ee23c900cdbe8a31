"""Threads for LLVM, which works while Python goes on.

Jobs are done in the order they were begun, by threads that end when there are no more; who needs a result does what
nobody has begun with. When the process forks, no such thread is there; when it ends, jobs that nobody has begun with
are dropped.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from symdiff.core.collector import paused_collector

T = TypeVar("T")
_MOST = 4
"""So many modules, at most, are with LLVM at a time: each takes some 50 MB."""
_SWITCH = 5e-5  # seconds until a thread that asks for Python gets it


class Job(Generic[T]):
    """Work that is done once, by whichever thread comes first. What is interrupted is not done."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work: Callable[[], T] | None = work
        self._results: list[T] = []
        self._error: Exception | None = None
        self._lock = threading.Lock()

    def run(self, wait: bool = True) -> None:
        """Do it. If a thread is at it, wait until it is done, or leave it to that thread."""
        if not self._lock.acquire(wait):
            return
        try:
            if self._work is not None:
                self._results.append(self._work())
                self._work = None
        except Exception as error:
            self._error, self._work = error, None
        finally:
            self._lock.release()

    def result(self) -> T:
        """What it gave. Raises what it raised."""
        self.run()
        if self._error is not None:
            raise self._error
        return self._results[0]


class Workers:
    """A queue of jobs, and threads for as long as there are any."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self._jobs: deque[Job[Any]] = deque()
        self._lock = threading.Lock()
        self._resting = False

    def begin(self, work: Callable[[], T]) -> Job[T]:
        """A job, which must not fork."""
        job = Job(work)
        with self._lock:
            self._jobs.append(job)
            self._call_threads()
        return job

    def rest(self) -> None:
        """Let the jobs end that are being done; nothing is begun until :meth:`go_on`."""
        with self._lock:
            self._resting, threads = True, list(self.threads)
        for thread in threads:
            thread.join()
        self._lock.acquire()

    def go_on(self) -> None:
        """After :meth:`rest`: in the same process, and in one that was forked meanwhile."""
        self._resting = False
        self._call_threads()
        self._lock.release()

    def _call_threads(self) -> None:
        """One core is left to who begins the jobs, and does what no thread has begun with."""
        most = min(max((os.cpu_count() or 1) - 1, 1), _MOST, len(self._jobs))
        while len(self.threads) < most and not self._is_over():
            thread = threading.Thread(target=self._work, name="symdiff LLVM")
            try:
                thread.start()
            except RuntimeError:  # the system gives no more
                return
            self.threads.append(thread)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job.run(wait=False)

    def _next(self) -> Job[Any] | None:
        with self._lock:
            if self._jobs and not self._is_over():
                return self._jobs.popleft()
            self.threads.remove(threading.current_thread())
            return None

    def _is_over(self) -> bool:
        """Whether threads are to end: before a fork, and with the process."""
        return self._resting or not threading.main_thread().is_alive()


WORKERS = Workers()
begin = WORKERS.begin
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=WORKERS.rest, after_in_parent=WORKERS.go_on, after_in_child=WORKERS.go_on)

_intervals: list[float] = []  # between switches of threads, as found by those who are in a hurry
_counting = threading.Lock()


@contextmanager
def hurry() -> Iterator[None]:
    """Inside, threads that ask for Python get it at once, and no garbage is collected, which costs a tenth of a
    compilation."""
    with _counting:
        _intervals.append(sys.getswitchinterval())
        sys.setswitchinterval(_SWITCH)
    try:
        with paused_collector():
            yield
    finally:
        with _counting:
            usual = _intervals.pop()
            if not _intervals:  # the first of them found it
                sys.setswitchinterval(usual)
