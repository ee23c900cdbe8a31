"""Gradients checked against differences of the cost and against forward mode, for users who write operators or doubt
a formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.dim import evaluate
from ..core.errors import GradientError, SymdiffError, explain
from ..core.graph import Graph
from ..core.node import Node, describe
from ..core.provenance import here
from ..core.types import FLOAT64
from ..interpret import interpret
from .forward import jvp
from .placeholder import placeholder
from .reverse import grad

Array = np.ndarray[Any, Any]

MODES_AGREE = 1e-9  # forward and reverse mode are the same sums in another order


class Verdict(NamedTuple):
    """One operand's. ``error`` is the largest difference in slope, relative to the slopes' scale; ``worst`` is the
    element where gradient and difference are furthest apart. ``modes`` is how far forward and reverse mode are apart,
    in the same scale. ``step`` is the step at which differences are most exact: a suggestion for ``eps``."""

    name: str
    ok: bool
    error: float
    worst: tuple[int, ...]
    gradient: float
    difference: float
    modes: float = 0.0
    step: float = 0.0


class GradCheck(NamedTuple):
    """The result of :func:`check_grad`: a verdict for each of ``wrt``, printed as a table. ``ok`` when all are."""

    verdicts: tuple[Verdict, ...]
    problem: str = ""

    @property
    def ok(self) -> bool:
        return not self.problem and all(verdict.ok for verdict in self.verdicts)

    def __str__(self) -> str:
        if self.problem:
            return f"not checked: {self.problem}"
        rows = [("", "wrt", "error", "worst element", "gradient", "difference", "modes", "step")]
        for one in self.verdicts:
            place = f"[{', '.join(map(str, one.worst))}]" if one.worst else "-"
            mark = "ok" if one.ok else "WRONG"
            found = (f"{one.gradient:.8g}", f"{one.difference:.8g}", f"{one.modes:.1e}", f"{one.step:.0e}")
            rows.append((mark, one.name, f"{one.error:.1e}", place, *found))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def check_grad(
    cost: Node,
    wrt: Node | Sequence[Node],
    values: Mapping[Node | str, Any],
    *,
    eps: float | None = None,
    directions: int = 3,
    seed: int = 0,
    rtol: float = 1e-6,
) -> GradCheck:
    """Compare ``grad(cost, wrt)`` with central differences of the cost, and with forward mode, in float64.

    For each node x of ``wrt`` and each of ``directions`` random directions t the slope <grad, t> must equal

        (cost(x + eps t) - cost(x - eps t)) / (2 eps),    eps = 1e-5 * max(1, max |x|) unless given,

    to ``rtol`` times the scale of the slopes (at least 1), beyond what rounding of the cost explains; and ``jvp(cost,
    x, t)`` must be that slope to 1e-9 of the scale. The worst element is found by the same formula along one axis at a
    time, over at most 100 elements of each x. The step that is suggested balances rounding against the third derivative
    (Press et al., *Numerical Recipes*, 5.7).

    ``values`` gives every input and parameter an array, under its node or its name. Nothing is raised: what cannot be
    checked (a value that is missing or does not fit, an input that is float32, no path from the cost) is told in the
    result, whose ``.ok`` is then False.

    >>> import symdiff as sd
    >>> from symdiff.autodiff.check import check_grad
    >>> x = sd.input("x", (3,))
    >>> print(check_grad(sd.sum(x * x * x), x, {"x": [1.0, -2.0, 0.5]}).ok)
    True
    """
    nodes = list(wrt) if isinstance(wrt, Sequence) else [wrt]
    try:
        leaves = Graph([cost, *nodes])
        found, sizes = _given(leaves, values)
        gradients = grad(cost, nodes)
        tangents = [placeholder(node.type, "tangent") for node in nodes]
        slopes = [jvp(cost, node, t, unused="zero") for node, t in zip(nodes, tangents, strict=True)]
        arrays = interpret([*gradients, *nodes], found, sizes)
    except SymdiffError as problem:
        return GradCheck((), str(problem))
    rng = np.random.default_rng(seed)
    verdicts = []
    for place, node in enumerate(nodes):
        gradient, point = arrays[place], arrays[place + len(nodes)]
        step = eps or 1e-5 * max(1.0, float(np.abs(point).max(initial=0)))
        forward = _Forward(slopes[place], tangents[place], found, sizes)
        slope = _Slope(cost, node, point, found, sizes, step)
        name = str(node.attrs.get("name") or leaves.names[node])
        verdicts.append(_verdict(name, gradient, slope, forward, directions, rng, rtol))
    return GradCheck(tuple(verdicts))


class _Forward(NamedTuple):
    """The slope of the cost along a direction of one node, by forward mode."""

    slope: Node
    tangent: Node
    values: Mapping[Node, Array]
    sizes: Mapping[str, int]

    def along(self, direction: Array) -> float:
        return float(interpret([self.slope], {**self.values, self.tangent: direction}, self.sizes)[0])


class _Slope(NamedTuple):
    """The slope of the cost along a direction of one node, by central differences."""

    cost: Node
    node: Node
    point: Array
    values: Mapping[Node, Array]
    sizes: Mapping[str, int]
    eps: float

    def along(self, direction: Array) -> float:
        return (self._cost(self.eps * direction) - self._cost(-self.eps * direction)) / (2 * self.eps)

    def noise(self) -> float:
        """How far off rounding alone may put a slope."""
        return 4 * float(np.finfo(np.float64).eps) * abs(self._cost(np.zeros_like(self.point))) / self.eps

    def best_step(self, direction: Array) -> float:
        """(3 e |c| / |c3|)^(1/3) for the cost c and its third derivative c3, by differences at a coarse step."""
        coarse = 100 * self.eps
        far = [self._cost(count * coarse * direction) for count in (-2, -1, 1, 2)]
        third = abs(far[3] - 2 * far[2] + 2 * far[1] - far[0]) / (2 * coarse**3)
        size = float(np.finfo(np.float64).eps) * max(abs(far[1]), abs(far[2]))
        best = (3 * size / third) ** (1 / 3) if third else coarse
        return float(np.clip(best, self.eps / 100, coarse)) if np.isfinite(best) else self.eps

    def _cost(self, step: Array) -> float:
        return float(interpret([self.cost], {**self.values, self.node: self.point + step}, self.sizes)[0])


def _verdict(
    name: str, gradient: Array, slope: _Slope, forward: _Forward, directions: int, rng: np.random.Generator, rtol: float
) -> Verdict:
    error, modes, noise, step = 0.0, 0.0, slope.noise(), slope.eps
    for _ in range(directions):
        direction = np.asarray(rng.normal(size=gradient.shape))
        expected, actual = slope.along(direction), float(np.sum(gradient * direction))
        scale = max(1.0, abs(expected), float(np.abs(gradient * direction).sum()))
        error = max(error, _relative(_distance(actual, expected, noise), scale))
        modes = max(modes, _relative(_distance(actual, forward.along(direction)), scale))
        step = slope.best_step(direction)
    worst, difference = _worst_element(gradient, slope, rng)
    at = float(gradient[worst]) if gradient.size else 0.0
    return Verdict(name, error <= rtol and modes <= MODES_AGREE, error, worst, at, difference, modes, step)


def _relative(distance: float, scale: float) -> float:
    return distance / scale if np.isfinite(distance) else distance


def _worst_element(gradient: Array, slope: _Slope, rng: np.random.Generator) -> tuple[tuple[int, ...], float]:
    """The element furthest from its own difference, and that difference."""
    worst: tuple[int, ...] = ()
    furthest, difference = -1.0, 0.0
    for flat in sorted(rng.permutation(gradient.size)[:100]):
        place = tuple(int(one) for one in np.unravel_index(flat, gradient.shape))
        direction = np.zeros(gradient.shape)
        direction[place] = 1.0
        expected = slope.along(direction)
        distance = _distance(float(gradient[place]), expected)
        if distance > furthest:
            worst, furthest, difference = place, distance, expected
    return worst, difference


def _distance(actual: float, expected: float, noise: float = 0.0) -> float:
    """|actual - expected| beyond the noise; infinite where one of them is NaN or infinite, so that it never passes."""
    distance = abs(actual - expected) - noise
    return max(distance, 0.0) if np.isfinite(distance) else float("inf")


def _given(leaves: Graph, values: Mapping[Node | str, Any]) -> tuple[dict[Node, Array], dict[str, int]]:
    """Arrays for the leaves, and the symbolic sizes read off their shapes."""
    found: dict[Node, Array] = {}
    for leaf in [*leaves.inputs, *leaves.params]:
        value = values.get(leaf, values.get(leaf.attrs["name"]))
        if value is None:
            raise GradientError(explain("check_grad", f"no value was given for {describe(leaf)}", at=here()))
        try:
            array = np.asarray(value)
        except ValueError as refused:
            raise GradientError(explain("check_grad", f"{describe(leaf)}: {refused}", at=here())) from None
        if leaf.type.is_float and (leaf.dtype != FLOAT64 or array.dtype.kind not in "iuf"):
            problem = f"{describe(leaf)} was given {array.dtype}; it works in float64"
            raise GradientError(explain("check_grad", problem, at=here(), hint="build the model with float64 inputs"))
        if not leaf.type.is_float and not np.can_cast(array.dtype, leaf.dtype, "same_kind"):
            raise GradientError(explain("check_grad", f"{describe(leaf)} was given {array.dtype}", at=here()))
        found[leaf] = array.astype(leaf.dtype)
    return found, _sizes(found)


def _sizes(values: Mapping[Node, Array]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for leaf, array in values.items():
        if array.ndim == leaf.ndim:
            for size, length in zip(leaf.shape, array.shape, strict=True):
                if not isinstance(size, int) and str(size).isidentifier():
                    sizes.setdefault(str(size), length)
    for leaf, array in values.items():
        names = {name for size in leaf.shape if not isinstance(size, int) for name in size.names}
        if not names <= sizes.keys() or array.shape != tuple(evaluate(size, sizes) for size in leaf.shape):
            problem = f"{describe(leaf)} was given an array of shape {array.shape}"
            raise GradientError(explain("check_grad", problem, at=here()))
    return sizes
