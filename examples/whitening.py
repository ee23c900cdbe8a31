"""Preprocessing: centred, standardised and whitened data, and what it does for gradient descent.

All statistics are those of the training data; the data held back are transformed with them. The Hessian of a loss that
is linear in its weights has the data in it, so features of different size make it a narrow valley: its condition number
says how many steps gradient descent needs. The data are the measures of tumours of the Wisconsin data set.

    python examples/whitening.py [--out whitening-output] [--small]
"""

import numpy as np
from common import extras, options, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure
    from sklearn.datasets import load_breast_cancer

n, FEATURES = sd.dim("n"), 30
x, y, lr = sd.input("x", (n, FEATURES)), sd.input("y", (n,)), sd.param("lr", ())
w, b = sd.param("w", (FEATURES,)), sd.param("b", ())
logits = x @ w + b
loss = sd.losses.sigmoid_cross_entropy(logits, y)
step = sd.train_step(
    loss, [x, y], sd.optim.sgd(lr), metrics={"accuracy": sd.metrics.binary_accuracy(logits, y)}, params=[w, b]
)
curvature = sd.compile(sd.hessian(loss, w), inputs=[x, y])


def descend(train, test, steps: int) -> tuple[float, sd.History]:
    """The condition number of the Hessian, and gradient descent with the largest rate that it allows."""
    state = step.init()
    hessian = curvature(state, *train)
    state["lr"][...] = 1 / np.linalg.norm(hessian, 2)  # its largest eigenvalue
    history = sd.compile(step).fit(state, *train, batch_size=len(train[0]), epochs=steps, validation=test)
    return float(np.linalg.cond(hessian)), history


def main(arguments: list[str] | None = None) -> dict[str, tuple[float, float]]:
    """Print and draw what each way makes of the data; give condition numbers and losses."""
    chosen = options(__doc__, "whitening", arguments)
    features, kinds = load_breast_cancer(return_X_y=True)
    train_x, test_x, train_y, test_y = sd.preprocess.train_validation_split(
        features, kinds, validation=0.3, stratify=kinds
    )
    ways = {
        "as they are": lambda data: data,
        "centred": sd.preprocess.centre(train_x).transform,
        "standardised": sd.preprocess.standardise(train_x).transform,
        "whitened": sd.preprocess.whiten(train_x).transform,
        "whitened (ZCA)": sd.preprocess.whiten(train_x, method="zca").transform,
    }
    rows, found = [], {}
    figure = Figure(figsize=(13, 5.6), layout="constrained")
    above, below = figure.subplots(2, len(ways))
    for name, transform, clouds, pictures in zip(ways, ways.values(), above, below, strict=True):
        white, test = transform(train_x), transform(test_x)
        condition, history = descend((white, train_y), (test, test_y), 20 if chosen.small else 200)
        found[name] = condition, history.loss[-1]
        covariance = np.cov(white.T, bias=True)
        spread = np.sqrt(np.diag(covariance))
        correlation = np.abs(covariance / np.outer(spread, spread) - np.eye(FEATURES)).max()
        figures = (np.abs(white.mean(axis=0)).max(), spread.min(), spread.max(), correlation)
        accuracy = f"{history.val_accuracy[-1]:.1%}"
        rows.append((name, *map(float, figures), f"{condition:.1e}", history.loss[-1], accuracy))
        clouds.scatter(*white[:, :2].T, c=train_y, cmap="coolwarm", s=6)
        clouds.set(title=name)
        pictures.imshow(covariance, cmap="RdBu", vmin=-(spread.max() ** 2), vmax=spread.max() ** 2)
        pictures.set(xlabel="covariance", xticks=[], yticks=[])
    header = "data  largest mean  least std  largest std  largest correlation  condition  loss  accuracy held back"
    print(table(header, *rows))
    figure.savefig(chosen.out / "whitening.png", dpi=120)
    print(f"\npicture   {chosen.out / 'whitening.png'}")
    return found


if __name__ == "__main__":
    main()
