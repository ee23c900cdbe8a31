"""What all tests share: ``golden`` compares text with tests/golden/<name>.txt; ``--update-golden`` writes it anew."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
os.environ["SYMDIFF_PLANS"] = "none"  # every program is made, also where a test has put other numbers into our modules


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden texts anew instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden(name, text)``: the text must be what tests/golden/<name>.txt holds."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / f"{name}.txt"
        text = text.rstrip("\n") + "\n"
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        assert path.exists(), f"no golden text {path.name}: run pytest with --update-golden and read what it writes"
        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; if meant, run with --update-golden"

    return check
