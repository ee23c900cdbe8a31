"""All features together: whitening, which makes them uncorrelated and of variance 1."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..core.errors import ShapeError, explain
from ..core.provenance import here
from ..core.record import entity
from .data import Array, numbers, result_dtype, training_rows, type_text
from .store import write


@entity
class Whitening:
    """``(x - mean) @ matrix``, fitted on the training data by :func:`whiten`; ``back`` is the matrix that undoes it.

    ``variances`` are those of the training data along its principal directions, largest first. All float64.
    """

    mean: Array
    matrix: Array
    back: Array
    variances: Array

    def transform(self, data: Any) -> Array:
        """The data whitened: floats in their own dtype, other numbers as float64. Raises ShapeError for another number
        of features, NonFiniteError for NaN or infinity."""
        array = self._fitting("transform", data, len(self.mean))
        return ((array - self.mean) @ self.matrix).astype(result_dtype(array), copy=False)

    def inverse(self, data: Any) -> Array:
        """The data before whitening, but for the directions that were dropped."""
        array = self._fitting("inverse", data, len(self.back))
        return (array @ self.back + self.mean).astype(result_dtype(array), copy=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz file that :func:`load` reads."""
        arrays = {"mean": self.mean, "matrix": self.matrix, "back": self.back, "variances": self.variances}
        write(path, "whitening", arrays)

    def _fitting(self, name: str, data: Any, features: int) -> Array:
        array = numbers(name, data)
        if array.ndim != 2 or array.shape[1] != features:
            problem = f"the data have shape (any, {features}), got {type_text(array)}"
            raise ShapeError(explain(name, problem, at=here(), hint="a single row is x[None]"))
        return array


def whiten(train: Any, method: str = "pca", eps: float = 0.0, components: int | None = None) -> Whitening:
    """Whitening: the covariance of the training data becomes the identity.

    With the covariance ``C = V diag(variances) V^T`` of the centred data (over n), "pca" multiplies by
    ``V diag(variances + eps)^(-1/2)``, so that the outputs are the principal directions, largest variance first, of
    which ``components`` keeps some; "zca" multiplies that by ``V^T``, which stays closest to the data. ``eps`` keeps
    small variances, which may be noise, from being blown up; 1e-5 is common for images scaled to 0 ... 1.

    Directions in which the training data do not vary, up to rounding, become 0; so constant features and fewer rows
    than features divide nothing by zero. train: numbers [rows, features]. Raises ShapeError for another shape or no
    data, ValueError for settings that make no sense, and NonFiniteError, naming row and feature, for NaN or infinity.

    >>> import numpy as np, symdiff as sd
    >>> X = np.random.default_rng(0).normal(size=(500, 3)) @ [[2, 1, 0], [0, 1, 0], [0, 0, 9]]
    >>> white = sd.preprocess.whiten(X).transform(X)
    >>> bool(np.allclose(white.T @ white / 500, np.eye(3)))
    True
    """
    array = training_rows("whiten", train)
    if array.ndim != 2:
        problem = f"the data are [rows, features], got {type_text(array)}"
        raise ShapeError(explain("whiten", problem, at=here(), hint="flatten each row: x.reshape(len(x), -1)"))
    _check(method, eps, components, array.shape[1])
    mean = array.mean(axis=0, dtype=np.float64)
    spreads, directions = _principal(array - mean)
    kept = spreads > (spreads[0] if len(spreads) else 0) * max(array.shape) * np.finfo(np.float64).eps
    scale = np.sqrt(np.square(spreads) + eps)
    factors = np.divide(1.0, scale, out=np.zeros_like(scale), where=kept)
    turned, spread_again = directions * factors, (directions * np.where(kept, scale, 0.0)).T
    if method == "zca":
        turned, spread_again = turned @ directions.T, directions @ spread_again
    return Whitening(mean, turned[:, :components], spread_again[:components], np.square(spreads))


def _principal(centred: Array) -> tuple[Array, Array]:
    """The standard deviations along the principal directions, largest first, and the directions as columns; each with
    its largest element positive, so that the outcome does not depend on the library."""
    rows, features = centred.shape
    triangle = np.linalg.qr(centred, mode="r") if rows > features else centred
    _, spreads, transposed = np.linalg.svd(triangle, full_matrices=True)
    all_spreads = np.zeros(features)
    all_spreads[: len(spreads)] = spreads / np.sqrt(rows)
    largest = transposed[np.arange(features), np.abs(transposed).argmax(axis=1)]
    return all_spreads, (transposed * np.where(largest < 0, -1.0, 1.0)[:, None]).T


def _check(method: str, eps: float, components: int | None, features: int) -> None:
    if method not in ("pca", "zca"):
        raise ValueError(explain("whiten", f"method is 'pca' or 'zca', got {method!r}", at=here()))
    if not eps >= 0:
        raise ValueError(explain("whiten", f"eps is not negative, got {eps}", at=here()))
    if components is not None and (method == "zca" or not 1 <= components <= features):
        problem = f"components is between 1 and the {features} features, and for 'pca' only, got {components}"
        raise ValueError(explain("whiten", problem, at=here()))
