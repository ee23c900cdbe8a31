"""Examples as modules, and short runs of them."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from tests.documents import ROOT

EXAMPLES = ROOT / "examples"


class Run(NamedTuple):
    """What an example gave, printed and drew."""

    module: ModuleType
    result: Any
    printed: str
    files: set[str]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """An example as a module, without running it."""

    def loaded(name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(EXAMPLES))
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded


@pytest.fixture
def run(load: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], Run]:
    """An example, run in its small size."""

    def finished(name: str) -> Run:
        module = load(name)
        result = module.main(["--out", str(tmp_path / "out"), "--small"])
        files = {path.name for path in (tmp_path / "out").iterdir() if path.stat().st_size > 1000}
        return Run(module, result, capsys.readouterr().out, files)

    return finished
