"""The examples that stand beside the texts: each runs in its small size, and says and draws what it promises."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .conftest import EXAMPLES

GATES = {"AND": [0, 0, 0, 1], "NAND": [1, 1, 1, 0], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}


def test_linear_classifier(run):
    found = run("linear_classifier")
    assert found.result >= 0.85
    assert "d_W = x.T @ d_scores" in found.printed and "setosa" in found.printed
    assert found.files == {"regions.png"}


def test_perceptron_gates(run):
    found = run("perceptron_gates")
    assert found.result == GATES
    assert [line.split() for line in found.printed.splitlines()[1:5]] == [
        [str(k % 2), str(k // 2), *(str(table[k]) for table in GATES.values())] for k in range(4)
    ]
    assert found.files == {"gates.png"}


def test_two_paths(run):
    found = run("two_paths")
    assert found.result == pytest.approx({"d_x1": 0.5, "d_x2": 2 + np.cos(0.5), "d_x2_x2": -np.sin(0.5)}, rel=1e-12)
    lines = found.printed.splitlines()
    for start, to_a, to_b in (("add", "10", "10"), ("multiply", "40", "30"), ("max", "0", "10")):
        assert next(line for line in lines if line.startswith(start)).split()[-2:] == [to_a, to_b]
    numbers = found.module.backward(found.module.forward(2.0, 0.5))
    assert (numbers["x1"], numbers["x2"]) == pytest.approx((found.result["d_x1"], found.result["d_x2"]), rel=1e-15)
    assert found.files == {"two_paths.svg"}


def test_book_mlp(run):
    found = run("book_mlp")
    assert max(found.result.values()) < 1e-15
    assert found.module.products(found.module.graph) == 5
    assert "2 forward, 3 backward" in found.printed
    for line in ("d_W2_from_U2 = H.T @ G", "d_H = G @ W2.T", "G_prime = where(H > 0, d_H, 0)", "= X.T @ G_prime"):
        assert line in found.printed
    assert found.files == {"book_mlp.svg"}


def test_xor(run):
    found = run("xor")
    numbers, runs = found.result
    np.testing.assert_allclose(numbers["h2"], [[0.37166596, 0.45414264]], atol=1e-8)
    assert "[-0.67747178  0.37768878 -0.073689  ]" in found.printed
    assert set(runs) == {
        "3 hidden units", "50 hidden units", "too large a rate", "smaller rate", "decaying rate", "regularisation",
        "clipped gradient",
    }  # fmt: skip
    assert found.files == {"xor.png"}


def test_xor_learns_and_explodes(load):
    """50 hidden units learn what 3 do not; an error that rises again while weights grow, and what cures it."""
    from matplotlib.figure import Figure

    xor = load("xor")
    units = xor.hidden_units(1000, Figure().subplots(1, 4))
    assert units["3 hidden units"].accuracy[-1] < 0.93 < 0.97 < units["50 hidden units"].accuracy[-1]

    runs = xor.explosion(200, Figure().subplots(1, 4))
    rise = {name: max(run.error[40:]) / min(run.error) for name, run in runs.items()}
    weights = {name: run.weights[-1] for name, run in runs.items()}
    wild = "too large a rate"
    assert all(rise[name] < rise[wild] / 2 and weights[name] < weights[wild] for name in runs if name != wild)
    assert weights[wild] > 2 * runs[wild].weights[0]


def test_activations(run):
    found = run("activations")
    z = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    s, t = 1 / (1 + np.exp(-z)), np.tanh(z)
    expected = {
        "sigmoid": s * (1 - s), "tanh": 1 - t**2, "hard tanh": [0, 1, 1, 1, 0], "softsign": 1 / (1 + np.abs(z)) ** 2,
        "ReLU": [0, 0, 0, 1, 1], "leaky ReLU": [0.01, 0.01, 0.01, 1, 1],
    }  # fmt: skip
    assert found.result.keys() == expected.keys()
    for name, slopes in expected.items():
        np.testing.assert_allclose(found.result[name], slopes, rtol=1e-12, err_msg=name)
    assert "d_sigmoid = sigmoid_1 * (1 - sigmoid_1)" in found.printed
    assert found.files == {"activations.png"}


def test_regularisation(run):
    found = run("regularisation")
    assert found.result["L1"]["weights within 0.001"] > 5 * found.result["none"]["weights within 0.001"]
    assert found.result["L2"]["largest weight"] < found.result["none"]["largest weight"]
    assert all(row["accuracy held back"] > 0.9 for row in found.result.values())
    assert found.files == {"regularisation.png"}


def test_initialisation(run):
    """Source E's histograms; and: Xavier keeps activations and gradients at one size through ten layers of tanh."""
    found = run("initialisation")
    forward, backward = found.result["std 0.01"]
    assert forward[-1] < 1e-8 and backward[0] < 1e-8  # both fade away
    assert found.result["std 1"][0][-1] > 0.95 and found.result["std 1"][1][0] > 1000  # saturated, and exploding
    for name in ("Xavier", "Xavier x 5/3"):
        assert all(stds.max() < 3 * stds.min() for stds in found.result[name])
    assert found.files == {"ten_layers.png", "histograms_tanh.png"}


def test_learning_rates(run):
    found = run("learning_rates")
    final = {name: history.loss[-1] for name, history in found.result.items()}
    good = [final[name] for name in ("step", "exponential", "inverse time")]
    assert max(good) < final["too small"] < final["too large"] and max(good) < 0.5
    rules = found.module.schedules(100)
    np.testing.assert_allclose(found.module.rate(rules["exponential"], 100), np.exp(-0.04 * np.arange(100)), rtol=1e-12)
    np.testing.assert_allclose(found.module.rate(rules["inverse time"], 100), 5 / np.maximum(np.arange(100), 5))
    np.testing.assert_allclose(found.module.rate(rules["step"], 100), 0.3 ** (np.arange(100) // 25))
    assert found.files == {"learning_rates.png"}


def test_optimisers_race(run):
    found = run("optimisers_race")
    k = np.arange(31)
    zigzag = np.stack([-7 * 0.905**k, 2 * (-0.9) ** k], 1)  # x - 0.95 x/10 and y - 0.95 2y
    np.testing.assert_allclose(found.result["SGD"], zigzag, rtol=1e-12)
    assert all(points[-1] @ (points[-1] / [20, 1]) < 0.15 for points in found.result.values())
    assert found.files == {"paths.png"}


def test_whitening(run):
    found = run("whitening")
    conditions = [condition for condition, _ in found.result.values()]
    assert conditions[0] > 1e9 and conditions[2] < 1e7 and conditions[3:] == pytest.approx([1, 1], rel=1e-6)
    losses = [loss for _, loss in found.result.values()]
    assert losses[0] > losses[1] > losses[2] > losses[3] == pytest.approx(losses[4], rel=1e-6)
    assert found.files == {"whitening.png"}


def test_batchnorm(run):
    found = run("batchnorm")
    for std in (0.05, 0.5):
        assert (
            found.result["plain"][std].val_accuracy[-1] < 0.3 < 0.8 < found.result["normalised"][std].val_accuracy[-1]
        )
    assert found.files == {"batchnorm.png"}


def test_gradient_check(run):
    found = run("gradient_check")
    assert [result.ok for result in found.result.values()] == [True, False, False]
    assert "WRONG  W1" in found.printed
    assert found.files == {"errors.png"}


def test_curve_fit(run):
    """To the values certified by NIST for Misra1a."""
    values, errors = run("curve_fit").result
    np.testing.assert_allclose(values, [2.3894212918e02, 5.5015643181e-04], rtol=1e-8)
    np.testing.assert_allclose(errors, [2.7070075241e00, 7.2668688436e-06], rtol=1e-6)


@pytest.mark.parametrize("name", ["curve_fit", "perceptron_gates", "whitening"])
def test_a_missing_library_is_named(name: str, tmp_path: Path):
    hidden = {"curve_fit": "scipy", "perceptron_gates": "matplotlib", "whitening": "sklearn"}[name]
    code = f"import sys; sys.modules['{hidden}'] = None; import runpy; runpy.run_path(sys.argv[1], run_name='__main__')"
    folders = os.pathsep.join([str(EXAMPLES), str(EXAMPLES.parent)])
    finished = subprocess.run(
        [sys.executable, "-c", code, EXAMPLES / f"{name}.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": folders}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 1
    assert finished.stderr.strip().startswith(f"this example needs {hidden}")
    assert "Traceback" not in finished.stderr and 'pip install "symdiff[examples]"' in finished.stderr


def test_options_make_the_folder(load, tmp_path: Path):
    found = load("common").options("about", "name", ["--out", str(tmp_path / "a" / "b")])
    assert found.out.is_dir() and not found.small


def test_table(load):
    printed = load("common").table("name  value", ("a", 1.23456), ("longer", 10))
    assert printed == "name    value\na       1.235\nlonger     10"
