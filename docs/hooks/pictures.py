"""Pictures that pages draw: a page whose code writes a picture that the page shows is run, in a folder of its own.

Pages run as the tests run them (``tests/documents.py``), several at a time.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    drawing = [page for page in files.documentation_pages() if _missing(page)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for page, pictures in zip(drawing, pool.map(_drawn, drawing), strict=True):
            for name, content in pictures.items():
                place = (Path(page.src_uri).parent / name).as_posix()
                files.append(File.generated(config, place, content=content))
    return files


def _missing(page: File) -> list[str]:
    """The pictures that a page shows and that are not beside it."""
    if page.abs_src_path is None:
        return []
    shown = re.findall(r"!\[[^]]*\]\(([\w./]+)\)", page.content_string)
    return [name for name in shown if not Path(page.abs_src_path).parent.joinpath(name).exists()]


def _drawn(page: File) -> dict[str, bytes]:
    """Those pictures, drawn by the code of the page."""
    with TemporaryDirectory() as folder:
        run = subprocess.run(
            [sys.executable, "-m", "tests.documents", str(page.abs_src_path)],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if run.returncode:
            raise PluginError(f"{page.src_uri}: its code fails\n{run.stderr}")
        return {name: Path(folder, name).read_bytes() for name in _missing(page)}
