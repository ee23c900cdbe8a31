"""The fixed functions that run programs, and the built-in steps."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from symdiff.runtime import convolution, driver, gemm, lapack_steps, native, python_function, repeat, team
from symdiff.runtime.signature import DTYPES, Array, Size

STEP = """
def step(limit, x):
    x[()] = x[()] + 1
    if x[()] > limit:
        return 70 + x[()]
"""


@pytest.fixture
def program():
    """A table of `steps` equal steps that add 1 to x and fail beyond a limit, and its slots."""

    def build(steps, limit, x):
        address = native.kernel_address(STEP, "step", [Size(), Array("int64", ())], {})
        slots = np.array([0, 0, limit, x.ctypes.data, 0], dtype=np.int64)
        return np.array([address, 2, 2, 3] * steps, dtype=np.int64), slots

    return build


def run_builtin(name, *values):
    slots = np.array([0, 0, *(v.ctypes.data if isinstance(v, np.ndarray) else v for v in values)], dtype=np.int64)
    table = np.array([driver.builtin(name), len(values), *range(2, slots.size)], dtype=np.int64)
    assert driver.run()(table.ctypes.data, 1, slots.ctypes.data) == 0


def test_no_two_functions_are_kept_under_one_name(monkeypatch):
    """What is in a module that is written late is decided by its name alone."""
    texts = {}

    def written(name, text, combine=True):
        texts.setdefault(name, set()).add(text("entry"))
        return 1

    monkeypatch.setattr(native, "address_of_written", written)
    monkeypatch.setattr(python_function, "new", lambda *_: None)
    for make in (driver.run, driver.loop, repeat.loop, repeat.choice, team.split):
        make.__wrapped__()
    for name in ("copy", "gather_rows", *(f"record_{dtype}" for dtype in DTYPES)):
        driver._move.__wrapped__(name)
    for dtype in ("float32", "float64"):
        for name in convolution.STEPS:
            convolution.step(name, dtype)()
        for name in lapack_steps.STEPS:
            lapack_steps._address.__wrapped__(name, dtype)
        if gemm.shape() is not None:
            gemm.step_address(dtype)
    assert len(texts) >= 5 + 2 + len(DTYPES) + 2 * len(lapack_steps.STEPS)
    assert [name for name, found in texts.items() if len(found) > 1] == []


def test_run(program):
    x = np.array(0)
    table, slots = program(5, 100, x)
    assert driver.run()(table.ctypes.data, 5, slots.ctypes.data) == 0
    assert x == 5
    assert driver.run()(table.ctypes.data, 0, slots.ctypes.data) == 0
    assert x == 5


def test_run_stops_at_the_first_failure(program):
    x = np.array(0)
    table, slots = program(5, 2, x)
    assert driver.run()(table.ctypes.data, 5, slots.ctypes.data) == 3
    assert (x, slots[0]) == (3, 73)


def test_loop(program):
    x = np.array(0)
    table, slots = program(2, 100, x)
    assert driver.loop()(table.ctypes.data, 2, slots.ctypes.data, 4, 32, 10) == 10
    assert (x, slots[4]) == (20, 320)
    assert driver.loop()(table.ctypes.data, 2, slots.ctypes.data, 4, 32, 0) == 0


def test_loop_stops_at_the_first_failure(program):
    x = np.array(0)
    table, slots = program(2, 5, x)
    assert driver.loop()(table.ctypes.data, 2, slots.ctypes.data, 4, 32, 10) == 2
    assert slots[[0, 1, 4]].tolist() == [76, 2, 64]


def test_steps_of_different_lengths(program):
    x = np.array(0)
    table, slots = program(1, 100, x)
    out = np.zeros(2)
    slots = np.array([*slots, out.ctypes.data, 1])
    table = np.array([*table, driver.builtin("record_int64"), 3, 3, 5, 6, *table])
    assert driver.run()(table.ctypes.data, 3, slots.ctypes.data) == 0
    assert (x, out.tolist()) == (2, [0, 1])


def test_copy_moves_overlapping_bytes():
    x = np.arange(10)
    run_builtin("copy", x, x[2:], 64)
    assert x.tolist() == [0, 1, 0, 1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("rows", [[3, 1], [1, 2], [2, 3], [0, 0], [3], []])
def test_gather_rows(rows):
    """Rows that lie side by side are used where they are, others are copied."""
    source, order, copy = np.arange(12.0).reshape(4, 3), np.array([9, *rows, 9]), np.zeros((2, 3))
    values = [source.ctypes.data, order.ctypes.data, copy.ctypes.data, 1, len(rows), 24, 0]
    slots = np.array([0, 0, *values], dtype=np.int64)
    table = np.array([driver.builtin("gather_rows"), 7, *range(2, 9)], dtype=np.int64)
    assert driver.run()(table.ctypes.data, 1, slots.ctypes.data) == 0
    if rows and rows == list(range(rows[0], rows[-1] + 1)):
        assert slots[8] == source.ctypes.data + 24 * rows[0]
        assert not copy.any()
    else:
        assert slots[8] == copy.ctypes.data
        np.testing.assert_array_equal(copy[: len(rows)], source[rows])


@pytest.mark.parametrize("dtype", DTYPES)
def test_record(dtype):
    kind = np.dtype(dtype).kind
    for number in {"b": [0, 1], "f": [-1.5, np.inf]}.get(kind) or [np.iinfo(dtype).min, np.iinfo(dtype).max]:
        out = np.zeros(3)
        run_builtin(f"record_{dtype}", np.array(number, dtype), out, 2)
        assert out.tolist() == [0, 0, float(number)]


def test_two_threads_at_once(program):
    counts, failures = [np.array(0) for _ in range(4)], []

    def work(x):
        table, slots = program(3, 10**9, x)
        for _ in range(50):
            if driver.loop()(table.ctypes.data, 3, slots.ctypes.data, 4, 1, 1000) != 1000:
                failures.append(x)

    threads = [threading.Thread(target=work, args=(x,)) for x in counts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [int(x) for x in counts] == [150_000] * 4


def test_two_threads_compile_at_once():
    found = {}

    def work(name, number):
        text = f"def f(x):\n    x[()] = x[()] + {number}\n"
        found[name] = native.kernel_address(text, "f", [Array("int64", ())], {})

    threads = [threading.Thread(target=work, args=(name, 1000 + name // 2)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found[name] == found[name + 1] for name in range(0, 8, 2))
    assert len(set(found.values())) == 4


def test_wrong_arguments_are_an_error():
    with pytest.raises(TypeError):
        driver.run()(0, 0)
    with pytest.raises(TypeError):
        driver.run()(0, 0, None)
    with pytest.raises(OverflowError):
        driver.run()(0, 0, 2**64)
