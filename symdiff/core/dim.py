"""Sizes: plain ints, or integer polynomials over named sizes in canonical form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from .errors import ShapeError

Monomial = tuple[tuple[str, int], ...]  # (("m", 1), ("n", 2)) is m * n^2, names sorted
Term = tuple[Monomial, int]


class Dim:
    """A symbolic size, for example ``n``, ``2*n + 1`` or ``m*n``.

    Immutable and canonical: equal polynomials compare equal and hash alike. Arithmetic that ends in a number gives a
    plain int, so a ``Dim`` always names at least one size. Make one with :func:`dim`.
    """

    __slots__ = ("_hash", "terms")

    terms: tuple[Term, ...]

    def __init__(self, terms: tuple[Term, ...]) -> None:
        self.terms = terms
        self._hash = hash(terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __bool__(self) -> bool:
        problem = "its value is known only when the compiled function is called"
        raise ShapeError(f"size {self}: {problem}; compare types instead")

    def __add__(self, other: int | Dim) -> int | Dim:
        if not isinstance(other, int | Dim):
            return NotImplemented
        return _collect([*self.terms, *_terms(other)])

    def __mul__(self, other: int | Dim) -> int | Dim:
        if not isinstance(other, int | Dim):
            return NotImplemented
        if isinstance(other, int):
            if other == 1:
                return self
            return Dim(tuple([(monomial, factor * other) for monomial, factor in self.terms])) if other else 0
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
    return Dim(((((name, 1),), 1),))


def _terms(size: int | Dim) -> tuple[Term, ...]:
    if isinstance(size, Dim):
        return size.terms
    return (((), int(size)),)


def _times(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for name, power in b:
        powers[name] = powers.get(name, 0) + power
    return tuple(sorted(powers.items()))


def _printed_order(term: Term) -> tuple[int, Monomial]:
    """Higher degree first, then by name."""
    return -sum(power for _, power in term[0]), term[0]


def _collect(terms: list[Term]) -> int | Dim:
    sums: dict[Monomial, int] = {}
    for monomial, factor in terms:
        sums[monomial] = sums.get(monomial, 0) + factor
    kept = {monomial: factor for monomial, factor in sums.items() if factor}
    if not kept:
        return 0
    if list(kept) == [()]:
        return kept[()]
    return Dim(tuple(sorted(kept.items(), key=_printed_order)))


def product(sizes: tuple[int | Dim, ...]) -> int | Dim:
    """The number of elements of a shape."""
    return _product(tuple(sizes))


@lru_cache(maxsize=4096)
def _product(sizes: tuple[int | Dim, ...]) -> int | Dim:
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
    """``size / divisor`` when it is a size again, else None: long division of polynomials."""
    if isinstance(divisor, int) and divisor == 0:
        return None
    names = sorted({name for part in (size, divisor) if isinstance(part, Dim) for name in part.names})

    def rank(term: Term) -> list[int]:
        powers = dict(term[0])
        return [powers.get(name, 0) for name in names]

    leading = max(_terms(divisor), key=rank)
    quotient: int | Dim = 0
    while isinstance(size, Dim) or size:
        part = _divide_term(max(_terms(size), key=rank), leading)
        if part is None:
            return None
        quotient, size = quotient + part, size - part * divisor
    return quotient


def _divide_term(term: Term, divisor: Term) -> int | Dim | None:
    (monomial, number), (below, factor) = term, divisor
    powers = dict(monomial)
    for name, power in below:
        powers[name] = powers.get(name, 0) - power
    if number % factor or min(powers.values(), default=0) < 0:
        return None
    return _collect([(tuple(sorted((name, power) for name, power in powers.items() if power)), number // factor)])


def never_exceeds(small: int | Dim, large: int | Dim) -> bool:
    """True when ``small <= large`` whatever the (non-negative) sizes are."""
    return all(factor >= 0 for _, factor in _terms(large - small))


def total(sizes: Iterable[int | Dim]) -> int | Dim:
    """The sum of many sizes."""
    return _collect([term for size in sizes for term in _terms(size)])
