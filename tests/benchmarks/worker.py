"""One implementation in a process of its own, for train_step.py: ``python worker.py WORKLOAD PEER``.

It prints the first loss as soon as it has it, then the losses of the first steps; from then on it times one round for
every line it reads, and prints the seconds per step. Thread pools of several libraries would disturb each other in one
process.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

import peers
from workloads import WORKLOADS, Workload

BATCHES = 50  # one epoch
ROUND_SECONDS = 0.1
MOST_STEPS = 500  # in one round: all train from the start, none to the end


def answers(workload: Workload, peer: peers.Peer) -> Iterator[object]:
    weights = workload.weights()
    peer.setup(workload)
    peer.load(*workload.batches(1))
    peer.reset(weights)
    yield float(peer.run(1)[0])
    peer.load(*workload.batches(BATCHES))
    peer.reset(weights)
    yield " ".join(str(float(loss)) for loss in peer.run(1))
    repeats = max(1, round(min(ROUND_SECONDS / _round(peer, weights, 1), MOST_STEPS) / BATCHES))
    for _ in sys.stdin:
        yield _round(peer, weights, repeats)


def _round(peer: peers.Peer, weights: list, repeats: int) -> float:
    """Seconds per step."""
    peer.run(1)  # brings data and code back into the caches
    peer.reset(weights)
    began = time.perf_counter()
    peer.run(repeats)
    return (time.perf_counter() - began) / (repeats * BATCHES)


if __name__ == "__main__":
    for answer in answers(WORKLOADS[sys.argv[1]], peers.make(sys.argv[2])):
        print(answer, flush=True)
    os._exit(0)  # what libraries do at the end is of no interest
