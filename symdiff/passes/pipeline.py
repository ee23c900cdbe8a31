"""The default pipeline, and ``optimize``, which runs a pipeline until nothing changes any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle, islice

from ..core.collector import paused_collector
from ..core.graph import Graph
from .canonicalize import canonicalize
from .cse import cse
from .dce import dce
from .fold import fold
from .loops import loops, with_bodies
from .report import Report, Stage, pass_name
from .rewrite import journal
from .simplify import simplify
from .stabilize import stabilize
from .verify import verify_graph, verify_step

Pass = Callable[[Graph], Graph]

DEFAULT: tuple[Pass, ...] = (canonicalize, fold, stabilize, simplify, cse, dce, loops)

ROUNDS = 16  # a pipeline that has not settled by then is cut short, and the report says so


def optimize(graph: Graph, passes: Sequence[Pass] = DEFAULT, verify: bool = False) -> tuple[Graph, Report]:
    """The graph after the passes, repeated in order until none changes it, and a report to print.

    Finite results stay as they are, up to rounding, and a NaN in the input stays one in the output; see
    ``passes.stabilize`` for what happens where a formula overflowed. The result has the same inputs, outputs and
    types. Optimising again changes nothing. A pass is any function from Graph to Graph. ``verify`` checks the graph
    after each: a GraphError names the pass and the node.

    >>> import symdiff as sd
    >>> x = sd.input("x", (3,))
    >>> better, report = optimize(sd.Graph({"y": sd.log(1 + sd.exp(x)) * 1}))
    >>> better.outputs["y"] is sd.softplus(x)
    True
    """
    if verify:
        verify_graph(graph, "the graph given")
    graph = with_bodies(graph, lambda body: optimize(body, passes, verify)[0])
    stages: list[Stage] = []
    quiet = 0  # passes in a row that changed nothing
    with journal() as book, paused_collector():
        for step in islice(cycle(passes), ROUNDS * len(passes)):
            if quiet == len(passes):
                break
            book.fired.clear()
            after = step(graph)
            if verify:
                verify_step(graph, after, pass_name(step))
            stages.append(Stage.of(step, graph, after, book.fired))
            quiet = 0 if stages[-1].changed else quiet + 1
            graph = after
    return graph, Report(tuple(stages), settled=quiet == len(passes))
