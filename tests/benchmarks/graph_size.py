"""What a node costs in every phase of the compiler, for graphs of 10^3 to 10^5 nodes: it should not depend on the size.

    python -m tests.benchmarks.graph_size [--sizes 1000 10000 100000] [--shapes chain wide diamond] [--quick]

Lowering and emission are measured; nothing is compiled.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator

import symdiff as sd
from symdiff.core.node import Node
from symdiff.emit.module import Module
from symdiff.lower.lower import lower

PHASES = ("build", "grad", "optimize", "print", "lower", "emit")
WIDTH = 16  # elements of every vector


def chain(size: int) -> tuple[Node, Node]:
    """x = tanh(x * c + b), again and again."""
    start = x = sd.input("x", (WIDTH,))
    c, b = sd.input("c", (WIDTH,)), sd.input("b", (WIDTH,))
    for _ in range(size // 3):
        x = sd.tanh(x * c + b)
    return start, sd.sum(x)


def wide(size: int) -> tuple[Node, Node]:
    """Many short branches from one vector, added up in pairs."""
    x = sd.input("x", (WIDTH,))
    terms = [sd.tanh(x * (1 + k / size)) for k in range(size // 4)]
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(pairs) * 2 :]
    return x, sd.sum(terms[0])


def diamond(size: int) -> tuple[Node, Node]:
    """x = sin(x) * cos(x): two paths meet at every step, so there are 2^depth paths."""
    start = x = sd.input("x", (WIDTH,))
    for _ in range(size // 3):
        x = sd.sin(x) * sd.cos(x)
    return start, sd.sum(x)


SHAPES: dict[str, Callable[[int], tuple[Node, Node]]] = {"chain": chain, "wide": wide, "diamond": diamond}


class Clock:
    """Seconds of each phase, one after another."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        gc.collect()
        self.began = time.perf_counter()

    def stop(self, phase: str) -> None:
        self.seconds[phase] = time.perf_counter() - self.began
        gc.collect()
        self.began = time.perf_counter()


def differentiate(make: Callable[[int], tuple[Node, Node]], size: int, clock: Clock) -> tuple[sd.Graph, ...]:
    """The graph going forward, that with its gradient, and this one optimised."""
    x, cost = make(size)
    clock.stop("build")
    (d_x,) = sd.grad(cost, [x])
    clock.stop("grad")
    forward, graph = sd.Graph({"cost": cost}), sd.Graph({"cost": cost, "d_x": d_x})
    clock.stop("graph")
    optimized, _ = sd.optimize(graph)
    clock.stop("optimize")
    return forward, graph, optimized


def measure(make: Callable[[int], tuple[Node, Node]], size: int) -> tuple[dict[str, int], dict[str, float]]:
    """(nodes, seconds) of each phase. Nodes are those of the graph a phase makes or works on."""
    clock = Clock()
    forward, graph, optimized = differentiate(make, size, clock)
    str(graph)
    clock.stop("print")
    program = lower(optimized)
    clock.stop("lower")
    Module(program).source()
    clock.stop("emit")
    whole = len(graph.nodes)
    nodes = dict.fromkeys(PHASES, whole) | {"build": len(forward.nodes), "lower": len(optimized.nodes)}
    return nodes | {"emit": len(optimized.nodes)}, clock.seconds


def table(shapes: list[str], sizes: list[int]) -> Iterator[str]:
    """A row for each graph: microseconds per node in each phase, and seconds in all."""
    yield f"{'':<9}{'nodes':>8}" + "".join(f"{phase:>10}" for phase in PHASES) + f"{'all, s':>10}"
    yield f"{'':<17}" + f"{'us/node':>10}" * len(PHASES)
    for shape in shapes:
        for size in sizes:
            nodes, seconds = measure(SHAPES[shape], size)
            costs = "".join(f"{seconds[phase] / nodes[phase] * 1e6:>10.1f}" for phase in PHASES)
            yield f"{shape:<9}{nodes['grad']:>8}{costs}{sum(seconds.values()):>10.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="nodes going forward")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    options = parser.parse_args()
    for line in table(options.shapes, [100, 300] if options.quick else options.sizes):
        print(line, flush=True)


if __name__ == "__main__":
    main()
