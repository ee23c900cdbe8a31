"""Docstrings as Markdown: examples become blocks of code, and ``:func:`name``` a plain name."""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"(?:^>>> .*\n?)(?:^(?!\n).+\n?)*", re.M)
_ROLE = re.compile(r":(?:func|class|meth|mod):`([^`]+)`")


class AsMarkdown(griffe.Extension):
    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.is_attribute and not obj.has_labels("property"):
            obj.docstring = None  # it is that of the type of the value
        if obj.docstring:
            text = _ROLE.sub(r"`\1`", obj.docstring.value)
            obj.docstring.value = _EXAMPLE.sub(lambda found: f"```pycon\n{found[0].rstrip()}\n```\n", text)
