"""Time of a training step and the wait for the first one: symdiff and its peers, interleaved in one run.

    python tests/benchmarks/train_step.py [--workloads 64-128-10 ...] [--peers ...] [--repeat 15] [--no-first-step]

Every implementation runs in a process of its own with its default number of threads, starts from the same weights, and
must show the same losses before it is measured. Rounds go A B C A B C ..., so that a change in the machine's load meets
all of them; the ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import peers
from workloads import WORKLOADS, Workload

BASE = "symdiff call"  # what the ratios refer to
CHECKED_STEPS = 5
TOLERANCE = 1e-3
ROOT = Path(__file__).parents[2]


def main() -> None:
    options = _options()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, Python {sys.version.split()[0]}")
    for name in options.workloads:
        with tempfile.TemporaryDirectory() as folder:
            environment = _environment(None if options.no_first_step else folder)
            cold = (
                {} if options.no_first_step else {peer: cold_start(name, peer, environment) for peer in options.peers}
            )
            workers = {peer: Worker(name, peer, environment) for peer in options.peers}
            check_losses({peer: worker.losses for peer, worker in workers.items()})
            measured = measure(workers, options.repeat)
            for worker in workers.values():
                worker.stop()
        waits = {peer: (cold[peer], workers[peer].wait) for peer in cold}
        print(table(WORKLOADS[name], measured, waits), flush=True)


def _options() -> argparse.Namespace:
    there = peers.installed()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    usual = [name for name in there if name not in peers.SLOW_TO_COMPILE]
    parser.add_argument("--peers", nargs="+", choices=there, default=usual, help="default: all but torch compile")
    parser.add_argument("--repeat", type=int, default=15, help="rounds of measurement")
    parser.add_argument("--no-first-step", action="store_true", help="use the caches as they are; show no waits")
    return parser.parse_args()


class Worker:
    """An implementation in its process. ``wait`` is the time from its start to its first loss."""

    def __init__(self, workload: str, peer: str, environment: dict[str, str]) -> None:
        command = [sys.executable, str(Path(__file__).with_name("worker.py")), workload, peer]
        began = time.perf_counter()
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.first = self._answer()[0]
        self.wait = time.perf_counter() - began
        self.losses = self._answer()

    def round(self) -> float:
        self.process.stdin.write("\n")
        return self._answer()[0]

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> list[float]:
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(self.process.args[-2:])} ended with code {self.process.wait()}")
        return [float(word) for word in line.split()]


def _environment(cache: str | None) -> dict[str, str]:
    """symdiff from this checkout; every library's cache of compiled code in a folder of our own."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    if cache is None:
        return {**os.environ, "PYTHONPATH": path}
    caches = {variable: os.path.join(cache, variable) for variable in peers.CACHE_VARIABLES}
    settings = {
        "PYTENSOR_FLAGS": f"base_compiledir={cache}/pytensor",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    return {**os.environ, **caches, **settings, "PYTHONPATH": path}


def cold_start(workload: str, peer: str, environment: dict[str, str]) -> float:
    """The wait for the first step with empty caches. It fills them for the process that is measured."""
    worker = Worker(workload, peer, environment)
    worker.stop()
    return worker.wait


def check_losses(found: dict[str, list[float]]) -> None:
    """All implementations do the same work: their first losses agree."""
    reference = next(iter(found.values()))[:CHECKED_STEPS]
    for name, losses in found.items():
        if not np.allclose(losses[:CHECKED_STEPS], reference, rtol=TOLERANCE):
            sys.exit(f"{name} trains differently: losses {losses[:CHECKED_STEPS]}, expected {reference}")


def measure(workers: dict[str, Worker], rounds: int) -> dict[str, list[float]]:
    """Seconds per step of each implementation, round by round."""
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            seconds[name].append(worker.round())
    return seconds


def table(workload: Workload, measured: dict[str, list[float]], waits: dict[str, tuple[float, float]]) -> str:
    head = f"{workload.name}, batch {workload.batch}, float32, Adam; {workload.gemm_flops / 1e6:.3g} MFLOP in products"
    lines = ["", head, f"{'':<16}{'median us':>11}{'min us':>11}{'ratio':>8}{'first step, cold s':>20}{'warm s':>8}"]
    base = measured.get(BASE)
    for name, seconds in measured.items():
        ratio = f"{statistics.median(a / b for a, b in zip(seconds, base, strict=True)):.2f}" if base else ""
        cold, warm = (f"{wait:.2f}" for wait in waits[name]) if name in waits else ("", "")
        times = f"{statistics.median(seconds) * 1e6:>11.2f}{min(seconds) * 1e6:>11.2f}"
        lines.append(f"{name:<16}{times}{ratio:>8}{cold:>20}{warm:>8}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
