"""Names that core's classes call and upper rooms provide: ``a + b``, ``x.sum()``, ``print(graph)``.

Core knows no operator and no printer. It calls them by name; the room that has one registers it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_provided: dict[str, Callable[..., Any]] = {}
_modules: dict[str, str] = {}  # that provide a name as soon as they are imported


def provide(name: str) -> Callable[[F], F]:
    """Decorator: the function answers to ``name`` from now on."""

    def register(function: F) -> F:
        _provided[name] = function
        return function

    return register


def provide_later(name: str, module: str) -> None:
    """``module`` provides ``name``: it is imported when that is first called."""
    _modules[name] = module


def is_provided(name: str) -> bool:
    """Whether something answers to ``name``."""
    return name in _provided or name in _modules


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Call what was provided under ``name``."""
    function = _provided.get(name)
    if function is None:
        import_module(_modules[name])
        function = _provided[name]
    return function(*args, **kwargs)
