"""Denormals are zero while a program runs, and nowhere else."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import symdiff as sd
from symdiff.runtime import codegen

pytestmark = pytest.mark.skipif(
    not codegen.triple().startswith(("x86_64", "aarch64", "arm64")), reason="denormals stay as they are here"
)
N = sd.dim("n")
x = sd.input("x_small", (N,), dtype="float32")
SMALL = np.full(70, 1e-38, np.float32)  # normal is what is at least 1.18e-38
TINY = np.full(70, 2e-38, np.float32)


def numpy_is_itself() -> bool:
    tiny = {dtype: np.finfo(dtype).smallest_normal for dtype in ("float32", "float64")}
    return all(
        (np.full(40, value) * value.dtype.type(0.5) != 0).all() and value * value.dtype.type(0.25) != 0
        for value in tiny.values()
    )


@pytest.fixture(scope="module")
def halved():
    return sd.compile(x * 0.5)


def test_results_and_operands(halved):
    for _ in range(4):  # the long way, then the short one
        assert (halved(TINY) == 0).all()
        assert (sd.compile(x * 4)(SMALL) == 0).all()
        assert (halved(4 * TINY) == 2 * TINY).all()
        assert numpy_is_itself()


def test_in_float64():
    v = sd.input("v_small", (3,))
    f = sd.compile(v * 0.5)
    for _ in range(4):
        assert f(np.array([3e-308, 6e-308, 1.0])).tolist() == [0, 3e-308, 0.5]
        assert numpy_is_itself()


def test_values_that_are_moved_stay_as_they_are():
    f = sd.compile([x, sd.reshape(x, (N, 1))], inputs=[x])
    for _ in range(3):
        same, column = f(SMALL)
        np.testing.assert_array_equal(same, SMALL)
        np.testing.assert_array_equal(column[:, 0], SMALL)


def test_after_a_step_that_fails():
    k = sd.input("k_small", (N,), dtype="int64")
    f = sd.compile(sd.take(x, k, axis=0) * 0.5, inputs=[x, k])
    good, bad = np.zeros(70, int), np.full(70, 70)
    for _ in range(3):
        assert (f(TINY, good) == 0).all()
        with pytest.raises(sd.IndexRangeError):
            f(TINY, bad)
        assert numpy_is_itself()


def test_in_fit_and_in_its_callback():
    w = sd.param("w_small", (), dtype="float32", init=2e-38)
    step = sd.train_step(sd.mean(x * 0) + 0 * w, [x], sd.optim.sgd(0.1), params=[w])
    seen = []
    history = sd.compile(step).fit(
        step.init(), SMALL, batch_size=8, epochs=3, progress=False, callback=lambda *_: seen.append(numpy_is_itself())
    )
    assert seen == [True] * 3 and history.epochs == 3
    assert numpy_is_itself()


def test_moments_that_fade_away_become_zero():
    w = sd.param("w_fading", (4,), dtype="float32", init=sd.init.ones())
    g = sd.input("g_fading", (4,), dtype="float32")
    step = sd.train_step(sd.sum(w * g), [g], sd.optim.momentum(0.1, mu=0.5))
    train, state = sd.compile(step), step.init()
    train(state, np.ones(4, "float32"))
    zeros = np.zeros(4, "float32")
    for _ in range(200):
        train(state, zeros)
        moments = [state[name] for name in state if name != "w_fading" and state[name].shape == (4,)]
        assert all(((m == 0) | (abs(m) >= np.finfo("float32").smallest_normal)).all() for m in moments)
    assert moments and all((m == 0).all() for m in moments)


def test_in_another_thread_meanwhile(halved):
    stop = threading.Event()
    kept = []

    def work() -> None:
        while not stop.is_set():
            kept.append((halved(TINY) == 0).all() and numpy_is_itself())

    thread = threading.Thread(target=work)
    thread.start()
    here = [numpy_is_itself() for _ in range(300)]
    stop.set()
    thread.join()
    assert all(here) and kept and all(kept)


def test_a_setting_made_before_is_kept():
    """Somebody else's flush-to-zero is not undone either."""
    ctypes = pytest.importorskip("ctypes")
    library = ctypes.CDLL(None)
    if not hasattr(library, "fegetenv"):
        pytest.skip("no fegetenv here")
    before, after = (ctypes.create_string_buffer(64) for _ in range(2))
    halved = sd.compile(x * 0.5)
    for _ in range(3):
        halved(TINY)
        library.fegetenv(before)
        halved(TINY)
        library.fegetenv(after)
        assert before.raw[28:32] == after.raw[28:32]  # the control word
