"""Where the data of an array is, read from NumPy's object itself."""

import numpy as np
import pytest

from symdiff.bound import address_of


@pytest.mark.parametrize(
    "array",
    [np.ones(3), np.ones((4, 5), "float32")[1:, 2:], np.array(1.0), np.arange(6)[::-1], np.ones((2, 0)), np.eye(3).T],
    ids=["plain", "view", "scalar", "reversed", "empty", "transposed"],
)
def test_the_address_is_numpys_own(array: np.ndarray) -> None:
    assert address_of(array) == array.ctypes.data
