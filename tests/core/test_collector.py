"""The collector of cycles stands still while graphs are worked on, and is left as it was found."""

import gc
from collections.abc import Iterator

import pytest

import symdiff as sd
from symdiff.core.collector import paused_collector


@pytest.fixture(autouse=True)
def _enabled() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_it_goes_on_afterwards_whatever_happened() -> None:
    with pytest.raises(ZeroDivisionError), paused_collector():
        assert not gc.isenabled()
        _ = 1 / 0
    assert gc.isenabled()


def test_the_outermost_pause_ends_it() -> None:
    with paused_collector():
        with paused_collector():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_one_that_the_user_switched_off_stays_off() -> None:
    gc.disable()
    with paused_collector():
        pass
    assert not gc.isenabled()


def test_derivatives_and_passes_run_without_and_leave_it_on() -> None:
    seen = []

    def watching(graph: sd.Graph) -> sd.Graph:
        seen.append(gc.isenabled())
        return graph

    x = sd.input("x", (3,))
    slope = sd.grad(sd.sum(sd.tanh(x)), x)
    assert gc.isenabled()
    sd.optimize(sd.Graph({"slope": slope}), passes=[watching])
    assert seen == [False]
    assert gc.isenabled()
    with pytest.raises(sd.GradientError):
        sd.grad(sd.sum(x), sd.input("elsewhere"))
    assert gc.isenabled()
