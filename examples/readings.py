"""How a classifier of images does: which classes it reads right, and where it is most wrong."""

import numpy as np
from common import extras, table
from numpy.typing import NDArray

with extras():
    from matplotlib.figure import Figure


def report(labels: NDArray[np.int64], found: NDArray[np.int64], classes: tuple[str, ...]) -> str:
    """For each class how many are read right, and what the others are most often taken for."""
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, found), 1)
    rows = []
    for k, name in enumerate(classes):
        wrong = counts[k] * (np.arange(len(classes)) != k)
        taken_for = f"{classes[wrong.argmax()]} ({wrong.max()} times)" if wrong.any() else "-"
        rows.append((name, counts[k].sum(), f"{counts[k, k] / max(counts[k].sum(), 1):.1%}", taken_for))
    return table("class  images  read right  most often taken for", *rows)


def misread(
    pixels: NDArray[np.float32], labels: NDArray[np.int64], probabilities: NDArray[np.float32], classes: tuple[str, ...]
) -> Figure:
    """The images that the network is most sure about, and wrong."""
    found = probabilities.argmax(axis=1)
    worst = np.argsort((found == labels) - probabilities.max(axis=1))[:18]
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    for panel, k in zip(figure.subplots(3, 6).ravel(), worst, strict=True):
        panel.imshow(pixels[k].reshape(28, 28), cmap="gray_r")
        panel.set_title(f"{classes[labels[k]]}, read as {classes[found[k]]}", fontsize=8)
        panel.axis("off")
    return figure
