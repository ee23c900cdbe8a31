"""The libraries that are compared, each in a file of its own and imported only when it is asked for."""

from __future__ import annotations

import importlib
import importlib.util

from .peer import Peer

_PLACES = {  # name -> (what must be installed, file, class)
    "symdiff": ("numba", "with_symdiff", "Symdiff"),
    "numpy": ("numpy", "with_numpy", "NumPy"),
    "jax": ("jax", "with_jax", "Jax"),
    "pytensor": ("pytensor", "with_pytensor", "PyTensor"),
    "torch": ("torch", "with_torch", "Torch"),
    "torch-compile": ("torch", "with_torch", "TorchCompile"),
}
NAMES = tuple(_PLACES)
SLOW_TO_COMPILE = ("pytensor", "torch-compile")  # their waits are measured of one workload only
OPTIONAL = ("torch-compile",)  # measured only when asked for


def installed() -> list[str]:
    return [name for name, (module, _, _) in _PLACES.items() if importlib.util.find_spec(module)]


def make(name: str) -> Peer:
    _, file, kind = _PLACES[name]
    peer: Peer = getattr(importlib.import_module(f"{__name__}.{file}"), kind)()
    return peer
