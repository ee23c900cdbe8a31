"""Five rules race down a valley: f(x, y) = x^2/20 + y^2 from (-7, 2), whose gradient rarely points at the minimum.

Plain gradient descent zigzags, since the valley is twenty times steeper across than along. Momentum rolls, AdaGrad and
RMSProp divide by what each coordinate's gradients were like, Adam does both.

    python examples/optimisers_race.py [--out optimisers_race-output]
"""

import numpy as np
from common import extras, options, progress, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure

x, y = sd.param("x", (), init=-7.0), sd.param("y", (), init=2.0)
f = x**2 / 20 + y**2
rules = {
    "SGD": sd.optim.sgd(0.95),
    "momentum": sd.optim.momentum(0.1, mu=0.9),
    "AdaGrad": sd.optim.adagrad(1.5),
    "RMSProp": sd.optim.rmsprop(0.3, alpha=0.9),
    "Adam": sd.optim.adam(0.3),
}


def path(rule: sd.optim.Optimizer, steps: int = 30) -> np.ndarray:
    """The points that a rule goes through: [steps + 1, 2]."""
    step = sd.train_step(f, inputs=[], optimizer=rule)
    state, train = step.init(), sd.compile(step)
    points = [(float(state["x"]), float(state["y"]))]
    for _ in range(steps):
        train(state)
        points.append((float(state["x"]), float(state["y"])))
    return np.array(points)


def main(arguments: list[str] | None = None) -> dict[str, np.ndarray]:
    """Print where each rule is after 30 steps, draw the paths, and give them."""
    out = options(__doc__, "optimisers_race", arguments).out
    print("What a step of momentum does, as a graph\n")
    print(sd.optimize(sd.train_step(f, inputs=[], optimizer=rules["momentum"], name="momentum").graph)[0])

    paths = {name: path(rule) for name, rule in progress(rules.items(), "race")}
    rows = []
    for name, points in paths.items():
        turns = int((np.diff(np.sign(points[:, 1])) != 0).sum())
        across, along = points[-1]
        rows.append((name, rules[name].lr, float(across**2 / 20 + along**2), turns))
    print("\nAfter 30 steps from (-7, 2), where f is 6.45\n")
    print(table("rule  learning rate  f  times across the valley", *rows))

    across, along = np.meshgrid(np.linspace(-9, 9, 200), np.linspace(-3.2, 3.2, 200))
    figure = Figure(figsize=(14, 3.2), layout="constrained")
    for panel, (name, points) in zip(figure.subplots(1, len(paths), sharey=True), paths.items(), strict=True):
        panel.contour(across, along, across**2 / 20 + along**2, levels=np.arange(0.1, 9, 0.8) ** 1.3, linewidths=0.5)
        panel.plot(*points.T, "o-", color="crimson", markersize=3, linewidth=1)
        panel.plot(0, 0, "k+")
        panel.set(title=name, xlabel="x")
    figure.savefig(out / "paths.png", dpi=120)
    print(f"\npicture   {out / 'paths.png'}")
    return paths


if __name__ == "__main__":
    main()
