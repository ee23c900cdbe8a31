"""Object code -> the address of a function in this process. Uses llvmlite only, so a warm start never imports Numba."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import llvmlite.binding as llvm

from symdiff.runtime import codegen

_lock = threading.Lock()
_addresses: dict[str, int] = {}


def load(code: bytes, symbol: str) -> int:
    """The address of `symbol`, which `code` defines. Code is linked once and stays for the life of the process."""
    load_all({symbol: code})
    return _addresses[symbol]


def load_all(codes: Mapping[str, bytes]) -> None:
    """Link object code, by the symbol that each piece defines."""
    with _lock:
        fresh = {symbol: code for symbol, code in codes.items() if symbol not in _addresses}
        if not fresh:
            return
        engine = codegen.engine()
        for code in fresh.values():
            engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        for symbol in fresh:
            address = int(engine.get_function_address(symbol))
            if address == 0:
                raise RuntimeError(f"object code does not define {symbol!r}")
            _addresses[symbol] = address


def is_loaded(symbol: str) -> bool:
    return symbol in _addresses


def address(symbol: str) -> int:
    """The address of a symbol that is loaded."""
    return _addresses[symbol]
