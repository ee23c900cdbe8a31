"""Where the polynomials of runtime/elementary come from: Remez' exchange, in mpmath's numbers.

`python -m tests.runtime.minimax` derives them all anew and prints them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath as mp

from symdiff.runtime.elementary import error_function, exponential, logarithm, powers, trigonometry

BITS = 180
GRID = 24  # points between two extrema of the error


@dataclass(frozen=True)
class Fit:
    """The polynomial `coefficients` of `target` on an interval, where an error e of it matters as weight * e.

    `leading` is a first part of the constant coefficient, which is then the rounding error of that.
    """

    target: Callable[[mp.mpf], mp.mpf]
    weight: Callable[[mp.mpf], mp.mpf]
    low: float
    high: float
    coefficients: Sequence[float]
    bits: float
    """The error of the polynomial as it stands is below 2^-bits."""
    leading: float | None = None

    def error(self) -> float:
        """The largest weighted error, as a power of two."""
        with mp.workprec(BITS):
            low, high = mp.mpf(self.low), mp.mpf(self.high)
            points = [low + (high - low) * k / 300 for k in range(301)]
            first = self.leading or 0
            return float(
                mp.log(max(abs(self.weight(x) * (self.target(x) - first - self._value(x))) for x in points), 2)
            )

    def _value(self, x: mp.mpf) -> mp.mpf:
        return mp.polyval([mp.mpf(c) for c in reversed(self.coefficients)], x)

    def derived(self) -> tuple[list[float], float]:
        """The minimax polynomial of as many coefficients, in float64, and its largest error as a power of two."""
        with mp.workprec(BITS):
            found, error = remez(self.target, self.weight, mp.mpf(self.low), mp.mpf(self.high), len(self.coefficients))
            return [float(c) for c in found], float(mp.log(error, 2))


def remez(target: Callable, weight: Callable, low: mp.mpf, high: mp.mpf, count: int) -> tuple[list[mp.mpf], mp.mpf]:
    """The polynomial of `count` coefficients whose weighted error has the smallest maximum, and that maximum."""

    def chebyshev(points: int) -> list[mp.mpf]:
        return [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * k / points) for k in range(points + 1)]

    grid = chebyshev(count * GRID)
    values = [(target(x), weight(x)) for x in grid]
    chosen = [GRID * k for k in range(count + 1)]
    for _ in range(30):
        system, right = mp.matrix(count + 1), mp.matrix(count + 1, 1)
        for row, k in enumerate(chosen):
            value, factor = values[k]
            for power_ in range(count):
                system[row, power_] = factor * grid[k] ** power_
            system[row, count] = (-1) ** row
            right[row] = factor * value
        *found, level = mp.lu_solve(system, right)
        errors = [
            factor * (value - mp.polyval(found[::-1], x)) for x, (value, factor) in zip(grid, values, strict=True)
        ]
        worst = max(map(abs, errors))
        extrema = _alternating(errors)
        if worst < abs(level) * mp.mpf("1.01") or len(extrema) <= count:
            break
        while len(extrema) > count + 1:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        chosen = extrema
    return found, worst


def _alternating(errors: Sequence[mp.mpf]) -> list[int]:
    """Where the error is largest between two changes of its sign."""
    extrema: list[int] = []
    for k, error in enumerate(errors):
        if not extrema or (error > 0) != (errors[extrema[-1]] > 0):
            extrema.append(k)
        elif abs(error) > abs(errors[extrema[-1]]):
            extrema[-1] = k
    return extrema


def _series(term: Callable[[int], mp.mpf], x: mp.mpf) -> mp.mpf:
    """For targets that are 0 / 0 at 0: their power series, at what is small enough for it."""
    return mp.fsum(term(k) * x**k for k in range(60))


def _q(r: mp.mpf) -> mp.mpf:
    return _series(lambda k: 1 / mp.factorial(k + 2), r)


def _p(f: mp.mpf) -> mp.mpf:
    return (mp.log1p(f) - f + f * f / 2) / f**3 if f else mp.mpf(1) / 3


def _artanh(first: int) -> Callable[[mp.mpf], mp.mpf]:
    """The series of 2 artanh(s) from s^first on, over s^first, in s^2."""
    return lambda z: _series(lambda k: mp.mpf(2) / (2 * k + first), z)


def _g(x: mp.mpf) -> mp.mpf:
    return -mp.log(mp.erfc(x)) / x if x else 2 / mp.sqrt(mp.pi)


def _s(centre: float) -> Callable[[mp.mpf], mp.mpf]:
    def scaled(t: mp.mpf) -> mp.mpf:
        x = centre * (1 + t) / (1 - t)
        return (x + centre) * mp.exp(x * x) * mp.erfc(x)

    return scaled


def _sine(z: mp.mpf) -> mp.mpf:
    return _series(lambda k: (-1) ** (k + 1) / mp.factorial(2 * k + 3), z)


def _cosine(z: mp.mpf) -> mp.mpf:
    return _series(lambda k: (-1) ** k / mp.factorial(2 * k + 4), z)


def fits() -> dict[str, Fit]:
    half_ln2, half = 0.34692, 0.6169  # ln(2) / 2 and (pi / 4)^2, with a margin
    s2 = 0.02945  # ((sqrt(2) - 1) / (sqrt(2) + 1))^2
    small = 1e-6
    found = {
        "log P float32": Fit(_p, lambda f: f**3 / mp.log1p(f) if f else f, -0.29290, 0.41422, logarithm.P, 29.5),
        "log R float64": Fit(_artanh(3), lambda z: z / 2, small, s2, logarithm.R, 59),
        "power R": Fit(_artanh(5), lambda z: z * z / 2, small, s2, powers.R, 66),
        "power SHORT_R": Fit(_artanh(3), lambda z: z / 2, small, s2, powers.SHORT_R, 37),
        "power SHORT_Q": Fit(_q, lambda r: r * r / mp.exp(r), -half_ln2, half_ln2, powers.SHORT_Q, 34),
    }
    for dtype, q, s, c, p, far in (
        ("float32", 26, 27.5, 32.5, 30, 27), ("float64", 54.5, 57.5, 63, 57, 55),
    ):  # fmt: skip
        scaled = _s(error_function.CENTRE[dtype])
        centre, zero = error_function.CENTRE[dtype], error_function.ZERO[dtype]
        found |= {
            f"exp Q {dtype}": Fit(
                _q, lambda r: r * r / abs(mp.expm1(r)) if r else r, -half_ln2, half_ln2, exponential.Q[dtype], q
            ),
            f"sin S {dtype}": Fit(
                _sine, lambda z: z * mp.sqrt(z) / mp.sin(mp.sqrt(z)), small, half, trigonometry.S[dtype], s
            ),
            f"cos C {dtype}": Fit(_cosine, lambda z: z * z / mp.cos(mp.sqrt(z)), small, half, trigonometry.C[dtype], c),
            f"erf P {dtype}": Fit(
                _g, lambda x: x * mp.erfc(x) / mp.erf(x), small, error_function.ONE[dtype],
                error_function.P[dtype], p, leading=error_function.SLOPE[dtype],
            ),
            f"erfc S {dtype}": Fit(
                scaled, lambda t, scaled=scaled: 1 / scaled(t), (1 - centre) / (1 + centre),
                (zero - centre) / (zero + centre), error_function.S[dtype], far, leading=error_function.S0[dtype],
            ),
        }  # fmt: skip
    return found


if __name__ == "__main__":
    for name, fit in fits().items():
        coefficients, error = fit.derived()
        print(f"{name}: 2^{error:.2f}, in the code 2^{fit.error():.2f}\n    {coefficients}")
