"""The polynomials in the code are as good as their number of coefficients allows."""

from __future__ import annotations

import os

import pytest

from tests.runtime.minimax import fits

FITS = fits()


@pytest.mark.parametrize("name", FITS)
def test_error_of_the_polynomial(name):
    assert FITS[name].error() < -FITS[name].bits


@pytest.mark.sweep
@pytest.mark.parametrize("name", FITS if "SYMDIFF_SWEEP" in os.environ else ["sin S float32", "exp Q float32"])
def test_no_polynomial_of_this_length_is_much_better(name):
    """Rounding the coefficients costs a little: at most two bits of the minimax polynomial's error."""
    _, best = FITS[name].derived()
    assert FITS[name].error() < best + 2.1
