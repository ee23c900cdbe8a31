"""The implementations that are compared, each in a file of its own and imported only when it is asked for."""

from __future__ import annotations

import importlib
import importlib.util

from .peer import Peer

_PLACES = {  # name -> (what must be installed, file, class)
    "symdiff call": ("numba", "with_symdiff", "SymdiffCall"),
    "symdiff fit": ("numba", "with_symdiff", "SymdiffFit"),
    "numpy": ("numpy", "with_numpy", "NumPy"),
    "jax": ("jax", "with_jax", "Jax"),
    "jax scan": ("jax", "with_jax", "JaxScan"),
    "pytensor": ("pytensor", "with_pytensor", "PyTensor"),
    "torch": ("torch", "with_torch", "Torch"),
    "torch compile": ("torch", "with_torch", "TorchCompile"),
}
SLOW_TO_COMPILE = ("torch compile",)  # measured only when asked for
CACHE_VARIABLES = (  # what tells each library where to keep compiled code
    "SYMDIFF_CACHE_DIR", "NUMBA_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR",
)  # fmt: skip


def installed() -> list[str]:
    return [name for name, (module, _, _) in _PLACES.items() if importlib.util.find_spec(module)]


def make(name: str) -> Peer:
    _, file, kind = _PLACES[name]
    peer: Peer = getattr(importlib.import_module(f"{__name__}.{file}"), kind)()
    return peer
