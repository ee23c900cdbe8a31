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

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """Of a Protocol the beginning is Python's, which is not looked at."""
        if "__init__" in cls.members and cls.members["__init__"].is_alias:
            del cls.members["__init__"]
