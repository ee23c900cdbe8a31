"""Overfitting, and three ways against it: L1, L2 and dropout, on 100 of the tumours of the Wisconsin data set.

A network of 13,000 weights learns 100 examples by heart: its loss on them goes to 0, while on the 469 held back it
grows, since the network is sure of itself where it is wrong. L1 drives most weights to zero, L2 keeps all of them
small, dropout lets no unit rely on another. Biases are left alone. Figures are means over three runs.

    python examples/regularisation.py [--out regularisation-output] [--small]
"""

import numpy as np
from common import extras, options, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure
    from sklearn.datasets import load_breast_cancer

n, FEATURES, UNITS = sd.dim("n"), 30, 100
x, y = sd.input("x", (n, FEATURES)), sd.input("y", (n,), dtype="int64")
methods = {
    "none": {},
    "L1": {"l1": 3e-3},
    "L2": {"l2": 1e-2},
    "dropout": {"dropout": 0.7},
}


@sd.nn.scope("model")
def network(training: bool, dropout: float = 0.0) -> sd.Node:
    """Logits. Called for training and for evaluation, it has the same weights; dropout is for training only."""
    h = x
    for _ in range(2):
        h = sd.nn.dense(h, UNITS, "relu")
        h = sd.nn.layers.dropout(h, dropout, training=training)
    return sd.nn.dense(h, 2)


def run(data, seed: int, epochs: int, l1: float = 0.0, l2: float = 0.0, dropout: float = 0.0):
    """The history of a training with one of the methods, and all weights, that were trained."""
    train_x, test_x, train_y, test_y = data
    logits, evaluated = network(True, dropout), network(False)
    weights = sd.Graph(evaluated).params
    loss = sd.losses.softmax_cross_entropy(logits, y)
    penalty = sd.regularize.elastic_net(weights, l1, l2)
    step = sd.train_step(loss + penalty, inputs=[x, y], optimizer=sd.optim.adam(1e-3), metrics={"error": loss})
    measured = {
        "error": sd.losses.softmax_cross_entropy(evaluated, y),
        "accuracy": sd.metrics.accuracy(evaluated, y),
    }
    state = step.init(seed=seed)
    history = sd.compile(step).fit(
        state, train_x, train_y, batch_size=25, epochs=epochs, seed=seed, validation=(test_x, test_y), evaluate=measured
    )
    return history, np.concatenate([state[p.attrs["name"]].ravel() for p in weights if p.ndim > 1])


def main(arguments: list[str] | None = None) -> dict[str, dict[str, float]]:
    """Train with each method, print and draw errors and weights, and give the printed figures."""
    chosen = options(__doc__, "regularisation", arguments)
    features, kinds = load_breast_cancer(return_X_y=True)
    train_x, test_x, train_y, test_y = sd.preprocess.train_validation_split(
        features, kinds, validation=len(kinds) - 100, stratify=kinds
    )
    scaling = sd.preprocess.standardise(train_x)
    data = scaling.transform(train_x), scaling.transform(test_x), train_y, test_y

    figure = Figure(figsize=(10, 3.8), layout="constrained")
    curves, histograms = figure.subplots(1, 2)
    found: dict[str, dict[str, float]] = {}
    for name, settings in methods.items():
        runs = [run(data, seed, 20 if chosen.small else 200, **settings) for seed in range(1 if chosen.small else 3)]
        weights = np.concatenate([weights for _, weights in runs])
        found[name] = {
            "error in training": float(np.mean([history.error[-1] for history, _ in runs])),
            "error held back": float(np.mean([history.val_error[-1] for history, _ in runs])),
            "accuracy held back": float(np.mean([history.val_accuracy[-1] for history, _ in runs])),
            "weights within 0.001": float(np.mean(np.abs(weights) < 1e-3)),
            "largest weight": float(np.abs(weights).max()),
        }
        curves.plot(np.mean([history.val_error for history, _ in runs], axis=0), label=name)
        histograms.hist(np.abs(weights), bins=np.linspace(0, 0.6, 60), histtype="step", log=True, label=name)
    print(table("method  " + "  ".join(found["none"]), *[(name, *row.values()) for name, row in found.items()]))

    curves.set(title="cross-entropy on the examples held back", xlabel="epoch", ylim=(0.05, 0.3))
    histograms.set(title="sizes of the weights")
    histograms.legend()
    figure.savefig(chosen.out / "regularisation.png", dpi=120)
    print(f"\npicture   {chosen.out / 'regularisation.png'}")
    return found


if __name__ == "__main__":
    main()
