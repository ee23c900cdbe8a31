"""Fitted transforms in files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..array_file import bytes_of_text, read_arrays, text_of_bytes, write_arrays
from ..core.errors import StateError, explain
from .data import Array

if TYPE_CHECKING:
    from .scaling import Scaling
    from .whitening import Whitening

_KIND = "transform"


def write(path: str | os.PathLike[str], which: str, arrays: Mapping[str, Array]) -> None:
    """Write the arrays of a transform to a file that says which one it is."""
    write_arrays(path, _KIND, {"which": bytes_of_text(which), **arrays})


def load(path: str | os.PathLike[str]) -> Scaling | Whitening:
    """A transform that ``save`` wrote. Raises StateError when the file is damaged or something else.

    >>> import os, tempfile, symdiff as sd
    >>> path = os.path.join(tempfile.mkdtemp(), "scaling.npz")
    >>> sd.preprocess.standardise([[1.0, 2.0], [3.0, 6.0]]).save(path)
    >>> sd.preprocess.load(path).transform([[3.0, 4.0]]).tolist()
    [[1.0, 0.0]]
    """
    from .scaling import Scaling
    from .whitening import Whitening

    arrays = read_arrays(path, _KIND)
    which = text_of_bytes(arrays.pop("which"))
    if which == "scaling":
        axes = tuple(int(k) for k in arrays["axes"])
        return Scaling(arrays["mean"], arrays["scale"], axes)
    if which == "whitening":
        return Whitening(**arrays)
    raise StateError(explain(f"load {os.fspath(path)}", f"there is no transform {which!r}"))
