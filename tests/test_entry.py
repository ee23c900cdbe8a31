"""The short way into a compiled function: it is taken for the usual arguments, and is the long way for all others."""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import symdiff as sd
from symdiff.bound import Bound
from symdiff.compiled import CompiledStep
from symdiff.executor import no_short_way
from symdiff.runtime import layout
from tests.strategies import Array

N = sd.dim("n")
x = sd.input("x_entry", (N, 4), dtype="float32")
y = sd.input("y_entry", (N,), dtype="int64")
w = sd.param("w_entry", (4, 3), init=sd.init.glorot_uniform(), dtype="float32")
b = sd.param("b_entry", (3,), dtype="float32")
logits = x @ w + b
STEP = sd.train_step(
    sd.losses.softmax_cross_entropy(logits, y),
    [x, y],
    sd.optim.adam(0.05),
    metrics={"accuracy": sd.metrics.accuracy(logits, y)},
)
X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
Y = np.array([0, 1, 2, 0, 1, 2])


class Watched:
    """A compiled step, and how many of its calls took the long way."""

    def __init__(self, run: CompiledStep) -> None:
        self.run, self.executor = run, run._executor
        self.long = 0
        call = self.executor.call

        def counted(*arguments: object) -> list[Array]:
            self.long += 1
            return call(*arguments)

        self.executor.call = counted

    def __call__(self, *arguments: object) -> tuple[dict[str, float], bool]:
        """What the step gives, and whether it took the short way."""
        before = self.long
        return self.run(*arguments), self.long == before


@pytest.fixture(scope="module")
def compiled() -> CompiledStep:
    return sd.compile(STEP)


@pytest.fixture
def run(compiled: CompiledStep) -> Iterator[Watched]:
    """Warm for six rows, but for no state of a test's."""
    warm = STEP.init(99)
    for _ in range(3):
        compiled(warm, X, Y)
    watched = Watched(compiled)
    yield watched
    del watched.executor.call


@pytest.fixture
def expected() -> Callable[..., dict[str, float]]:
    """A step by the long way alone, in code of its own."""
    other = sd.compile(STEP)
    return lambda state, *values: other._checked_call((state, *values))


def bytes_of(state: sd.State) -> dict[str, bytes]:
    return {name: state[name].tobytes() for name in state}


def test_the_usual_arguments_take_the_short_way(run, expected):
    state, other = STEP.init(), STEP.init()
    for k in range(20):
        found, short = run(state, X, Y)
        assert found == expected(other, X, Y) and list(found) == ["loss", "accuracy"]
        assert type(found) is sd.Metrics and type(found.loss) is type(found.accuracy) is float
        assert short == (k > 0)
    assert bytes_of(state) == bytes_of(other)


def unaligned(array: Array) -> Array:
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    memory[:] = np.frombuffer(array.tobytes(), np.uint8)
    return memory.view(array.dtype).reshape(array.shape)


def read_only(array: Array) -> Array:
    array = array.copy()
    array.setflags(write=False)
    return array


TALL, LONG = np.concatenate([X, X]), np.concatenate([Y, Y])
KINDS: dict[str, tuple[Callable[[], tuple[object, object]], bool]] = {
    "copies": (lambda: (X.copy(), Y.copy()), True),
    "views": (lambda: (TALL[6:], LONG[6:]), True),
    "read-only": (lambda: (read_only(X), read_only(Y)), True),
    "of another shape once": (lambda: (X.reshape(4, 6).reshape(6, 4), Y.reshape(2, 3).reshape(6)), True),
    "every second row": (lambda: (np.repeat(X, 2, axis=0)[::2], Y), False),
    "Fortran": (lambda: (np.asfortranarray(X), Y), False),
    "reversed": (lambda: (X[::-1].copy()[::-1], Y), False),
    "byte-swapped": (lambda: (X.astype(">f4"), Y), False),
    "byte-swapped labels": (lambda: (X, Y.astype(">i8")), False),
    "smaller labels": (lambda: (X, Y.astype("int8")), False),
    "long long": (lambda: (X, Y.astype(np.longlong)), np.dtype(np.longlong) is np.dtype("int64")),
    "a dtype with metadata": (lambda: (X.view(np.dtype("f4", metadata={"unit": "m"})), Y), False),
    "unaligned": (lambda: (unaligned(X), Y), False),
    "a subclass": (lambda: (X.view(type("Own", (np.ndarray,), {})), Y), False),
    "an array that is broadcast": (lambda: (X, np.broadcast_to(Y[:1], 6)), False),
    "lists": (lambda: (X.tolist(), Y.tolist()), False),
    "other rows": (lambda: (X[:5].copy(), Y[:5]), False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_of_any_kind_give_the_same(run, expected, kind):
    make, is_short = KINDS[kind]
    state, other = STEP.init(), STEP.init()
    for _ in range(2):
        run(state, X, Y)
        expected(other, X, Y)
    given = make()
    found, short = run(state, *given)
    assert found == expected(other, *given)
    assert short == is_short
    run(state, X, Y)
    assert run(state, X, Y)[1]
    for _ in range(2):
        expected(other, X, Y)
    assert bytes_of(state) == bytes_of(other)


WRONG = {
    "dtype": (lambda: (X.astype("float64"), Y), sd.DTypeError),
    "signs": (lambda: (X, Y.view("uint64")), sd.DTypeError),
    "rows that disagree": (lambda: (X, Y[:5]), sd.ShapeError),
    "columns": (lambda: (X.reshape(8, 3), Y), sd.ShapeError),
    "axes": (lambda: (X[None], Y), sd.ShapeError),
    "one axis less": (lambda: (X, Y.reshape(6, 1)), sd.ShapeError),
    "in another order": (lambda: (Y, X), sd.SymdiffError),
    "one more": (lambda: (X, Y, Y), sd.ArgumentError),
    "one less": (lambda: (X,), sd.ArgumentError),
    "nothing": (lambda: (), sd.ArgumentError),
    "None": (lambda: (X, None), sd.DTypeError),
    "a label too large": (lambda: (X, np.array([0, 1, 3, 0, 1, 2])), sd.IndexRangeError),
    "a negative label": (lambda: (X, np.array([0, 1, 2, 0, 1, -1])), sd.IndexRangeError),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_refused_and_changes_nothing(run, kind):
    make, error = WRONG[kind]
    state = STEP.init()
    run(state, X, Y)
    assert run(state, X, Y)[1]
    before = bytes_of(state)
    with pytest.raises(error):
        run(state, *make())
    assert bytes_of(state) == before
    assert run(state, X, Y)[1]


@pytest.mark.parametrize("first", [None, X, 3, "state", STEP])
def test_something_else_in_place_of_the_state(run, first):
    run(STEP.init(), X, Y)
    gc.collect()  # the state that was opened for is dead, and its weak reference says None
    with pytest.raises(sd.ArgumentError, match="the first argument is the state"):
        run(first, X, Y)


def test_an_array_of_any_size(expected):
    watched = Watched(sd.compile(STEP))
    state, other = STEP.init(), STEP.init()
    for rows in (1, 1, 1, 6, 3, 6, 6, 1, 1):
        found, _ = watched(state, X[:rows], Y[:rows])
        assert found == expected(other, X[:rows], Y[:rows])
    assert watched(state, X[:1], Y[:1])[1] and bytes_of(state) != bytes_of(other)
    before = bytes_of(state)
    for _ in range(3):
        with pytest.raises(sd.ShapeError, match=r"a step needs rows, and \w+ = 0 in"):
            watched(state, X[:0], Y[:0])
    assert bytes_of(state) == before


# -- the state


def test_arguments_in_the_state_take_the_long_way():
    p, given = sd.param("p_entry", (64,), init=np.arange(64.0)), sd.input("given_entry", (64,))
    step = sd.train_step(sd.sum(p * given * given), [given], sd.optim.sgd(0.01))
    watched, state, other = Watched(sd.compile(step)), step.init(), step.init()
    plain = sd.compile(step)
    for _ in range(3):
        watched(state, np.ones(64))
        plain(other, np.ones(64))
    for make in (lambda s: s["p_entry"], lambda s: s["p_entry"][:], lambda s: s["p_entry"].reshape(8, 8).reshape(64)):
        _, short = watched(state, make(state))
        plain(other, make(other).copy())
        assert not short
        np.testing.assert_array_equal(state["p_entry"], other["p_entry"])
    found = np.ndarray((64,), float, buffer=memoryview(state["p_entry"]))
    assert not watched(state, found)[1]
    plain(other, other["p_entry"].copy())
    np.testing.assert_array_equal(state["p_entry"], other["p_entry"])
    assert watched(state, np.ones(64))[1] and watched(state, other["p_entry"])[1]


def test_states_may_change_from_call_to_call(run, expected):
    states = [STEP.init(k) for k in range(3)]
    others = [state.copy() for state in states]
    for k in (0, 0, 1, 1, 1, 2, 0, 2, 2):
        assert run(states[k], X, Y)[0] == expected(others[k], X, Y)
    fourth = states[2].copy()
    assert run(fourth, X, Y)[0] == run(states[2], X, Y)[0]
    for state, other in zip((*states[:2], fourth), others, strict=True):
        if state is not fourth:
            assert bytes_of(state) == bytes_of(other)
    assert bytes_of(fourth) == bytes_of(states[2])


def test_a_new_state_at_the_address_of_a_dead_one(run, expected):
    seen, again = set(), 0
    for k in range(50):
        state, other = STEP.init(k), STEP.init(k)
        again += id(state) in seen
        seen.add(id(state))
        for _ in range(2):
            assert run(state, X, Y)[0] == expected(other, X, Y)
        assert bytes_of(state) == bytes_of(other)
        del state
    assert again


def test_a_dead_state_is_not_kept(run):
    state = STEP.init()
    for _ in range(3):
        run(state, X, Y)
    reference = weakref.ref(state)
    del state
    gc.collect()
    assert reference() is None


# -- functions


def test_functions_take_the_short_way_too():
    outputs = {"total": sd.sum(x), "doubled": x * 2, "same": x, "best": sd.argmax(x, 1), "large": x > 0}
    f, other = sd.compile(outputs, inputs=[x]), sd.compile(outputs, inputs=[x], backend="numpy")
    watched = Watched(f)
    everything = []
    for k in range(5):
        given = X + np.float32(k)
        found, short = watched(given)
        assert short == (k > 1) and list(found) == list(outputs)
        for name, reference in other(given).items():
            assert type(found[name]) is np.ndarray and found[name].dtype == reference.dtype
            assert found[name].flags.owndata and found[name].flags.writeable and found[name].flags.c_contiguous
            np.testing.assert_allclose(found[name], reference, rtol=1e-6)
        everything += [given, *found.values()]
    for k, one in enumerate(everything):
        assert not any(np.shares_memory(one, later) for later in everything[k + 1 :])


@pytest.mark.parametrize("form", ["node", "list", "tuple", "dict"])
def test_forms_of_the_result(form):
    node = sd.sum(x)
    f = sd.compile({"node": node, "list": [node], "tuple": (node,), "dict": {"a": node}}[form], inputs=[x])
    long, *short = (f(X) for _ in range(4))
    for each in short:
        assert type(each) is type(long)
        assert each == long


def test_functions_with_parameters_scalars_and_bools():
    scale, mask = sd.input("scale_entry", ()), sd.input("mask_entry", (N,), dtype="bool")
    k = sd.input("k_entry", (N,), dtype="int8")
    f = sd.compile(sd.sum(sd.where(mask, sd.astype(k, "float64"), scale)) + sd.sum(b), inputs=[scale, mask, k])
    watched, state = Watched(f), sd.State.initial([w, b])
    arguments = np.array(0.5), np.array([True, False, True]), np.array([1, 2, -3], np.int8)
    shorts = []
    for value in (0.0, 1.0, 2.0, 3.0):
        state["b_entry"][:] = value
        found, short = watched(state, *arguments)
        assert found == -1.5 + 3 * value
        shorts.append(short)
    assert shorts == [False, False, True, True]
    assert watched(state, 0.5, *arguments[1:]) == (-1.5 + 9, False)  # a Python number
    assert watched(state, np.float64(0.5), *arguments[1:]) == (-1.5 + 9, False)  # a NumPy scalar
    assert watched(state.copy(), *arguments) == (-1.5 + 9, False)


def test_no_arguments_at_all():
    f = sd.compile(sd.constant([1.0, 2.0]) + 1)
    watched = Watched(f)
    assert [watched()[0].tolist() for _ in range(4)] == [[2, 3]] * 4 and watched()[1]
    with pytest.raises(sd.ArgumentError):
        f(1)


def test_data_of_the_state_as_input_of_a_function_is_read_in_place():
    f = sd.compile(b * 2 + sd.sum(x), inputs=[x])
    watched, state = Watched(f), sd.State.initial([w, b])
    flat = state["w_entry"].reshape(3, 4)
    for _ in range(3):
        found, short = watched(state, flat)
    assert short
    np.testing.assert_allclose(found, state["b_entry"] * 2 + flat.sum(), rtol=1e-6)


# -- threads, and calls inside calls


def test_two_threads_with_states_of_their_own(compiled, expected):
    def work(seed: int) -> dict[str, bytes]:
        state = STEP.init(seed)
        for _ in range(3000):
            compiled(state, X, Y)
        return bytes_of(state)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(work, range(2)))
    for seed in range(2):
        state = STEP.init(seed)
        for _ in range(3000):
            expected(state, X, Y)
        assert found[seed] == bytes_of(state)


def test_two_threads_with_one_state(compiled, expected):
    state, other = STEP.init(), STEP.init()
    barrier = threading.Barrier(3)

    def work(_: int) -> list[float]:
        barrier.wait()
        return [compiled(state, X, Y).loss for _ in range(2000)]

    with ThreadPoolExecutor(3) as pool:
        found = [loss for losses in pool.map(work, range(3)) for loss in losses]
    assert sorted(found) == sorted(expected(other, X, Y).loss for _ in range(6000))
    assert bytes_of(state) == bytes_of(other)


def test_two_threads_with_different_sizes(compiled, expected):
    def work(rows: int) -> dict[str, bytes]:
        state = STEP.init(rows)
        for _ in range(1000):
            compiled(state, X[:rows], Y[:rows])
        return bytes_of(state)

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip((2, 5), pool.map(work, (2, 5)), strict=True))
    for rows in found:
        state = STEP.init(rows)
        for _ in range(1000):
            expected(state, X[:rows], Y[:rows])
        assert found[rows] == bytes_of(state)


def test_other_threads_run_meanwhile():
    big = sd.input("big_entry", (N, N))
    f = sd.compile(sd.sum(big @ big), inputs=[big])
    given = np.ones((700, 700))
    for _ in range(3):
        f(given)
    ticks = 0
    stop = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not stop.is_set():
            ticks += 1
            stop.wait(1e-4)

    thread = threading.Thread(target=tick)
    thread.start()
    before = ticks
    for _ in range(10):
        f(given)
    stop.set()
    thread.join()
    assert ticks > before


@pytest.mark.parametrize("rows", [6, 4])
def test_a_call_inside_a_call(run, expected, monkeypatch, rows):
    """As a handler of signals or a finaliser makes it, at the worst of moments."""
    state, inner, other, inner_other = (STEP.init(k) for k in (0, 1, 0, 1))
    run(state, X, Y)
    seen = []
    original = Bound.run

    def interrupted(self: Bound) -> int:
        monkeypatch.setattr(Bound, "run", original)
        seen.append(run(inner, X[:rows] * 2, Y[:rows])[0])
        return original(self)

    monkeypatch.setattr(Bound, "run", interrupted)
    found, short = run(state, X.tolist(), Y)
    assert not short
    assert [expected(inner_other, X[:rows] * 2, Y[:rows])] == seen
    expected(other, X, Y)
    assert found == expected(other, X, Y)
    run(state, X, Y)
    assert run(state, X, Y)[1]
    assert bytes_of(inner) == bytes_of(inner_other)


# -- what is behind it


def test_nothing_leaks(run):
    state = STEP.init()
    f = sd.compile([x * 2, sd.sum(x)], inputs=[x])
    bad = np.full(6, 7)

    def work(times: int) -> None:
        for _ in range(times):
            run.run(state, X, Y)
            f(X)
            with pytest.raises(sd.IndexRangeError):
                run.run(state, X, bad)

    work(50)
    gc.collect()  # so that what other tests left behind is not counted
    watched = (state, X, Y, None, True, False, X.dtype, sd.Metrics, "loss")
    counts = [sys.getrefcount(each) for each in watched]
    tracemalloc.start()
    work(1)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    work(1000)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 50_000
    for each, one, two in zip(watched, counts, map(sys.getrefcount, watched), strict=True):
        assert abs(one - two) < 900, each


def test_where_objects_lie_is_known_here():
    assert layout.known()


def test_without_that_knowledge_every_call_takes_the_long_way(monkeypatch, expected):
    monkeypatch.setattr(layout, "known", lambda: False)
    watched, state, other = Watched(sd.compile(STEP)), STEP.init(), STEP.init()
    for _ in range(4):
        found, short = watched(state, X, Y)
        assert found == expected(other, X, Y) and not short
    assert watched.executor.enter is no_short_way


def test_the_entry_outlives_the_workspace_it_was_made_for(expected):
    watched, state, other = Watched(sd.compile(STEP)), STEP.init(), STEP.init()
    for _ in range(3):
        watched(state, X, Y)
        expected(other, X, Y)
    enter = watched.executor.enter
    for rows in range(7, 30):
        watched(STEP.init(), np.ones((rows, 4), "float32"), np.zeros(rows, int))
    gc.collect()
    assert enter(state, X, Y) == expected(other, X, Y)
    assert bytes_of(state) == bytes_of(other)
