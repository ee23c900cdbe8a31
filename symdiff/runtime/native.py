"""Kernel text -> the address of its C function: from memory, else from the disk, else by compiling."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from symdiff.runtime import cache, codegen, load
from symdiff.runtime.signature import Param
from symdiff.runtime.text import Kernel, canonical

_compiling = threading.RLock()


def kernel_address(text: str, name: str, params: Sequence[Param], constants: Mapping[str, np.generic]) -> int:
    """The address of `int64 f(int64* words, int64* slots)` for the function in `text`.

    Parameter by parameter, a word is the number of a slot: a `Size` is the slot's value; an `Array` is the address in
    the slot, and takes one more word for each stride that is given at run time. The function returns what the kernel
    returns, or 0. Equal kernels, whatever their names, have one address.

    Raises SyntaxError, NameError or TypeError if the text is not a kernel, and Numba's error if it cannot be typed.
    """
    try:
        return address(canonical(text, params, constants))
    except Exception as error:
        error.add_note(f"while compiling the kernel {name}:\n{text}")
        raise


def address(kernel: Kernel, packed: bool = True) -> int:
    """As `kernel_address`; not `packed` gives a function of the kernel's own arguments instead of (words, slots)."""
    digest = hashlib.sha256(repr((kernel.digest, packed, *_environment())).encode()).hexdigest()
    symbol = f"symdiff_{digest[:32]}"
    known = load.loaded(symbol)
    if known is not None:
        return known
    with _compiling:
        return load.loaded(symbol) or load.load(_object_code(kernel, digest, symbol, packed), symbol)


def _object_code(kernel: Kernel, digest: str, symbol: str, packed: bool) -> bytes:
    code = cache.load(digest)
    if code is None:
        from symdiff.runtime.compile import object_code  # imports Numba

        code = object_code(kernel, symbol, packed)
        cache.store(digest, code)
    return code


@functools.cache
def _environment() -> tuple[str, ...]:
    """Everything besides the kernel that decides the object code: our compiler, Numba, LLVM and the CPU."""
    own = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        own.update(path.read_bytes())
    return own.hexdigest(), metadata.version("numba"), metadata.version("llvmlite"), *codegen.host()
