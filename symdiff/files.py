"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
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
