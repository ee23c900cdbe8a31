"""How the modules of this folder are run as processes of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE_VARIABLES = (  # what tells each library where to keep compiled code
    "SYMDIFF_CACHE_DIR", "NUMBA_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR",
)  # fmt: skip


def command(module: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"{__package__}.{module}", *map(str, arguments)]


def environment(cache: str | None = None) -> dict[str, str]:
    """symdiff from this checkout; every library's cache of compiled code in a folder of our own, if one is given."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # as users start
    if cache is None:
        return {**own, "PYTHONPATH": path}
    caches = {variable: os.path.join(cache, variable) for variable in CACHE_VARIABLES}
    settings = {
        "PYTENSOR_FLAGS": f"base_compiledir={cache}/pytensor",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    return {**own, **caches, **settings, "PYTHONPATH": path}
