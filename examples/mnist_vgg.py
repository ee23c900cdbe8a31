"""Handwritten digits with a deep network in the style of VGG: pairs of 3x3 convolutions, wider after each pooling.

Each convolution is followed by batch normalisation, which uses the statistics of the batch while training and running
ones afterwards. Prints the network layer by layer and the accuracy on 1,000 images that were held back. Draws the
learning curves, images that are read wrong, and what each layer does with one digit.

    python examples/mnist_vgg.py [--out mnist_vgg-output] [--data fashion]
"""

import numpy as np
from common import extras, options, table
from datasets import images
from numpy.typing import NDArray
from readings import misread, report

import symdiff as sd
from symdiff.nn import layers

with extras():
    from matplotlib.figure import Figure

WIDTHS = (8, 16, 32)  # filters, at 28 x 28, 14 x 14 and 7 x 7 pixels

n = sd.dim("n")
x, y = sd.input("x", (n, 784), dtype="float32"), sd.input("y", (n,), dtype="int64")


@sd.nn.scope("vgg")
def model(x: sd.Node, training: bool) -> tuple[sd.Node, list[sd.Node]]:
    """Logits, and what each convolution sees."""
    image, seen = x.reshape((n, 1, 28, 28)), []
    for width in WIDTHS:
        for _ in range(2):
            image = layers.conv2d(image, width, 3, padding=1, bias=False)
            image = sd.relu(layers.batch_norm(image, training))
            seen.append(image)
        image = sd.nn.max_pool2d(image, 2)
    flat = layers.dropout(image.reshape((n, WIDTHS[-1] * 3 * 3)), 0.3, training)
    return sd.nn.dense(flat, 10), seen


def measured(logits: sd.Node) -> dict[str, sd.Node]:
    return {"loss": sd.losses.softmax_cross_entropy(logits, y), "accuracy": sd.metrics.accuracy(logits, y)}


trained, _ = model(x, training=True)
logits, seen = model(x, training=False)  # the same weights
loss, accuracy = measured(trained).values()
step = sd.train_step(loss, [x, y], optimizer=sd.optim.adam(2e-3), metrics={"accuracy": accuracy}, name="vgg")


def main(arguments: list[str] | None = None) -> float:
    """Train, print what came of it, draw the pictures, and give the accuracy on the test images."""
    given = options(__doc__, "mnist_vgg", arguments, data=("mnist", "fashion"))
    (train_x, train_y, test_x, test_y), classes = images(given.data)
    if given.small:
        train_x, train_y, test_x, test_y = train_x[::8], train_y[::8], test_x[::5], test_y[::5]
    train, predict = sd.compile(step), sd.compile(sd.softmax(logits), inputs=[x])
    state = step.init(seed=0)
    weights = [(param.attrs["name"], param.shape, state[param.attrs["name"]].size) for param in step.trained]
    print(table("parameter  shape  numbers", *weights, ("in all", "", sum(size for *_, size in weights))))

    history = train.fit(
        state,
        train_x,
        train_y,
        batch_size=50,
        epochs=1 if given.data == "fashion" else 6,
        validation=(test_x, test_y),
        evaluate=measured(logits),
    )
    print(f"\n{history}\n")

    probabilities = predict(state, test_x)
    found = probabilities.argmax(axis=1)
    print(f"{given.data}: {np.mean(found == test_y):.1%} of {len(test_y)} test images are read right\n")
    print(report(test_y, found, classes))

    history.plot(given.out / "curves.png")
    misread(test_x, test_y, probabilities, classes).savefig(given.out / "misread.png", dpi=120)
    layer_by_layer(sd.compile(seen, inputs=[x])(state, test_x[:1])).savefig(given.out / "layers.png", dpi=120)
    print(f"\npictures  curves.png, misread.png and layers.png in {given.out}/")
    return float(np.mean(found == test_y))


def layer_by_layer(seen: list[NDArray[np.float32]]) -> Figure:
    """A row for each layer: what its first eight filters find in one image."""
    figure = Figure(figsize=(8, 6.4), layout="constrained")
    for k, (row, maps) in enumerate(zip(figure.subplots(len(seen), 8), seen, strict=True)):
        for panel, found in zip(row, maps[0], strict=False):
            panel.imshow(found, cmap="gray_r")
            panel.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"layer {k + 1}")
    return figure


if __name__ == "__main__":
    main()
