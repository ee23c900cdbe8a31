"""Pages made of what the project has already: README as the home page, the changelog, and each example."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FROM_ROOT = {"index.md": "README.md", "changelog.md": "CHANGELOG.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    pages = {name: _from_root(origin) for name, origin in FROM_ROOT.items()} | {"examples/index.md": _examples()}
    for path in EXAMPLES.glob("*.py"):
        pages[f"examples/{path.stem}.md"] = f"# {path.name}\n\n```python\n{path.read_text(encoding='utf-8')}```\n"
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to examples, which stand beside the folder of the documents, lead to their pages in it."""
    return re.sub(r"\]\(\.\./((?:\.\./)*)examples/(\w+)\.py\)", r"](\1examples/\2.md)", markdown)


def _from_root(name: str) -> str:
    """A text with links as they are from the folder of the documents."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = text.replace("](docs/", "](").replace("](CHANGELOG.md)", "](changelog.md)")
    text = text.replace("](examples)", "](examples/index.md)")
    return re.sub(r"\]\(examples/(\w+)\.py\)", r"](examples/\1.md)", text)


def _examples() -> str:
    """A list of the examples, each with the first line of its docstring."""
    lines = ["# Examples", "", "Each is a script that prints its numbers and draws its pictures.", ""]
    for path in sorted(EXAMPLES.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        about = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
        lines.append(f"- [{path.name}]({path.stem}.md): {about}")
    return "\n".join([*lines, ""])
