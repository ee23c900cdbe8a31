"""The benchmarks compute the same in every library, and judge rightly; nothing is said about time."""

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import symdiff as sd

from . import peers
from .findings import Findings, Verdict, verdicts
from .limits import Limits, copy_size
from .peers.with_symdiff import Symdiff, model
from .problems import BY_IMAGES, FORWARD, GRADIENT, HESSIAN, SOLVE, TRAINING, VALUE
from .processes import ROOT
from .race import Outcome, WorkerError, check, takes_part
from .report import page
from .worker import CALLS, LOOPS, make_job
from .workloads import WORKLOADS, Network, Work, Workload

USUAL = [name for name in peers.NAMES if name not in peers.OPTIONAL]


def run(module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


SMALL: dict[str, dict[str, int]] = {  # of problems, so that the interpreter finds them soon
    "conv-1-32-5x5": {"batch": 2},
    "conv-32-64-3x3": {"batch": 2},
    "conv-16-32-padded": {"batch": 2},
    "mnist-cnn": {"batch": 4},
    "mnist-vgg": {"batch": 4},
    "rk4-10000": {"steps": 100},
    "lstm-1000": {"steps": 30},
    "matrices-4x4": {"count": 100},
}


def small(name: str) -> Workload:
    return replace(WORKLOADS[name], **SMALL.get(name, {}))


@cache
def expected(workload: str) -> dict[str, list[float]]:
    """What the interpreter finds."""
    job = make_job(small(workload), Symdiff(backend="numpy"))
    job.load()
    return {mode: job.found(mode) for mode in job.modes if mode != LOOPS}


@pytest.mark.filterwarnings("default")  # what other libraries warn of is theirs
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("library", USUAL)
def test_every_library_computes_the_same(workload: str, library: str) -> None:
    if library not in peers.installed():
        pytest.skip(f"{library} is not installed")
    if not takes_part(library, WORKLOADS[workload]):
        pytest.skip(f"{library} is not compared on {workload}")
    job = make_job(small(workload), peers.make(library))
    assert np.isfinite(job.first())
    job.load()
    for mode in job.modes:
        check({mode: job.found(mode)}, expected(workload))


@pytest.mark.parametrize("workload", WORKLOADS)
def test_what_is_compared_depends_on_the_training_and_is_well_conditioned(workload: str) -> None:
    for values in expected(workload).values():
        assert np.isfinite(values).all() and (len(set(values)) > 2 or len(values) == 1)


def test_a_library_that_finds_something_else_is_refused() -> None:
    check({CALLS: [1.0, 2.0]}, {CALLS: [1.0001, 2.0]})
    with pytest.raises(WorkerError, match=r"loops: found \[1.0, 2.1\], expected \[1.0, 2.0\]"):
        check({CALLS: [1.0, 2.0], LOOPS: [1.0, 2.1]}, {CALLS: [1.0, 2.0]})
    with pytest.raises(WorkerError, match=r"gradient: found \[3.0\], expected \[2.0\]"):
        check({VALUE: [1.0], GRADIENT: [3.0]}, {VALUE: [1.0], GRADIENT: [2.0]})


def test_flops_of_products_are_those_of_the_graph() -> None:
    network = WORKLOADS["784-512-256-10"]
    assert isinstance(network, Network)
    loss, _, params = model(network)
    products = [node for node in sd.Graph([loss, *sd.grad(loss, params)]).nodes if node.op.name == "matmul"]
    flops = 0
    for node in products:
        rows, inner, columns = *node.inputs[0].shape, node.inputs[1].shape[1]
        flops += 2 * np.prod([network.batch if isinstance(size, sd.Dim) else size for size in (rows, inner, columns)])
    assert flops == network.work.flops


def test_the_limit_is_products_or_memory_whichever_takes_longer() -> None:
    limits = Limits(flops=100.0, bytes={copy_size(1): 10.0})
    assert limits.seconds(Work(1000, ((20, 1), (30, 1)))) == 10.0
    assert limits.seconds(Work(100, ((20, 1), (30, 1)))) == 5.0


def outcome(name: str, ours: float, theirs: float, **waits: float) -> Outcome:
    """A call takes symdiff and JAX so many seconds; inside a loop all take half of that."""
    found = Outcome(WORKLOADS[name])
    for library, seconds in (("symdiff", ours), ("jax", theirs), ("torch", 2 * theirs)):
        found.seconds |= {(library, CALLS): [seconds, seconds, 9 * seconds], (library, LOOPS): [seconds / 2] * 3}
        found.cold[library], found.warm[library] = waits["cold"] if library == "symdiff" else 1.0, waits["warm"]
    found.warm_imports_numba["symdiff"] = waits["warm"] > 0.25
    return found


def findings(speed: float, wait: float) -> Findings:
    """symdiff is so many times as fast as JAX; ``wait`` is 1 where the targets are only just met."""
    outcomes = [
        outcome(name, 1.9e-6, 1.9e-6 * speed, cold=0.6 * wait, warm=0.25 * wait)
        for name in ("2-3-2", "64-128-10", "784-512-256-10")
    ]
    limits = Limits(2e12, {copy_size(n): 1e12 for o in outcomes for _, n in o.workload.work.memory})
    return Findings(
        outcomes, limits, limits, {10: 1.0, 100: 2.0 * wait}, {"784-128-10": 3.0 * wait},
        {"chain": {1000: 0.02, 100_000: 2.9 * wait}},
    )  # fmt: skip


def test_verdicts_are_computed_from_the_figures() -> None:
    good = list(verdicts(findings(speed=2.6, wait=1.0)))
    assert len(good) == 18 and all(verdict.met for verdict in good)
    assert Verdict("2-3-2: a call takes at most 3 us", "1.90 us", True) in good
    bad = {verdict.target: verdict for verdict in verdicts(findings(speed=0.9, wait=2.0))}
    assert [target for target, verdict in bad.items() if verdict.met] == [
        target for target in bad if "2-3-2:" in target
    ]
    slower = bad["no workload slower than in any other library, a call per step"]
    assert "0.90 (jax calls, 64-128-10)" in slower.figure


def problems(conv: float, network: float, hessian: float, scan: float, compiling: float, matrices: float) -> Findings:
    """How many times as long as PyTorch, JAX, the value, a second and the others symdiff takes."""
    found = Findings(scan_seconds={"rk4-10000": compiling})
    for name, ours, theirs in (
        ("conv-32-64-3x3", {FORWARD: 1.0, BY_IMAGES: conv}, {("torch", FORWARD): 1.0, ("torch", BY_IMAGES): 1.0}),
        ("mnist-cnn", {TRAINING: network}, {("torch", TRAINING): 1.0}),
        ("hessian-100", {HESSIAN: hessian}, {("jax", HESSIAN): 1.0}),
        ("rk4-10000", {VALUE: 1.0, GRADIENT: scan}, {("jax", VALUE): 1.0}),
        ("matrices-4x4", {SOLVE: matrices}, {("jax", SOLVE): 1.0, ("numpy", SOLVE): 1.0}),
    ):
        measured = {("symdiff", mode): seconds for mode, seconds in ours.items()} | theirs
        found.outcomes.append(Outcome(WORKLOADS[name], {entry: [seconds] * 3 for entry, seconds in measured.items()}))
    return found


def test_verdicts_of_problems() -> None:
    good = list(verdicts(problems(conv=1.5, network=0.9, hessian=1.0, scan=4.0, compiling=0.9, matrices=1.0)))
    assert len(good) == 7 and all(verdict.met for verdict in good)
    assert good[0] == Verdict("conv-32-64-3x3: at most 1.5 times PyTorch's time", "1.00 (forward), 1.50 (d/dx)", True)
    assert Verdict("mnist-cnn: trains faster than PyTorch", "1.11 times", True) in good
    bad = list(verdicts(problems(conv=1.6, network=1.0, hessian=1.1, scan=4.1, compiling=1.1, matrices=1.1)))
    assert len(bad) == 7 and not any(verdict.met for verdict in bad)


def test_problems_have_a_table_with_a_row_for_each_mode() -> None:
    text = page(problems(conv=2e-3, network=1.0, hessian=1.0, scan=1.0, compiling=0.5, matrices=1.0))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert ["problem", "", "symdiff", "jax", "numpy", "torch"] in rows
    assert ["conv-32-64-3x3", "d/dx", "2000", "", "", "500.00 x, 1000000"] in rows
    assert "## Steps" not in text


def test_what_was_not_measured_has_no_verdict() -> None:
    assert list(verdicts(Findings())) == []


def test_the_page_shows_failures_and_targets_that_are_missed() -> None:
    found = findings(speed=2.0, wait=1.0)
    found.outcomes[0].failures["pytensor"] = "ended with code 1"
    text = page(found)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert ["2-3-2", "pytensor", "ended with code 1"] in rows
    assert [row[2] for row in rows if row[0].startswith("64-128-10: at least 2.5 times")] == ["**no**"] * 3
    assert ["64-128-10", "1.90", "68%"] in [row[:3] for row in rows]


def test_one_command_measures_and_writes_the_page(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    options = ["--only", "2-3-2", "--peers", "numpy", "--rounds", "1", "--output", str(path)]
    printed = run("tests.benchmarks", *options)
    written = path.read_text()
    for heading in ("A call per step", "Loops inside", "The machine's limits", "The first step", "Targets"):
        assert f"# {heading}\n" in written and f"# {heading}\n" in printed
    assert "2-3-2: a call takes at most 3 us" in written and str(ROOT) not in written


def test_graph_sizes_are_measured_in_every_phase() -> None:
    rows = run("tests.benchmarks.graph_size", "--quick").splitlines()
    assert [row.split()[0] for row in rows[2:]] == [shape for shape in ("chain", "wide", "diamond") for _ in range(2)]
    assert all(phase in rows[0] for phase in ("build", "grad", "optimize", "print", "lower", "emit"))
