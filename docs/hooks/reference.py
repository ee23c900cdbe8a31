"""The API, room by room: a page lists the names of its room, and mkdocstrings writes out their docstrings.

What has several names is written out under the one it calls itself, on the first page that has it; the others link
there.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from types import FunctionType, ModuleType

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import symdiff as sd

ROOT_ROOMS = {  # of the names that stand in symdiff itself: where they are defined
    "graphs": ("core", "compiled", "state", "ops.leaf", "ops.convert", "passes"),
    "derivatives": ("autodiff", "interop"),
    "loops": ("control",),
    "training": ("train", "history", "checkpoints", "early_stopping", "summaries"),
    "errors": ("core.errors", "arguments"),
    "functions": ("ops", "nn.activations"),
}
PAGES = {  # page: its title, and what it begins with, or the rooms whose names are on it
    "graphs": ("Graphs and compiled functions", "What a model is made of, and what runs it."),
    "derivatives": ("Derivatives", "[The guide](../derivatives.md) shows them at work."),
    "loops": ("Loops and branches", "[The guide](../loops.md) shows them at work."),
    "functions": ("Functions of nodes", "[Operators](../operators.md) has them by family, with their derivatives."),
    "linalg": ("linalg", ["linalg"]),
    "special": ("special", ["special"]),
    "random": ("random", ["random"]),
    "layers": ("nn.layers", ["nn.layers"]),
    "nn": ("nn", ["nn"]),
    "losses": ("losses, metrics, regularize", ["losses", "metrics", "regularize"]),
    "init": ("init", ["init"]),
    "optim": ("optim", ["optim", "optim.schedules"]),
    "training": ("Training", "[Training](../training.md) and [Fitting](../fitting.md) are the guides."),
    "preprocess": ("preprocess", ["preprocess"]),
    "errors": ("Errors", "Each says what was asked, the operands, the rule that was broken, the line, the next step."),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    seen: set[int] = set()
    for page, (title, about) in PAGES.items():
        if isinstance(about, str):
            begins, names = [about], sorted(_of_the_root(page), key=lambda found: found[0].lower())
        else:
            begins, names = [_about(attrgetter(room)(sd)) for room in about], list(_members(about))
        text = _page([f"# {title}", *begins], names, seen)
        files.append(File.generated(config, f"api/{page}.md", content=text))
    return files


def _page(begins: list[str], names: list[tuple[str, FunctionType | type]], seen: set[int]) -> str:
    """``seen`` are the ids of what stands on earlier pages; what stands on this one is added."""
    called_so = [(name, value) for name, value in names if name.split(".")[-1] == value.__name__]
    first = {id(value): name for name, value in [*reversed(names), *called_so] if id(value) not in seen}
    written, elsewhere = [], []
    for name, value in names:
        if first.get(id(value)) == name:
            written.append(f"::: {_path(value)}\n    options:\n      heading: {name}\n      toc_label: {name}")
        else:
            elsewhere.append(f"[`{name}`][{_path(value)}]")
    seen.update(first)
    others = [f"Other names, and what stands on another page: {', '.join(elsewhere)}."] if elsewhere else []
    return "\n\n".join([*begins, *others, *written]) + "\n"


def _about(room: ModuleType) -> str:
    """The first sentence of its docstring."""
    return " ".join((room.__doc__ or "").split()).split(". ")[0].rstrip(".") + "."


def _of_the_root(page: str) -> Iterator[tuple[str, FunctionType | type]]:
    """The names of symdiff itself whose home is nearest to one of the page's."""
    for name in sd.__all__:
        value = getattr(sd, name)
        if isinstance(value, ModuleType):
            continue
        module = value.__module__.removeprefix("symdiff.")
        homes = {home: own for own, places in ROOT_ROOMS.items() for home in places}
        fitting = [home for home in homes if f"{module}.".startswith(f"{home}.")]
        if homes[max(fitting, key=len)] == page:
            yield name, value


def _members(rooms: list[str]) -> Iterator[tuple[str, FunctionType | type]]:
    """The public functions and classes of rooms."""
    for name in rooms:
        room = attrgetter(name)(sd)
        for own in room.__all__:
            value = getattr(room, own)
            if isinstance(value, FunctionType | type):
                yield f"{name}.{own}", value


def _path(value: FunctionType | type) -> str:
    return f"{value.__module__}.{value.__name__}"
