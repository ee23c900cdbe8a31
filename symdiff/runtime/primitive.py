"""One function that kernels can call: its types, and which LLVM instructions it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symdiff.core.record import entity, record

Emit = Callable[..., Any]
"""(builder of llvmlite, values) -> value."""


@record
class Meaning:
    """What a function is for arguments of some dtypes: they are converted to `operands`. Nothing results in `void`."""

    result: str
    operands: tuple[str, ...]
    emit: Emit


@entity
class Primitive:
    """A function by name; `meaning` is asked with the dtypes of the arguments."""

    name: str
    arity: int
    meaning: Callable[..., Meaning]
