"""The public operators by name, the modules they stand in, and their calls, seen while the rows of the table build."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import symdiff as sd
from symdiff.core.node import Node

Function = Callable[..., Any]
ROOMS = {"": sd, "nn": sd.nn, "linalg": sd.linalg, "special": sd.special, "random": sd.random, "losses": sd.losses}
OPERATORS = ("symdiff.ops.", "symdiff.nn.", "symdiff.control.", "symdiff.random", "symdiff.losses", "symdiff.linalg")
LEAVES = {"constant", "input", "param", "size"}
NO_NODES = {"einsum_path", "linalg.eig", "linalg.eigvals"}
ROWS_FOLDER = str(Path(__file__).parents[1] / "ops" / "rows_")


@dataclass(frozen=True)
class Call:
    """One use of an operator in a row: its arguments, by the names that its signature gives them."""

    function: Function
    arguments: dict[str, Any]


@cache
def operators() -> dict[Function, list[str]]:
    """Each public operator with the names it goes by: ``abs``, ``absolute``; ``svd``, ``linalg.svd``."""
    found: dict[Function, list[str]] = {}
    for room, module in ROOMS.items():
        for name in module.__all__:
            value, full = getattr(module, name), f"{room}.{name}".lstrip(".")
            if isinstance(value, FunctionType):
                found.setdefault(value, []).append(full)
    return {
        value: sorted(names, key=lambda name: name != value.__name__)
        for value, names in found.items()
        if value.__module__.startswith(OPERATORS) and not (LEAVES | NO_NODES).intersection(names)
    }


@cache
def calls() -> dict[Function, list[Call]]:
    """What the rows of the table call, operator by operator."""
    from tests.ops.table import ROWS
    from tests.ops.test_table import sampled

    found: dict[Function, list[Call]] = {function: [] for function in operators()}
    codes: dict[CodeType, list[Function]] = {}
    for function in found:
        codes.setdefault(function.__code__, []).append(function)  # type: ignore[attr-defined]

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or frame.f_code not in codes or not _is_row(frame.f_back):
            return
        named = codes[frame.f_code]
        made_here = [one for one in named if len(named) == 1 or one.__name__ == frame.f_locals.get("name")]
        for function in made_here:
            names = inspect.signature(function).parameters
            found[function].append(Call(function, {name: frame.f_locals[name] for name in names}))

    for row in ROWS:
        leaves, _ = sampled(row, "float64", 1)
        if row.build in found:
            bound = inspect.signature(row.build).bind(*leaves)
            bound.apply_defaults()
            found[row.build].append(Call(row.build, dict(bound.arguments)))
            continue
        sys.setprofile(watch)
        try:
            row.build(*leaves)
        finally:
            sys.setprofile(None)
    return found


def _is_row(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code.co_filename.startswith(ROWS_FOLDER)


def nodes_in(value: Any) -> list[Node]:
    """The nodes in an argument, or in a result."""
    if isinstance(value, Node):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [node for one in value for node in nodes_in(one)] if isinstance(value, list | tuple) else []
