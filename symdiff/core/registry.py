"""Names that core's classes call and upper rooms provide: ``a + b``, ``x.sum()``, ``print(graph)``.

Core knows no operator and no printer. It calls them by name; the room that has one registers it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_modules: dict[str, str] = {}  # that provide a name as soon as they are imported


class _Provided(dict[str, Callable[..., Any]]):
    """What answers to a name. A module that provides one is imported when that is first asked for."""

    def __missing__(self, name: str) -> Callable[..., Any]:
        import_module(_modules[name])
        found = self.get(name)
        if found is None:
            raise KeyError(f"{_modules[name]} does not provide {name!r}")
        return found


provided = _Provided()


def provide(name: str) -> Callable[[F], F]:
    """Decorator: the function answers to ``name`` from now on."""

    def register(function: F) -> F:
        provided[name] = function
        return function

    return register


def provide_later(name: str, module: str) -> None:
    """``module`` provides ``name``: it is imported when that is first called."""
    _modules[name] = module


def is_provided(name: str) -> bool:
    """Whether something answers to ``name``."""
    return name in provided or name in _modules


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Call what was provided under ``name``."""
    return provided[name](*args, **kwargs)
