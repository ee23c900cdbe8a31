"""Sizes: plain ints, or integer polynomials over named sizes in canonical form."""

from __future__ import annotations

from collections.abc import Mapping
from functools import total_ordering

from .errors import ShapeError

Monomial = tuple[tuple[str, int], ...]  # (("m", 1), ("n", 2)) is m * n^2, names sorted
Size = "int | Dim"


@total_ordering
class _Order:
    """Sort key of a monomial: higher degree first, then by name."""

    def __init__(self, monomial: Monomial) -> None:
        self.key = (-sum(power for _, power in monomial), monomial)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Order) and self.key == other.key

    def __lt__(self, other: _Order) -> bool:
        return self.key < other.key


class Dim:
    """A symbolic size, for example ``n``, ``2*n + 1`` or ``m*n``.

    Immutable and canonical: equal polynomials compare equal and hash alike. Arithmetic that ends in a number gives a
    plain int, so a ``Dim`` always names at least one size. Make one with :func:`dim`.
    """

    __slots__ = ("_hash", "terms")

    terms: tuple[tuple[Monomial, int], ...]

    def __init__(self, terms: tuple[tuple[Monomial, int], ...]) -> None:
        self.terms = terms
        self._hash = hash(terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __bool__(self) -> bool:
        raise ShapeError(f"size {self}: its value is known only when the compiled function is called; compare types instead")

    def __add__(self, other: int | Dim) -> int | Dim:
        if not isinstance(other, int | Dim):
            return NotImplemented
        return _collect([*self.terms, *_terms(other)])

    def __mul__(self, other: int | Dim) -> int | Dim:
        if not isinstance(other, int | Dim):
            return NotImplemented
        return _collect([(_times(a, b), p * q) for a, p in self.terms for b, q in _terms(other)])

    def __neg__(self) -> int | Dim:
        return self * -1

    def __sub__(self, other: int | Dim) -> int | Dim:
        if not isinstance(other, int | Dim):
            return NotImplemented
        return self + other * -1

    def __rsub__(self, other: int) -> int | Dim:
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def __str__(self) -> str:
        text = ""
        for monomial, factor in self.terms:
            names = "*".join(name if power == 1 else f"{name}**{power}" for name, power in monomial)
            size = abs(factor)
            part = names if names and size == 1 else f"{size}*{names}" if names else str(size)
            sign = "-" if factor < 0 else "+"
            text += f" {sign} {part}" if text else (f"-{part}" if factor < 0 else part)
        return text

    def __repr__(self) -> str:
        return f"Dim({self})"

    @property
    def names(self) -> frozenset[str]:
        """The sizes this polynomial is made of."""
        return frozenset(name for monomial, _ in self.terms for name, _ in monomial)


def dim(name: str) -> Dim:
    """A named size that may differ from call to call, such as a batch size.

    >>> n = dim("n")
    >>> str(2 * n + 1), 2 * n == n + n
    ('2*n + 1', True)
    """
    if not name.isidentifier():
        raise ShapeError(f"dim: a size is named by an identifier, got {name!r}")
    return Dim((((((name, 1),)), 1),))


def _terms(size: int | Dim) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(size, Dim):
        return size.terms
    return (((), int(size)),)


def _times(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for name, power in b:
        powers[name] = powers.get(name, 0) + power
    return tuple(sorted(powers.items()))


def _collect(terms: list[tuple[Monomial, int]]) -> int | Dim:
    sums: dict[Monomial, int] = {}
    for monomial, factor in terms:
        sums[monomial] = sums.get(monomial, 0) + factor
    kept = {monomial: factor for monomial, factor in sums.items() if factor}
    if not kept:
        return 0
    if list(kept) == [()]:
        return kept[()]
    return Dim(tuple(sorted(kept.items(), key=lambda term: _Order(term[0]))))


def product(sizes: tuple[int | Dim, ...]) -> int | Dim:
    """The number of elements of a shape."""
    total: int | Dim = 1
    for size in sizes:
        total = total * size
    return total


def evaluate(size: int | Dim, sizes: Mapping[str, int]) -> int:
    """The value of a size once every name has one."""
    if isinstance(size, int):
        return size
    total = 0
    for monomial, factor in size.terms:
        for name, power in monomial:
            factor *= sizes[name] ** power
        total += factor
    return total


def divide_exactly(size: int | Dim, divisor: int | Dim) -> int | Dim | None:
    """``size / divisor`` when it is a size again, else None. The divisor must have one term."""
    if isinstance(divisor, int) and divisor == 0:
        return None
    parts = _terms(divisor)
    if len(parts) != 1:
        return 1 if size == divisor else None
    monomial, factor = parts[0]
    quotient: list[tuple[Monomial, int]] = []
    for names, number in _terms(size):
        powers = dict(names)
        for name, power in monomial:
            powers[name] = powers.get(name, 0) - power
        if number % factor or min(powers.values(), default=0) < 0:
            return None
        quotient.append((tuple(sorted((n, p) for n, p in powers.items() if p)), number // factor))
    return _collect(quotient)


def never_exceeds(small: int | Dim, large: int | Dim) -> bool:
    """True when ``small <= large`` whatever the (non-negative) sizes are."""
    return all(factor >= 0 for _, factor in _terms(large - small))
