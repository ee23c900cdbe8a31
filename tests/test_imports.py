"""Imports run downward only, and importing the package stays cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "symdiff"
FLOORS = [
    {"core"}, {"interpret"}, {"routines"}, {"ops"}, {"passes"}, {"autodiff"}, {"inspect"}, {"lower"}, {"runtime"},
    {"emit"},
]  # fmt: skip
LEVEL = {room: level for level, floor in enumerate(FLOORS) for room in floor}
HIGHEST = len(FLOORS)  # losses, nn, optim, train, compile, ...: above every room, in no order of their own
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    """Line and room of every import of this package, those inside functions and for type checking included."""
    package = path.relative_to(PACKAGE.parent).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = base + (node.module.split(".") if node.module else [])
            names = [module] if len(module) > 1 else [[*module, alias.name] for alias in node.names]
        else:
            continue
        yield from ((node.lineno, parts[1]) for parts in names if parts[0] == "symdiff" and len(parts) > 1)


def level(name: str) -> int:
    return LEVEL.get(name, HIGHEST)


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(PACKAGE)) for path in FILES])
def test_imports_run_downward(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return
    upward = [(line, other) for line, other in imported_rooms(path) if level(other) > level(room(path))]
    assert not upward, f"{room(path)} imports from above"


def test_nothing_imports_the_public_names() -> None:
    """``import symdiff`` inside the package would tie every room to all others."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.Import) and any(alias.name == "symdiff" for alias in node.names)), path


def test_every_room_has_its_floor() -> None:
    """A room that is renamed must not fall out of the order unseen."""
    rooms = {room(path) for path in FILES}
    assert set(LEVEL) <= rooms, set(LEVEL) - rooms


@pytest.mark.parametrize("heavy", ["numba", "sympy", "scipy", "llvmlite", "matplotlib", "tqdm"])
def test_import_is_light(heavy: str) -> None:
    code = f"import symdiff, sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, check=False).returncode == 0


def test_what_few_programs_need_is_imported_when_they_do() -> None:
    late = "numpy.random zipfile html json symdiff.inspect.html symdiff.inspect.latex symdiff.inspect.picture.svg"
    code = (
        "import sys, numpy; before = set(sys.modules); import symdiff; "
        f"print(set({late.split()}) & (set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"
