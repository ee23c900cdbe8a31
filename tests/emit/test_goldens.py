"""The whole emitted source of four models, as a person reads it. After a change that is meant, write them anew with
``pytest tests/emit/test_goldens.py --update-golden`` and read the difference."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.emit.golden_models import MODELS


def sources(seed: str) -> dict[str, str]:
    command = [sys.executable, "-m", "tests.emit.golden_models"]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def emitted() -> dict[str, str]:
    return sources("1")


@pytest.mark.parametrize("name", [model.__name__ for model in MODELS])
def test_source_is_pinned(name: str, emitted: dict[str, str], golden: Callable[[str, str], None]) -> None:
    golden(f"emit/{name}", emitted[name])


def test_source_does_not_depend_on_the_hash_seed(emitted: dict[str, str]) -> None:
    assert sources("2") == emitted


def test_the_worked_network_has_three_products_backward(emitted: dict[str, str]) -> None:
    """And none for the gradient of X, which nobody asked for."""
    before, after = emitted["weight_decay"].split("    # backward\n")
    assert before.count("np.matmul(") == 2
    assert after.count("np.matmul(") == 3


@pytest.mark.parametrize("name", [model.__name__ for model in MODELS])
def test_lines_fit_and_parse(name: str, emitted: dict[str, str]) -> None:
    tree = ast.parse(emitted[name])
    assert all(ast.get_docstring(node) for node in tree.body if isinstance(node, ast.FunctionDef))
    assert max(map(len, emitted[name].splitlines())) <= 120
