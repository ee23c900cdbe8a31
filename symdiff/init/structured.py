"""Matrices that are more than their elements: orthogonal, identity."""

from __future__ import annotations

import math

import numpy as np

from ..core.record import record
from .start import Array, DType, Generator, Shape, require_float, require_matrix


@record
class Orthogonal:
    """A random matrix with orthonormal rows or columns."""

    gain: float

    def __call__(self, shape: Shape, dtype: DType, rng: Generator) -> Array:
        require_float("orthogonal", dtype)
        require_matrix("orthogonal", shape)
        rows, columns = shape[0], math.prod(shape[1:])
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)  # QR alone prefers some matrices (Mezzadri, 2007)
        return (self.gain * (q if rows >= columns else q.T)).reshape(shape).astype(dtype)


@record
class Identity:
    """What leaves its input as it is."""

    gain: float

    def __call__(self, shape: Shape, dtype: DType, rng: Generator) -> Array:
        require_matrix("identity", shape)
        values = np.zeros(shape, dtype)
        middle = tuple(size // 2 for size in shape[2:])
        for k in range(min(shape[:2])):
            values[(k, k, *middle)] = self.gain
        return values


def orthogonal(gain: float = 1.0) -> Orthogonal:
    """A matrix drawn evenly from those with orthonormal columns (or rows, when there are fewer), times ``gain`` (Saxe
    et al., 2014). It keeps lengths, however many are multiplied: for deep and recurrent networks.

    A convolution's kernel (out, in, *window) has orthonormal outputs, as a matrix (out, in * window).

    >>> import numpy as np, symdiff as sd
    >>> W = sd.State.initial([sd.param("W", (4, 4), init=sd.init.orthogonal())])["W"]
    >>> bool(abs(W.T @ W - np.eye(4)).max() < 1e-12)
    True
    """
    return Orthogonal(float(gain))


def identity(gain: float = 1.0) -> Identity:
    """``gain`` on the diagonal, 0 elsewhere (Le et al., 2015, for recurrent networks).

    A convolution's kernel passes input channel k on to output channel k: ``gain`` in the middle of its window.
    """
    return Identity(float(gain))
