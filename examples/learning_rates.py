"""Learning rates: too small, too large, and annealed in three ways, on a network that reads handwritten digits.

Gradients of minibatches are noisy, so with a constant rate the loss ends up dancing about; a rate that falls lets it
settle. step: a0 gamma^(t/k); exponential: a0 exp(-k t); inverse time: a0 tau / max(t, tau).

    python examples/learning_rates.py [--out learning_rates-output] [--small]
"""

import numpy as np
from common import extras, options, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure
    from sklearn.datasets import load_digits

n = sd.dim("n")
x, y = sd.input("x", (n, 64)), sd.input("y", (n,), dtype="int64")
h = sd.nn.dense(x, 32, "tanh", name="hidden")
logits = sd.nn.dense(h, 10, name="output")
weights = sd.Graph(logits).params
loss = sd.losses.softmax_cross_entropy(logits, y) + sd.regularize.l2(weights, 1e-3)
accuracy = sd.metrics.accuracy(logits, y)


def schedules(steps: int) -> dict[str, sd.optim.sgd]:
    """Rules for a run of so many steps."""
    annealed = sd.optim.schedules
    return {
        "too small": sd.optim.sgd(0.001),
        "too large": sd.optim.sgd(10.0),
        "constant": sd.optim.sgd(1.0),
        "step": sd.optim.sgd(annealed.step(1.0, gamma=0.3, every=steps // 4)),
        "exponential": sd.optim.sgd(annealed.exponential(1.0, k=4 / steps)),
        "inverse time": sd.optim.sgd(annealed.inverse_time(1.0, tau=steps / 20)),
    }


def rate(rule: sd.optim.sgd, steps: int) -> np.ndarray:
    """The learning rate at every step."""
    t = sd.input("t", (), dtype="int64")
    value = rule.lr(t) if callable(rule.lr) else sd.constant(rule.lr)
    run = sd.compile(value + 0.0 * t, inputs=[t], backend="numpy")
    return np.array([run(k) for k in range(steps)])


def main(arguments: list[str] | None = None) -> dict[str, sd.History]:
    """Train once for each rate, print where it ends, draw rates and losses, and give the histories."""
    chosen = options(__doc__, "learning_rates", arguments)
    pixels, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = sd.preprocess.train_validation_split(
        pixels / 16, digits, validation=0.25, stratify=digits
    )
    epochs, batch = 4 if chosen.small else 40, 16
    steps = epochs * -(-len(train_x) // batch)

    runs: dict[str, sd.History] = {}
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    rates, losses = figure.subplots(1, 2)
    for name, rule in schedules(steps).items():
        step = sd.train_step(loss, inputs=[x, y], optimizer=rule, metrics={"accuracy": accuracy})
        runs[name] = sd.compile(step).fit(
            step.init(seed=0), train_x, train_y, batch_size=batch, epochs=epochs, validation=(test_x, test_y)
        )
        rates.semilogy(rate(rule, steps), label=name)
        losses.semilogy(runs[name].loss, label=name)
    rates.set(title="learning rate", xlabel="step")
    losses.set(title="training loss", xlabel="epoch")
    losses.legend()

    rows = [
        (name, float(rate(rule, steps)[-1]), runs[name].loss[-1], f"{runs[name].val_accuracy[-1]:.1%}")
        for name, rule in schedules(steps).items()
    ]
    print(f"{steps} steps of {batch} digits\n")
    print(table("learning rate  at the end  training loss  accuracy on test images", *rows))
    figure.savefig(chosen.out / "learning_rates.png", dpi=120)
    print(f"\npicture   {chosen.out / 'learning_rates.png'}")
    return runs


if __name__ == "__main__":
    main()
