"""A cache folder of the tests' own, and a way to call one kernel."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from symdiff.runtime import native
from symdiff.runtime.signature import Array

_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)


@pytest.fixture(autouse=True, scope="session")
def cache_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("SYMDIFF_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def call():
    """call(address, params, values): an entry point by itself, so with denormals; returns the status."""
    return _call


def _call(address, params, values):
    words = []
    for param, value in zip(params, values, strict=True):
        if not isinstance(param, Array):
            words.append(value)
            continue
        words.append(value.ctypes.data)
        words += [value.strides[axis] // value.itemsize for axis, s in enumerate(param.strides) if s is None]
    slots, numbers = np.array(words, dtype=np.int64), np.arange(len(words))
    return _ENTRY(address)(numbers.ctypes.data, slots.ctypes.data)


@pytest.fixture
def run_kernel():
    def run(text, params, values, **constants):
        return _call(native.kernel_address(text, "test", params, constants), params, values)

    return run
