"""What the examples share: options, a table, a progress bar, and a word about libraries that are not installed."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

_Item = TypeVar("_Item")


@contextmanager
def extras() -> Iterator[None]:
    """Around imports of what symdiff itself does not need."""
    try:
        yield
    except ModuleNotFoundError as missing:
        problem = f'this example needs {missing.name}: pip install "symdiff[examples]"'
        raise SystemExit(problem) from None


def options(
    about: str | None, name: str, arguments: Sequence[str] | None, **choices: Sequence[str]
) -> argparse.Namespace:
    """``out``, a folder that is there, ``small``, and one of each of the ``choices``, the first by default."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(f"{name}-output"), help="folder for the pictures")
    parser.add_argument("--small", action="store_true", help="a short run, to see that it works")
    for option, possible in choices.items():
        parser.add_argument(f"--{option}", choices=possible, default=possible[0])
    found = parser.parse_args(arguments)
    found.out.mkdir(parents=True, exist_ok=True)
    return found


def progress(items: Iterable[_Item], what: str) -> Iterable[_Item]:
    """The items one by one, under a bar once they take longer than a second."""
    return tqdm(items, desc=what, delay=1, leave=False)


def table(header: str, *rows: Sequence[object]) -> str:
    """Rows under a header, whose words are divided by two spaces: text to the left, numbers to the right."""
    columns = []
    for title, *values in zip(header.split("  "), *rows, strict=True):
        cells = [title, *map(_cell, values)]
        width = max(map(len, cells))
        is_text = isinstance(values[0], str)
        columns.append([cell.ljust(width) if is_text else cell.rjust(width) for cell in cells])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
