"""Built-in Python functions around native code. Calling one costs a third of a call through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from symdiff.runtime import native

if TYPE_CHECKING:
    from symdiff.runtime.assembly import Function

DECLARATIONS = """
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
"""
_OF_NUMBERS = """
declare i64 @PyLong_AsLongLong(ptr)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyErr_Occurred()
declare i32 @PyErr_BadArgument()
"""
_METH_FASTCALL = 0x80
_definitions: dict[int, _MethodDef] = {}
"""Python keeps pointers to these."""


def of_numbers(callee: str, kinds: Sequence[str], text: Callable[[str], str]) -> Callable[..., int]:
    """A Python function of ints for the `i64` function `callee`, whose parameters are "i64" or "ptr", in the text that
    `text` gives for it. The files of this room decide what that is."""

    def whole(entry: str) -> str:
        return "\n".join([text(callee), DECLARATIONS, _OF_NUMBERS, _text_of_numbers(entry, callee, kinds)])

    function: Callable[..., int] = new(callee, native.address_of_written(f"python {callee}", whole), None)
    return function


def _text_of_numbers(entry: str, callee: str, kinds: Sequence[str]) -> str:
    from symdiff.runtime.assembly import Function  # texts are for what has to be compiled

    f = Function(entry, "ptr %self, ptr %given, i64 %count", result="ptr")
    result = f.variable("ptr", "null")
    with f.when(f.equal("%count", len(kinds))) as otherwise:
        objects = [f.let(f"load ptr, ptr {f.at('%given', 'ptr', k)}") for k in range(len(kinds))]
        numbers = [f.let(f"call i64 @PyLong_AsLongLong(ptr {each})") for each in objects]
        error = f.let("call ptr @PyErr_Occurred()")
        with f.when(f.let(f"icmp eq ptr {error}, null")):
            passed = [
                f"{kind} {number if kind == 'i64' else f.let(f'inttoptr i64 {number} to ptr')}"
                for kind, number in zip(kinds, numbers, strict=True)
            ]
            found = unlocked(f, f"call i64 @{callee}({', '.join(passed)})")
            f.set(result, f.let(f"call ptr @PyLong_FromLongLong(i64 {found})"))
        otherwise()
        f.let("call i32 @PyErr_BadArgument()")
    return f.text(f"ptr {f.get(result)}")


def unlocked(f: Function, call: str) -> str:
    """The value of a call during which other threads may run Python. The module needs `DECLARATIONS`."""
    thread = f.let("call ptr @PyEval_SaveThread()")
    value = f.let(call)
    f.call("PyEval_RestoreThread", f"ptr {thread}")
    return value


class _MethodDef(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


def new(name: str, address: int, own: object) -> Callable[..., Any]:
    """A Python function for native code `PyObject *f(PyObject *own, PyObject **arguments, Py_ssize_t count)`."""
    definition = _definitions.setdefault(address, _MethodDef(name.encode(), address, _METH_FASTCALL, None))
    create = ctypes.pythonapi.PyCFunction_NewEx
    create.restype, create.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    function: Callable[..., Any] = create(ctypes.addressof(definition), own, None)
    return function
