"""A plan with the addresses of the functions it calls: ready to be bound to sizes."""

from __future__ import annotations

from collections.abc import Mapping

from .core.graph import Graph
from .core.node import Node
from .plan import Array, Codes, Plan, Words
from .runtime import native, team
from .runtime.layout import address_of


class Linked:
    """A plan whose ``words`` have addresses; ``addresses`` are those of functions, and of steps inside, by name."""

    def __init__(self, plan: Plan, addresses: Mapping[str, int]) -> None:
        self.plan = plan
        self.addresses = dict(addresses)
        self.inside: list[Array] = []
        for name, words in plan.inside:
            self.inside.append(self._filled(words))
            self.addresses[name] = address_of(self.inside[-1])
        self.words = self._filled(plan.words)

    def extended(self, plan: Plan, functions: Mapping[str, int]) -> Linked:
        """With more steps around its own, which call these functions."""
        whole = Linked(plan._replace(inside=()), {**self.addresses, **functions})
        whole.inside = self.inside
        return whole

    def _filled(self, words: Words) -> Array:
        numbers = words.numbers.copy()
        for position, name in words.addresses:
            numbers[position] = self.addresses[name]
        return numbers


def codes_of(addresses: Mapping[str, int], outside: set[str]) -> Codes | None:
    """Where the code of functions is, for :func:`linked`; None if some of it is not to be found again."""
    codes: dict[str, tuple[str, str] | None] = dict.fromkeys(outside)
    for name, address in addresses.items():
        code = native.code_at(address)
        if code is None:
            return None
        codes[name] = code
    return codes


def linked(plan: Plan, codes: Codes) -> Linked | None:
    """A plan that was kept, if all its functions are still to be had."""
    addresses = native.addresses_on_disk({name: code for name, code in codes.items() if code is not None})
    others = {name: outside(name) for name, code in codes.items() if code is None}
    if addresses is None or 0 in others.values():
        return None
    return Linked(plan, addresses | others)


def outside(name: str) -> int:
    """The address of what is not code of ours, by the name it has in tables; 0 if it is not to be had."""
    what, *about = name.split()
    if what == "board":
        return team.board()
    if what == "blas":
        from .runtime import blas  # whoever has products of his own needs none

        return blas.gemm_address(about[0])
    from .runtime import lapack

    function, dtype = about
    found = lapack.addresses((function,), dtype)
    return found[0] if found else 0


def params_of(graph: Graph) -> dict[str, Node]:
    """The parameters of a graph, by the names that plans have for them."""
    return {param.attrs["name"]: param for param in graph.params}
