"""README and docs are true: their Python runs, what they show is what comes out, names and links lead somewhere."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import symdiff as sd
from tests.documents import ROOT, blocks
from tests.operators_page.page import without_family, without_row

DOCUMENTS = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
PICTURE = ROOT / "docs" / "images" / "digits.svg"
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "symdiff").rglob("*.py")
)


def python(folder: Path, *arguments: str) -> str:
    """What a fresh Python prints, with warnings as errors."""
    run = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


def updating(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_code_runs_and_outputs_are_real(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = ROOT / name
    document = path.read_text(encoding="utf-8")
    outputs = json.loads(python(tmp_path, "-m", "tests.documents", str(path)))
    showing = [block for block in blocks(document) if str(block.line) in outputs]
    if updating(request):
        for block in reversed(showing):
            document = document[: block.start] + outputs[str(block.line)] + document[block.end :]
        path.write_text(document, encoding="utf-8")
        return
    unknown = [block.line for block in blocks(document) if block.language == "text" and block not in showing]
    assert not unknown, f"{name}: nothing prints the text blocks at lines {unknown}"
    for block in showing:
        assert block.text == outputs[str(block.line)], (
            f"{name}:{block.line} differs; if meant, run with --update-golden"
        )


def test_operator_of_the_worked_example(tmp_path: Path) -> None:
    """The row that docs/adding_an_operator.md adds passes what every row has to pass."""
    code = f"""
from pathlib import Path
from tests.documents import shown
from tests.ops import test_table as table
shown(Path({str(ROOT / "docs" / "adding_an_operator.md")!r}))
row = table.ROWS[-1]
assert row.label == "cauchy"
table.test_every_operator_has_a_row()
for n in table.batches(row):
    for dtype in ("float64", "float32"):
        table.test_value_is_numpys(row, n, dtype)
    table.test_first_derivative(row, n)
    table.test_second_derivative(row, n)
    table.test_float32_derivative(row, n)
print("checked")
"""
    assert python(tmp_path, "-c", code) == "checked\n"


def test_picture_is_that_of_the_example(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    svg = python(tmp_path, "-c", "from tests.documents import digits; print(digits().graph.to_svg(), end='')")
    if updating(request):
        PICTURE.write_text(svg, encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == svg, "if meant, run with --update-golden"


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.failed == 0


def test_links_lead_somewhere() -> None:
    for name in [*DOCUMENTS, "CHANGELOG.md"]:
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            is_drawn = f'("{target}")' in text  # by the code of the page, when the site is built
            there = (ROOT / name).parent.joinpath(target).exists()
            assert "://" in target or is_drawn or there, f"{name}: {target}"


def test_every_public_function_is_on_a_page() -> None:
    words = {word for name in DOCUMENTS for word in re.findall(r"\w+", (ROOT / name).read_text(encoding="utf-8"))}
    rooms = [value for name in sd.__all__ if isinstance(value := getattr(sd, name), ModuleType)]
    listed = {name for room in [sd, *rooms] for name in _functions(room)}
    assert len(listed) > 400
    assert sorted(listed - words) == []


def _functions(room: ModuleType) -> list[str]:
    return [name for name in room.__all__ if isinstance(getattr(room, name), FunctionType)]


def test_page_of_operators_is_what_the_operators_say(request: pytest.FixtureRequest) -> None:
    page = ROOT / "docs" / "operators.md"
    made = python(ROOT, "-m", "tests.operators_page", "--print")
    if updating(request):
        page.write_text(made, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == made, "if meant, run python -m tests.operators_page"


def test_every_operator_has_a_place_on_the_page_and_a_row_that_calls_it() -> None:
    assert without_family() == []
    assert without_row() == []


def test_names_in_the_table_of_the_readme_exist() -> None:
    """Each word in backquotes in the table is a name of symdiff, or of the room named before it."""
    table = README[README.index("| leaves") : README.index("Every public name")]
    for quoted in re.findall(r"`([^`]+)`", table):
        room = sd
        for word in quoted.split() if quoted[1] not in "[." else ():
            *rooms, name = word.split(".")
            room = getattr(sd, rooms[0]) if rooms else room
            assert hasattr(room, name), word


def test_ci_runs_the_commands_of_the_readme() -> None:
    commands = [block.text for block in blocks(README) if block.language == "sh"]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    lines = [line.strip() for line in ci]
    assert len(commands) == 2
    for command in commands:
        assert command.strip() in lines
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_changelog_has_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
