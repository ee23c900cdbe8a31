"""The cache on disk: what is damaged or not to be trusted is never run, and no fault of the disk reaches the user."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time

import pytest

from symdiff.runtime import cache, native
from symdiff.runtime.signature import Array, Size

posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")

PROGRAM = textwrap.dedent("""
    import sys
    import numpy as np
    from symdiff.runtime import driver, native
    from symdiff.runtime.signature import Array, Size

    text = "def scale(n, x):\\n    for i in range(n):\\n        x[i] = exp(x[i]) * TWO % THREE\\n"
    params = [Size(), Array("float32", (1,))]
    f = native.kernel_address(text, "scale", params, {"TWO": np.float32(2), "THREE": np.float32(3)})
    x = np.zeros(100, "float32")
    slots, table = np.array([0, 0, 100, x.ctypes.data]), np.array([f, 2, 2, 3])
    assert driver.run()(table.ctypes.data, 1, slots.ctypes.data) == 0
    assert (x == 2).all()
    print("symdiff.runtime.compile" in sys.modules)
""")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = tmp_path / "kernels"
    monkeypatch.setenv("SYMDIFF_CACHE_DIR", str(path))
    return path


def start(folder, program=PROGRAM):
    environment = {**os.environ, "SYMDIFF_CACHE_DIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program], env=environment, stdout=-1, stderr=-1, text=True
    )


def run(folder, program=PROGRAM):
    process = start(folder, program)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output.strip()


def test_what_is_stored_is_loaded(folder):
    assert cache.load("a" * 64) is None
    cache.store("a" * 64, b"code")
    assert cache.load("a" * 64) == b"code"
    assert [path.name for path in folder.iterdir()] == ["a" * 64 + ".o"]


@posix
def test_the_folder_is_the_users_alone(folder):
    cache.store("a" * 64, b"code")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:20], lambda b: b"", lambda b: b[:-1] + b"?"])
def test_a_damaged_entry_is_a_miss_and_is_replaced(folder, damage):
    cache.store("a" * 64, b"code")
    [entry] = folder.iterdir()
    entry.write_bytes(damage(entry.read_bytes()))
    assert cache.load("a" * 64) is None
    cache.store("a" * 64, b"code")
    assert cache.load("a" * 64) == b"code"


@posix
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_can_write_to_is_not_used(folder, mode):
    cache.store("a" * 64, b"code")
    folder.chmod(mode)
    cache._prepared.cache_clear()
    with pytest.warns(RuntimeWarning, match=f"others can write to {folder}") as caught:
        assert cache.load("a" * 64) is None
        assert cache.load("a" * 64) is None
    assert len(caught) == 1


@posix
def test_a_folder_of_another_user_is_not_used(folder, monkeypatch):
    cache.store("a" * 64, b"code")
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    cache._prepared.cache_clear()
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        assert cache.load("a" * 64) is None


def test_a_path_that_is_no_folder(folder):
    folder.write_text("a file")
    with pytest.warns(RuntimeWarning, match="off for this process"):
        cache.store("a" * 64, b"code")
    assert folder.read_text() == "a file"


@pytest.mark.parametrize("broken", ["mkstemp", "replace"])
def test_a_disk_that_cannot_be_written(folder, monkeypatch, broken):
    """Read-only and full disks (the tests may run as root, for whom modes mean nothing)."""

    def fail(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile if broken == "mkstemp" else cache.os, broken, fail)
    cache.store("a" * 64, b"code")
    assert cache.load("a" * 64) is None
    assert list(folder.iterdir()) == []


def test_a_half_written_file_leaves_nothing(folder, monkeypatch):
    class Full:
        def __init__(self, handle, _mode):
            os.close(handle)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "fdopen", Full)
    cache.store("a" * 64, b"code")
    assert list(folder.iterdir()) == []


def test_a_cache_that_is_off_does_not_stop_the_work(folder, monkeypatch):
    monkeypatch.setattr(cache, "_folder", lambda: None)
    text = "def f(n, x):\n    for i in range(n):\n        x[i] = x[i] + 12345\n"
    assert native.kernel_address(text, "f", [Size(), Array("int64", (1,))], {}) != 0


def test_default_folders(monkeypatch, tmp_path):
    monkeypatch.delenv("SYMDIFF_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setenv("HOME", str(tmp_path))
    places = {"linux": tmp_path / "xdg", "darwin": tmp_path / "Library/Caches", "win32": tmp_path / "local"}
    for platform, place in places.items():
        monkeypatch.setattr(sys, "platform", platform)
        assert cache._default_folder() == str(place / "symdiff")


def test_the_second_process_compiles_nothing(folder):
    assert run(folder) == "True"
    entries = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert run(folder) == "False"
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == entries


def test_damaged_entries_are_compiled_again(folder):
    run(folder)
    for entry in folder.iterdir():
        entry.write_bytes(entry.read_bytes()[:-100] + bytes(100))
    assert run(folder) == "True"
    assert run(folder) == "False"


def test_eight_processes_at_once(folder):
    processes = [start(folder) for _ in range(8)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert {path.suffix for path in folder.iterdir()} == {".o", ".files"}
    assert run(folder) == "False"


@posix
def test_a_process_killed_while_it_compiles_leaves_nothing(folder):
    kill = """
import os
from symdiff.runtime import codegen
codegen.object_code = lambda *_: print("compiling", flush=True) or os.kill(os.getpid(), 9)
"""
    process = start(folder, kill + PROGRAM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert "compiling" in output
    assert [path for path in folder.iterdir() if path.suffix != ".files"] == []
    assert run(folder) == "True"
    assert run(folder) == "False"


@posix
def test_a_killed_process_leaves_nothing_that_is_run(folder):
    """Killed in the middle of writing: the temporary file stays, the entry does not appear."""
    kill = "import os\nos.replace = lambda *_: print('writing', flush=True) or os.kill(os.getpid(), 9)\n"
    program = kill + PROGRAM
    process = start(folder, program)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert "writing" in output
    assert [path.suffix for path in folder.iterdir()] == [".tmp"]
    assert run(folder) == "True"
    assert run(folder) == "False"


def aged(path, days):
    then = time.time() - days * 24 * 60 * 60
    os.utime(path, (then, then))


def test_leftovers_of_killed_processes_are_removed_after_a_day(folder):
    cache.store("a" * 64, b"code")
    old, fresh, other = (folder / name for name in ("old.tmp", "fresh.tmp", "other.txt"))
    for path in (old, fresh, other):
        path.write_bytes(b"half an entry")
    aged(old, 2)
    aged(other, 2000)
    cache.store("b" * 64, b"code")
    assert old.exists()  # the folder is looked through now and then
    cache.store("0" * 64, b"code")
    assert not old.exists()
    assert fresh.exists() and other.exists()
    assert cache.load("a" * 64) == cache.load("b" * 64) == b"code"


def test_entries_that_nobody_loads_are_removed(folder):
    used, unused = folder / f"{'a' * 64}.o", folder / f"{'b' * 64}.o"
    for path in (used, unused):
        cache.store(path.stem, b"code")
        aged(path, 100)
    assert cache.load(used.stem) == b"code"
    cache.store("0" * 64, b"code")
    assert used.exists() and not unused.exists()
    aged(used, 80)
    cache.store("00" + "a" * 62, b"code")
    assert cache.load(used.stem) == b"code"


def test_an_entry_of_old_is_loaded_from_a_folder_that_is_read_only(folder, monkeypatch):
    cache.store("a" * 64, b"code")
    aged(folder / f"{'a' * 64}.o", 100)

    def fail(*_args, **_kwargs):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", fail)
    assert cache.load("a" * 64) == b"code"
