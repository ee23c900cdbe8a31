"""Runs the Python in a Markdown file: ``python -m tests.documents FILE`` prints, as JSON, what the file should show.

Python blocks run in order, in one namespace. The next block, if it is text, shows what one printed. A block under
``<!-- output: name -->`` shows a piece of the digits example. A file runs in a process of its own, since nodes that are
equal to another test's would bring that test's lines along.
"""

from __future__ import annotations

import importlib.util
import io
import json
import linecache
import re
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import symdiff as sd

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^(?:<!-- output: (?P<mark>\w+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """What stands between two fences: ``line`` is its first line, ``start`` and ``end`` its place in the file."""

    language: str
    mark: str | None
    text: str
    line: int
    start: int
    end: int


def blocks(document: str) -> list[Block]:
    found = []
    for fence in _FENCE.finditer(document):
        start, end = fence.span("text")
        line = document.count("\n", 0, start) + 1
        found.append(Block(fence["language"], fence["mark"], fence["text"], line, start, end))
    return found


def shown(path: Path) -> dict[int, str]:
    """What the blocks that show something ought to hold, by their first lines."""
    document = path.read_text(encoding="utf-8")
    found: dict[int, str] = {}
    _register(path.name, document)
    namespace: dict[str, object] = {"__name__": "__main__"}
    printed: str | None = None
    for block in blocks(document):
        if block.mark:
            found[block.line] = piece(block.mark)
        elif block.language == "python":
            code = compile("\n" * (block.line - 1) + block.text, path.name, "exec", dont_inherit=True)
            with redirect_stdout(io.StringIO()) as stdout:
                exec(code, namespace)
            printed = stdout.getvalue().strip("\n") + "\n"
            continue
        elif block.language == "text" and printed is not None:
            found[block.line] = printed
        printed = None
    return found


def _register(name: str, document: str) -> None:
    """Let symdiff find the source of the blocks, which it takes names from; the prose becomes empty lines."""
    lines = [""] * (document.count("\n") + 1)
    for block in blocks(document):
        if block.language == "python" and not block.mark:
            text = block.text.splitlines()
            lines[block.line - 1 : block.line - 1 + len(text)] = text
    linecache.cache[name] = (len(document), None, [f"{line}\n" for line in lines], name)


@cache
def digits() -> ModuleType:
    """The module of examples/digits.py: model, graph and step."""
    spec = importlib.util.spec_from_file_location("digits", ROOT / "examples" / "digits.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def piece(name: str) -> str:
    """Something of what the digits example shows: the graph, a kernel of the emitted program, its steps."""
    if name == "graph":
        return f"{digits().graph}\n"
    source = sd.compile(digits().step).source
    if name == "kernel":
        return next(part for part in source.split("\n\n\n") if "def relu_vjp" in part).strip("\n") + "\n"
    assert name == "driver", name
    head, steps = source[source.index("def digits_step(") :].split("    # forward\n")
    return f"{head.splitlines()[0]}\n    ...\n    # forward\n{steps}"


if __name__ == "__main__":
    print(json.dumps(shown(Path(sys.argv[1]))))
