"""The words of the emitted source: each kernel's equations in the model's names, and where they were written."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.node import Node
from ..inspect.because import source_of
from ..inspect.expression import Expressions
from ..inspect.listing import Line, Listing
from ..inspect.plain import Plain
from ..lower.program import Gemm, KernelCall, Program

WIDTH = 108
COLUMN = 68


class Documenter:
    """Equations as ``print(graph)`` shows them, for the nodes of a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.listing = Listing(program.graph)
        self.expressions = Expressions(self.listing, Plain())

    def kernel(self, call: KernelCall) -> list[str]:
        """One line for each equation whose value leaves the kernel."""
        lines = dict.fromkeys(filter(None, map(self._line, call.results)))
        texts = [text for line in lines for text in self._equation(line)] or [f"{call.kernel.name}: a step in between"]
        texts[0] = texts[0].replace("   ", "", 1)  # the opening quotes take three columns
        return texts

    def product(self, step: Gemm) -> str:
        """Where a product was written, or which derivative it is."""
        line = self._line(step.node)
        return source_of(line, self.listing) if line else step.node.origin.place

    def _line(self, node: Node) -> Line | None:
        """The printed line that a node is, or is written in."""
        home = self.listing.home(self.program.stands_for.get(node, node))
        return self.listing.line.get(home) if home is not None else None

    def _equation(self, line: Line) -> Iterator[str]:
        title = self.listing.title(line.node)
        equation = f"{title} {self.expressions.expression(line.node)}"
        if not title.endswith("<-"):
            equation = f"{title} = {self.expressions.expression(line.node)}"
        reason = source_of(line, self.listing)
        if len(equation) < COLUMN:
            yield f"{equation:<{COLUMN}}{reason}"
            return
        yield from _broken(equation)
        yield f"{'':<{COLUMN}}{reason}"


def _broken(text: str) -> Iterator[str]:
    """A long equation on several lines."""
    line = ""
    for word in text.split(" "):
        if line and len(line) + len(word) >= WIDTH:
            yield line
            line = "   "
        line = f"{line} {word}" if line else word
    yield line
