"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable
from typing import Any


def write_whole(path: str | os.PathLike[str], write: Callable[[Any], object]) -> None:
    """Call ``write`` with a binary file that takes the place of ``path`` once it is complete."""
    target = os.path.abspath(os.fspath(path))
    folder, name = os.path.split(target)
    part = os.path.join(folder, f".{name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with open(part, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)


def remove_parts(path: str | os.PathLike[str]) -> None:
    """Remove what processes that were killed left of this file, half-written."""
    folder, name = os.path.split(os.path.abspath(os.fspath(path)))
    for entry in os.listdir(folder):
        found = re.fullmatch(rf"\.{re.escape(name)}\.(\d+)-\d+\.tmp", entry)
        if found and not _is_alive(int(found[1])):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, entry))


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return True  # nobody can ask
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
