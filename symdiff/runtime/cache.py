"""A folder of object code, and of what else is worth keeping, one file for each digest. No fault of it ever reaches the
user.

Cached code is executed, so the folder is used only when it belongs to the user and nobody else can write to it. An
entry is written to a temporary file and renamed, and carries a checksum: what is damaged or half written is a miss.
What nobody has loaded for a long time goes.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time
import warnings

from symdiff.core.digest import DIGEST_BYTES, checksum

_DAY = 24 * 60 * 60
_KEPT = 90 * _DAY  # since an entry was last loaded, give or take a day
_MAGIC = b"symdiff object 2\n"
CODE, PLAN, FILES = ".o", ".plan", ".files"
"""What is kept: object code; programs, ready to be linked; what was found out about our own files."""


def load(digest: str, kind: str = CODE) -> bytes | None:
    """What is stored under `digest`, or None."""
    folder = _folder()
    if folder is None:
        return None
    try:
        with open(f"{folder}/{digest}{kind}", "rb") as file:
            entry, stored = file.read(), os.fstat(file.fileno()).st_mtime
    except OSError:
        return None
    if time.time() - stored > _DAY:
        with contextlib.suppress(OSError):  # the folder may be read-only
            os.utime(file.name)  # in use
    head = len(_MAGIC) + DIGEST_BYTES
    code = entry[head:]
    if not entry.startswith(_MAGIC) or entry[len(_MAGIC) : head] != checksum(code):
        return None
    return code


def store(digest: str, code: bytes, kind: str = CODE) -> None:
    """Keep `code` under `digest`, if the folder and the disk allow it."""
    folder = _folder()
    if folder is None:
        return
    if digest.startswith("00"):  # one in 256
        _tidy(folder)
    import tempfile  # a warm start stores nothing

    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=digest[:16], suffix=".tmp", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + checksum(code) + code)
        os.replace(temporary, f"{folder}/{digest}{kind}")
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _tidy(folder: str) -> None:
    """Remove entries that are out of use, and the temporary files of processes that were killed a day or more ago."""
    kept = {CODE: _KEPT, PLAN: _KEPT, FILES: _KEPT, ".tmp": _DAY}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            limit = kept.get(os.path.splitext(entry.name)[1])
            if limit is not None and time.time() - entry.stat().st_mtime > limit:
                os.unlink(entry.path)


def _folder() -> str | None:
    return _prepared(os.environ.get("SYMDIFF_CACHE_DIR") or _default_folder())


@functools.cache
def _prepared(folder: str) -> str | None:
    """The folder, made if need be; None, with one warning for the process, when it cannot be trusted."""
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        fault = _fault(folder)
    except OSError as error:
        fault = str(error)
    if fault is None:
        return folder
    warnings.warn(
        f"symdiff: the cache of compiled kernels is off for this process: {fault}. "
        "Set SYMDIFF_CACHE_DIR to a folder that only you can write to.",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def _fault(folder: str) -> str | None:
    """Why code from this folder must not be run, or None."""
    if not os.path.isdir(folder):
        return f"{folder} is not a folder"
    if os.name != "posix":
        return None
    status = os.stat(folder)
    if status.st_uid != os.geteuid():
        return f"{folder} belongs to another user"
    if status.st_mode & 0o022:
        return f"others can write to {folder}"
    return None


def _default_folder() -> str:
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return os.path.join(base, "symdiff")
