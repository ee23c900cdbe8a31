"""The collector of cycles stands still while graphs are worked on, and is left as it was found."""

import gc
from collections.abc import Iterator

import pytest

import symdiff as sd
from symdiff.core.collector import MANY, all_is_old, paused_collector


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


@pytest.mark.parametrize("count", [1_000, 2 * MANY])
def test_a_great_many_objects_made_inside_are_old_afterwards(count: int) -> None:
    gc.collect()
    with paused_collector():
        kept = [[] for _ in range(count)]
    old = {id(thing) for thing in gc.get_objects(generation=2)}
    assert (id(kept[-1]) in old) == (count > MANY)


def test_what_is_alive_becomes_old() -> None:
    gc.collect()
    kept = [[] for _ in range(100)]
    all_is_old()
    old = {id(thing) for thing in gc.get_objects(generation=2)}
    assert {id(thing) for thing in kept} <= old and gc.get_freeze_count() == 0


def test_what_somebody_froze_stays_frozen() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        all_is_old()
        assert gc.get_freeze_count() == frozen
    finally:
        gc.unfreeze()
