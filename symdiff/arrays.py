"""One value given by the caller, as an array of the declared dtype: passed on, converted without loss, or refused."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import numpy as np

from .core.errors import DTypeError, SymdiffError, explain
from .core.node import Node, describe
from .core.types import TensorType

Array = np.ndarray[Any, Any]
_NUMBERS = (int, float, bool)
_TAKES = {"b": "b", "i": "biu", "u": "biu", "f": "biuf"}  # kinds of Python numbers that each kind of dtype takes


class Expected(NamedTuple):
    """What a caller is to give: ``asked`` and ``place`` (the user's line) are for messages."""

    asked: str
    name: str
    wanted: TensorType
    place: str = ""

    def refuse(self, got: str, problem: str, error: type[SymdiffError] = DTypeError, hint: str = "") -> NoReturn:
        text = f"expected {self.wanted}, got {got}: {problem}"
        raise error(explain(self.asked, text, at=self.place, hint=hint))

    def array(self, value: Any) -> Array:
        """``value`` in the declared dtype, C-contiguous, aligned, in native byte order; its shape is not looked at.

        Arrays convert where NumPy calls it safe. Python numbers and nested lists of them are weak: they take the
        declared dtype when they fit. Raises DTypeError for anything else.
        """
        found = self._found(value)
        if _is_weak(value):
            return self._from_python(found, value)
        dtype = self.wanted.dtype
        if not np.can_cast(found.dtype, dtype, "safe"):
            hint = f'convert it yourself: {self.name}.astype("{dtype}")'
            self.refuse(type_of(found), f"{found.dtype} does not convert to {dtype} without loss", hint=hint)
        array = np.asarray(found, dtype=dtype, order="C")
        return array if array.flags.aligned else array.copy()

    def _found(self, value: Any) -> Array:
        if isinstance(value, Node):
            self.refuse(f"the symbol {describe(value)}", "a call takes values")
        if _is_subclass(value) and isinstance(value, np.ma.MaskedArray):  # importing numpy.ma takes 10 ms
            self.refuse("a masked array", "masks are not understood", hint="fill it first: .filled(value)")
        try:
            found = np.asarray(value)
        except (ValueError, TypeError) as problem:
            self.refuse(_short(value), f"not an array ({problem})")
        if found.dtype.kind not in "biuf":
            self.refuse(_short(value), f"not real numbers (dtype {found.dtype})")
        return found

    def _from_python(self, found: Array, value: Any) -> Array:
        """Python numbers in the declared dtype: integers where they are in range, floats only in floats."""
        dtype = self.wanted.dtype
        fits = not found.size or found.dtype.kind in _TAKES[dtype.kind]
        if fits and found.size and dtype.kind in "iu":
            limits = np.iinfo(dtype)
            fits = int(found.min()) >= limits.min and int(found.max()) <= limits.max
        with np.errstate(over="ignore"):
            array = np.asarray(found, dtype=dtype, order="C") if fits else found
        if not fits or (dtype.kind == "f" and not np.array_equal(np.isfinite(array), np.isfinite(found))):
            self.refuse(_short(value), f"the value does not fit in {dtype}")
        return array


def type_of(array: Array) -> str:
    """The dtype and shape of an array as a tensor type is printed."""
    return str(TensorType(array.dtype, array.shape))


def _is_subclass(value: Any) -> bool:
    return isinstance(value, np.ndarray) and type(value) is not np.ndarray


def _is_weak(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(type(item) in _NUMBERS or _is_weak(item) for item in value)
    return type(value) in _NUMBERS


def _short(value: Any) -> str:
    text = "None" if value is None else f"{type(value).__name__} {value!r}"
    return text if len(text) <= 60 else text[:57] + "..."
