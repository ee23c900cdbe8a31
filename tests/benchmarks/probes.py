"""What is measured of symdiff alone, each in a process of its own: ``python -m tests.benchmarks.probes NAME ARGUMENT``.

``compile LAYERS``: seconds from the first symbol to the first loss of a network, with nothing cached.
``first PROBLEM``: seconds from the first symbol to its first value and gradient, with nothing cached.
``gradient WORKLOAD``: how many times as long value and gradient take as the value.
``graph SHAPE SIZE``: seconds to differentiate and optimise a graph of so many nodes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

import symdiff as sd

from . import graph_size
from .peers.with_symdiff import Symdiff, model
from .problems import GRADIENT
from .processes import command, environment
from .worker import make_job
from .workloads import WORKLOADS, Network

STARTS = 5
ROUNDS = 25
ROUND_SECONDS = 0.02


def measure(*arguments: object) -> float:
    """What a probe prints."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command("probes", *arguments), env=environment(folder), stdout=subprocess.PIPE, text=True, check=True
        )
    return float(done.stdout)


def in_turn(name: str, arguments: Sequence[int]) -> dict[int, float]:
    """What a probe prints for each argument: medians of measurements in turn."""
    found: dict[int, list[float]] = {argument: [] for argument in arguments}
    for argument in [*arguments] * STARTS:
        found[argument].append(measure(name, argument))
    return {argument: median(seconds) for argument, seconds in found.items()}


def start_llvm() -> None:
    """Import and start it, which is not what is measured."""
    sd.compile(sd.sum(sd.cos(sd.input("x", (sd.dim("n"),)))))(np.ones(3))


def compile_seconds(layers: str) -> float:
    """Of a ReLU network of width 64."""
    start_llvm()
    network = Network("", "", (64,) * int(layers) + (10,), 64)
    weights, (x, y) = network.weights(), network.batches(1)
    began = time.perf_counter()
    training = Symdiff().training(network)
    training.reset(weights)
    training.step(x[0], y[0])
    return time.perf_counter() - began


def first_seconds(problem: str) -> float:
    start_llvm()
    began = time.perf_counter()
    job = make_job(WORKLOADS[problem], Symdiff())
    job.load()
    job.found(GRADIENT)
    return time.perf_counter() - began


def gradient_ratio(workload: str) -> float:
    """Median over rounds in which both are measured."""
    network = WORKLOADS[workload]
    loss, inputs, params = model(network)
    arguments = [
        *(batch[0] for batch in network.batches(1)),
        *(array for layer in network.weights() for array in layer),
    ]
    value = sd.compile(loss, inputs=[*inputs, *params])
    both = sd.compile([loss, *sd.grad(loss, params)], inputs=[*inputs, *params])
    rounds = [(_seconds(both, arguments), _seconds(value, arguments)) for _ in range(ROUNDS)]
    return median(a / b for a, b in rounds)


def _seconds(function: Callable[..., object], arguments: list[np.ndarray]) -> float:
    """Of one call."""
    calls, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < ROUND_SECONDS or not calls:
        function(*arguments)
        calls += 1
    return passed / calls


def graph_seconds(shape: str, size: str) -> float:
    clock = graph_size.Clock()
    graph_size.differentiate(graph_size.SHAPES[shape], int(size), clock)
    return clock.seconds["grad"] + clock.seconds["optimize"]


PROBES = {"compile": compile_seconds, "first": first_seconds, "gradient": gradient_ratio, "graph": graph_seconds}

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    print(PROBES[name](*arguments))
