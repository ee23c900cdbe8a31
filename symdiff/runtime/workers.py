"""LLVM's threads: they compile one function while Python prepares the next, and end with the block they work for."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from symdiff.core.collector import paused_collector

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")
_MOST = 4
"""So many modules, at most, are with LLVM at a time: each takes some 50 MB."""
_SWITCH = 5e-5  # seconds until a thread of LLVM's that asks for Python gets it
_here = threading.local()
_intervals: list[float] = []  # between switches of threads, found by those who are at work
_counting = threading.Lock()


class Workers:
    """Threads that are started with the first job."""

    def __init__(self) -> None:
        self.codes: dict[str, Future[bytes]] = {}  # of kernels that were begun, by digest
        self.functions: set[str] = set()  # other functions that were begun
        self._jobs: list[Future[Any]] = []
        self._pool: ThreadPoolExecutor | None = None
        self._open = ExitStack()

    def begin(self, job: Callable[..., T], *arguments: object) -> Future[T]:
        """Do a job, beside others. It must not ask for kernels, nor wait for who does."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._open.enter_context(_undisturbed())
            self._pool = self._open.enter_context(ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST)))
        future = self._pool.submit(job, *arguments)
        self._jobs.append(future)
        return future

    def finish(self) -> None:
        """Wait for all jobs. Raises what one of them raised."""
        for job in self._jobs:
            job.result()

    def end(self) -> None:
        """Let the threads go; jobs that nobody has begun with are dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._open.close()


def present() -> Workers | None:
    """The workers of the block this thread is in."""
    found: Workers | None = getattr(_here, "workers", None)
    return found


@contextmanager
def at_work() -> Iterator[Workers]:
    """Workers for a block, or those of the block around it. When the block ends, all they were given is done, and no
    thread of theirs is left."""
    around = present()
    if around is not None:
        yield around
        return
    workers = _here.workers = Workers()
    try:
        yield workers
        workers.finish()
    finally:
        _here.workers = None
        workers.end()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No garbage collection, which costs a tenth of a compilation, and no long waits of LLVM's threads for Python."""
    with _counting:
        _intervals.append(sys.getswitchinterval())
        sys.setswitchinterval(_SWITCH)
    try:
        with paused_collector():
            yield
    finally:
        with _counting:
            usual = _intervals.pop()
            if not _intervals:  # the first of those at work found it
                sys.setswitchinterval(usual)
