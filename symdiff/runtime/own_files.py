"""The files this package is made of: besides what it is asked for, they decide what it makes.

To read them all takes 10 ms, so what was read is kept on disk under what the system says of the files: their
sizes, when they were changed, which they are. That is what it goes by which a new process only has to ask for.
"""

from __future__ import annotations

import functools
import os
from typing import NamedTuple

from symdiff.core import IMPORT_BEGAN
from symdiff.core.digest import digest, digest_of
from symdiff.runtime import cache

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_COMPILER = ("/runtime/", "/core/special/")
_TICK = 0.05  # seconds: clocks of file systems are behind by no more
Seen = list[tuple[str, int, int, int, int]]


class Digests(NamedTuple):
    """Of all files, and of those that compile kernels. The files are ``imported`` ones if none of them was changed
    since this process began to import them: only then do they say what this process does."""

    package: str
    compiler: str
    imported: bool


@functools.cache
def digests() -> Digests:
    """Of the files as they are at the first call."""
    seen = _seen()
    if not seen:  # nothing to go by, so nothing that was kept is known to be right
        unknown = digest(os.urandom(16))
        return Digests(unknown, unknown, imported=False)
    if not _are_imported(seen):
        return Digests(*_read(seen), imported=False)
    key = digest_of(seen)
    kept = cache.load(key, cache.FILES)
    if kept is not None:
        package, compiler = kept.decode().split()
        return Digests(package, compiler, imported=True)
    read = _read(seen)
    if _seen() != seen:
        return Digests(*read, imported=False)
    cache.store(key, " ".join(read).encode(), cache.FILES)
    return Digests(*read, imported=True)


def are_unchanged() -> bool:
    """Whether the files still are those that this process imported."""
    return digests().imported and _are_imported(_seen())


def _are_imported(seen: Seen) -> bool:
    return bool(seen) and max(max(entry[2:4]) for entry in seen) < (IMPORT_BEGAN - _TICK) * 1e9


def _seen() -> Seen:
    """What the system says of each file; of none, where the package does not lie in a folder."""
    found: Seen = []
    folders = [_PACKAGE] if os.path.isdir(_PACKAGE) else []
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    s = entry.stat()
                    found.append((entry.path, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino))
                elif entry.name != "__pycache__" and entry.is_dir():
                    folders.append(entry.path)
    return sorted(found)


def _read(seen: Seen) -> tuple[str, str]:
    package, compiler = [], []
    for path, *_ in seen:
        with open(path, "rb") as file:
            entry = path[len(_PACKAGE) :].replace(os.sep, "/"), digest(file.read())
        package.append(entry)
        if entry[0].startswith(_COMPILER):
            compiler.append(entry)
    return digest_of(package), digest_of(compiler)
