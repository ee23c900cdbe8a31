"""What the passes did: nodes before and after each, and the rules that fired."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..core.graph import Graph
from ..core.provenance import Origin
from .rules import Rule


class Fired(NamedTuple):
    """A rule that was used so many ``times``, first at ``place``."""

    rule: str
    equation: str
    times: int
    place: str


class Stage(NamedTuple):
    """One run of one pass."""

    name: str
    before: int
    after: int
    changed: bool
    fired: tuple[Fired, ...]

    @classmethod
    def of(
        cls, step: Callable[[Graph], Graph], before: Graph, after: Graph, fired: Sequence[tuple[Rule, Origin]]
    ) -> Stage:
        counts: dict[tuple[str, str], tuple[int, Origin]] = {}
        for rule, origin in fired:
            count, first = counts.get((rule.name, rule.equation), (0, origin))
            counts[rule.name, rule.equation] = (count + 1, first)
        listed = tuple(Fired(name, equation, count, at.place) for (name, equation), (count, at) in counts.items())
        changed = before.roots != after.roots
        return cls(pass_name(step), len(before.nodes), len(after.nodes), changed, listed)


class Report(NamedTuple):
    """Every stage in order; ``print(report)`` gives a table. ``settled``: another round would change nothing."""

    stages: tuple[Stage, ...]
    settled: bool

    def __str__(self) -> str:
        shown = [stage for stage in self.stages if stage.changed]
        if not shown:
            return "nothing to optimise"
        before, after = self.stages[0].before, self.stages[-1].after
        lines = [f"{'pass':<14} {'nodes':>13}  rules that fired"]
        for stage in shown:
            lines += _rows(stage)
        lines.append(f"{'in all':<14} {_sizes(before, after)}")
        return "\n".join(lines if self.settled else [*lines, "cut short: the passes have not settled"])


def pass_name(step: Callable[[Graph], Graph]) -> str:
    """The stable name of a pass: its ``name``, or that of the function."""
    return str(getattr(step, "name", None) or getattr(step, "__name__", repr(step)))


def _sizes(before: int, after: int) -> str:
    return f"{before:>5} -> {after:>4}"


def _rows(stage: Stage) -> list[str]:
    texts = [f"{fired.times:>3} x {fired.rule}: {fired.equation}  ({fired.place})" for fired in stage.fired] or [""]
    rows = [f"{stage.name:<14} {_sizes(stage.before, stage.after)}   {texts[0]}".rstrip()]
    return rows + [" " * 31 + text for text in texts[1:]]
