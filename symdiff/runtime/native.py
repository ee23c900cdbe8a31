"""Kernel text -> the address of its C function: from memory, else from the disk, else by compiling."""

from __future__ import annotations

import functools
import gc
import hashlib
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import numpy as np

from symdiff.runtime import cache, codegen, load
from symdiff.runtime.signature import Param
from symdiff.runtime.text import Kernel, canonical

Request = tuple[str, str, Sequence[Param], Mapping[str, np.generic]]
"""The arguments of `kernel_address`."""

_compiling = threading.RLock()


def kernel_address(text: str, name: str, params: Sequence[Param], constants: Mapping[str, np.generic]) -> int:
    """The address of `int64 f(int64* words, int64* slots)` for the function in `text`.

    Parameter by parameter, a word is the number of a slot: a `Size` is the slot's value; an `Array` is the address in
    the slot, and takes one more word for each stride that is given at run time. The function returns what the kernel
    returns, or 0. Equal kernels, whatever their names, have one address.

    Raises SyntaxError, NameError or TypeError if the text is not a kernel, and Numba's error if it cannot be typed.
    """
    return kernel_addresses([(text, name, params, constants)])[0]


def kernel_addresses(requests: Iterable[Request]) -> list[int]:
    """`kernel_address` of each request. LLVM works on one kernel while Numba works on the next."""
    kernels, notes = [], []
    for text, name, params, constants in requests:
        notes.append(f"while compiling the kernel {name}:\n{text}")
        with _noted(notes[-1]):
            kernels.append(canonical(text, params, constants))
    return addresses(kernels, notes)


def addresses(kernels: Sequence[Kernel], notes: Sequence[str], packed: bool = True) -> list[int]:
    """As `kernel_addresses`; not `packed` gives CPython functions instead of functions of (words, slots)."""
    digests = [_digest(kernel, packed) for kernel in kernels]
    with _compiling:
        missing: dict[str, tuple[Kernel, str]] = {}
        for kernel, note, digest in zip(kernels, notes, digests, strict=True):
            if load.is_loaded(_symbol(digest)) or digest in missing:
                continue
            code = cache.load(digest)
            if code is None:
                missing[digest] = (kernel, note)
            else:
                load.load(code, _symbol(digest))
        if missing:
            _compile(missing, packed)
    return [load.address(_symbol(digest)) for digest in digests]


def _compile(missing: Mapping[str, tuple[Kernel, str]], packed: bool) -> None:
    from symdiff.runtime.compile import llvm_text  # imports Numba

    with _undisturbed(), ThreadPoolExecutor(1) as llvm:
        codes: dict[str, Future[bytes]] = {}
        for digest, (kernel, note) in missing.items():
            with _noted(note):
                text = llvm_text(kernel, _symbol(digest), packed)
            codes[digest] = llvm.submit(codegen.object_code, text, _symbol(digest))
        for digest, code in codes.items():
            with _noted(missing[digest][1]):
                load.load(code.result(), _symbol(digest))
            cache.store(digest, code.result())


def _symbol(digest: str) -> str:
    return f"symdiff_{digest[:32]}"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No garbage collection, which costs a tenth of a compilation, and no long waits of the LLVM thread for Python."""
    collecting, interval = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(5e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        if collecting:
            gc.enable()


@contextmanager
def _noted(note: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(note)
        raise


def _digest(kernel: Kernel, packed: bool) -> str:
    return hashlib.sha256(repr((kernel.digest, packed, *_environment())).encode()).hexdigest()


@functools.cache
def _environment() -> tuple[str, ...]:
    """Everything besides the kernel that decides the object code: our compiler, Numba, LLVM and the CPU."""
    own = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        own.update(path.read_bytes())
    return own.hexdigest(), metadata.version("numba"), metadata.version("llvmlite"), *codegen.host()
