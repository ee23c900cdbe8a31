"""The networks of examples/mnist_*.py beside the same ones in PyTorch: seconds for an epoch of their 4,000 digits.

    python -m tests.benchmarks.digits [--repeats 5]

Both take the same batches of 50 and update by Adam; epochs take turns, and the fastest of each counts. The number of
threads is SYMDIFF_THREADS for both, by default all cores.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

import symdiff as sd

BATCH = 50
IMAGE = (1, 28, 28)


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, IMAGE), nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5),
        nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def vgg() -> nn.Module:
    layers: list[nn.Module] = [nn.Unflatten(1, IMAGE)]
    for before, width in ((1, 8), (8, 16), (16, 32)):
        for channels in (before, width):
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * 3 * 3, 10))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
    torch.set_num_threads(int(os.environ.get("SYMDIFF_THREADS", os.cpu_count() or 1)))
    pixels, digits, *_ = importlib.import_module("datasets").mnist()
    print(f"{'':<10}{'symdiff':>10}{'PyTorch':>10}{'ratio':>8}   ms an epoch, {torch.get_num_threads()} threads")
    for network in (mlp, cnn, vgg):
        ours = ours_epoch(f"mnist_{network.__name__}", pixels, digits)
        theirs = torch_epoch(network(), torch.from_numpy(pixels), torch.from_numpy(digits))
        taken = [(seconds(ours), seconds(theirs)) for _ in range(repeats + 1)][1:]
        here, there = (1e3 * min(column) for column in zip(*taken, strict=True))
        print(f"{network.__name__:<10}{here:10.1f}{there:10.1f}{there / here:8.2f}", flush=True)


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def ours_epoch(name: str, pixels: object, digits: object) -> Callable[[], object]:
    step = importlib.import_module(name).step
    train, state = sd.compile(step), step.init(seed=0)
    return lambda: train.fit(state, pixels, digits, batch_size=BATCH, epochs=1, progress=False)


def torch_epoch(network: nn.Module, pixels: torch.Tensor, digits: torch.Tensor) -> Callable[[], None]:
    adam, loss = torch.optim.Adam(network.parameters(), 1e-3, fused=True), nn.CrossEntropyLoss()

    def epoch() -> None:
        for rows in torch.randperm(len(pixels)).split(BATCH):
            adam.zero_grad()
            loss(network(pixels[rows]), digits[rows]).backward()
            adam.step()

    return epoch


if __name__ == "__main__":
    main()
