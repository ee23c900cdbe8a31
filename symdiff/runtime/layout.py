"""Where the fields of Python's and NumPy's objects lie, for native code that reads them.

NumPy's array object and the head of Python's are part of their binary interfaces. `known()` looks at objects all the
same, and where one looks different, nobody reads them.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import weakref

import numpy as np

HEAD = object.__basicsize__  # bytes before the first field of a Python object
TYPE = HEAD - 8
DATA, RANK, SHAPE, BASE, DTYPE, FLAGS = (HEAD + 8 * k for k in (0, 1, 2, 4, 5, 6))  # of an array
REFERENT = HEAD  # of a weak reference; None once it is dead
READY = 0x0001 | 0x0100  # the flags of a C-contiguous and of an aligned array
_size_at = ctypes.c_size_t.from_address
_NEW_LIKE_ARRAY = 277  # of NumPy's table of functions


@functools.cache
def known() -> bool:
    """Whether this is a Python with one lock for all threads, and objects lie as described."""
    if sys.implementation.name != "cpython" or sys.maxsize < 2**63 - 1 or sys.byteorder != "little":
        return False
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return False
    return all(map(_array_is_known, _samples())) and _reference_is_known()


def address_of(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> int:
    """Where an array's data is. Asking NumPy takes ten times as long."""
    return _size_at(id(array) + DATA).value


@functools.cache
def new_like_array() -> int:
    """The address of NumPy's `PyArray_NewLikeArray`."""
    from numpy._core import _multiarray_umath  # type: ignore[attr-defined]  # as every extension module does

    return _size_at(capsule_address(_multiarray_umath._ARRAY_API) + 8 * _NEW_LIKE_ARRAY).value


def capsule_address(capsule: object) -> int:
    """What a capsule of an extension module points to."""
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, name(capsule)))


def _samples() -> list[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    whole = np.zeros((3, 4, 5), np.float32)
    return [whole, whole[1:, :, 2:], np.array(1), np.zeros((0, 2), bool), whole.astype(">f8").T]


def _array_is_known(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bool:
    rank = _half(array, RANK)
    return (
        _word(array, TYPE) == id(np.ndarray)
        and address_of(array) == array.ctypes.data
        and rank == array.ndim
        and [ctypes.c_int64.from_address(_word(array, SHAPE) + 8 * k).value for k in range(rank)] == [*array.shape]
        and _word(array, BASE) == (0 if array.base is None else id(array.base))
        and _word(array, DTYPE) == id(array.dtype)
        and _half(array, FLAGS) == array.flags.num
        and (_half(array, FLAGS) & READY == READY) == (array.flags.c_contiguous and array.flags.aligned)
    )


def _reference_is_known() -> bool:
    class Sample:
        pass

    sample = Sample()
    reference = weakref.ref(sample)
    alive = _word(reference, REFERENT) == id(sample)
    del sample
    return alive and _word(reference, REFERENT) == id(None)


def _word(owner: object, offset: int) -> int:
    return _size_at(id(owner) + offset).value


def _half(owner: object, offset: int) -> int:
    return ctypes.c_int32.from_address(id(owner) + offset).value
