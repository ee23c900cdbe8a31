"""Object code put into memory without LLVM, whose import alone is a good part of a warm start.

An object file for x86-64 on Linux, as LLVM writes it for its large code model: sections are copied, and the absolute
addresses that are left open are filled in. What needs more than that is for LLVM (load.py).
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import struct
import sys
from collections.abc import Mapping

from symdiff.core.record import record
from symdiff.runtime import cpu

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_MAGIC, _RELOCATABLE, _X86_64 = b"\x7fELF\x02\x01", 1, 62
_PROGBITS, _SYMBOLS, _RELOCATIONS, _UNWINDING = 1, 2, 4, 0x70000001  # kinds of sections
_WRITABLE, _LOADED = 1, 2  # their flags
_ABSOLUTE_64 = 1  # the relocation that stores a whole address
_NOWHERE = 0  # the section of a symbol that another file defines


class UnsupportedError(Exception):
    """Object code with more in it than this loader knows."""


def is_possible() -> bool:
    return sys.platform == "linux" and cpu.architecture() == "x86_64"


def load_all(codes: Mapping[str, bytes]) -> dict[str, int]:
    """The address of each symbol, by the object code that defines it. Code stays for the life of the process.

    Raises UnsupportedError for code that this loader does not know, RuntimeError for a symbol that is not there.
    """
    objects = {symbol: _Object(code) for symbol, code in codes.items()}
    end = 0
    for each in objects.values():
        end = each.lay_out(end)
    base = _memory(end)
    image = bytearray(end)
    for each in objects.values():
        each.write(image, base)
    found = {symbol: each.address(symbol, base) for symbol, each in objects.items()}
    ctypes.memmove(base, bytes(image), end)
    if _process().mprotect(ctypes.c_void_p(base), ctypes.c_size_t(end), mmap.PROT_READ | mmap.PROT_EXEC):
        raise UnsupportedError("this system does not let code be made")
    return found


@record
class _Section:
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    align: int

    @property
    def is_loaded(self) -> bool:
        return bool(self.flags & _LOADED) and self.kind != _UNWINDING  # nothing is thrown through our code


class _Object:
    """One object file; `places` are the offsets in the image of the sections that are loaded."""

    def __init__(self, code: bytes) -> None:
        if not code.startswith(_MAGIC) or len(code) < _HEADER.size:
            raise UnsupportedError("this is no object file of a 64-bit little-endian machine")
        _, kind, machine, _, _, _, first, _, _, _, _, size, count, _ = _HEADER.unpack_from(code)
        if (kind, machine, size) != (_RELOCATABLE, _X86_64, _SECTION.size):
            raise UnsupportedError("this is no relocatable object file for x86-64")
        self.code = code
        fields = (_SECTION.unpack_from(code, first + k * size) for k in range(count))
        self.sections = [_Section(f[1], f[2], *f[4:9]) for f in fields]
        if any(s.is_loaded and (s.kind != _PROGBITS or s.flags & _WRITABLE) for s in self.sections):
            raise UnsupportedError("sections other than code and constants")
        (table,) = (section for section in self.sections if section.kind == _SYMBOLS)
        self.symbols = list(_SYMBOL.iter_unpack(self._bytes(table)))
        self.names = self._bytes(self.sections[table.link])
        self.relocations = [
            (section.info, offset, info >> 32, addend)
            for section in self.sections
            if section.kind == _RELOCATIONS and self.sections[section.info].is_loaded
            for offset, info, addend in self._relocations(section)
        ]
        self.places: dict[int, int] = {}

    def _bytes(self, section: _Section) -> bytes:
        return self.code[section.offset : section.offset + section.size]

    def _relocations(self, section: _Section) -> list[tuple[int, int, int]]:
        found = list(_RELOCATION.iter_unpack(self._bytes(section)))
        for _, info, _ in found:
            if info & 0xFFFFFFFF != _ABSOLUTE_64:
                raise UnsupportedError(f"a relocation of type {info & 0xFFFFFFFF}")
        return found

    def lay_out(self, end: int) -> int:
        """Give the loaded sections places after `end`; the end of the last of them."""
        for k, section in enumerate(self.sections):
            if section.is_loaded:
                self.places[k] = end + -end % max(section.align, 1)
                end = self.places[k] + section.size
        return end

    def write(self, image: bytearray, base: int) -> None:
        """The sections into their places, with the addresses they hold once the image lies at `base`."""
        for k, place in self.places.items():
            section = self.sections[k]
            image[place : place + section.size] = self._bytes(section)
        for k, offset, symbol, addend in self.relocations:
            value = (self._value(symbol, base) + addend) % 2**64
            struct.pack_into("<Q", image, self.places[k] + offset, value)

    def _value(self, symbol: int, base: int) -> int:
        name, _, _, section, value, _ = self.symbols[symbol]
        if section == _NOWHERE:
            return _address_in_process(self._name(name))
        return base + self.places[section] + int(value)

    def address(self, symbol: str, base: int) -> int:
        for k, (name, _, _, section, _, _) in enumerate(self.symbols):
            if section in self.places and self._name(name) == symbol:
                return self._value(k, base)
        raise RuntimeError(f"object code does not define {symbol!r}")

    def _name(self, start: int) -> str:
        return self.names[start : self.names.index(b"\0", start)].decode()


def _memory(size: int) -> int:
    """The address of new pages. They are never given back, not even at exit: threads of ours may be inside."""
    allocate = _process().mmap
    allocate.restype = ctypes.c_void_p
    kind, rights = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE
    address: int | None = allocate(None, ctypes.c_size_t(size), rights, kind, -1, ctypes.c_long(0))
    if address in (None, 2**64 - 1):
        raise MemoryError(f"there are no {size} bytes for code")
    assert address is not None
    return address


@functools.cache
def _process() -> ctypes.CDLL:
    return ctypes.CDLL(None)


@functools.cache
def _address_in_process(name: str) -> int:
    """Of a C function of this process: of Python, of C's library or its mathematics."""
    try:
        function = getattr(_process(), name)
    except AttributeError:
        raise RuntimeError(f"object code needs the C function {name!r}, which this process does not have") from None
    return ctypes.cast(function, ctypes.c_void_p).value or 0
