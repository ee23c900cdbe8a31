"""A folder of object code, one file for each digest. No fault of it ever reaches the user.

Cached code is executed, so the folder is used only when it belongs to the user and nobody else can write to it. An
entry is written to a temporary file and renamed, and carries a checksum: what is damaged or half written is a miss.
What nobody has loaded for a long time goes.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import time
import warnings
from pathlib import Path

_DAY = 24 * 60 * 60
_KEPT = 90 * _DAY  # since an entry was last loaded, give or take a day
_MAGIC = b"symdiff object 1\n"
_CHECKSUM_BYTES = hashlib.sha256().digest_size


def load(digest: str) -> bytes | None:
    """The object code stored under `digest`, or None."""
    folder = _folder()
    if folder is None:
        return None
    try:
        with open(folder / f"{digest}.o", "rb") as file:
            entry, stored = file.read(), os.fstat(file.fileno()).st_mtime
    except OSError:
        return None
    if time.time() - stored > _DAY:
        with contextlib.suppress(OSError):  # the folder may be read-only
            os.utime(file.name)  # in use
    head = len(_MAGIC) + _CHECKSUM_BYTES
    code = entry[head:]
    if not entry.startswith(_MAGIC) or entry[len(_MAGIC) : head] != hashlib.sha256(code).digest():
        return None
    return code


def store(digest: str, code: bytes) -> None:
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
            file.write(_MAGIC + hashlib.sha256(code).digest() + code)
        os.replace(temporary, folder / f"{digest}.o")
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _tidy(folder: Path) -> None:
    """Remove entries that are out of use, and the temporary files of processes that were killed a day or more ago."""
    kept = {".o": _KEPT, ".tmp": _DAY}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            limit = kept.get(os.path.splitext(entry.name)[1])
            if limit is not None and time.time() - entry.stat().st_mtime > limit:
                os.unlink(entry.path)


def _folder() -> Path | None:
    return _prepared(os.environ.get("SYMDIFF_CACHE_DIR") or str(_default_folder()))


@functools.cache
def _prepared(location: str) -> Path | None:
    """The folder, made if need be; None, with one warning for the process, when it cannot be trusted."""
    folder = Path(location)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
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


def _fault(folder: Path) -> str | None:
    """Why code from this folder must not be run, or None."""
    if not folder.is_dir():
        return f"{folder} is not a folder"
    if os.name != "posix":
        return None
    status = folder.stat()
    if status.st_uid != os.geteuid():
        return f"{folder} belongs to another user"
    if status.st_mode & 0o022:
        return f"others can write to {folder}"
    return None


def _default_folder() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "symdiff"
