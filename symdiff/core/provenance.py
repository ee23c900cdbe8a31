"""Where nodes come from: the user's line, the forward node and operand a gradient belongs to, the rewrites.

Provenance lives beside a node's identity, never in it. Builders inherit it from context, so the author of a rule or a
derivative cannot forget it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from .node import Node

Section = Literal["forward", "backward", "update"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Origin(NamedTuple):
    """One reason why a node exists.

    ``file``/``line`` are the user's; ``section`` is the part of a training step. For a gradient node ``of`` is the
    forward node whose rule made it and ``operand`` the position differentiated with respect to (None: it is the whole
    cotangent of ``of``; or, with ``tangent``, its tangent). ``rewrites`` names the rules that changed it, oldest first;
    ``name`` is one the user gave.
    """

    file: str
    line: int
    section: Section = "forward"
    of: Node | None = None
    operand: int | None = None
    rewrites: tuple[str, ...] = ()
    name: str | None = None
    tangent: bool = False

    @property
    def place(self) -> str:
        """``model.py:14``, short enough for a column."""
        return f"{os.path.basename(self.file)}:{self.line}" if self.line else self.file


def origin_of_cotangent(of: Node, operand: int | None) -> Origin:
    """The origin of the cotangent of a node, or of the part of it that goes to an operand."""
    place = of.origin
    fields = (place.file, place.line, "backward", of, operand, (), None, False)
    return tuple.__new__(Origin, fields)  # Origin(...), in a third of the time


_current: ContextVar[inherit | None] = ContextVar("symdiff_origin", default=None)
_section: ContextVar[Section] = ContextVar("symdiff_section", default="forward")


def origin_here() -> Origin:
    """The origin a node built now gets: the one in context, else the nearest line outside this package."""
    inherited = _current.get()
    if inherited is not None and inherited.origin is not None:
        if inherited.rewrite is not None:  # most rules that look at a node leave it as it is, and need no origin
            inherited.origin, inherited.rewrite = rewritten(inherited.origin, inherited.rewrite), None
        return inherited.origin
    return _written_at(*user_line(), _section.get())


@lru_cache(maxsize=4096)
def _written_at(file: str, line: int, section: Section) -> Origin:
    """The origin of all that a line writes."""
    return Origin(file, line, section)


def user_line() -> tuple[str, int]:
    """File and line of the nearest caller outside this package."""
    frame = sys._getframe(2)
    while _is_ours(frame.f_code.co_filename) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


@cache
def _is_ours(file: str) -> bool:
    return file.startswith((_PACKAGE, "<symdiff"))


def here() -> str:
    """The user's line as text, for error messages."""
    return origin_here().place


class inherit:  # noqa: N801  (used like a function: ``with inherit(origin):``)
    """Nodes built inside get this origin, with a rewrite on record where one is named. A sweep over many nodes enters
    it once, and then sets ``origin`` (and ``rewrite``) for each.

    >>> with inherit() as here:
    ...     here.origin = Origin("model.py", 3)
    ...     origin_here().place
    'model.py:3'
    """

    __slots__ = ("origin", "rewrite", "token")

    def __init__(self, origin: Origin | None = None) -> None:
        self.origin = origin
        self.rewrite: str | None = None

    def __enter__(self) -> inherit:
        self.token = _current.set(self)
        return self

    def __exit__(self, *exception: object) -> None:
        _current.reset(self.token)


@contextmanager
def section(name: Section) -> Iterator[None]:
    """Nodes built inside belong to this part of a step; their lines are still the user's."""
    token = _section.set(name)
    try:
        yield
    finally:
        _section.reset(token)


def rewritten(origin: Origin, rule: str) -> Origin:
    """The same origin, with one more rewrite on record."""
    if rule in origin.rewrites:
        return origin
    o = origin
    return Origin(o.file, o.line, o.section, o.of, o.operand, (*o.rewrites, rule), o.name, o.tangent)
