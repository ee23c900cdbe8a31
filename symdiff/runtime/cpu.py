"""What the processor is. Linux says so in a file; elsewhere LLVM is asked, which takes long to import."""

from __future__ import annotations

import functools
import os
import sys

_FILE = "/proc/cpuinfo"
_TELLING = {
    "vendor_id", "cpu family", "model", "flags",
    "CPU implementer", "CPU architecture", "CPU variant", "CPU part", "Features",
}  # fmt: skip


@functools.cache
def architecture() -> str:
    """`x86_64`, `aarch64`, or another name of LLVM's."""
    if sys.platform == "linux" and sys.maxsize > 2**32:
        return os.uname().machine
    from symdiff.runtime import codegen

    name = codegen.triple().split("-")[0]
    return "aarch64" if name == "arm64" else name


@functools.cache
def identity() -> tuple[str, ...]:
    """Code that was compiled for this processor suits all that give the same."""
    said = _said()
    if said:
        return tuple(f"{name}: {value}" for name, value in sorted(said.items()))
    from symdiff.runtime import codegen

    return codegen.host()


@functools.cache
def features() -> frozenset[str]:
    """The sets of instructions that it has, like `avx2`, `avx512f`, `fma`."""
    said = _said()
    if said:
        return frozenset((said.get("flags") or said["Features"]).split())
    from symdiff.runtime import codegen

    return frozenset(name[1:] for name in codegen.host()[1].split(",") if name.startswith("+"))


@functools.cache
def _said() -> dict[str, str]:
    """What the operating system says of the first processor; empty where it says nothing of use."""
    said: dict[str, str] = {}
    try:
        with open(_FILE, encoding="utf-8") as file:
            for line in file:
                name, _, value = map(str.strip, line.partition(":"))
                if not name:
                    break
                if name in _TELLING:
                    said[name] = value
    except OSError:
        return {}
    return said if "flags" in said or "Features" in said else {}
