"""Object code -> the address of a function in this process. Uses llvmlite only, so a warm start never imports Numba."""

from __future__ import annotations

import functools
import threading

import llvmlite.binding as llvm

from symdiff.runtime.codegen import target_machine

_lock = threading.Lock()
_addresses: dict[str, int] = {}


def load(code: bytes, symbol: str) -> int:
    """The address of `symbol`, which `code` defines. Code is linked once and stays for the life of the process."""
    with _lock:
        if symbol not in _addresses:
            _addresses[symbol] = _link(code, symbol)
        return _addresses[symbol]


def is_loaded(symbol: str) -> bool:
    return symbol in _addresses


def address(symbol: str) -> int:
    """The address of a symbol that is loaded."""
    return _addresses[symbol]


def _link(code: bytes, symbol: str) -> int:
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = int(engine.get_function_address(symbol))
    if address == 0:
        raise RuntimeError(f"object code does not define {symbol!r}")
    return address


@functools.cache
def _engine() -> llvm.ExecutionEngine:
    machine = target_machine()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
