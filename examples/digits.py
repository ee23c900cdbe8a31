"""Handwritten digits: a 64-128-10 ReLU network, trained with Adam on the 1797 images that scikit-learn brings.

Prints the forward and backward graph, trains, and prints the accuracy on a quarter of the images held back. Leaves
the emitted program, the picture of the graph, the learning curves and the trained state in a folder.

    python examples/digits.py [--out digits-output] [--epochs 40] [--seed 0] [--backend native]
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import symdiff as sd

# The model, as formulas over symbols. Nothing is computed yet; shapes and dtypes are checked as it is written.

n = sd.dim("n")  # the batch size: any number, another one in every call if you like
x = sd.input("x", (n, 64), dtype="float32")  # 8 x 8 pixels
y = sd.input("y", (n,), dtype="int64")  # the digit

W1 = sd.param("W1", (64, 128), init=sd.init.he_normal(), dtype="float32")
b1 = sd.param("b1", (128,), dtype="float32")
W2 = sd.param("W2", (128, 10), init=sd.init.he_normal(), dtype="float32")
b2 = sd.param("b2", (10,), dtype="float32")

z1 = x @ W1 + b1
h1 = sd.relu(z1)
logits = h1 @ W2 + b2

loss = sd.losses.softmax_cross_entropy(logits, y)  # mean over the batch
accuracy = sd.metrics.accuracy(logits, y)

# Gradients are nodes of the same graph: they can be printed, drawn, differentiated again and compiled.

d_W1, d_b1, d_W2, d_b2 = sd.grad(loss, [W1, b1, W2, b2])
gradients = {"d_W1": d_W1, "d_b1": d_b1, "d_W2": d_W2, "d_b2": d_b2}
graph = sd.Graph(inputs=[x, y], outputs={"loss": loss, **gradients}, name="digits")

# A training step is the loss, its gradients and the optimiser's updates in one graph, which becomes one program.

step = sd.train_step(
    loss, inputs=[x, y], optimizer=sd.optim.adam(3e-3), metrics={"accuracy": accuracy}, name="digits_step"
)


def main(arguments: list[str] | None = None) -> float:
    """Train, write the files, and give the accuracy on the images held back."""
    options = parse(arguments)
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    print(graph)

    pixels, digits = load_digits(return_X_y=True)
    pixels = (pixels / 16).astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, digits, test_size=0.25, stratify=digits, random_state=options.seed
    )

    train = sd.compile(step, backend=options.backend)
    evaluate = sd.compile(accuracy, inputs=[x, y], backend=options.backend)
    state = step.init(seed=options.seed)  # state["W1"] is a NumPy view of the weights

    held_back: list[float] = []
    history = train.fit(
        state,
        train_x,
        train_y,
        batch_size=32,
        epochs=options.epochs,
        seed=options.seed,
        callback=lambda epoch, means: held_back.append(float(evaluate(state, test_x, test_y))),
    )
    train_accuracy = float(evaluate(state, train_x, train_y))
    test_accuracy = float(evaluate(state, test_x, test_y))
    print(f"\n{history}")
    print(f"accuracy  train {train_accuracy:.2%}  test {test_accuracy:.2%}")

    graph.to_svg(out / "graph.svg")
    graph.to_html(out / "graph.html")  # point at a node to see where it comes from
    (out / "step.txt").write_text(f"{step}\n\n{train.explain()}\n")
    if options.backend == "native":
        train.save(out / "digits_step.py")  # runs where symdiff is not installed
    state.save(out / "state.npz")
    learning_curves(history, held_back).savefig(out / "curves.png", dpi=150)
    print(f"files     {', '.join(sorted(path.name for path in out.iterdir()))} in {out}/")
    return test_accuracy


def learning_curves(history: sd.History, held_back: list[float]) -> Figure:
    """Loss and accuracy, epoch by epoch."""
    epochs = range(1, history.epochs + 1)
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.semilogy(epochs, history.loss)
    left.set(title="training loss", xlabel="epoch", ylabel="cross-entropy")
    right.plot(epochs, history.accuracy, label="training")
    right.plot(epochs, held_back, label="held back")
    right.set(title="accuracy", xlabel="epoch", ylim=(0.9, 1.005))
    right.legend()
    return figure


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("digits-output"), help="folder for the files it writes")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0, help="of the split, the initial weights and the shuffling")
    parser.add_argument("--backend", choices=["native", "numpy"], default="native")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
