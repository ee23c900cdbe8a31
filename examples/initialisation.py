"""What weights start from: activations and gradients layer by layer, in networks that were never trained.

With too large weights sigmoids and tanhs saturate, with too small ones all units say the same; either way the gradient
does not arrive. Glorot and Bengio's rule ("Xavier") keeps the size of both through layers of tanh, He's through ReLU.

    python examples/initialisation.py [--out initialisation-output] [--small]
"""

import numpy as np
from common import extras, options, progress, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure

UNITS = 100
x = sd.input("x", (sd.dim("n"), UNITS))
starts = {
    "std 1": sd.init.normal(1.0),
    "std 0.01": sd.init.normal(0.01),
    "Xavier": sd.init.glorot_normal(),
    "He": sd.init.he_normal(),
}
activations = {"sigmoid": sd.sigmoid, "tanh": sd.tanh, "ReLU": sd.relu}


def network(activation, start: sd.init.Initializer, layers: int) -> list[sd.Node]:
    """The activations of each layer, of 100 units like the input."""
    found = [x]
    for layer in range(layers):
        W = sd.param(f"W{layer + 1}", (UNITS, UNITS), init=start)
        found.append(activation(found[-1] @ W))
    return found[1:]


def spreads(activation, start: sd.init.Initializer, layers: int, rows: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviations of activations, and of gradients with a random gradient from above, layer by layer."""
    hidden = network(activation, start, layers)
    above = sd.input("above", (x.shape[0], UNITS))
    gradients = sd.vjp(hidden[-1], hidden, above)
    stds = [sd.std(sd.reshape(node, (-1,))) for node in [*hidden, *gradients]]
    run = sd.compile(sd.stack(stds), inputs=[x, above])
    rng = np.random.default_rng(1)
    state = sd.State.initial(sd.Graph(hidden[-1]).params, seed=0)
    found = run(state, rng.normal(size=(rows, UNITS)), rng.normal(size=(rows, UNITS)))
    return found[:layers], found[layers:]


def histograms(out, names) -> list[tuple[object, ...]]:
    """A picture for each activation: five layers across, a row for each way to start. The spread of every layer."""
    data = np.random.default_rng(0).normal(size=(1000, UNITS))
    rows: list[tuple[object, ...]] = []
    for name in progress(names, "histograms"):
        figure = Figure(figsize=(12, 7), layout="constrained")
        panels = figure.subplots(len(starts), 5)
        for line, (label, start) in zip(panels, starts.items(), strict=True):
            hidden = network(activations[name], start, 5)
            layers = sd.compile(hidden, inputs=[x])(sd.State.initial(sd.Graph(hidden[-1]).params, seed=0), data)
            for k, (panel, values) in enumerate(zip(line, layers, strict=True)):
                panel.hist(values.ravel(), bins=30, range=(-1, 1) if name == "tanh" else (0, 1))
                panel.set_title(f"{label}, layer {k + 1}", fontsize=9)
                panel.set_yticks([])
            dead = np.mean((np.abs(layers[-1]) > 0.99) if name != "ReLU" else (layers[-1] == 0))
            rows.append((name, label, *[float(values.std()) for values in layers], f"{dead:.0%}"))
        figure.savefig(out / f"histograms_{name.lower()}.png", dpi=100)
    return rows


def main(arguments: list[str] | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Print and draw spreads; give those of ten layers of tanh by the way the weights start."""
    chosen = options(__doc__, "initialisation", arguments)
    out = chosen.out
    print("Standard deviation of the activations of five layers; saturated (of ReLU: zero) units of the last\n")
    print(
        table(
            "activation  weights  1  2  3  4  5  saturated", *histograms(out, ["tanh"] if chosen.small else activations)
        )
    )

    gained = {"Xavier x 5/3": sd.init.glorot_normal(sd.init.calculate_gain("tanh"))}  # for what tanh takes away
    deep = {name: spreads(sd.tanh, start, 10) for name, start in progress((starts | gained).items(), "ten layers")}
    print("\nTen layers of tanh: the first and the last, activations forward and gradients backward\n")
    rows = [
        (name, float(forward[0]), float(forward[-1]), float(backward[-1]), float(backward[0]))
        for name, (forward, backward) in deep.items()
    ]
    print(table("weights  activations 1  activations 10  gradients 10  gradients 1", *rows))

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for panel, side in zip(figure.subplots(1, 2), (0, 1), strict=True):
        for name, both in deep.items():
            panel.semilogy(range(1, 11), both[side], marker="o", label=name)
        panel.set(title=("activations", "gradients")[side], xlabel="layer", ylabel="standard deviation")
        panel.legend()
    figure.savefig(out / "ten_layers.png", dpi=120)
    print(f"\npictures  {', '.join(sorted(path.name for path in out.iterdir()))} in {out}/")
    return deep


if __name__ == "__main__":
    main()
