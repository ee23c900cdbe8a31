"""What LLVM's threads make beside the kernels."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
import threading

import pytest

from symdiff.runtime import codegen, native, parallel
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


def test_it_is_done_in_a_thread_that_ends_with_the_call():
    before, seen = threading.active_count(), []
    native.kernel_addresses([new_kernel()], [lambda: seen.append(threading.current_thread())])
    assert [thread is threading.main_thread() for thread in seen] == [False]
    assert not seen[0].is_alive()
    assert threading.active_count() == before


def test_it_is_not_done_when_nothing_is_to_be_compiled():
    kernel, seen = new_kernel(), []
    native.kernel_addresses([kernel])
    native.kernel_addresses([kernel], [lambda: seen.append("done")])
    assert not seen


def test_a_function_is_compiled_once(monkeypatch):
    text, compiled, code = new_text(), [], codegen.object_code
    monkeypatch.setattr(codegen, "object_code", lambda *given: compiled.append(given[1]) or code(*given))
    found = []
    native.kernel_addresses([new_kernel()], [lambda: found.append(native.address_of_text(text, "answer"))] * 2)
    found.append(native.address_of_text(text, "answer"))
    assert len(set(found)) == 1
    assert sum(name.startswith("answer") for name in compiled) == 1


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
    with pytest.raises(RuntimeError, match="expected"):
        native.kernel_addresses([kernel], [lambda: native.address_of_text("define nonsense", "answer")])
    assert native.kernel_addresses([kernel])[0]


def test_other_threads_can_ask_for_the_same():
    text, found = new_text(), []

    def ask():
        found.append(native.address_of_text(text, "answer"))

    threads = [threading.Thread(target=native.kernel_addresses, args=([new_kernel()], [ask])) for _ in range(3)]
    threads += [threading.Thread(target=ask) for _ in range(3)]
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
