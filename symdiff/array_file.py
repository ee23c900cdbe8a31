"""Named arrays in one .npz file that appears whole or not at all, says what it is, and holds no pickle."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .core.errors import StateError, explain
from .core.types import as_dtype
from .files import write_whole

if TYPE_CHECKING:
    import zipfile  # takes 5 ms, and only saved files need it

Array = np.ndarray[Any, Any]
FORMAT_VERSION = 1


def write_arrays(path: str | os.PathLike[str], kind: str, arrays: Mapping[str, Array]) -> None:
    """Write a file of a ``kind`` (state, checkpoint, history) that ``numpy.load`` reads too. Equal arrays give equal
    bytes."""
    import zipfile

    def write(file: Any) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, array in {_key(kind): np.array(FORMAT_VERSION), **arrays}.items():
                # A ZipInfo made by hand has a fixed date.
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)

    write_whole(path, write)


def read_arrays(path: str | os.PathLike[str], kind: str) -> dict[str, Array]:
    """What :func:`write_arrays` wrote. Raises StateError when the file is damaged or of another kind."""
    import zipfile

    asked = f"load {os.fspath(path)}"
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            arrays = {name.removesuffix(".npy"): _read_entry(archive, name) for name in archive.namelist()}
            version = arrays.pop(_key(kind), None)
            if version is None:
                raise StateError(explain(asked, f"this is not a {kind} that symdiff saved"))
            if version.shape != () or version != FORMAT_VERSION:
                problem = f"it has format {version}, this version of symdiff reads {FORMAT_VERSION}"
                raise StateError(explain(asked, problem))
            return {name: array.astype(as_dtype(array.dtype), copy=False) for name, array in arrays.items()}
    except (StateError, OSError, MemoryError):
        raise
    except Exception as problem:  # bytes of any origin can make the readers below fail in any way
        raise StateError(explain(asked, f"the file is damaged or no saved {kind} ({problem})")) from problem


def _key(kind: str) -> str:
    return f"symdiff-{kind}"  # no parameter can have this name


def _read_entry(archive: zipfile.ZipFile, name: str) -> Array:
    content = io.BytesIO(archive.read(name))  # whole, so that its checksum is compared before it is believed
    array: Array = np.lib.format.read_array(content, allow_pickle=False)
    return array


def bytes_of_text(text: str) -> Array:
    """Text as an array, for such a file."""
    return np.frombuffer(text.encode(), np.uint8)


def text_of_bytes(array: Array) -> str:
    """The text again."""
    return array.tobytes().decode()


def packed(value: Any) -> Array:
    """Numbers, text, lists and dicts as an array, for such a file."""
    import json

    return bytes_of_text(json.dumps(value))


def unpacked(array: Array) -> Any:
    """What :func:`packed` was given. Raises ValueError for anything else."""
    import json

    return json.loads(text_of_bytes(array))
