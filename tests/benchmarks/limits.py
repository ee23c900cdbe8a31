"""What the machine can do: the rate of large products and of copies, by NumPy.

``python -m tests.benchmarks.limits THREADS SIZE ...`` prints, as JSON, FLOP/s of a product and bytes/s of copies
within so many bytes; a small copy stays in the caches, and a large one does not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from .processes import command, environment
from .workloads import Work

PRODUCT = 2048  # rows and columns
SMALLEST_COPY, LARGEST_COPY = 2**16, 2**28
TRIES = 7
CORES = os.cpu_count() or 1
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """Per second, with some number of cores: FLOP of a large float32 product, and bytes read or written by copies."""

    flops: float
    bytes: dict[int, float]

    def seconds(self, work: Work) -> float:
        """The time that a step of this Work takes at least."""
        moving = sum(moved / self.bytes[copy_size(within)] for moved, within in work.memory)
        return max(work.flops / self.flops, moving)


def copy_size(within: int) -> int:
    """The measured size, a power of two, that stands for memory of so many bytes."""
    return min(max(1 << (within - 1).bit_length(), SMALLEST_COPY), LARGEST_COPY)


def measure(threads: int, memory: Iterable[int]) -> Limits:
    """In a process of its own, since BLAS reads its number of threads once."""
    sizes = sorted({copy_size(within) for within in memory})
    environ = environment() | dict.fromkeys(THREAD_VARIABLES, str(threads))
    done = subprocess.run(
        command("limits", threads, *sizes), env=environ, stdout=subprocess.PIPE, text=True, check=True
    )
    flops, *rates = json.loads(done.stdout)
    return Limits(flops, dict(zip(sizes, rates, strict=True)))


def best(*found: Limits) -> Limits:
    return Limits(
        max(limits.flops for limits in found),
        {size: max(limits.bytes[size] for limits in found) for size in found[0].bytes},
    )


def _product_rate() -> float:
    a, b, out = np.ones((3, PRODUCT, PRODUCT), np.float32)
    return 2 * PRODUCT**3 / _least_seconds(lambda: np.matmul(a, b, out=out))


def _copy_rate(size: int, threads: int) -> float:
    """Each thread has its part of the memory, and copies one half of that to the other."""
    repeats = max(1, 2**25 // size)
    parts = np.ones((threads, 2, size // threads // 2), np.uint8)

    def copy(part: np.ndarray) -> None:
        for _ in range(repeats):
            np.copyto(part[1], part[0])

    with ThreadPoolExecutor(threads) as pool:
        seconds = _least_seconds(lambda: list(pool.map(copy, parts)))
    return repeats * parts.nbytes / seconds


def _least_seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(TRIES):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    threads, *sizes = map(int, sys.argv[1:])
    print(json.dumps([_product_rate(), *(_copy_rate(size, threads) for size in sizes)]))
