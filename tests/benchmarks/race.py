"""A workload in every library: each in a process of its own, measured in turn.

Rounds go A B C A B C ..., so that a change in the machine's load meets all of them, and what is compared are the ratios
within a round. A library that finds something else than the first one does is not measured; modes of a network find the
same, modes of a problem are different functions.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from . import peers
from .problems import Problem
from .processes import command, environment
from .worker import CALLS, LOOPS
from .workloads import WORKLOADS, Workload

OURS = "symdiff"
TOLERANCE = 1e-3
PAUSE = 0.04  # seconds before a measurement: threads of the library before may still be waiting in a busy loop
WAITS = 3  # starts of each library, with empty caches and with full ones
SLOW_WAITS = "64-128-10"  # the workload of which the slowest are measured too
Entry = tuple[str, str]  # library, mode


@dataclass
class Outcome:
    """What was measured of one workload."""

    workload: Workload
    seconds: dict[Entry, list[float]] = field(default_factory=dict)  # per step, round by round
    cold: dict[str, float] = field(default_factory=dict)  # from a process's start to its first result, nothing cached
    warm: dict[str, float] = field(default_factory=dict)
    warm_imports_numba: dict[str, bool] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def step(self, entry: Entry) -> float:
        return median(self.seconds[entry])

    def ratio(self, entry: Entry, to: Entry) -> float:
        """How many times as long one takes as the other."""
        return median(a / b for a, b in zip(self.seconds[entry], self.seconds[to], strict=True))

    def rivals(self, *modes: str) -> list[Entry]:
        """The other libraries in these modes, fastest first."""
        return sorted((e for e in self.seconds if e[0] != OURS and e[1] in modes), key=self.step)

    def ours(self, *modes: str) -> Entry | None:
        """symdiff in the fastest of these modes."""
        return min((e for e in self.seconds if e[0] == OURS and e[1] in modes), key=self.step, default=None)


class WorkerError(Exception):
    """A library's process ended, or found something else than the others."""


class Worker:
    """A library in its process. ``wait`` is the time from its start to its first result."""

    def __init__(self, workload: str, library: str, environ: dict[str, str]) -> None:
        began = time.perf_counter()
        self.process = subprocess.Popen(
            command("worker", workload, library),
            env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        self.first = float(self._answer())
        self.wait = time.perf_counter() - began

    def report(self) -> dict:
        """What each mode found, and whether Numba was imported for the first result."""
        return json.loads(self._answer())

    def round(self, mode: str) -> float:
        self.process.stdin.write(mode + "\n")
        return float(self._answer())

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"ended with code {self.process.wait()}")
        return line


def race(name: str, libraries: list[str], rounds: int, waits: bool) -> Outcome:
    """With ``waits``, the libraries' starts are measured as well."""
    outcome = Outcome(WORKLOADS[name])
    libraries = [each for each in libraries if takes_part(each, outcome.workload)]
    workers = _started(outcome, {each: environment() for each in libraries})
    try:
        _measure(outcome, workers, rounds)
    finally:
        for worker, _ in workers.values():
            worker.stop()
    if waits:
        slow = [each for each in workers if each in peers.SLOW_TO_COMPILE]
        _measure_waits(outcome, [each for each in workers if each not in slow], WAITS)
        _measure_waits(outcome, slow if name == SLOW_WAITS else [], 1)
    return outcome


def _measure_waits(outcome: Outcome, libraries: list[str], rounds: int) -> None:
    """Each library in turn starts with empty caches, and once more with full ones: medians over the rounds."""
    cold: dict[str, list[float]] = {each: [] for each in libraries}
    warm: dict[str, list[float]] = {each: [] for each in libraries}
    for library in libraries * rounds:
        with tempfile.TemporaryDirectory() as folder:
            for found in (cold, warm):
                worker = Worker(outcome.workload.name, library, environment(folder))
                found[library].append(worker.wait)
                outcome.warm_imports_numba[library] = worker.report()["imports_numba"]
                worker.stop()
    outcome.cold |= {each: median(times) for each, times in cold.items()}
    outcome.warm |= {each: median(times) for each, times in warm.items()}


def takes_part(library: str, workload: Workload) -> bool:
    return library == OURS or not isinstance(workload, Problem) or library in workload.peers


def _started(outcome: Outcome, environments: dict[str, dict[str, str]]) -> dict[str, tuple[Worker, tuple[str, ...]]]:
    """The processes that found the same, with their modes; those that did not are failures of the outcome."""
    workers, expected = {}, {}
    for library, environ in environments.items():
        worker = None
        try:
            worker = Worker(outcome.workload.name, library, environ)
            found = worker.report()["found"]
            expected = expected or {mode: values for mode, values in found.items() if mode != LOOPS}
            check(found, expected)
            workers[library] = worker, tuple(found)
        except WorkerError as error:
            outcome.failures[library] = str(error)
            if worker is not None:
                worker.stop()
    return workers


def check(found: dict[str, list[float]], expected: dict[str, list[float]]) -> None:
    """A loop is expected to find what calls find."""
    for mode, values in found.items():
        wanted = expected[CALLS if mode == LOOPS else mode]
        if not np.allclose(values, wanted, rtol=TOLERANCE, atol=TOLERANCE):
            raise WorkerError(f"{mode}: found {values}, expected {wanted}")


def _measure(outcome: Outcome, workers: dict[str, tuple[Worker, tuple[str, ...]]], rounds: int) -> None:
    every = dict.fromkeys(mode for _, modes in workers.values() for mode in modes)
    turns = [(library, mode) for mode in every for library, (_, modes) in workers.items() if mode in modes]
    outcome.seconds = {turn: [] for turn in turns}
    for _ in range(rounds):
        for library, mode in turns:
            time.sleep(PAUSE)
            outcome.seconds[library, mode].append(workers[library][0].round(mode))
