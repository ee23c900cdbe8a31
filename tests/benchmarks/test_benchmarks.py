"""The benchmarks run, in a tiny size; nothing is said about time."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(HERE / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_training_step_is_measured_and_agrees_with_numpy() -> None:
    names = ["symdiff call", "symdiff fit", "numpy"]
    text = run("train_step.py", "--workloads", "2-3-2", "--peers", *names, "--repeat", "1")
    for name in names:
        assert any(line.startswith(name) for line in text.splitlines()), text


def test_graph_sizes_are_measured_in_every_phase() -> None:
    rows = run("graph_size.py", "--quick").splitlines()
    assert [row.split()[0] for row in rows[2:]] == [shape for shape in ("chain", "wide", "diamond") for _ in range(2)]
    assert all(phase in rows[0] for phase in ("build", "grad", "optimize", "print", "lower", "emit"))


def test_an_implementation_that_trains_differently_is_refused() -> None:
    code = "import train_step; train_step.check_losses({'a': [1.0], 'b': [1.1]})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=HERE)
    assert done.returncode == 1 and "b trains differently" in done.stderr
