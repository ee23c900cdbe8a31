"""XOR, "The mathematics of a neural network": one step with all its numbers, 3 and 50 hidden units, and an explosion.

First the network of the text, two layers of sigmoids, on the one point for which the text prints every array. Then the
same with biases on points of the plane whose class is the XOR of their signs: 3 hidden units draw a weak boundary, 50
learn it. Last a learning rate that is too large: the error falls, then the weights have grown and it jumps up; and
three cures. (There the hidden units are rectified and the loss is cross-entropy, since the gradient of squared sigmoids
is bounded: where it should explode it vanishes.)

    python examples/xor.py [--out xor-output] [--small]
"""

import numpy as np
from common import extras, options, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure

n = sd.dim("n")
x, y = sd.input("x", (n, 2)), sd.input("y", (n, 2))  # a point; its class, one-hot
Runs = dict[str, sd.History]


def squared(h2: sd.Node) -> sd.Node:
    """1/(2N) sum (y - h2)^2"""
    return sd.sum((y - h2) ** 2) / (2 * sd.size(n))


# 1. The numbers of the text.

W1 = sd.param("W1", (2, 3), init=[[-0.67746455, 0.37769425, -0.07365253], [-0.53663519, 0.60920496, 0.21149622]])
W2 = sd.param("W2", (3, 2), init=[[-0.41491732, -0.30992816], [-0.31583913, -0.27706468], [-0.44701662, 0.15231059]])
z1 = x @ W1
h1 = sd.sigmoid(z1)
z2 = h1 @ W2
h2 = sd.sigmoid(z2)
loss = squared(h2)
printed = {
    "z1": z1, "h1": h1, "z2": z2, "h2": h2, "loss": loss, "dL/dh1": sd.grad(loss, h1), "h1 (1 - h1)": h1 * (1 - h1),
    "dL/dW1": sd.grad(loss, W1),
}  # fmt: skip


def one_step() -> dict[str, np.ndarray]:
    """Forward and backward on the point of the text, and a step of gradient descent."""
    point, target = [[1.76405235, 0.40015721]], [[1, 0]]
    step = sd.train_step(loss, inputs=[x, y], optimizer=sd.optim.sgd(0.001))
    state = step.init()
    numbers = sd.compile(printed, inputs=[x, y])(state, point, target)
    sd.compile(step)(state, point, target)
    return numbers | {"W1 after the step": state["W1"]}


# 2. Hidden units. The class of a point is whether the signs of its coordinates differ.

X = np.random.default_rng(0).normal(size=(500, 2))
Y = np.eye(2)[((X[:, 0] > 0) != (X[:, 1] > 0)).astype(int)]


def network(hidden: int, activation=sd.sigmoid) -> tuple[sd.Node, list[sd.Node]]:
    """What goes into the sigmoids of the last layer, and the weights."""
    W1, b1 = sd.param("W1", (2, hidden), init=sd.init.normal(1.0)), sd.param("b1", (hidden,))
    W2, b2 = sd.param("W2", (hidden, 2), init=sd.init.normal(0.1)), sd.param("b2", (2,))
    return activation(x @ W1 + b1) @ W2 + b2, [W1, W2]


def train(error, z, weights, rule, batch: int, epochs: int, decay: float = 0.0) -> tuple[sd.History, sd.State]:
    """Make error + decay sum W^2 small."""
    objective = error + sd.regularize.l2(weights, decay)
    metrics = {
        "error": error,
        "accuracy": sd.metrics.accuracy(z, sd.argmax(y, -1)),
        "weights": sd.optim.global_norm(weights),
        "gradient": sd.optim.global_norm(sd.grad(objective, weights)),
    }
    step = sd.train_step(objective, inputs=[x, y], optimizer=rule, metrics=metrics)
    state = step.init(seed=0)
    return sd.compile(step).fit(state, X, Y, batch_size=batch, epochs=epochs), state


def hidden_units(epochs: int, panels) -> Runs:
    """Accuracies and boundaries with 3 and with 50 of them."""
    grid = np.linspace(-3, 3, 200)
    plane = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    runs: Runs = {}
    for panel, hidden in zip(panels, (3, 50), strict=False):
        z, weights = network(hidden)
        history, state = train(squared(sd.sigmoid(z)), z, weights, sd.optim.sgd(5.0), len(X), epochs)
        runs[f"{hidden} hidden units"] = history
        regions = sd.compile(sd.argmax(z, -1), inputs=[x])(state, plane).reshape(200, 200)
        panel.pcolormesh(grid, grid, regions, cmap="coolwarm", alpha=0.3)
        panel.scatter(*X.T, c=Y.argmax(1), cmap="coolwarm", s=6)
        panel.set(title=f"{hidden} hidden units: {history.accuracy[-1]:.0%}", xlim=(-3, 3), ylim=(-3, 3))
    draw(panels[2:], runs, "error", "accuracy")
    return runs


def draw(panels, runs: Runs, *names: str) -> None:
    """Curves of all runs, a panel for each name."""
    for panel, name in zip(panels, names, strict=True):
        for label, history in runs.items():
            panel.plot(history[name], label=label, linewidth=1)
        panel.set(title=name, xlabel="epoch", yscale="linear" if name == "accuracy" else "log")
    panel.legend()


# 3. Explosion, and its cures.


def explosion(epochs: int, panels) -> Runs:
    """A rate that is too large, and the cures: a smaller or decaying one, regularisation, clipping."""
    z, weights = network(50, sd.relu)
    error, lr = sd.losses.sigmoid_cross_entropy(z, y), 2.0
    decaying = sd.optim.schedules.exponential(lr, k=5 / (10 * epochs))  # there are ten steps in an epoch
    cases = {
        "too large a rate": (sd.optim.sgd(lr), 0.0),
        "smaller rate": (sd.optim.sgd(lr / 10), 0.0),
        "decaying rate": (sd.optim.sgd(decaying), 0.0),
        "regularisation": (sd.optim.sgd(lr), 3e-4),
        "clipped gradient": (sd.optim.clip_by_global_norm(sd.optim.sgd(lr), 0.1), 0.0),
    }
    runs = {name: train(error, z, weights, rule, 50, epochs, decay)[0] for name, (rule, decay) in cases.items()}
    draw(panels, runs, "error", "weights", "gradient", "accuracy")
    return runs


def main(arguments: list[str] | None = None) -> tuple[dict[str, np.ndarray], Runs]:
    """Print the numbers and the runs, draw them, and give them."""
    chosen = options(__doc__, "xor", arguments)
    figure = Figure(figsize=(15, 6.6), layout="constrained")
    above, below = figure.subplots(2, 4)
    numbers = one_step()
    print("1. The numbers of the text\n")
    for name, array in numbers.items():
        print(f"{name:<18} {np.array2string(np.squeeze(array), precision=8, suppress_small=True, prefix=' ' * 19)}")

    units = hidden_units(200 if chosen.small else 3000, above)
    print("\n2. Hidden units\n")
    print(table("run  error  accuracy", *[(name, run.error[-1], run.accuracy[-1]) for name, run in units.items()]))

    cures = explosion(60 if chosen.small else 400, below)
    print("\n3. Explosion and cures: the least error, and how it rises after the first fifth\n")
    rows = []
    for name, run in cures.items():
        late = slice(run.epochs // 5, None)
        rows.append((name, min(run.error), max(run.error[late]) / min(run.error), run.weights[-1], run.accuracy[-1]))
    print(table("run  least error  rise (times)  weights  accuracy", *rows))
    figure.savefig(chosen.out / "xor.png", dpi=120)
    print(f"\npicture   {chosen.out / 'xor.png'}")
    return numbers, units | cures


if __name__ == "__main__":
    main()
