"""How much memory a program may need, as the user asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..core.errors import GraphError, explain
from ..core.provenance import here


class Budget(NamedTuple):
    """Bytes of workspace that a program may need when its symbolic sizes have these values."""

    bytes: int
    sizes: Mapping[str, int]


def checked(asked: str, budget: Budget, names: Sequence[str]) -> Budget:
    """A budget as the user gave it, with the ``names`` of the symbolic sizes it is for. Raises GraphError."""
    _require_count(asked, "memory_budget", budget.bytes)
    for name, value in budget.sizes.items():
        _require_count(asked, f"size {name}", value)
    unknown = [name for name in budget.sizes if name not in names]
    if unknown:
        problem = f"there is no size {', '.join(unknown)}; symbolic sizes are {', '.join(names) or 'none'}"
        raise GraphError(explain(asked, problem, at=here(), hint="sizes are those that memory_budget is counted at"))
    missing = [name for name in names if name not in budget.sizes]
    if missing:
        problem = f"memory_budget is counted in bytes, and the size {', '.join(missing)} is no number"
        wanted = ", ".join(f'"{name}": 64' for name in missing)
        raise GraphError(explain(asked, problem, at=here(), hint=f"say at which sizes, like sizes={{{wanted}}}"))
    return budget


def _require_count(asked: str, what: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise GraphError(explain(asked, f"{what} is a whole number above 0, got {value!r}", at=here()))
