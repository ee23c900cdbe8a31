"""Initialisers: what a parameter starts from. Each is a value ``init(shape, dtype, rng) -> array`` that compares equal
to another of the same settings, so that asking for a parameter twice gives the same parameter."""

from .plain import constant as constant
from .plain import normal as normal
from .plain import ones as ones
from .plain import same_as as same_as
from .plain import truncated_normal as truncated_normal
from .plain import uniform as uniform
from .plain import zeros as zeros
from .scaled import calculate_gain as calculate_gain
from .scaled import glorot_normal as glorot_normal
from .scaled import glorot_uniform as glorot_uniform
from .scaled import he_normal as he_normal
from .scaled import he_uniform as he_uniform
from .scaled import lecun_normal as lecun_normal
from .scaled import lecun_uniform as lecun_uniform
from .scaled import variance_scaling as variance_scaling
from .start import Initializer as Initializer
from .structured import identity as identity
from .structured import orthogonal as orthogonal

__all__ = [
    "Initializer",
    "calculate_gain",
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "same_as",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "zeros",
]
