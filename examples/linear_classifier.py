"""The linear classifier, a network of one layer: three kinds of iris told apart by the size of their petals.

The scores x W + b go through a softmax; training makes the cross-entropy small. The gradient of W is one product, a sum
of outer products of examples and errors: the Jacobian of the layer is never formed.

    python examples/linear_classifier.py [--out linear_classifier-output] [--small]
"""

import numpy as np
from common import extras, options, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure
    from sklearn.datasets import load_iris

n = sd.dim("n")
x, y = sd.input("x", (n, 2)), sd.input("y", (n,), dtype="int64")
W, b = sd.param("W", (2, 3), init=sd.init.normal(0.01)), sd.param("b", (3,))

scores = x @ W + b
loss = sd.losses.softmax_cross_entropy(scores, y)
accuracy = sd.metrics.accuracy(scores, y)

d_W, d_b = sd.grad(loss, [W, b])
graph = sd.Graph(inputs=[x, y], outputs={"loss": loss, "d_W": d_W, "d_b": d_b}, name="linear")
step = sd.train_step(loss, inputs=[x, y], optimizer=sd.optim.sgd(0.5), metrics={"accuracy": accuracy})


def main(arguments: list[str] | None = None) -> float:
    """Train, draw the regions of the three classes, and give the accuracy on the flowers held back."""
    chosen = options(__doc__, "linear_classifier", arguments)
    print(graph)

    iris = load_iris()
    flowers, kinds = iris.data[:, 2:], iris.target
    train_x, test_x, train_y, test_y = sd.preprocess.train_validation_split(
        flowers, kinds, validation=0.3, stratify=kinds
    )
    scaling = sd.preprocess.standardise(train_x)
    train_x, test_x = scaling.transform(train_x), scaling.transform(test_x)

    state, train = step.init(seed=0), sd.compile(step)
    history = train.fit(
        state, train_x, train_y, batch_size=len(train_x), epochs=50 if chosen.small else 500,
        validation=(test_x, test_y),
    )  # fmt: skip
    print(f"\n{history}\n")
    rows = zip(iris.target_names, *state["W"].tolist(), state["b"].tolist(), strict=True)
    print(table("class  weight of length  weight of width  bias", *rows))
    print(f"\naccuracy on {len(test_y)} flowers held back: {history.val_accuracy[-1]:.1%}")

    classify = sd.compile(sd.argmax(scores, -1), inputs=[x])
    across, up = np.meshgrid(np.linspace(0.5, 7.5, 300), np.linspace(0, 2.8, 300))
    plane = scaling.transform(np.column_stack([across.ravel(), up.ravel()]))
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.pcolormesh(across, up, classify(state, plane).reshape(across.shape), cmap="viridis", alpha=0.3)
    axes.scatter(*flowers.T, c=kinds, cmap="viridis", edgecolors="white")
    axes.set(xlabel="length of petals (cm)", ylabel="width of petals (cm)", title="a linear classifier's regions")
    figure.savefig(chosen.out / "regions.png", dpi=120)
    print(f"picture   {chosen.out / 'regions.png'}")
    return history.val_accuracy[-1]


if __name__ == "__main__":
    main()
