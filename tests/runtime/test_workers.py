"""LLVM's threads: what they are given, when they end, and errors."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from symdiff.runtime import codegen, native, parallel, workers
from symdiff.runtime.signature import Array
from symdiff.runtime.text import canonical

_numbers = itertools.count(770_000)
_ANSWER = "define i64 @answer() {\n  ret i64 %d\n}\n"


def new_kernel():
    text = f"def f(x):\n    x[()] = x[()] + {next(_numbers)}\n"
    found = canonical(text, [Array("int64", ())], {}, frozenset())
    return native.Wanted("f", found.digest, [Array("int64", ())], lambda: (text, {}))


def new_text():
    return _ANSWER % next(_numbers)


def test_what_they_do_is_done_when_the_block_ends_and_their_threads_have_ended():
    before, seen = threading.active_count(), []
    with workers.at_work() as llvm:
        llvm.begin(lambda: time.sleep(0.05) or seen.append(threading.current_thread()))
    assert [thread is threading.main_thread() for thread in seen] == [False]
    assert not seen[0].is_alive()
    assert threading.active_count() == before
    assert workers.present() is None


def test_a_block_inside_another_has_the_same_workers():
    with workers.at_work() as outer:
        with workers.at_work() as inner:
            assert inner is outer is workers.present()
        assert workers.present() is outer


def test_no_thread_is_started_for_what_is_there():
    kernel, before = new_kernel(), threading.active_count()
    native.kernel_addresses([kernel])
    with workers.at_work() as llvm:
        native.kernel_addresses([kernel])
        assert threading.active_count() == before
        assert not llvm.codes


def test_kernels_are_compiled_while_the_block_goes_on(monkeypatch):
    kernels, begun, go_on = [new_kernel(), new_kernel()], threading.Event(), threading.Event()
    code = codegen.object_code

    def slow(*given):
        begun.set()
        assert go_on.wait(60)
        return code(*given)

    monkeypatch.setattr(codegen, "object_code", slow)
    with workers.at_work() as llvm:
        native.begin_kernels(kernels, llvm)
        assert begun.wait(60)
        go_on.set()
        assert len(set(native.kernel_addresses(kernels))) == 2


def test_a_function_is_compiled_once(monkeypatch):
    text, compiled, code = new_text(), [], codegen.object_code
    monkeypatch.setattr(codegen, "object_code", lambda *given: compiled.append(given[1]) or code(*given))
    found = []
    with workers.at_work() as llvm:
        for _ in range(2):
            llvm.begin(lambda: found.append(native.address_of_text(text, "answer")))
        found.append(native.address_of_text(text, "answer"))
    assert len(set(found)) == 1
    assert sum(name.startswith("answer") for name in compiled) == 1


def test_a_function_that_is_there_is_not_begun(monkeypatch):
    text, name = new_text(), f"answer {next(_numbers)}"
    make = lambda: native.address_of_text(text, "answer")  # noqa: E731
    before = threading.active_count()
    with workers.at_work() as llvm:
        native.begin_function(name, make, llvm)
        native.begin_function(name, make, llvm)
        assert len(llvm._jobs) == 1
        address = make()
    with workers.at_work() as llvm:
        native.begin_function(name, make, llvm)
        assert threading.active_count() == before
        assert make() == address


def test_threads_switch_quickly_for_as_long_as_somebody_is_at_work():
    usual, inside, leave = sys.getswitchinterval(), threading.Event(), threading.Event()

    def work():
        with workers.at_work() as llvm:
            llvm.begin(inside.set)
            assert leave.wait(60)

    other = threading.Thread(target=work)
    with workers.at_work() as llvm:
        llvm.begin(other.start).result()
        assert inside.wait(60)
        assert sys.getswitchinterval() < usual
    assert sys.getswitchinterval() < usual
    leave.set()
    other.join(60)
    assert sys.getswitchinterval() == usual


def test_each_thread_keeps_a_target_machine_of_its_own():
    codegen.engine()  # takes one for itself
    own, others = codegen.target_machine(), []
    thread = threading.Thread(target=lambda: others.append(codegen.target_machine()))
    thread.start()
    thread.join()
    assert codegen.target_machine() is own
    assert others[0] is not own
    assert own.emit_object(parallel.parsed(new_text())).startswith(b"\x7fELF" if sys.platform == "linux" else b"")


def test_an_error_reaches_the_caller_and_the_next_call_tries_again():
    kernel = new_kernel()
    with pytest.raises(RuntimeError, match="expected"), workers.at_work() as llvm:
        llvm.begin(native.address_of_text, "define nonsense", "answer")
        native.kernel_addresses([kernel])
    assert native.kernel_addresses([kernel])[0]


def test_an_error_of_the_block_drops_what_nobody_has_begun_with():
    seen, before = [], threading.active_count()
    with pytest.raises(ZeroDivisionError), workers.at_work() as llvm:
        for _ in range(50):
            llvm.begin(lambda: time.sleep(0.01) or seen.append(1))
        raise ZeroDivisionError
    assert len(seen) < 50
    assert threading.active_count() == before


def test_other_threads_can_ask_for_the_same():
    text, found = new_text(), []

    def ask():
        found.append(native.address_of_text(text, "answer"))

    def ask_workers():
        with workers.at_work() as llvm:
            llvm.begin(ask)
            native.kernel_addresses([new_kernel()])

    threads = [threading.Thread(target=target) for target in (ask_workers, ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 6
    assert len(set(found)) == 1


def test_modules_are_compiled_side_by_side_or_one_by_one(monkeypatch):
    """Around llvmlite's lock, and with it where it is not as we know it."""
    locked = [parallel._unlocked, lambda name: getattr(parallel.ffi.lib, name)]
    for way in locked:
        monkeypatch.setattr(parallel, "_unlocked", way)
        kernels = [new_kernel() for _ in range(12)]
        assert len(set(native.kernel_addresses(kernels))) == 12


PROGRAM = textwrap.dedent("""
    import os, sys, threading
    import numpy as np
    import symdiff as sd

    started, start = [], threading.Thread.start
    threading.Thread.start = lambda thread: started.append(thread) or start(thread)
    x, w = sd.input("x", (sd.dim("n"), 3)), sd.input("w", (3, 2))
    given = np.ones((4, 3), "float32"), np.ones((3, 2), "float32")
    assert (sd.compile(sd.relu(x @ w) + 1, [x, w])(*given) == 4).all()
    print(bool(started), "numba" in sys.modules, flush=True)
    if hasattr(os, "fork"):
        if os.fork() == 0:
            os._exit(int((sd.compile(sd.exp(x @ w) * 0, [x, w])(*given) != 0).any()))
        assert os.wait()[1] == 0
""")


def test_a_cold_start_has_threads_a_warm_one_has_none_and_both_can_fork(tmp_path):
    environment = {**os.environ, "SYMDIFF_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM]
    runs = [
        subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
        for _ in range(2)
    ]
    assert [run.stdout.split() for run in runs] == [["True", "False"], ["False", "False"]]
