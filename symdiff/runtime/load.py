"""Object code -> the address of a function in this process. A warm start never imports Numba, nor LLVM where elf.py
knows the format."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from symdiff.runtime import elf

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
        try:
            found = elf.load_all(fresh) if elf.is_possible() else _linked(fresh)
        except elf.UnsupportedError:
            found = _linked(fresh)
        _addresses.update(found)


def _linked(codes: Mapping[str, bytes]) -> dict[str, int]:
    """The same by LLVM."""
    import llvmlite.binding as llvm

    from symdiff.runtime import codegen

    engine = codegen.engine()
    for code in codes.values():
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    found = {symbol: int(engine.get_function_address(symbol)) for symbol in codes}
    for symbol, address in found.items():
        if address == 0:
            raise RuntimeError(f"object code does not define {symbol!r}")
    return found


def is_loaded(symbol: str) -> bool:
    return symbol in _addresses


def address(symbol: str) -> int:
    """The address of a symbol that is loaded."""
    return _addresses[symbol]
