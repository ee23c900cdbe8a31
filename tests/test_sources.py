"""The numbers printed in the texts this project was asked for with, to their last digit but one."""

import numpy as np
import pytest

import symdiff as sd


@pytest.mark.parametrize("backend", ["numpy", "native"])
class TestXor:
    """A network of two sigmoid layers, forward, backward and one step of gradient descent, all printed to 8 digits."""

    X = np.array([[1.76405235, 0.40015721]])
    Y = np.array([[1.0, 0.0]])
    W1 = sd.param("W1", (2, 3), init=[[-0.67746455, 0.37769425, -0.07365253], [-0.53663519, 0.60920496, 0.21149622]])
    W2 = sd.param(
        "W2", (3, 2), init=[[-0.41491732, -0.30992816], [-0.31583913, -0.27706468], [-0.44701662, 0.15231059]]
    )
    x, y = sd.input("x", (sd.dim("n"), 2)), sd.input("y", (sd.dim("n"), 2))
    z1 = x @ W1
    h1 = sd.sigmoid(z1)
    z2 = h1 @ W2
    h2 = sd.sigmoid(z2)
    loss = sd.sum((y - h2) ** 2) / (2 * sd.size(sd.dim("n")))
    printed = (
        (z1, [[-1.40982136, 0.91005018, -0.04529517]]),
        (h1, [[0.19626223, 0.71301043, 0.48867814]]),
        (z2, [[-0.52507645, -0.18394635]]),
        (h2, [[0.37166596, 0.45414264]]),
        (sd.grad(loss, h1), [[0.02599101, 0.01515256, 0.08274025]]),
        (h1 * (1 - h1), [[0.15774337, 0.20462656, 0.24987182]]),
        (sd.grad(loss, W1), [[0.00723246, 0.00546965, 0.03647082], [0.00164061, 0.00124073, 0.00827303]]),
    )

    def test_forward_and_backward(self, backend):
        f = sd.compile([node for node, _ in self.printed], [self.x, self.y], backend=backend)
        found = f(sd.State.initial([self.W1, self.W2]), self.X, self.Y)
        for array, (_, printed) in zip(found, self.printed, strict=True):
            np.testing.assert_allclose(array, printed, rtol=0, atol=1e-7)

    def test_one_step_of_gradient_descent(self, backend):
        step = sd.train_step(self.loss, [self.x, self.y], sd.optim.sgd(0.001))
        state = step.init()
        m = sd.compile(step, backend=backend)(state, self.X, self.Y)
        assert m.loss == pytest.approx(((1 - 0.37166596) ** 2 + 0.45414264**2) / 2, abs=1e-7)
        expected = [[-0.67747178, 0.37768878, -0.073689], [-0.53663683, 0.60920372, 0.21148795]]
        np.testing.assert_allclose(state["W1"], expected, rtol=0, atol=1e-7)
