"""Passes: functions from graph to graph, most of them tables of rules. A room is imported when it is used: ``grad``
needs the stability rules alone."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from .fast import FAST as FAST
    from .pipeline import DEFAULT as DEFAULT
    from .pipeline import optimize as optimize
    from .stabilize import stabilize_nodes as stabilize_nodes
    from .verify import verify_graph as verify_graph

_HOMES = {
    "DEFAULT": "pipeline",
    "FAST": "fast",
    "optimize": "pipeline",
    "stabilize_nodes": "stabilize",
    "verify_graph": "verify",
}


def __getattr__(name: str) -> _Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(f".{_HOMES[name]}", __name__), name)
