"""Batch normalisation: a deep network that learns whatever its weights started from.

Five hidden layers of ReLU read handwritten digits. The weights start with standard deviations from far too small to far
too large. Normalised layers get activations of mean 0 and variance 1 in every case; for evaluation they use the running
statistics that training has gathered in the state.

    python examples/batchnorm.py [--out batchnorm-output] [--small]
"""

from common import extras, options, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure
    from sklearn.datasets import load_digits

n = sd.dim("n")
x, y = sd.input("x", (n, 64), dtype="float32"), sd.input("y", (n,), dtype="int64")


@sd.nn.scope("digits")
def network(training: bool, normalised: bool, std: float) -> sd.Node:
    """Logits; called for training and for evaluation, it has the same weights."""
    h = x
    for _ in range(5):
        h = sd.nn.dense(h, 50, init=sd.init.normal(std))
        if normalised:
            h = sd.nn.layers.batch_norm(h, training=training)
        h = sd.relu(h)
    return sd.nn.dense(h, 10, init=sd.init.normal(std))


def run(data, epochs: int, normalised: bool, std: float) -> tuple[sd.History, sd.State]:
    train_x, test_x, train_y, test_y = data
    trained, evaluated = (network(training, normalised, std) for training in (True, False))
    step = sd.train_step(
        sd.losses.softmax_cross_entropy(trained, y), inputs=[x, y], optimizer=sd.optim.sgd(0.05),
        metrics={"accuracy": sd.metrics.accuracy(trained, y)},
    )  # fmt: skip
    state = step.init(seed=0)
    history = sd.compile(step).fit(
        state, train_x, train_y, batch_size=50, epochs=epochs, validation=(test_x, test_y),
        evaluate={"accuracy": sd.metrics.accuracy(evaluated, y)},
    )  # fmt: skip
    return history, state


def main(arguments: list[str] | None = None) -> dict[str, dict[float, sd.History]]:
    """Train from each start with and without, print and draw accuracies, and give the histories."""
    chosen = options(__doc__, "batchnorm", arguments)
    pixels, digits = load_digits(return_X_y=True)
    data = sd.preprocess.train_validation_split(
        (pixels / 16).astype("float32"), digits, validation=0.25, stratify=digits
    )
    starts = (0.05, 0.5) if chosen.small else (0.01, 0.05, 0.2, 0.5, 1.0)
    epochs = 5 if chosen.small else 20

    found: dict[str, dict[float, sd.History]] = {"plain": {}, "normalised": {}}
    figure = Figure(figsize=(3 * len(starts), 3), layout="constrained")
    for panel, std in zip(figure.subplots(1, len(starts), sharey=True), starts, strict=True):
        for name in found:
            found[name][std], state = run(data, epochs, name == "normalised", std)
            panel.plot(range(1, epochs + 1), found[name][std].val_accuracy, label=name)
        panel.set(title=f"std {std:g}", xlabel="epoch")
    panel.legend()

    rows = [(f"{std:g}", *[f"{runs[std].val_accuracy[-1]:.1%}" for runs in found.values()]) for std in starts]
    print(f"Accuracy on digits held back, after {epochs} epochs\n")
    print(table("weights start with std  plain  normalised", *rows))
    mean, var = state["digits.batch_norm.mean"], state["digits.batch_norm.var"]
    print(f"\nrunning statistics of the last run's first layer: means {mean.min():.3g} to {mean.max():.3g}", end=", ")
    print(f"variances {var.min():.3g} to {var.max():.3g}")
    figure.savefig(chosen.out / "batchnorm.png", dpi=120)
    print(f"picture   {chosen.out / 'batchnorm.png'}")
    return found


if __name__ == "__main__":
    main()
