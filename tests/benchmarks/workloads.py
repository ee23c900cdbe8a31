"""What is measured, as data: networks that are trained, functions whose gradient is computed, and the problems of
problems.py. All of it float32."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from .problems import PROBLEMS, Problem

Array = np.ndarray
Layer = tuple[Array, ...]  # W, b; and the scale and shift of a layer norm
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8  # Adam, for every implementation
NORM_EPSILON = 1e-5
FLOAT_BYTES, LABEL_BYTES = 4, 8


@dataclass(frozen=True)
class Work:
    """What one step cannot do without: FLOP in products, and memory as (bytes moved, size of what they belong to).

    The second number tells how near the processor those bytes can lie.
    """

    flops: int
    memory: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Network:
    """Products with an activation between them, trained with Adam on the mean cross-entropy.

    ``sizes`` go from the features to the classes. A single class makes it binary logistic: W is then a vector, b a
    scalar and y float32 in {0, 1}.
    """

    name: str
    about: str
    sizes: tuple[int, ...]
    batch: int
    activation: str = "relu"  # or "gelu", in its tanh form
    norm: bool = False  # layer norm before each activation

    @property
    def binary(self) -> bool:
        return self.sizes[-1] == 1

    @property
    def shapes(self) -> list[tuple[tuple[int, ...], ...]]:
        """The shapes of each layer's parameters: W, b, and between layers those of the norm."""
        pairs = list(zip(self.sizes, self.sizes[1:], strict=False))
        hidden = [((a, b), (b,)) + ((b,), (b,)) * self.norm for a, b in pairs[:-1]]
        a, b = pairs[-1]
        return [*hidden, ((a,), ()) if self.binary else ((a, b), (b,))]

    def weights(self) -> list[Layer]:
        """What all implementations start from: He's initial values."""
        rng = np.random.default_rng(0)
        return [tuple(_initial(rng, k, shape) for k, shape in enumerate(layer)) for layer in self.shapes]

    def batches(self, count: int) -> tuple[Array, Array]:
        """x: float32[count, batch, features], y: int64[count, batch]; the classes can be learnt, but not to the end."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal((count, self.batch, self.sizes[0]), np.float32)
        scores = x @ rng.standard_normal((self.sizes[0], self.sizes[-1]), np.float32)
        if self.binary:
            return x, (scores[..., 0] + rng.logistic(size=scores.shape[:-1]) > 0).astype(np.float32)
        return x, (scores + rng.gumbel(size=scores.shape)).argmax(axis=-1)

    @property
    def batches_per_epoch(self) -> int:
        """As many as make about 16 MB and 2 GFLOP."""
        flops, ((batch_bytes, _), _) = self._per_step
        return int(np.clip(min(2**24 // batch_bytes, 2 * 10**9 // flops), 10, 500))

    @property
    def work(self) -> Work:
        """Adam reads and writes each parameter and its two moments; x and y are read."""
        flops, memory = self._per_step
        (batch_bytes, _), state = memory
        return Work(flops, ((batch_bytes, batch_bytes * self.batches_per_epoch), state))

    @property
    def _per_step(self) -> tuple[int, tuple[tuple[int, int], tuple[int, int]]]:
        products = [2 * self.batch * a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        flops = 3 * sum(products) - products[0]  # forward, and two backward except in layer 1
        batch_bytes = self.batch * (self.sizes[0] * FLOAT_BYTES + LABEL_BYTES)
        state_bytes = 3 * FLOAT_BYTES * sum(prod(shape) for layer in self.shapes for shape in layer)
        return flops, ((batch_bytes, batch_bytes), (2 * state_bytes, state_bytes))


def _initial(rng: np.random.Generator, k: int, shape: tuple[int, ...]) -> Array:
    if k == 0:
        return rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / shape[0]))
    return np.full(shape, k == 2, np.float32)


@dataclass(frozen=True)
class Chain:
    """The sum of elementwise functions of ``size`` values, one inside the other: (name, number) or (name,)."""

    name: str
    about: str
    functions: tuple[tuple[str] | tuple[str, float], ...]
    size: int

    def arrays(self) -> tuple[Array, ...]:
        return (np.random.default_rng(0).standard_normal(self.size, np.float32),)

    @property
    def work(self) -> Work:
        moved = 2 * self.size * FLOAT_BYTES  # x is read, its gradient written
        return Work(0, ((moved, moved),))


@dataclass(frozen=True)
class CrossEntropy:
    """The mean softmax cross-entropy of logits and labels; its gradient with respect to the logits."""

    name: str
    about: str
    rows: int
    classes: int

    def arrays(self) -> tuple[Array, ...]:
        rng = np.random.default_rng(0)
        logits = rng.standard_normal((self.rows, self.classes), np.float32)
        return 3 * logits, rng.integers(0, self.classes, self.rows)

    @property
    def work(self) -> Work:
        moved = 2 * self.rows * self.classes * FLOAT_BYTES + self.rows * LABEL_BYTES
        return Work(0, ((moved, moved),))


Workload = Network | Chain | CrossEntropy | Problem

FUNCTIONS = (  # every argument is one where the function is smooth and well-conditioned
    ("multiply", 0.5), ("tanh",), ("exp",), ("sin",), ("log",), ("abs",),
    ("add", 0.5), ("sqrt",), ("cos",), ("sigmoid",), ("reciprocal",), ("square",),
)  # fmt: skip

WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        Network("2-3-2", "ReLU network, batch 4", (2, 3, 2), 4),
        Network("64-128-10", "ReLU network, batch 64", (64, 128, 10), 64),
        Network("784-128-10", "ReLU network, batch 64", (784, 128, 10), 64),
        Network("784-512-256-10", "ReLU network, batch 128", (784, 512, 256, 10), 128),
        Network("deep-30x64", "ReLU network of 30 layers, width 64, 10 classes, batch 64", (64,) * 30 + (10,), 64),
        Network(
            "norm-gelu", "64-256-10 with layer norm and GELU (tanh form), batch 64", (64, 256, 10), 64, "gelu", True
        ),
        Network("logistic", "binary logistic regression on 10000 features, batch 64", (10_000, 1), 64),
        Chain("chain-1M", "sum of 12 elementwise functions, one inside the other, of 1M values", FUNCTIONS, 1_000_000),
        CrossEntropy("softmax-128x1000", "softmax cross-entropy alone, 128 rows of 1000 logits", 128, 1000),
        CrossEntropy("softmax-4096x10", "softmax cross-entropy alone, 4096 rows of 10 logits", 4096, 10),
    )
} | PROBLEMS
