"""The first graphs of every text on back-propagation, and the two ways to run it.

f = x1 x2 + sin(x2) has two paths to x2, whose gradients are added. Addition hands a gradient on to both operands,
multiplication hands each the other's value times it, max hands it to the winner alone. Back-propagation either fills a
table of numbers (symbol-to-number) or adds nodes to the graph (symbol-to-symbol). The results are the same; but only
nodes can be read, and differentiated again.

    python examples/two_paths.py [--out two_paths-output]
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from common import options, table

import symdiff as sd

x1, x2 = sd.input("x1"), sd.input("x2")
f = (x1 * x2 + sd.sin(x2)).named("f")
d_x1, d_x2 = sd.grad(f, [x1, x2])
d_x2_x2 = sd.grad(d_x2, x2)  # nodes again, so they have derivatives again: -sin(x2)

a, b, upstream = sd.input("a"), sd.input("b"), sd.input("upstream")
flows = {
    "add: copies": sd.vjp(a + b, [a, b], upstream),
    "multiply: swaps": sd.vjp(a * b, [a, b], upstream),
    "max: routes": sd.vjp(sd.maximum(a, b), [a, b], upstream),
}


@dataclass
class Number:
    """A value that knows what it was made of: its parents, with the derivative by each."""

    name: str
    value: float
    parents: Sequence[tuple["Number", float]] = ()


def forward(x1_value: float, x2_value: float) -> list[Number]:
    """f with numbers, in topological order."""
    first, second = Number("x1", x1_value), Number("x2", x2_value)
    product = Number("x1 x2", x1_value * x2_value, [(first, x2_value), (second, x1_value)])
    sine = Number("sin(x2)", math.sin(x2_value), [(second, math.cos(x2_value))])
    return [first, second, product, sine, Number("f", product.value + sine.value, [(product, 1.0), (sine, 1.0)])]


def backward(nodes: Sequence[Number]) -> dict[str, float]:
    """The table of gradients: every edge is visited once, in reverse order."""
    gradient = dict.fromkeys((node.name for node in nodes), 0.0) | {nodes[-1].name: 1.0}
    for node in reversed(nodes):
        for parent, slope in node.parents:
            gradient[parent.name] += gradient[node.name] * slope
    return gradient


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Print both ways side by side, and the flows; draw the graph; give the derivatives at (2, 0.5)."""
    out = options(__doc__, "two_paths", arguments).out
    point = (2.0, 0.5)

    graph = sd.Graph({"f": f, "d_x1": d_x1, "d_x2": d_x2}, inputs=[x1, x2], name="two_paths")
    print(graph)
    print("\nThe gradient of x2, and where it comes from:\n")
    print(graph.why("d_x2"))

    nodes = forward(*point)
    gradients = backward(nodes)
    print("\nSymbol-to-number at x1 = 2, x2 = 0.5: a table of values and of gradients\n")
    print(table("node  value  gradient", *[(node.name, node.value, gradients[node.name]) for node in nodes]))

    found = sd.compile({"d_x1": d_x1, "d_x2": d_x2, "d_x2_x2": d_x2_x2}, inputs=[x1, x2])(*point)
    by_nodes = {name: float(value) for name, value in found.items()}
    print("\nSide by side\n")
    rows = [
        ("df/dx1", "x2", gradients["x1"], by_nodes["d_x1"]),
        ("df/dx2", "x1 + cos(x2)", gradients["x2"], by_nodes["d_x2"]),
        ("d2f/dx2^2", "-sin(x2)", "no graph to ask", by_nodes["d_x2_x2"]),
    ]
    print(table("derivative  formula  symbol-to-number  symbol-to-symbol", *rows))

    print("\nFlow of the gradient 10 through one node, at a = 3, b = 4\n")
    rows = []
    for name, gradients_ab in flows.items():
        to_a, to_b = sd.compile(gradients_ab, inputs=[a, b, upstream])(3.0, 4.0, 10.0)
        rows.append((name, float(to_a), float(to_b)))
    print(table("node  to a  to b", *rows))

    graph.to_svg(out / "two_paths.svg")
    print(f"\npicture   {out / 'two_paths.svg'}")
    return by_nodes


if __name__ == "__main__":
    main()
