"""Threads for LLVM: what they are given, who does it, when they end."""

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


@pytest.fixture
def own():
    """Workers nobody else gives jobs to, one thread of them."""
    return workers.Workers()


def join(own):
    for thread in list(own.threads):
        thread.join(60)


def test_jobs_are_done_in_order_by_threads_that_end(own, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    seen = []
    jobs = [own.begin(lambda k=k: seen.append((k, threading.current_thread())) or k) for k in range(20)]
    join(own)
    assert [k for k, _ in seen] == list(range(20)) == [job.result() for job in jobs]
    assert threading.main_thread() not in {thread for _, thread in seen}
    assert not own.threads
    assert own.begin(lambda: 7).result() == 7


def test_who_needs_a_result_does_what_nobody_has_begun_with(own):
    go_on, here = threading.Event(), []
    slow = [own.begin(lambda: go_on.wait(60)) for _ in range(workers._MOST)]
    job = own.begin(lambda: here.append(threading.current_thread()) or 1)
    assert job.result() == 1
    assert here == [threading.main_thread()]
    go_on.set()
    assert all(each.result() for each in slow)
    join(own)
    assert len(here) == 1


def test_an_error_reaches_all_who_need_the_result(own):
    job = own.begin(lambda: 1 // 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            job.result()
    join(own)
    assert own.begin(lambda: 2).result() == 2


def test_what_was_interrupted_can_be_done_again():
    attempts = []

    def work():
        attempts.append(1)
        if len(attempts) == 1:
            raise KeyboardInterrupt
        return "done"

    job = workers.Job(work)
    with pytest.raises(KeyboardInterrupt):
        job.result()
    assert job.result() == job.result() == "done"
    assert len(attempts) == 2


def test_no_thread_is_left_while_they_rest(own):
    begun, seen = threading.Event(), []
    first = own.begin(lambda: begun.set() or time.sleep(0.05) or seen.append(1))
    others = [own.begin(lambda: seen.append(2)) for _ in range(3)]
    assert begun.wait(60)
    own.rest()
    assert seen[:1] == [1]
    assert not own.threads
    own.go_on()
    for job in (first, *others):
        job.result()
    join(own)
    assert sorted(seen) == [1, 2, 2, 2]


def test_where_the_system_gives_no_thread_jobs_are_done_by_who_needs_them(own, monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    jobs = [own.begin(lambda k=k: k) for k in range(3)]
    assert [job.result() for job in jobs] == [0, 1, 2]


def test_threads_switch_quickly_for_as_long_as_somebody_is_in_a_hurry():
    usual, inside, leave = sys.getswitchinterval(), threading.Event(), threading.Event()

    def work():
        with workers.hurry():
            inside.set()
            assert leave.wait(60)

    other = threading.Thread(target=work)
    with workers.hurry():
        other.start()
        assert inside.wait(60)
        assert sys.getswitchinterval() < usual
    assert sys.getswitchinterval() < usual
    leave.set()
    other.join(60)
    assert sys.getswitchinterval() == usual


def test_kernels_are_compiled_before_somebody_asks_for_them():
    kernel = new_kernel()
    native.begin_kernels([kernel])
    for thread in list(workers.WORKERS.threads):
        thread.join(60)
    assert native.cache.load(native._digest(kernel)) is not None
    assert native.kernel_addresses([kernel]) == native.kernel_addresses([kernel])
    assert native._digest(kernel) not in native._begun


def test_no_thread_is_started_for_what_is_there(monkeypatch):
    kernel = new_kernel()
    native.kernel_addresses([kernel])
    monkeypatch.setattr(native, "begin", lambda work: pytest.fail("it is there"))
    native.begin_kernels([kernel])
    native.kernel_addresses([kernel])


def test_a_kernel_with_an_error_is_tried_again():
    kernel, texts = new_kernel(), [("def f(x):\n    x[()] = nonsense\n", {})]
    wanted = native.Wanted("f", kernel.digest, kernel.params, lambda: texts.pop() if texts else kernel.source())
    native.begin_kernels([wanted])
    with pytest.raises(NameError, match="nonsense") as error:
        native.kernel_addresses([wanted])
    assert "while compiling the kernel f" in error.value.__notes__[0]
    assert native.kernel_addresses([wanted])[0]


def test_a_function_is_compiled_once(monkeypatch):
    text, compiled, code = new_text(), [], codegen.object_code
    monkeypatch.setattr(codegen, "object_code", lambda *given: compiled.append(given[1]) or code(*given))
    make = lambda: native.address_of_text(text, "answer")  # noqa: E731
    for _ in range(2):
        native.begin_function(text, make)
    assert len({make(), make()}) == 1
    assert sum(name.startswith("answer") for name in compiled) == 1


def test_a_function_that_is_there_is_not_begun(monkeypatch):
    text = new_text()
    address = native.address_of_text(text, "answer")
    monkeypatch.setattr(native, "begin", lambda work: pytest.fail("it is there"))
    native.begin_function(text, lambda: native.address_of_text(text, "answer"))
    assert native.address_of_text(text, "answer") == address


def test_each_thread_keeps_a_target_machine_of_its_own():
    codegen.engine()  # takes one for itself
    own, others = codegen.target_machine(), []
    thread = threading.Thread(target=lambda: others.append(codegen.target_machine()))
    thread.start()
    thread.join()
    assert codegen.target_machine() is own
    assert others[0] is not own
    assert own.emit_object(parallel.parsed(new_text())).startswith(b"\x7fELF" if sys.platform == "linux" else b"")


def test_threads_can_ask_for_the_same():
    text, kernel, found = new_text(), new_kernel(), []

    def ask():
        native.begin_kernels([kernel])
        native.begin_function(text, lambda: native.address_of_text(text, "answer"))
        found.append((native.address_of_text(text, "answer"), *native.kernel_addresses([kernel])))

    threads = [threading.Thread(target=ask) for _ in range(6)]
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


def run(program, folder):
    environment = {**os.environ, "SYMDIFF_CACHE_DIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True).stdout


PROGRAM = """
    import os, sys, threading
    import numpy as np
    import symdiff as sd

    started, start = [], threading.Thread.start
    threading.Thread.start = lambda thread: started.append(thread) or start(thread)
    x, w = sd.input("x", (sd.dim("n"), 3)), sd.input("w", (3, 2))
    given = np.ones((4, 3), "float32"), np.ones((3, 2), "float32")
    f = sd.compile(sd.relu(x @ w) + 1, [x, w])
    if hasattr(os, "fork"):  # while LLVM is at work, where it has to be
        if os.fork() == 0:
            right = (f(*given) == 4).all() and (sd.compile(sd.exp(x @ w) * 0, [x, w])(*given) == 0).all()
            os._exit(0 if right else 1)
        assert os.wait()[1] == 0
    assert (f(*given) == 4).all()
    print(bool(started), "numba" in sys.modules)
"""


def test_a_cold_start_has_threads_a_warm_one_has_none_and_both_can_fork(tmp_path):
    assert [run(PROGRAM, tmp_path).split() for _ in range(2)] == [["True", "False"], ["False", "False"]]


def test_a_process_that_ends_does_not_wait_for_what_nobody_has_begun_with(tmp_path):
    program = """
        import time
        from symdiff.runtime import workers

        for k in range(100):
            workers.begin(lambda k=k: time.sleep(0.05) or print(k, flush=True))
    """
    assert len(run(program, tmp_path).split()) < 50


def test_what_is_compiled_at_the_very_end_is_compiled(tmp_path):
    program = """
        import atexit
        import symdiff as sd

        x = sd.input("x", (3,))
        atexit.register(lambda: print(sd.compile(x * 2 + 1)([1, 2, 3])))
    """
    assert run(program, tmp_path).split() == ["[3.", "5.", "7.]"]
