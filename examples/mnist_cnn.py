"""Handwritten digits with a small convolutional network: two convolutions with pooling, then two dense layers.

Prints the accuracy on 1,000 images that were held back, how often each digit is read right, and what wrong digits are
taken for. Draws the learning curves, images that are read wrong, and what the filters of the first layer see.

    python examples/mnist_cnn.py [--out mnist_cnn-output] [--data fashion]
"""

import numpy as np
from common import extras, options
from datasets import images
from numpy.typing import NDArray
from readings import misread, report

import symdiff as sd
from symdiff.nn import layers

with extras():
    from matplotlib.figure import Figure

n = sd.dim("n")
x, y = sd.input("x", (n, 784), dtype="float32"), sd.input("y", (n,), dtype="int64")


@sd.nn.scope("cnn")
def model(x: sd.Node, training: bool) -> tuple[sd.Node, sd.Node]:
    """Logits, and what the filters of the first layer make of the image. In training half of the parts are dropped."""
    image = x.reshape((n, 1, 28, 28))
    edges = layers.conv2d(image, 16, 5, "relu", padding=2, name="edges")
    parts = layers.conv2d(sd.nn.max_pool2d(edges, 2), 32, 3, "relu", padding=1, name="parts")
    flat = sd.nn.max_pool2d(parts, 2).reshape((n, 32 * 7 * 7))
    kept = layers.dropout(flat, 0.5, training, name="dropout")
    hidden = sd.nn.dense(kept, 64, "relu", init=sd.init.he_uniform(), name="hidden")
    return sd.nn.dense(hidden, 10, name="digit"), edges


def measured(logits: sd.Node) -> dict[str, sd.Node]:
    return {"loss": sd.losses.softmax_cross_entropy(logits, y), "accuracy": sd.metrics.accuracy(logits, y)}


trained, _ = model(x, training=True)
logits, edges = model(x, training=False)  # the same weights
loss, accuracy = measured(trained).values()
step = sd.train_step(loss, metrics={"accuracy": accuracy}, inputs=[x, y], optimizer=sd.optim.adam(1e-3), name="cnn")


def main(arguments: list[str] | None = None) -> float:
    """Train, print what came of it, draw the pictures, and give the accuracy on the test images."""
    given = options(__doc__, "mnist_cnn", arguments, data=("mnist", "fashion"))
    (train_x, train_y, test_x, test_y), classes = images(given.data)
    if given.small:
        train_x, train_y, test_x, test_y = train_x[::8], train_y[::8], test_x[::5], test_y[::5]
    train, look = sd.compile(step), sd.compile((sd.softmax(logits), edges), inputs=[x])
    state = step.init(seed=0)

    epochs = 1 if given.data == "fashion" else 10
    history = train.fit(
        state, train_x, train_y, batch_size=50, epochs=epochs, validation=(test_x, test_y), evaluate=measured(logits)
    )
    print(f"{history}\n")

    probabilities, seen = look(state, test_x)
    found = probabilities.argmax(axis=1)
    print(f"{given.data}: {np.mean(found == test_y):.1%} of {len(test_y)} test images are read right\n")
    print(report(test_y, found, classes))

    history.plot(given.out / "curves.png")
    misread(test_x, test_y, probabilities, classes).savefig(given.out / "misread.png", dpi=120)
    filters(state["cnn.edges.W"], seen[np.flatnonzero(test_y == 8)[0]]).savefig(given.out / "filters.png", dpi=120)
    print(f"\npictures  curves.png, misread.png and filters.png in {given.out}/")
    return float(np.mean(found == test_y))


def filters(kernels: NDArray[np.float32], seen: NDArray[np.float32]) -> Figure:
    """The filters of the first layer, and below each what it finds in one image."""
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    panels = figure.subplots(4, 8)
    for k, (kernel, found) in enumerate(zip(kernels[:, 0], seen, strict=True)):
        upper, lower = panels[k // 8 * 2, k % 8], panels[k // 8 * 2 + 1, k % 8]
        upper.imshow(kernel, cmap="RdBu_r", vmin=-0.5, vmax=0.5)
        lower.imshow(found, cmap="gray_r")
        upper.axis("off")
        lower.axis("off")
    return figure


if __name__ == "__main__":
    main()
