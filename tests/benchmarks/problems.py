"""What is measured besides networks and sums, as data: each problem has several functions, its modes, of the same
arrays. Formulas that all libraries can share take the library's module, with names as in NumPy, as an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray
FORWARD, BY_IMAGES, BY_WEIGHTS = "forward", "d/dx", "d/dw"
VALUE, GRADIENT, HESSIAN = "value", "gradient", "hessian"
CHOLESKY, SOLVE, INVERSE = "cholesky", "solve", "inv"
TRAINING = "training step"


@dataclass(frozen=True)
class Convolution:
    """Square images and windows, stride 1, and the two derivatives by themselves, given cotangents."""

    name: str
    inputs: int
    outputs: int
    window: int
    size: int
    padding: int = 0
    batch: int = 64
    peers = ("jax", "torch")

    @property
    def about(self) -> str:
        padded = f", padding {self.padding}" * bool(self.padding)
        images = f"{self.batch} images of {self.inputs} x {self.size} x {self.size}"
        return f"convolution of {images} with {self.outputs} windows of {self.window} x {self.window}{padded}"

    def arrays(self) -> tuple[Array, ...]:
        """Images, weights, cotangents."""
        count = self.size + 2 * self.padding - self.window + 1
        return _normal(
            (self.batch, self.inputs, self.size, self.size),
            (self.outputs, self.inputs, self.window, self.window),
            (self.batch, self.outputs, count, count),
        )


@dataclass(frozen=True)
class ConvolutionalNetwork:
    """Of digits of 28 x 28: blocks of convolutions, each block with a pooling behind it, then dense layers.

    ``blocks`` has (outputs, window) for each convolution, which is padded. With ``norm`` a batch norm takes the place
    of its bias. It is one of examples/mnist_*.py without the dropout, so that libraries can be checked against each
    other. A training step returns the loss before it, and updates all weights by Adam.
    """

    name: str
    blocks: tuple[tuple[tuple[int, int], ...], ...]
    dense: tuple[int, ...]
    norm: bool = False
    size: int = 28
    batch: int = 50
    peers = ("torch",)

    @property
    def about(self) -> str:
        convolutions = ", then ".join(" and ".join(f"{o} of {k} x {k}" for o, k in block) for block in self.blocks)
        norm = " with batch norms" * self.norm
        dense = " and ".join(map(str, self.dense))
        return f"{self.batch} digits through convolutions{norm} ({convolutions}), each pooled; dense layers of {dense}"

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Those of the weights, layer by layer: W and b, or W and the scale and shift of the norm."""
        shapes: list[tuple[int, ...]] = []
        features, size = 1, self.size
        for block in self.blocks:
            for outputs, window in block:
                shapes += [(outputs, features, window, window), *((outputs,),) * (2 if self.norm else 1)]
                features = outputs
            size //= 2
        features *= size * size
        for outputs in self.dense:
            shapes += [(features, outputs), (outputs,)]
            features = outputs
        return shapes

    def arrays(self) -> tuple[Array, ...]:
        """Images, labels, weights."""
        rng = np.random.default_rng(0)
        images = rng.random((self.batch, 1, self.size, self.size), np.float32)
        labels = rng.integers(0, self.dense[-1], self.batch)
        return images, labels, *(_initial(rng, shape) for shape in self.shapes)


def _initial(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """He's values for matrices and windows; what is added or multiplied element by element is about one."""
    if len(shape) == 1:
        return 1 + rng.standard_normal(shape, np.float32) / 10
    inputs = np.prod(shape[1:]) if len(shape) == 4 else shape[0]
    return rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / inputs))


@dataclass(frozen=True)
class Hessian:
    """Of the mean square error of a network with one hidden layer (tanh), in all its parameters as one vector."""

    name: str
    features: int = 8
    hidden: int = 10
    batch: int = 32
    peers = ("jax", "torch")

    @property
    def parameters(self) -> int:
        return (self.features + 2) * self.hidden

    @property
    def about(self) -> str:
        sizes = f"{self.features}-{self.hidden}-1, batch {self.batch}"
        return f"Hessian of the square error of a network ({sizes}) in its {self.parameters} parameters"

    def arrays(self) -> tuple[Array, ...]:
        return _normal((self.parameters,), (self.batch, self.features), (self.batch,))

    def loss(self, m: Any, theta: Any, x: Any, y: Any) -> Any:
        n, k = self.features * self.hidden, self.hidden
        hidden = m.tanh(x @ m.reshape(theta[:n], (self.features, k)) + theta[n : n + k])
        return m.mean(m.square(hidden @ theta[n + k :] - y))


@dataclass(frozen=True)
class Integration:
    """Prey and predators (Lotka and Volterra) by the method of Runge and Kutta of fourth order.

    The value is the sum of the squares of what there is in the end; its gradient is that in the four rates and in the
    two numbers at the start.
    """

    name: str
    steps: int = 10_000
    time: float = 10.0
    peers = ("jax",)

    @property
    def about(self) -> str:
        return f"{self.steps} steps of RK4 through Lotka-Volterra in a scan, gradient in 4 rates and the start"

    def arrays(self) -> tuple[Array, ...]:
        return np.array([1.5, 1.0, 3.0, 1.0], np.float32), np.array([1.0, 1.5], np.float32)

    def step(self, m: Any, rates: Any, z: Any) -> Any:
        def slope(z: Any) -> Any:
            met = z[0] * z[1]
            return m.stack([rates[0] * z[0] - rates[1] * met, rates[3] * met - rates[2] * z[1]])

        h = self.time / self.steps
        k1 = slope(z)
        k2 = slope(z + h / 2 * k1)
        k3 = slope(z + h / 2 * k2)
        k4 = slope(z + h * k3)
        return z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


@dataclass(frozen=True)
class Recurrence:
    """An LSTM, and the mean square of all it puts out; the gradient in its weights."""

    name: str
    steps: int = 1000
    batch: int = 16
    features: int = 32
    hidden: int = 64
    peers = ("jax",)

    @property
    def about(self) -> str:
        return f"LSTM {self.features} -> {self.hidden} over {self.steps} steps, batch {self.batch}, gradient in weights"

    def arrays(self) -> tuple[Array, ...]:
        """W, U, b with the gates (input, forget, cell, output) side by side; the sequences, time first."""
        W, U, b, x = _normal(
            (self.features, 4 * self.hidden),
            (self.hidden, 4 * self.hidden),
            (4 * self.hidden,),
            (self.steps, self.batch, self.features),
        )
        return W / np.float32(6), U / np.float32(8), b, x

    def step(self, m: Any, sigmoid: Callable[[Any], Any], weights: Any, state: Any, x: Any) -> tuple[Any, Any]:
        (W, U, b), (h, c), n = weights, state, self.hidden
        z = x @ W + h @ U + b
        i, f, g, o = (z[:, k * n : (k + 1) * n] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * m.tanh(g)
        h = sigmoid(o) * m.tanh(c)
        return (h, c), h


@dataclass(frozen=True)
class Matrices:
    """Many small positive definite matrices: their factors, solutions for one right side each, inverses."""

    name: str
    count: int = 10_000
    size: int = 4
    peers = ("jax", "numpy")

    @property
    def about(self) -> str:
        return f"{self.count} matrices of {self.size} x {self.size}"

    def arrays(self) -> tuple[Array, ...]:
        a, b = _normal((self.count, self.size, self.size), (self.count, self.size, 1))
        return a @ a.swapaxes(1, 2) + np.eye(self.size, dtype=np.float32), b


def _normal(*shapes: tuple[int, ...]) -> tuple[Array, ...]:
    rng = np.random.default_rng(0)
    return tuple(rng.standard_normal(shape, np.float32) for shape in shapes)


Problem = Convolution | ConvolutionalNetwork | Hessian | Integration | Recurrence | Matrices

PROBLEMS: dict[str, Problem] = {
    problem.name: problem
    for problem in (
        Convolution("conv-1-32-5x5", inputs=1, outputs=32, window=5, size=28),
        Convolution("conv-32-64-3x3", inputs=32, outputs=64, window=3, size=28),
        Convolution("conv-16-32-padded", inputs=16, outputs=32, window=3, size=32, padding=1),
        ConvolutionalNetwork("mnist-cnn", blocks=(((16, 5),), ((32, 3),)), dense=(64, 10)),
        ConvolutionalNetwork("mnist-vgg", blocks=tuple(((o, 3), (o, 3)) for o in (8, 16, 32)), dense=(10,), norm=True),
        Hessian("hessian-100"),
        Integration("rk4-10000"),
        Recurrence("lstm-1000"),
        Matrices("matrices-4x4"),
    )
}
