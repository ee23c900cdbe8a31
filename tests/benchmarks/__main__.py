"""All benchmarks: symdiff and every library that is installed, and how near each comes to the machine's limit.

    python -m tests.benchmarks [--only 64-128-10 ...] [--peers jax ...] [--rounds 11] [--no-cold] [--output FILE]

Prints the tables, and writes docs/benchmarks.md when everything was measured, with every library it names installed. A
part of it is printed only, or written to FILE.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import limits, peers, probes
from .findings import Findings
from .graph_size import SHAPES
from .problems import PROBLEMS
from .processes import ROOT
from .race import OURS, race
from .report import machine, page, sections
from .workloads import WORKLOADS

PAGE = ROOT / "docs" / "benchmarks.md"
MATMUL_BOUND = ("784-128-10", "784-512-256-10")
SCANS = ("rk4-10000", "lstm-1000")
LAYERS = (10, 100)
GRAPH_SIZES = (1_000, 10_000, 100_000)
COMPILING = "compiling"
PARTS = (*WORKLOADS, COMPILING)


def main() -> None:
    options = _options()
    began = time.perf_counter()
    found = run(options)
    print(machine(), *sections(found), sep="\n\n")
    print(f"\n{time.perf_counter() - began:.0f} s in all")
    if options.output:
        options.output.write_text(page(found), encoding="utf-8")
    if any(outcome.failures for outcome in found.outcomes):
        sys.exit("not everything could be measured")


def _options() -> argparse.Namespace:
    there = [name for name in peers.installed() if name != OURS]
    usual = [name for name in there if name not in peers.OPTIONAL]
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--peers", nargs="*", choices=there, default=usual, help="default: all but torch-compile")
    parser.add_argument("--rounds", type=int, default=11, help="of measurement")
    parser.add_argument(
        "--cold", action=argparse.BooleanOptionalAction, default=True, help="measure the waits for first steps"
    )
    parser.add_argument("--output", type=Path, help="write the page to this file")
    options = parser.parse_args()
    expected = {OURS, *options.peers, *peers.OPTIONAL}
    if options.output is None and options.only is None and options.cold and expected >= set(peers.NAMES):
        options.output = PAGE
    return options


def run(options: argparse.Namespace) -> Findings:
    """Limits are measured before and after, and the better figure counts."""
    found = Findings()
    parts = options.only or PARTS
    names = [name for name in WORKLOADS if name in parts]
    memory = [within for name in names if name not in PROBLEMS for _, within in WORKLOADS[name].work.memory]
    cores = (1, limits.CORES)
    before = [limits.measure(threads, memory) for threads in cores]
    for name in names:
        _say(name)
        waits = options.cold and name not in PROBLEMS
        found.outcomes.append(race(name, [OURS, *options.peers], options.rounds, waits))
    for name in (name for name in names if name in MATMUL_BOUND):
        found.gradient_ratios[name] = probes.measure("gradient", name)
    for name in (name for name in names if name in SCANS):
        found.scan_seconds[name] = probes.measure("first", name)
    if COMPILING in parts:
        _say(COMPILING)
        found.compile_seconds = probes.in_turn("compile", LAYERS)
        found.graph_seconds = {
            shape: {size: probes.measure("graph", shape, size) for size in GRAPH_SIZES} for shape in SHAPES
        }
    after = [limits.measure(threads, memory) for threads in cores]
    found.one_core, found.all_cores = map(limits.best, before, after)
    return found


def _say(what: str) -> None:
    print(what, "...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
