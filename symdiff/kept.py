"""Plans on disk, under a digest of all that decides them: a program that was made before is not made again.

The digest stands for the graph as it is before any pass, up to what its nodes are called and where they come from; for
passes, memory budget and threads; and for the content of all our files, the versions of what they stand on and the
processor. A graph with an operator that is not ours, or with anything else whose meaning a digest cannot hold, has no
digest, and its program is made each time. A plan says which memory is touched, so it is trusted as code is: it lies in
the same folder (runtime/cache.py). Who changes symdiff while it runs (a test that puts another number in place of one
of ours) sets SYMDIFF_PLANS=none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .core.body import BOUND, Body
from .core.digest import as_bytes, digest
from .core.dim import Dim
from .core.graph import Graph
from .core.node import Node
from .core.traversal import toposort
from .core.types import TensorType
from .lower.budget import Budget
from .ops.convert import Frozen
from .ops.record import is_own
from .plan import Codes, Plan, decoded, encoded
from .runtime import cache, native, own_files, team

MOST_BYTES = 1 << 20  # of constants in a plan that is kept
_LEAVES = ("input", "param")  # of which nothing but name and type decides
_PLAIN = (int, float, complex, str, bytes, bool, type(None))
_SETTINGS = ("SYMDIFF_BLAS", "SYMDIFF_LAPACK")


def key(graph: Graph, passes: Sequence[Callable[..., Any]] | None, budget: Budget | None) -> str | None:
    """The digest of what decides a program; None if there is none."""
    if os.environ.get("SYMDIFF_PLANS") == "none" or not own_files.digests().imported:
        return None
    form = _Form()
    try:
        program = form.of_graph(graph), form.of_passes(passes), form.of_budget(budget)
    except _UnknownError:
        return None
    settings = [os.environ.get(name, "") for name in _SETTINGS]
    around = (own_files.digests().package, sys.version, np.__version__, native.versions(), team.threads(), settings)
    return digest(as_bytes((program, form.lines, around)))


def load(key: str) -> tuple[Plan, Codes] | None:
    """What was stored."""
    data = cache.load(key, cache.PLAN)
    return None if data is None else decoded(data)


def store(key: str, plan: Plan, codes: Codes | None) -> None:
    """Keep a plan and where the code of its functions is, if that is known, and if our files have not changed since
    this process imported them."""
    size = sum(array.nbytes for _, array in plan.constants)
    if codes is not None and size <= MOST_BYTES and own_files.are_unchanged():
        cache.store(key, encoded(plan, codes), cache.PLAN)


class _UnknownError(Exception):
    """Something whose meaning a digest cannot hold."""


class _Form:
    """A graph as numbers and names. ``lines`` has each node as its operator, its attributes and the lines of its
    inputs, so that they are the same for equal graphs alone."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []
        self.numbers: dict[Node, int] = {}

    def of_graph(self, graph: Graph) -> tuple[Any, ...]:
        self._add(graph.nodes)
        self._add(graph.inputs)
        outputs = tuple((name, self.numbers[node]) for name, node in graph.outputs.items())
        updates = tuple((self.numbers[param], self.numbers[node]) for param, node in graph.updates.items())
        return graph.name, outputs, updates, tuple(self.numbers[node] for node in graph.inputs)

    def of_passes(self, passes: Sequence[Callable[..., Any]] | None) -> tuple[Any, ...] | None:
        return None if passes is None else tuple(map(_number, passes))

    def of_budget(self, budget: Budget | None) -> tuple[Any, ...] | None:
        return None if budget is None else (self._value(budget.bytes), self._value(tuple(budget.sizes.items())))

    def _add(self, nodes: Sequence[Node]) -> None:
        numbers = self.numbers
        for node in nodes:
            if node not in numbers:
                line = (node.op.name, self._attributes(node), [numbers[parent] for parent in node.inputs])
                numbers[node] = len(self.lines)
                self.lines.append(line)

    def _attributes(self, node: Node) -> tuple[Any, ...]:
        if node.op is not BOUND and not is_own(node.op):
            raise _UnknownError
        if not node.attrs:
            return ()
        attrs = node.attrs
        if node.op.name in _LEAVES:
            return attrs["name"], attrs["dtype"].str, self._value(attrs["shape"])
        return tuple((name, self._value(value)) for name, value in attrs.items())

    def _value(self, value: Any) -> Any:
        """In plain data that says all of it, and says it of nothing else: what is not plain begins with its kind."""
        if type(value) in _PLAIN:
            return value
        if type(value) is tuple:
            return ("tuple", *map(self._value, value))
        if isinstance(value, Dim):
            return "size", value.terms
        if isinstance(value, np.dtype):
            return "dtype", value.str
        if isinstance(value, Frozen) and value.array.nbytes <= MOST_BYTES:
            array = value.array
            return "array", array.dtype.str, array.shape, digest(array.tobytes())
        if isinstance(value, TensorType):
            return "type", value.dtype.str, self._value(value.shape), tuple(map(self._value, value.parts))
        if isinstance(value, Body):
            nodes = [*value.formals, *value.results]
            self._add(toposort(nodes))
            return "body", len(value.formals), [self.numbers[node] for node in nodes]
        raise _UnknownError


def _number(function: Callable[..., Any]) -> int:
    """Of a pass that is one of ours."""
    from .passes import DEFAULT, FAST

    ours = [each is function for each in (*DEFAULT, *FAST)]
    if True not in ours:
        raise _UnknownError
    return ours.index(True)
