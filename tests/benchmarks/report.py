"""The findings as Markdown: what is printed, and docs/benchmarks.md."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

import symdiff

from .findings import Findings, verdicts
from .probes import STARTS
from .problems import Problem
from .race import OURS, Outcome
from .worker import CALLS, LOOPS

LIBRARIES = ("numpy", "numba", "jax", "torch", "pytensor")  # whose versions are shown

INTRODUCTION = """\
# Benchmarks

This page is written by `python -m tests.benchmarks`. It compares symdiff with JAX, PyTorch, PyTensor and NumPy by hand
on one machine. To repeat it (about twelve minutes; what is not installed is left out):

```sh
python3 -m venv .venv && .venv/bin/pip install -e '.[benchmarks]' && .venv/bin/python -m tests.benchmarks
```

Everything is float32. Networks are trained with Adam on the mean cross-entropy; for sums the value and its gradient
with respect to the input are computed; convolutions and networks of them, scans, a Hessian and small matrices have a
table of their own. All libraries do the same work: they start from the same weights, and one whose first losses (or
results) are not those of symdiff is refused. Each runs in a process of its own with its default number of threads, and
is written as its users write it for speed: jitted JAX whose state is donated, eager PyTorch with the fused Adam
(`torch.compile` takes a minute to compile and is measured only with `--peers`), PyTensor's Numba mode with shared
variables, NumPy in place.

- **A call per step**: NumPy arrays go in, the loss comes out as a Python float, and for a gradient a NumPy array.
- **Loops inside**: whole epochs without returning to Python: `fit`, and JAX's `lax.scan` over data on the device.

Processes are measured in turn, a round of each and then the next round, so that a change in the machine's load meets
all of them. Times are medians over the rounds; ratios are medians of the ratios within a round. The machine's limit is
the rate of a large NumPy product or of copies, one core or all, measured in the same run: a step can take no less than
its products at that rate, nor than the memory it must read and write (batch, parameters and their moments; input and
gradient) at the rate of copies within as much memory. Exponentials and other functions count as nothing."""

HOW_TO_READ = """\
For symdiff microseconds per step, and the least time the machine allows as a share of that; for the others how many
times as long they take, and their microseconds."""


PROBLEMS_NOTE = """\
A call for each function, with NumPy arrays in and out. For symdiff microseconds; for the others how many times as long
they take, and their microseconds. A gradient comes with its value."""


def page(found: Findings) -> str:
    """The whole document."""
    parts = [INTRODUCTION, machine(), *sections(found)]
    return "\n\n".join(parts) + "\n"


def sections(found: Findings) -> Iterator[str]:
    """What was measured; a partial run has some of it."""
    if found.outcomes:
        yield "## Workloads\n\n" + _table(("", ""), [(o.workload.name, o.workload.about) for o in found.outcomes])
    if any(not isinstance(outcome.workload, Problem) for outcome in found.outcomes):
        yield f"## Steps\n\n{HOW_TO_READ}"
        yield f"### A call per step\n\n{_steps(found, CALLS)}"
        yield f"### Loops inside\n\n{_steps(found, LOOPS)}"
        yield f"### The machine's limits\n\n{_limits(found)}"
    problems = [outcome for outcome in found.outcomes if isinstance(outcome.workload, Problem)]
    if problems:
        yield f"## Convolutions, scans, matrices\n\n{PROBLEMS_NOTE}\n\n{_problems(problems)}"
    waits = [outcome for outcome in found.outcomes if outcome.cold]
    if waits:
        yield f"## The first step\n\n{_waits(waits)}"
    failures = [(o.workload.name, *failure) for o in found.outcomes for failure in o.failures.items()]
    if failures:
        yield "## Not measured\n\n" + _table(("workload", "library", "reason"), failures)
    if found.compile_seconds:
        yield f"## Compiling\n\n{_compiling(found)}"
    rows = [(v.target, v.figure, "yes" if v.met else "**no**") for v in verdicts(found)]
    yield "## Targets\n\nComputed from the figures above.\n\n" + _table(("target", "measured", "met"), rows)


def machine() -> str:
    """Processor, cores, versions."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES if _is_installed(name))
    processor = f"{_processor()}, {os.cpu_count()} cores"
    return (
        f"Measured on: {processor}, {platform.system()}. symdiff {symdiff.__version__}, "
        f"Python {platform.python_version()}, {versions}."
    )


def _processor() -> str:
    """The model's name where the system tells it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _steps(found: Findings, mode: str) -> str:
    """A row for each workload: symdiff's time, its share of the limit, and the others' ratios to it."""
    outcomes = [outcome for outcome in found.outcomes if any(at == mode for _, at in outcome.seconds)]
    others = list(dict.fromkeys(library for o in outcomes for library, _ in o.rivals(mode)))
    head = ["workload", OURS, "of the limit", *sorted(others)]
    rows = []
    for outcome in outcomes:
        ours = outcome.ours(mode)
        cells = [_microseconds(outcome.step(ours)), _share(found, outcome, mode)] if ours else ["", ""]
        rows.append([outcome.workload.name, *cells, *(_other(outcome, library, mode) for library in sorted(others))])
    return _table(head, rows)


def _problems(outcomes: list[Outcome]) -> str:
    """A row for each mode of each problem."""
    others = sorted({library for outcome in outcomes for library, _ in outcome.seconds if library != OURS})
    rows = []
    for outcome in outcomes:
        for mode in (mode for library, mode in outcome.seconds if library == OURS):
            ours = _microseconds(outcome.step((OURS, mode)))
            rows.append([outcome.workload.name, mode, ours, *(_other(outcome, each, mode) for each in others)])
    return _table(["problem", "", OURS, *others], rows)


def _other(outcome: Outcome, library: str, mode: str) -> str:
    entry, ours = (library, mode), outcome.ours(mode)
    if entry not in outcome.seconds:
        return ""
    ratio = f"{outcome.ratio(entry, ours):.2f} x, " if ours else ""
    return ratio + _microseconds(outcome.step(entry))


def _microseconds(seconds: float) -> str:
    us = seconds * 1e6
    return f"{us:.2f}" if us < 10 else f"{us:.1f}" if us < 100 else f"{us:.0f}"


def _share(found: Findings, outcome: Outcome, mode: str) -> str:
    return f"{found.least_seconds(outcome) / outcome.step(outcome.ours(mode)):.0%}"


def _waits(outcomes: list[Outcome]) -> str:
    libraries = list(dict.fromkeys(library for outcome in outcomes for library in outcome.cold))
    rows = [
        [o.workload.name, *(f"{o.cold[name]:.2f} / {o.warm[name]:.2f}" if name in o.cold else "" for name in libraries)]
        for o in outcomes
    ]
    note = (
        "Seconds from the start of a process to its first result, with empty caches / with full ones: medians of three "
        "starts of each in turn. Libraries that compile for long are measured once, for one workload."
    )
    return f"{note}\n\n{_table(['workload', *libraries], rows)}"


def _limits(found: Findings) -> str:
    rows = [("product of 2048 x 2048 matrices, GFLOP/s", found.one_core.flops / 1e9, found.all_cores.flops / 1e9)]
    for size, rate in found.one_core.bytes.items():
        rows.append((f"copy within {size >> 10} KiB, GB/s", rate / 1e9, found.all_cores.bytes[size] / 1e9))
    return _table(("", "one core", "all cores"), [(what, f"{one:.0f}", f"{all_:.0f}") for what, one, all_ in rows])


def _compiling(found: Findings) -> str:
    layers = " ".join(
        f"From the first symbol to the first loss of a network of {count} layers of width 64, with LLVM started and "
        f"nothing cached: {seconds:.2f} s."
        for count, seconds in found.compile_seconds.items()
    )
    layers += f" Medians of {STARTS} starts in turn."
    sizes = list(next(iter(found.graph_seconds.values())))
    rows = [
        (shape, *(f"{seconds / size * 1e6:.0f} us, {seconds:.2f} s" for size, seconds in found.items()))
        for shape, found in found.graph_seconds.items()
    ]
    note = "To differentiate and optimise a graph, for each node going forward and in all:"
    return f"{layers}\n\n{note}\n\n" + _table(("", *(f"{size} nodes" for size in sizes)), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, so that it reads well as text too."""
    cells = [tuple(head), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in cells]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
