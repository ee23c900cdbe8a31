"""One library in a process of its own: ``python -m tests.benchmarks.worker WORKLOAD PEER``, started by race.py.

It prints its first result as soon as it has it, then, as JSON, what each of its modes found. From then on it reads the
name of a mode and answers with the seconds per step of one round.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import numpy as np

from . import peers
from .peers.peer import LoopingTraining, Peer
from .problems import Problem
from .workloads import WORKLOADS, Chain, CrossEntropy, Network, Workload

CALLS, LOOPS = "calls", "loops"
ROUND_SECONDS = 0.1
LONGEST_RUN = 500  # steps, then training starts anew: later on, moments of dead units are denormal, another contest
CHECKED_STEPS = 3  # a deep network soon makes a difference of any two ways of rounding
CHECKED_ELEMENTS = 20


class TrainingJob:
    """A network: a call for each step, or whole epochs inside."""

    def __init__(self, network: Network, peer: Peer) -> None:
        self.network, self.peer = network, peer
        self.training = peer.training(network)
        self.weights = network.weights()
        self.modes = (CALLS, LOOPS) if isinstance(self.training, LoopingTraining) else (CALLS,)

    def first(self) -> float:
        x, y = map(self.peer.prepared, self.network.batches(1))
        self.training.reset(self.weights)
        return self.training.step(x[0], y[0])

    def load(self) -> None:
        x, y = map(self.peer.prepared, self.network.batches(self.network.batches_per_epoch))
        self.batches = list(zip(x, y, strict=True))
        if LOOPS in self.modes:
            self.training.load(x, y)

    def found(self, mode: str) -> list[float]:
        """The losses of an epoch's first steps."""
        self.training.reset(self.weights)
        if mode == LOOPS:
            return self.training.epochs(1)[:CHECKED_STEPS]
        return [self.training.step(x, y) for x, y in self.batches[:CHECKED_STEPS]]

    def seconds(self, mode: str, steps: int) -> float:
        """Of one step, when about so many are taken from the start."""
        self.training.reset(self.weights)
        if mode == LOOPS:
            epochs = max(1, round(steps / len(self.batches)))
            began = time.perf_counter()
            self.training.epochs(epochs)
            return (time.perf_counter() - began) / (epochs * len(self.batches))
        step, batches = self.training.step, list(islice(cycle(self.batches), steps))
        began = time.perf_counter()
        for x, y in batches:
            step(x, y)
        return (time.perf_counter() - began) / steps


class FunctionJob:
    """Functions of the same arrays: a value with its gradient, or all modes of a problem."""

    def __init__(self, workload: Chain | CrossEntropy | Problem, peer: Peer) -> None:
        self.workload, self.peer = workload, peer
        is_problem = isinstance(workload, Problem)
        self.functions = peer.functions(workload) if is_problem else {CALLS: peer.function(workload)}
        self.modes = tuple(self.functions)

    def load(self) -> None:
        self.arrays = [self.peer.prepared(array) for array in self.workload.arrays()]

    def first(self) -> float:
        self.load()
        result, *_ = self.functions[self.modes[0]](*self.arrays)
        return float(np.ravel(result)[0])

    def found(self, mode: str) -> list[float]:
        """Numbers as they are; of arrays some elements, scaled to numbers around one."""
        numbers: list[float] = []
        for result in self.functions[mode](*self.arrays):
            if np.ndim(result) == 0:
                numbers.append(float(result))
                continue
            spread = result.ravel()[:: max(1, result.size // CHECKED_ELEMENTS)]
            numbers += (1 + spread / abs(spread).max()).tolist()
        return numbers

    def seconds(self, mode: str, steps: int) -> float:
        function, began = self.functions[mode], time.perf_counter()
        for _ in range(steps):
            function(*self.arrays)
        return (time.perf_counter() - began) / steps


Job = TrainingJob | FunctionJob


def make_job(workload: Workload, peer: Peer) -> Job:
    return TrainingJob(workload, peer) if isinstance(workload, Network) else FunctionJob(workload, peer)


def one_round(job: Job, mode: str) -> float:
    """Seconds per step over about ROUND_SECONDS, the code and its data being warm."""
    seconds = max(job.seconds(mode, 3), 1e-7)
    steps = max(1, round(ROUND_SECONDS / seconds))
    if mode == LOOPS:
        return job.seconds(mode, steps)
    runs = max(1, round(steps / LONGEST_RUN))
    return sum(job.seconds(mode, min(steps, LONGEST_RUN)) for _ in range(runs)) / runs


def answers(job: Job) -> Iterator[Any]:
    yield job.first()
    imports_numba = "numba" in sys.modules
    import json  # not before the first result, which it would delay

    job.load()
    yield json.dumps({"imports_numba": imports_numba, "found": {mode: job.found(mode) for mode in job.modes}})
    for line in sys.stdin:
        yield one_round(job, line.strip())


if __name__ == "__main__":
    for answer in answers(make_job(WORKLOADS[sys.argv[1]], peers.make(sys.argv[2]))):
        print(answer, flush=True)
    os._exit(0)  # what libraries do at the end is of no interest
