"""100 steps of every rule that PyTorch has are PyTorch's, to 1e-10 in float64."""

import json

import numpy as np
import pytest

from tests.optim.trajectories import KEPT, RULES, STORED, with_symdiff, with_torch

NUMBERS = json.loads(STORED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RULES)
def test_numbers_that_pytorch_gave(name):
    path = with_symdiff(RULES[name][0])[np.array(KEPT) - 1]
    np.testing.assert_allclose(path, NUMBERS[name], rtol=1e-10, atol=1e-12)
    assert NUMBERS["steps"] == KEPT and np.abs(path[0] - path[-1]).max() > 1e-2


@pytest.mark.parametrize("name", RULES)
def test_pytorch_itself(name):
    pytest.importorskip("torch")
    rule, *case = RULES[name]
    np.testing.assert_allclose(with_symdiff(rule, "numpy"), with_torch(*case), rtol=1e-10, atol=1e-12)


def test_the_file_has_every_rule():
    assert set(NUMBERS) == {"made by", "steps", *RULES}
