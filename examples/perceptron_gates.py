"""Perceptrons as logic gates: AND, NAND and OR are one unit each; XOR, which no line divides, takes two layers.

A perceptron answers 1 where w1 x1 + w2 x2 exceeds a threshold. The weights are chosen by hand; nothing is trained.

    python examples/perceptron_gates.py [--out perceptron_gates-output]
"""

import numpy as np
from common import extras, options, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure

x1, x2 = sd.input("x1", (sd.dim("n"),)), sd.input("x2", (sd.dim("n"),))


def perceptron(x1: sd.Node, x2: sd.Node, w1: float, w2: float, threshold: float) -> sd.Node:
    return sd.where(w1 * x1 + w2 * x2 > threshold, 1.0, 0.0)


def and_gate(x1: sd.Node, x2: sd.Node) -> sd.Node:
    return perceptron(x1, x2, 0.5, 0.5, 0.7)


def nand_gate(x1: sd.Node, x2: sd.Node) -> sd.Node:
    return perceptron(x1, x2, -0.5, -0.5, -0.7)


def or_gate(x1: sd.Node, x2: sd.Node) -> sd.Node:
    return perceptron(x1, x2, 0.5, 0.5, 0.2)


def xor_gate(x1: sd.Node, x2: sd.Node) -> sd.Node:
    """The second layer is an AND of what the two units of the first layer say."""
    return and_gate(nand_gate(x1, x2), or_gate(x1, x2))


gates = {"AND": and_gate(x1, x2), "NAND": nand_gate(x1, x2), "OR": or_gate(x1, x2), "XOR": xor_gate(x1, x2)}


def main(arguments: list[str] | None = None) -> dict[str, list[int]]:
    """Print the truth tables, draw where each gate says 1, and give the tables."""
    out = options(__doc__, "perceptron_gates", arguments).out
    run = sd.compile(gates, inputs=[x1, x2])

    first, second = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])
    answers = {name: array.astype(int).tolist() for name, array in run(first, second).items()}
    rows = zip(first.astype(int), second.astype(int), *answers.values(), strict=True)
    print(table("x1  x2  " + "  ".join(answers), *rows))
    print("\nXOR = AND(NAND(x1, x2), OR(x1, x2)), as a graph:\n")
    print(sd.Graph({"xor": gates["XOR"]}, name="xor"))

    grid = np.linspace(-0.5, 1.5, 300)
    across, up = (axis.ravel() for axis in np.meshgrid(grid, grid))
    figure = Figure(figsize=(12, 3.3), layout="constrained")
    for panel, (name, answer) in zip(figure.subplots(1, 4), run(across, up).items(), strict=True):
        panel.pcolormesh(grid, grid, answer.reshape(300, 300), cmap="coolwarm", alpha=0.35)
        panel.scatter(first, second, c=answers[name], cmap="coolwarm", s=90, edgecolors="black")
        panel.set(title=name, xlabel="x1", ylabel="x2", aspect="equal")
    figure.savefig(out / "gates.png", dpi=120)
    print(f"\npicture   {out / 'gates.png'}")
    return answers


if __name__ == "__main__":
    main()
