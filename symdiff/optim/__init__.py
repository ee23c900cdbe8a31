"""Update rules: graphs that say what a step makes of parameters and gradients. Each file is imported when one of its
names is first used; ``__init__.pyi`` says the same to type checkers."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ROOMS = {
    "adam_family": "adamax lion nadam radam",
    "adaptive": "adadelta adagrad rmsprop",
    "average": "averaged ema",
    "clipping": "clip_by_global_norm clip_by_norm clip_by_value global_norm",
    "descent": "momentum nesterov sgd",
    "grouping": "frozen groups",
    "moments": "adam adamw amsgrad",
    "rule": "Optimizer step_count",
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names.split()}
__all__ = [*_HOMES, "schedules"]


def __getattr__(name: str) -> Any:
    if name == "schedules":
        return import_module(".schedules", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
