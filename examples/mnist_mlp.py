"""Handwritten digits with a two-layer network, 784-128-10, trained with Adam on 4,000 images of MNIST.

Prints the accuracy on 1,000 other images, how often each digit is read right, and what wrong digits are taken for.
Draws the learning curves, images that are read wrong, and the weights of the first layer as images.

    python examples/mnist_mlp.py [--out mnist_mlp-output] [--data fashion]
"""

import numpy as np
from common import extras, options
from datasets import images
from numpy.typing import NDArray
from readings import misread, report

import symdiff as sd

with extras():
    from matplotlib.figure import Figure

n = sd.dim("n")
x, y = sd.input("x", (n, 784), dtype="float32"), sd.input("y", (n,), dtype="int64")


@sd.nn.scope("mlp")
def model(x: sd.Node) -> sd.Node:
    hidden = sd.nn.dense(x, 128, "relu", init=sd.init.he_normal(), name="hidden")
    return sd.nn.dense(hidden, 10, name="digit")


logits = model(x)
loss = sd.losses.softmax_cross_entropy(logits, y)
accuracy = sd.metrics.accuracy(logits, y)
step = sd.train_step(loss, inputs=[x, y], optimizer=sd.optim.adam(1e-3), metrics={"accuracy": accuracy}, name="mlp")


def main(arguments: list[str] | None = None) -> float:
    """Train, print what came of it, draw the pictures, and give the accuracy on the test images."""
    given = options(__doc__, "mnist_mlp", arguments, data=("mnist", "fashion"))
    (train_x, train_y, test_x, test_y), classes = images(given.data)
    if given.small:
        train_x, train_y, test_x, test_y = train_x[::8], train_y[::8], test_x[::5], test_y[::5]
    train, predict = sd.compile(step), sd.compile(sd.softmax(logits), inputs=[x])
    state = step.init(seed=0)

    epochs = 2 if given.data == "fashion" else 10
    history = train.fit(state, train_x, train_y, batch_size=50, epochs=epochs, validation=(test_x, test_y))
    print(f"{history}\n")

    probabilities = predict(state, test_x)
    found = probabilities.argmax(axis=1)
    print(f"{given.data}: {np.mean(found == test_y):.1%} of {len(test_y)} test images are read right\n")
    print(report(test_y, found, classes))

    history.plot(given.out / "curves.png")
    misread(test_x, test_y, probabilities, classes).savefig(given.out / "misread.png", dpi=120)
    weights(state["mlp.hidden.W"]).savefig(given.out / "weights.png", dpi=120)
    print(f"\npictures  curves.png, misread.png and weights.png in {given.out}/")
    return float(np.mean(found == test_y))


def weights(W: NDArray[np.float32]) -> Figure:
    """What each of the hidden units looks for: red pixels speak for it, blue ones against it."""
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    for panel, column in zip(figure.subplots(4, 8).ravel(), W.T, strict=False):
        panel.imshow(column.reshape(28, 28), cmap="RdBu_r", vmin=-0.2, vmax=0.2)
        panel.axis("off")
    return figure


if __name__ == "__main__":
    main()
