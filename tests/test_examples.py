"""The examples run and say what they promise; the program they emit runs where symdiff is not installed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import symdiff as sd
from tests.documents import ROOT

DIGITS = ROOT / "examples" / "digits.py"
FILES = {"graph.svg", "graph.html", "curves.png", "digits_step.py", "state.npz", "step.txt"}
Array = np.ndarray[Any, Any]


def run(*arguments: str | Path, folder: Path) -> str:
    finished = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the output of a short run."""
    folder = tmp_path_factory.mktemp("digits")
    return folder / "out", run(DIGITS, "--out", "out", "--epochs", "8", folder=folder)


@pytest.fixture(scope="module")
def digits() -> ModuleType:
    spec = importlib.util.spec_from_file_location("digits", DIGITS)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def batch(start: int, size: int) -> tuple[Array, Array]:
    pixels, labels = load_digits(return_X_y=True)
    return (pixels[start : start + size] / 16).astype(np.float32), labels[start : start + size]


def test_it_prints_the_graph_and_learns(finished: tuple[Path, str]) -> None:
    _, printed = finished
    assert "backward" in printed and "d_W1 = x.T @ d_z1" in printed
    found = re.search(r"accuracy  train ([\d.]+)%  test ([\d.]+)%", printed)
    assert found and float(found[1]) > 95 and float(found[2]) > 93


def test_it_leaves_its_files(finished: tuple[Path, str]) -> None:
    folder, printed = finished
    assert {path.name for path in folder.iterdir()} == FILES
    assert all(path.name in printed and path.stat().st_size > 1000 for path in folder.iterdir())
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "graph.svg").read_text().startswith("<svg")
    assert "<html" in (folder / "graph.html").read_text()


def test_held_back_accuracy(digits: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At least 97 % with the settings a user gets who gives none; on another split as well."""
    for seed in ("0", "3"):
        assert digits.main(["--out", str(tmp_path / seed), "--seed", seed]) >= 0.97
    assert "test 9" in capsys.readouterr().out


def test_both_backends_take_the_same_steps(digits: ModuleType) -> None:
    x, y = batch(0, 500)
    states = {backend: digits.step.init(seed=5) for backend in ("native", "numpy")}
    runs = {
        backend: sd.compile(digits.step, backend=backend).fit(
            state, x, y, batch_size=64, epochs=3, seed=1, progress=False
        )
        for backend, state in states.items()
    }
    np.testing.assert_allclose(runs["native"].steps["loss"], runs["numpy"].steps["loss"], rtol=2e-4)
    assert runs["native"].accuracy == pytest.approx(runs["numpy"].accuracy, abs=0.01)
    for name in ("W1", "b1", "W2", "b2"):
        np.testing.assert_allclose(states["native"][name], states["numpy"][name], atol=5e-4)


STANDALONE = """
import sys
sys.modules["symdiff"] = None  # an import of it is an error from here on
sys.path.insert(0, sys.argv[1])
import numpy as np
import digits_step as emitted

data = np.load("batch.npz")
with np.load("before.npz") as state:
    params = {name.replace(".", "_"): state[name] for name in state.files if name != "symdiff-state"}
x, y = data["x"], data["y"]
loss, accuracy = emitted.digits_step(x, y, **params, work=emitted.workspace(len(x)))
np.savez("after.npz", loss=loss, accuracy=accuracy, **params)
"""


def test_emitted_program_runs_without_symdiff(digits: ModuleType, finished: tuple[Path, str], tmp_path: Path) -> None:
    """One step from the saved state, by the saved file under plain Numba and by the compiled function."""
    folder, _ = finished
    state = digits.step.load(folder / "state.npz")
    x, y = batch(1000, 37)
    state.save(tmp_path / "before.npz")
    np.savez(tmp_path / "batch.npz", x=x, y=y)
    run("-I", "-W", "error", "-c", STANDALONE, folder, folder=tmp_path)
    found = np.load(tmp_path / "after.npz")
    metrics = sd.compile(digits.step)(state, x, y)
    assert float(found["loss"]) == pytest.approx(metrics.loss, rel=1e-5)
    assert float(found["accuracy"]) == pytest.approx(metrics.accuracy)
    for name in state:
        np.testing.assert_allclose(found[name.replace(".", "_")], state[name], rtol=1e-4, atol=1e-6)
    assert state["step"] == found["step"]
