"""The native backend through the public face: bad input, many sizes, many threads, and files that stand alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.compiled import Compiled, CompiledStep
from symdiff.runtime import codegen
from symdiff.train import TrainStep
from tests.strategies import Array, assert_close

Trained = tuple[TrainStep, CompiledStep]
ROOT = Path(__file__).parents[1]
N = sd.dim("n")
x = sd.input("rows", (N, 8), dtype="float32")
y = sd.input("label", (N,), dtype="int64")
w = sd.param("w_hidden", (8, 16), init=sd.init.glorot_uniform(), dtype="float32")
v = sd.param("w_out", (16, 3), init=sd.init.glorot_uniform(), dtype="float32")
b = sd.param("b_out", (3,), dtype="float32")
logits = sd.relu(x @ w) @ v + b
loss = sd.losses.softmax_cross_entropy(logits, y)


@pytest.fixture(scope="module")
def train() -> Trained:
    step = sd.train_step(loss, [x, y], sd.optim.adam(0.01), metrics={"accuracy": sd.metrics.accuracy(logits, y)})
    return step, sd.compile(step)


@pytest.fixture(scope="module")
def predict() -> Compiled:
    return sd.compile(sd.softmax(logits), inputs=[x])


def batch(n: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 8)).astype("float32"), rng.integers(0, 3, n)


def bytes_of(state: sd.State) -> dict[str, bytes]:
    return {name: state[name].tobytes() for name in state}


# -- arrays of every kind


def read_only(array: Array) -> Array:
    array = array.copy()
    array.setflags(write=False)
    return array


def unaligned(array: Array) -> Array:
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    memory[:] = np.frombuffer(array.tobytes(), np.uint8)
    return memory.view(array.dtype).reshape(array.shape)


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "reversed": lambda a: a[::-1].copy()[::-1],
    "Fortran": np.asfortranarray,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "read-only": read_only,
    "unaligned": unaligned,
    "float16": lambda a: a.astype("float16"),
    "a subclass": lambda a: a.view(type("Own", (np.ndarray,), {})),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_arrays_of_any_layout_work(train: Trained, layout: str) -> None:
    step, run = train
    xs, ys = batch(7)
    if layout == "float16":
        xs = xs.astype("float16").astype("float32")
    plain, other = step.init(0), step.init(0)
    given = LAYOUTS[layout](xs)
    before = given.tobytes()
    assert run(plain, xs, ys) == run(other, given, ys if layout == "float16" else LAYOUTS[layout](ys))
    assert bytes_of(plain) == bytes_of(other)
    assert given.tobytes() == before


BAD = {
    "dtype": (
        lambda xs, ys: (xs.astype("float64"), ys),
        sd.DTypeError,
        r"input rows: expected float32\[n, 8\], got float64",
    ),
    "labels that are floats": (
        lambda xs, ys: (xs, ys * 1.0),
        sd.DTypeError,
        r"input label: expected int64\[n\], got float64",
    ),
    "complex": (lambda xs, ys: (xs * 1j, ys), sd.DTypeError, "input rows: .* not real numbers"),
    "rank": (lambda xs, ys: (xs[0], ys), sd.ShapeError, r"input rows: .* got float32\[8\]: it has 1 axes, not 2"),
    "columns": (lambda xs, ys: (xs[:, :5].copy(), ys), sd.ShapeError, "input rows: .* axis 1 has size 5, not 8"),
    "rows that disagree": (lambda xs, ys: (xs, ys[:3]), sd.ShapeError, "input label: .* axis 0 has size 3, not n = 5"),
    "a label too large": (
        lambda xs, ys: (xs, [0, 1, 3, 0, 1]),
        sd.IndexRangeError,
        r"index 3 at \[2\] of label .* size 3",
    ),
    "a negative label": (
        lambda xs, ys: (xs, [0, 1, 2, 0, -1]),
        sd.IndexRangeError,
        r"index -1 at \[4\] of label .* size 3",
    ),
    "too few": (lambda xs, ys: (xs,), TypeError, "takes 2 arrays"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_and_changes_nothing(train: Trained, case: str) -> None:
    step, run = train
    make, error, message = BAD[case]
    state = step.init(0)
    run(state, *batch(5))
    before = bytes_of(state)
    with pytest.raises(error, match=message) as caught:
        run(state, *make(*batch(5)))
    assert bytes_of(state) == before
    assert case == "too few" or "test_native.py:" in str(caught.value)
    run(state, *batch(5))


def test_a_label_out_of_range_names_the_input_it_was_converted_from() -> None:
    m = sd.dim("m")
    table, at = sd.input("table", (5, 2)), sd.input("at", (N, m), dtype="int32")
    f = sd.compile(sd.sum(sd.take(table, at, axis=0)), inputs=[table, at])
    with pytest.raises(
        sd.IndexRangeError, match=r"index 7 at \[1, 2\] of at is out of range for size 5.*test_native.py"
    ):
        f(np.ones((5, 2)), np.array([[0, 1, -5], [1, 4, 7]], np.int32))


def test_fit_tells_a_bad_label_before_the_first_step(train: Trained) -> None:
    step, run = train
    xs, ys = batch(20)
    ys[13] = 3
    state = step.init(0)
    with pytest.raises(sd.IndexRangeError, match=r"index 3 at \[13\] of label"):
        run.fit(state, xs, ys, batch_size=5, epochs=1, shuffle=False, progress=False)
    assert bytes_of(state) == bytes_of(step.init(0))


def test_in_fit_the_steps_before_a_bad_index_that_is_computed_stand() -> None:
    at, table = sd.input("at_computed", (N,), dtype="int64"), sd.param("table_computed", (4, 2), init=1.0)
    step = sd.train_step(sd.mean(sd.square(sd.take(table, at * 2, axis=0))), [at], sd.optim.sgd(0.1))
    run, state, expected = sd.compile(step), step.init(0), step.init(0)
    given = np.array([0, 1, 1, 0, 1, 2, 0, 1])
    for start in (0, 2):
        run(expected, given[start : start + 2])
    with pytest.raises(sd.IndexRangeError, match=r"index 4 at \[5\] of"):
        run.fit(state, given, batch_size=2, epochs=1, shuffle=False, progress=False)
    assert bytes_of(state) == bytes_of(expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_go_through(value: float) -> None:
    n = sd.input("v", (N, 3))
    outputs = {"relu": sd.relu(n), "max": sd.max(n, 1), "sum": sd.sum(n, 1), "best": sd.argmax(n, 1)}
    outputs |= {"softmax": sd.softmax(n), "lse": sd.logsumexp(n, 1), "grad": sd.grad(sd.sum(sd.softplus(n)), [n])[0]}
    given = np.array([[1.0, value, 2.0], [0.5, 1.5, 2.5]])
    native, reference = (sd.compile(outputs, inputs=[n], backend=backend)(given) for backend in ("native", "numpy"))
    for name in outputs:
        assert_close(native[name], reference[name], reference[name].dtype)


def test_arrays_of_the_state_as_inputs() -> None:
    p, given = sd.param("p", (6,)), sd.input("given", (6,))
    step = sd.train_step(sd.sum(sd.square(p - given[::-1])), [given], sd.optim.sgd(0.25))
    run, state = sd.compile(step), sd.State.initial([p])
    state["p"] = np.arange(6.0)
    expected = state["p"] - 0.25 * 2 * (state["p"] - state["p"][::-1])
    run(state, state["p"])
    np.testing.assert_allclose(state["p"], expected)
    f = sd.compile(p * 2 + given, inputs=[given])
    np.testing.assert_allclose(f(state, state["p"]), 3 * state["p"])


# -- sizes


def test_one_function_for_every_batch_size(train: Trained, predict: Compiled) -> None:
    step, run = train
    reference = sd.compile(step, backend="numpy")
    state, other = step.init(1), step.init(1)
    forward = sd.compile(sd.softmax(logits), inputs=[x], backend="numpy")
    for n in (7, 64, 1, 7, 0, 64, 3, 100, 2, 5, 6, 8, 9, 64):  # more sizes than workspaces are kept
        given, labels = batch(n, seed=n)
        assert_close(predict(state, given), forward(other, given), "float32")
        if n:  # the mean over no rows is NaN, and so would be the parameters
            one, two = run(state, given, labels), reference(other, given, labels)
            np.testing.assert_allclose([one.loss, one.accuracy], [two.loss, two.accuracy], rtol=2e-4)
    for name in state:
        assert_close(state[name], other[name], other[name].dtype, rtol=2e-3)


def test_an_empty_batch(predict: Compiled) -> None:
    assert predict(sd.State.initial([w, v, b]), np.zeros((0, 8), "float32")).shape == (0, 3)
    total = sd.compile([sd.sum(x, 0), sd.mean(x)], inputs=[x])
    with np.errstate(all="raise"):
        sums, mean = total(np.zeros((0, 8), "float32"))
    assert sums.tolist() == [0] * 8
    assert np.isnan(mean)


@pytest.mark.parametrize("rows", [2**50, 2**60, 2**62])
def test_sizes_beyond_memory_are_an_error_and_not_the_end(rows: int) -> None:
    left, right = sd.input("left", (N, 0)), sd.input("right", (0, 3))
    f = sd.compile(sd.tanh(left @ right), inputs=[left, right])
    assert f(np.ones((2, 0)), np.ones((0, 3))).tolist() == [[0.0] * 3] * 2
    with pytest.raises((MemoryError, ValueError), match=r"Unable to allocate|too big"):
        f(np.empty((rows, 0)), np.ones((0, 3)))
    assert f(np.ones((2, 0)), np.ones((0, 3))).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("rows", [3, 5000])  # outputs that are copied out, and outputs that are computed in place
def test_outputs_are_arrays_of_their_own(rows: int) -> None:
    given = sd.input("given", (N,))
    doubled = given * 2
    f = sd.compile([doubled, doubled, given, sd.reshape(doubled, (N, 1))], inputs=[given])
    source = np.arange(rows, dtype=float)
    first = f(source)
    second = f(source + 1)
    everything = [source, *first, *second]
    for k, one in enumerate(everything):
        assert one.flags.writeable
        assert not any(np.shares_memory(one, other) for other in everything[k + 1 :])
    np.testing.assert_array_equal(first[0], source * 2)
    np.testing.assert_array_equal(second[3][:, 0], source * 2 + 2)


# -- threads and processes


def test_four_threads_at_once(predict: Compiled) -> None:
    state = sd.State.initial([w, v, b])
    jobs = [batch(n, seed=n)[0] for n in (1, 7, 64, 200) * 25]
    expected = [predict(state, job) for job in jobs]
    barrier = threading.Barrier(4)

    def work(k: int) -> list[Array]:
        barrier.wait()
        return [predict(state, job) for job in jobs[k::4]]

    with ThreadPoolExecutor(4) as pool:
        for k, found in enumerate(pool.map(work, range(4))):
            for one, other in zip(found, expected[k::4], strict=True):
                np.testing.assert_array_equal(one, other)


def run_python(code: str, *args: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_of_fork_goes_on() -> None:
    code = """
import os, sys, warnings, numpy as np, symdiff as sd
warnings.simplefilter("ignore")  # the BLAS has threads, which Python 3.12 warns of
x, w = sd.input("x", (sd.dim("n"), 300)), sd.input("w", (300, 300))
f = sd.compile(sd.sum(sd.tanh(x @ w)), inputs=[x, w])
a, b = np.full((200, 300), 0.01), np.full((300, 300), 0.02)
before = f(a, b)
child = os.fork()
if not child:
    os._exit(0 if f(a, b) == before and f(a[:7], b) > 0 else 1)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert f(a, b) == before
"""
    run_python(code)


def test_an_interrupted_fit_stops_between_two_steps(train: Trained) -> None:
    step, run = train
    xs, ys = batch(640)
    state, again = step.init(0), step.init(0)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    history = run.fit(state, xs, ys, batch_size=64, epochs=10**9, shuffle=False, progress=False)
    timer.join()
    assert history.interrupted
    steps = len(history.steps["loss"])
    whole, rest = divmod(steps, 10)
    if whole:
        run.fit(again, xs, ys, batch_size=64, epochs=whole, shuffle=False, progress=False)
    for k in range(rest):
        run(again, xs[64 * k : 64 * k + 64], ys[64 * k : 64 * k + 64])
    assert bytes_of(state) == bytes_of(again)


def test_damaged_cache_entries_are_misses(tmp_path: Path) -> None:
    code = """
import numpy as np, symdiff as sd
x = sd.input("x", (sd.dim("n"), 3))
f = sd.compile([sd.sum(sd.exp(x)), sd.softmax(x)], inputs=[x])
print(*[one.tolist() for one in f(np.arange(6.0).reshape(2, 3))])
"""
    cache = tmp_path / "cache"
    expected = run_python(code, SYMDIFF_CACHE_DIR=str(cache))
    entries = sorted(cache.iterdir())
    assert entries
    for k, entry in enumerate(entries):
        whole = entry.read_bytes()
        entry.write_bytes([b"", whole[: len(whole) // 2], whole[:-1] + b"\0", b"x" * len(whole)][k % 4])
    assert run_python(code, SYMDIFF_CACHE_DIR=str(cache)) == expected


# -- files that stand alone

ALONE = """
import importlib.util, json, sys
import numpy as np
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "symdiff":
            raise ImportError("symdiff is not here")
sys.meta_path.insert(0, Hidden())
data = np.load(sys.argv[2])
spec = importlib.util.spec_from_file_location("model", sys.argv[1])
model = importlib.util.module_from_spec(spec)
spec.loader.exec_module(model)
arrays = [data[f"in{k}"] for k in range(int(sys.argv[4]))]
out = getattr(model, sys.argv[3])(*arrays, model.workspace(*map(int, sys.argv[5:])))
out = out if isinstance(out, tuple) else (out,)
print(json.dumps([[one.tolist() for one in found] for found in (out, arrays)]))
assert "symdiff" not in sys.modules
"""


def run_alone(path: Path, function: str, arrays: list[Array], *sizes: int) -> tuple[list[object], list[object]]:
    data = path.with_suffix(".npz")
    np.savez(data, **{f"in{k}": array for k, array in enumerate(arrays)})
    printed = run_python(ALONE, str(path), str(data), function, str(len(arrays)), *map(str, sizes))
    found, after = json.loads(printed)
    return found, after


def test_a_saved_function_runs_without_symdiff(tmp_path: Path) -> None:
    """With everything that plain Numba has with other results: powers and remainders of integers, signs, NaN."""
    a, k = sd.input("a", (N, 4)), sd.input("k", (N,), dtype="int64")
    held = sd.constant([np.nan, 1.0, np.inf, -0.5])
    outputs = {
        "softmax": sd.softmax(a * 2),
        "powers": k**3 + k // 2 - k % 3 + sd.sign(k),
        "floats": a % 0.75 + a // 0.5 + sd.sign(a) + sd.maximum(a, held) + sd.astype(a > 0, "float64"),
        "best": sd.argmax(a, 1),
        "taken": sd.take(a, k % 2, axis=0),
        "total": sd.sum(sd.tanh(a @ a.T)),
        "large": sd.sum(a * sd.constant(np.arange(24.0).reshape(6, 4))[2]),
    }
    f = sd.compile(outputs, inputs=[a, k])
    path = tmp_path / "model.py"
    f.save(path)
    values = [np.linspace(-2, 2, 12).reshape(3, 4), np.array([-3, 0, 5])]
    expected = f(*values)
    found, _ = run_alone(path, "compiled", values, 3)
    for name, one in zip(outputs, found, strict=True):
        assert_close(np.asarray(one, expected[name].dtype), expected[name], expected[name].dtype)


def test_a_saved_training_step_runs_without_symdiff(train: Trained, tmp_path: Path) -> None:
    step, run = train
    path = tmp_path / "step.py"
    run.save(path)
    state = step.init(3)
    xs, ys = batch(5)
    leaves = [state[param.attrs["name"]].copy() for param in run.graph.params]
    (found_loss, _), after = run_alone(path, "step", [xs, ys, *leaves], 5)
    metrics = run(state, xs, ys)
    assert found_loss == pytest.approx(metrics.loss, rel=1e-5)
    for param, array in zip(run.graph.params, after[2:], strict=True):
        held = state[param.attrs["name"]]
        assert_close(np.asarray(array, held.dtype), held, held.dtype)


def test_a_saved_file_appears_whole_or_not_at_all(predict: Compiled, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    predict.save(path)
    assert path.read_text() == predict.source
    with pytest.raises(OSError):
        predict.save(tmp_path / "missing" / "model.py")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.py"]


def test_a_bad_label_in_fit_is_named_by_its_row_in_the_data():
    n = sd.dim("n")
    x, y = sd.input("x_rows", (n, 3)), sd.input("y_rows", (n,), dtype="int64")
    step = sd.train_step(sd.losses.softmax_cross_entropy(x @ sd.param("w_rows", (3, 4)), y), [x, y], sd.optim.sgd(0.1))
    labels = np.zeros(50, np.int64)
    labels[37] = 4
    with pytest.raises(sd.IndexRangeError, match=r"cross_entropy: index 4 at \[37\] of y_rows is out of range for"):
        sd.compile(step).fit(step.init(), np.ones((50, 3)), labels, batch_size=8, epochs=1, progress=False)


def test_a_model_does_not_wait_until_another_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = sd.input("x_waits", (3,))
    sd.compile(rows * 4.25 + 1)([1, 2, 3])
    begun, go_on, code = threading.Event(), threading.Event(), codegen.object_code

    def slow(*given: Any) -> bytes:
        begun.set()
        assert go_on.wait(60)
        return code(*given)

    monkeypatch.setattr(codegen, "object_code", slow)
    other = threading.Thread(target=lambda: sd.compile(rows * 7_654_321.5 - 12_345.75)([1, 2, 3]))
    other.start()
    assert begun.wait(60)
    found: list[Any] = []
    known = threading.Thread(target=lambda: found.append(sd.compile(rows * 4.25 + 1)([1, 2, 3])))
    known.start()
    known.join(30)
    go_on.set()
    other.join(60)
    np.testing.assert_array_equal(found, [[5.25, 9.5, 13.75]])
