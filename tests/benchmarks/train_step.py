"""Time of a training step and the wait for the first one: symdiff and its peers, interleaved in one run.

    python tests/benchmarks/train_step.py [--workloads 64-128-10 ...] [--peers ...] [--repeat 15] [--first-step ...]

Every implementation starts from the same weights, and must show the same losses before it is measured.
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
BATCHES = 10
ROUND_SECONDS = 0.1
MOST_STEPS = 500  # in one round: all train from the start, none to the end


def main() -> None:
    options = _options()
    for name in options.workloads:
        workload = WORKLOADS[name]
        measured = measure(workload, options.peers, options.repeat)
        waiting = options.peers if options.first_step is None else options.first_step
        waits = {peer: first_steps(name, peer) for peer in waiting}
        print(table(workload, measured, waits), flush=True)


def _options() -> argparse.Namespace:
    there = peers.installed()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    usual = [name for name in there if name not in peers.SLOW_TO_COMPILE]
    parser.add_argument("--peers", nargs="+", choices=there, default=usual, help="default: all but torch compile")
    parser.add_argument("--repeat", type=int, default=15, help="rounds of measurement")
    waits = "whose wait for the first step is measured (default: all that are compared)"
    parser.add_argument("--first-step", nargs="*", choices=there, help=waits)
    return parser.parse_args()


# -- steps


def measure(workload: Workload, names: list[str], rounds: int) -> dict[str, list[float]]:
    """Seconds per step of each implementation, round by round."""
    implementations = {name: _ready(workload, name) for name in names}
    check_losses({name: losses for name, (_, losses) in implementations.items()})
    weights = workload.weights()
    repeats: dict[str, int] = {}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds + 1):
        for name, (peer, _) in implementations.items():
            peer.run(1)  # brings its data and code back into the caches
            peer.reset(weights)
            count = repeats.get(name, 1)
            began = time.perf_counter()
            peer.run(count)
            per_step = (time.perf_counter() - began) / (count * BATCHES)
            if name in repeats:
                seconds[name].append(per_step)
            else:
                steps = min(ROUND_SECONDS / per_step, MOST_STEPS)
                repeats[name] = max(1, round(steps / BATCHES))
    return seconds


def _ready(workload: Workload, name: str) -> tuple[peers.Peer, list[float]]:
    """An implementation that has compiled all it needs, and its first losses."""
    peer = peers.make(name)
    peer.setup(workload)
    peer.load(*workload.batches(BATCHES))
    peer.reset(workload.weights())
    return peer, [float(loss) for loss in peer.run(1)]


def check_losses(found: dict[str, list[float]]) -> None:
    """All implementations do the same work: their first losses agree."""
    reference = next(iter(found.values()))[:CHECKED_STEPS]
    for name, losses in found.items():
        if not np.allclose(losses[:CHECKED_STEPS], reference, rtol=TOLERANCE):
            sys.exit(f"{name} trains differently: losses {losses[:CHECKED_STEPS]}, expected {reference}")


# -- the first step


def first_steps(workload: str, name: str) -> tuple[float, float]:
    """Seconds from the start of a process to its first loss: with empty caches, then with those just filled."""
    with tempfile.TemporaryDirectory() as folder:
        caches = {variable: os.path.join(folder, variable) for variable in peers.CACHE_VARIABLES}
        settings = {
            "PYTENSOR_FLAGS": f"base_compiledir={folder}/pytensor",
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        command = [sys.executable, str(Path(__file__).with_name("first_step.py")), workload, name]
        cold, warm = (_first_step(command, {**os.environ, **caches, **settings}) for _ in range(2))
    return cold, warm


def _first_step(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


# -- the table


def table(workload: Workload, measured: dict[str, list[float]], waits: dict[str, tuple[float, float]]) -> str:
    head = f"{workload.name}, batch {workload.batch}, float32, Adam"
    columns = f"{'':<16}{'median us':>11}{'min us':>11}{'ratio':>8}{'first step, cold s':>20}{'warm s':>8}"
    lines = ["", f"{head} (ratio: to {BASE}, median over the rounds)", columns]
    base = measured.get(BASE)
    for name, seconds in measured.items():
        ratio = f"{statistics.median(a / b for a, b in zip(seconds, base, strict=True)):.2f}" if base else ""
        cold, warm = (f"{wait:.2f}" for wait in waits[name]) if name in waits else ("", "")
        times = f"{statistics.median(seconds) * 1e6:>11.2f}{min(seconds) * 1e6:>11.2f}"
        lines.append(f"{name:<16}{times}{ratio:>8}{cold:>20}{warm:>8}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
