"""Kernel text -> the address of its C function: from memory, else from the disk, else by compiling."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import PathFinder

import numpy as np

from symdiff.core.digest import digest_of
from symdiff.core.record import record
from symdiff.runtime import cache, cpu, load, own_files
from symdiff.runtime.signature import Param
from symdiff.runtime.workers import Job, begin, hurry

_codes: dict[int, tuple[str, str]] = {}  # by address: the symbol, and the digest it is kept under
_begun: dict[str, Job[bytes]] = {}  # kernels that are being compiled, by digest; to be looked at while _beginning
_asked: set[str] = set()  # functions that were begun
_beginning = threading.RLock()
_here = threading.local()
_writing: dict[str, threading.RLock] = {}
"""One for each function that is not a kernel."""


@record
class Wanted:
    """A kernel that somebody wants to call. Those of equal digests do the same; `source` gives the text and the
    constants in it, and is asked when no such kernel was compiled before. `extra` names further functions in it."""

    name: str
    digest: str
    params: Sequence[Param]
    source: Callable[[], tuple[str, Mapping[str, np.generic]]]
    extra: frozenset[str] = frozenset()


def kernel_address(
    text: str,
    name: str,
    params: Sequence[Param],
    constants: Mapping[str, np.generic],
    extra: frozenset[str] = frozenset(),
) -> int:
    """The address of `int64 f(int64* words, int64* slots)` for the function in `text`.

    Parameter by parameter, a word is the number of a slot: a `Size` is the slot's value; an `Array` is the address in
    the slot, and takes one more word for each stride that is given at run time. The function returns what the kernel
    returns, or 0. Equal kernels, whatever their names, have one address. `extra` names further functions that the text
    may call (the driver's own intrinsics).

    Raises SyntaxError, NameError or TypeError if the text is not a kernel, and Numba's error if nobody can type it.
    """
    from symdiff.runtime.text import canonical  # texts are for what has to be compiled

    with _noted(name, text):
        digest = canonical(text, params, constants, extra).digest
    return kernel_addresses([Wanted(name, digest, params, lambda: (text, constants), extra)])[0]


def kernel_addresses(kernels: Sequence[Wanted]) -> list[int]:
    """The address of each kernel, as `kernel_address`: from memory, else from the disk, else by compiling."""
    digests = [_digest(kernel) for kernel in kernels]
    with _beginning:
        begin_kernels(kernels)
        jobs = {digest: job for digest, job in _begun.items() if digest in digests}
    try:
        with hurry():
            for job in jobs.values():
                job.run(wait=False)  # while threads do others
            load.load_all({_symbol(digest): job.result() for digest, job in jobs.items()})
    finally:
        with _beginning:
            for digest in jobs:
                _begun.pop(digest, None)
    return [_known(_symbol(digest), digest) for digest in digests]


def begin_kernels(kernels: Sequence[Wanted]) -> None:
    """Load the kernels that are on the disk, and begin to compile those that are not."""
    wanted = {_digest(kernel): kernel for kernel in kernels}
    with _beginning:
        fresh = [digest for digest in wanted if not load.is_loaded(_symbol(digest)) and digest not in _begun]
        stored = {digest: cache.load(digest) for digest in fresh}
        load.load_all({_symbol(digest): code for digest, code in stored.items() if code is not None})
        for digest, code in stored.items():
            if code is None:
                _begun[digest] = begin(functools.partial(_compiled, wanted[digest], digest))


def begin_function(name: str, make: Callable[[], object]) -> None:
    """The same for a function that is no kernel: `make` asks for its address."""
    if name in _asked:
        return
    _asked.add(name)
    _here.without_llvm = True
    try:
        make()
    except _NeedsLLVMError:
        begin(make)
    finally:
        _here.without_llvm = False


class _NeedsLLVMError(Exception):
    """A function is neither in memory nor on the disk."""


def _compiled(kernel: Wanted, digest: str) -> bytes:
    """The object code of a kernel, which is kept on the disk."""
    from symdiff.runtime import codegen
    from symdiff.runtime.compile import llvm_text
    from symdiff.runtime.text import canonical

    text, constants = kernel.source()
    with _noted(kernel.name, text):
        found = canonical(text, kernel.params, constants, kernel.extra)
        code = codegen.object_code(llvm_text(found, _symbol(digest)), _symbol(digest))
    cache.store(digest, code)
    return code


def code_at(address: int) -> tuple[str, str] | None:
    """The symbol and the digest of a function that was asked for here, for `addresses_on_disk` in another process."""
    return _codes.get(address)


def addresses_on_disk(codes: Mapping[str, tuple[str, str]]) -> dict[str, int] | None:
    """The addresses of functions, by any names, from memory or the disk; None if one of them is on neither."""
    fresh = {symbol: cache.load(digest) for symbol, digest in codes.values() if not load.is_loaded(symbol)}
    stored = {symbol: code for symbol, code in fresh.items() if code is not None}
    if len(stored) < len(fresh):
        return None
    load.load_all(stored)
    return {name: _known(*code) for name, code in codes.items()}


def _known(symbol: str, digest: str) -> int:
    address = load.address(symbol)
    _codes[address] = symbol, digest
    return address


def address_of_text(text: str, entry: str, thorough: bool = True) -> int:
    """The address of the function `entry` of an LLVM module: from memory, else from the disk, else by LLVM.

    What is not `thorough`ly optimised takes half the time; it is for text that leaves little to optimise.
    """
    digest = digest_of((text, thorough, *_environment()))
    symbol = f"{entry}_{digest[:16]}"
    return _written_address(digest, symbol, lambda: text.replace(entry, symbol), thorough)


def address_of_written(name: str, text: Callable[[str], str], combine: bool = True) -> int:
    """As `address_of_text`, for a module that is written for `entry` only when it is not on the disk, and that leaves
    little to optimise; without `combine`, nothing. `name` and the files of this room decide what is in it, so no two
    functions may have one name."""
    digest = digest_of((name, *_environment()))
    symbol = _symbol(digest)
    return _written_address(digest, symbol, lambda: text(symbol), thorough=False, combine=combine)


def _written_address(digest: str, symbol: str, text: Callable[[], str], thorough: bool, combine: bool = True) -> int:
    with _writing.setdefault(symbol, threading.RLock()):
        if not load.is_loaded(symbol):
            code = cache.load(digest)
            if code is None:
                if getattr(_here, "without_llvm", False):
                    raise _NeedsLLVMError
                from symdiff.runtime import codegen  # imports LLVM

                code = codegen.object_code(text(), symbol, thorough, combine)
                cache.store(digest, code)
            load.load(code, symbol)
        return _known(symbol, digest)


def _symbol(digest: str) -> str:
    return f"symdiff_{digest[:32]}"


@contextmanager
def _noted(name: str, text: str) -> Iterator[None]:
    """Errors say which kernel was at fault."""
    try:
        yield
    except Exception as error:
        error.add_note(f"while compiling the kernel {name}:\n{text}")
        raise


def _digest(kernel: Wanted) -> str:
    return digest_of((kernel.digest, tuple(kernel.params), *_environment()))


@functools.cache
def _environment() -> tuple[str, ...]:
    """Everything besides the kernel that decides the object code: our compiler, LLVM and the CPU."""
    return own_files.digests().compiler, *versions()


def versions() -> tuple[str, ...]:
    """What others have a part in: LLVM and the CPU."""
    return _version("llvmlite"), *cpu.identity()


def _version(package: str) -> str:
    """From the package's own file where there is one: to import it takes 10 ms, to ask for its metadata 20."""
    found = PathFinder.find_spec(package)
    folder = os.path.dirname(found.origin) if found and found.origin else ""
    try:
        with open(os.path.join(folder, "_version.py"), encoding="utf-8") as file:
            return file.read()
    except OSError:
        from importlib import metadata

        return metadata.version(package)
