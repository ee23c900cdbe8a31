"""Activation functions and their derivatives: sigmoid, tanh, hard tanh, softsign, ReLU, leaky ReLU.

The derivatives are not typed in: the machine makes them, and prints them as formulas. What a network learns with
depends on them. That of a sigmoid is 1/4 at most, so a deep network multiplies its gradient by less than 1/4 per layer.

    python examples/activations.py [--out activations-output]
"""

import numpy as np
from common import extras, options, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure

z = sd.input("z", (sd.dim("n"),))
functions = {
    "sigmoid": sd.sigmoid(z),
    "tanh": sd.tanh(z),
    "hard tanh": sd.hardtanh(z),
    "softsign": sd.softsign(z),
    "ReLU": sd.relu(z),
    "leaky ReLU": sd.leaky_relu(z, 0.01),
}


def derivative(f: sd.Node) -> sd.Node:
    """df/dz for each element: the Jacobian is diagonal, so its product with ones is all of it."""
    return sd.vjp(f, z, sd.ones_like(f))


def main(arguments: list[str] | None = None) -> dict[str, np.ndarray]:
    """Print formulas and values, draw functions and derivatives, and give the derivatives at -2 ... 2."""
    out = options(__doc__, "activations", arguments).out
    derivatives = {name: derivative(f) for name, f in functions.items()}
    values = sd.compile(functions, inputs=[z])
    slopes = sd.compile(derivatives, inputs=[z])

    at = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    header = "  ".join(["function", *(f"z = {value:g}" for value in at)])
    print("Values\n")
    print(table(header, *[(name, *row.tolist()) for name, row in values(at).items()]))
    print("\nDerivatives\n")
    found = slopes(at)
    print(table(header, *[(name, *row.tolist()) for name, row in found.items()]))
    print("\nDerivatives, as the machine writes them\n")
    named = {f"d_{name.replace(' ', '_')}": node for name, node in derivatives.items()}
    print(sd.optimize(sd.Graph(named, inputs=[z], name="activations"))[0])

    line = np.linspace(-4, 4, 801)
    print("\ntanh(z) = 2 sigmoid(2z) - 1: largest difference on [-4, 4]:", end=" ")
    print(f"{np.abs(values(line)['tanh'] - (2 * values(2 * line)['sigmoid'] - 1)).max():.1e}")
    steepest = {name: array.max() for name, array in slopes(line).items()}
    print("steepest:", ", ".join(f"{name} {slope:g}" for name, slope in steepest.items()))

    figure = Figure(figsize=(10, 5.5), layout="constrained")
    for panel, name in zip(figure.subplots(2, 3).flat, functions, strict=True):
        panel.plot(line, values(line)[name], label="f")
        panel.plot(line, slopes(line)[name], label="df/dz")
        panel.set(title=name, ylim=(-1.2, 1.6))
        panel.grid(alpha=0.3)
        panel.legend()
    figure.savefig(out / "activations.png", dpi=120)
    print(f"picture   {out / 'activations.png'}")
    return found


if __name__ == "__main__":
    main()
