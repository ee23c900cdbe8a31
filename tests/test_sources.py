"""What the texts that this project was asked for with say: numbers to the last digit but one, and claims. A to C here.

A: lecture notes on neural networks as graphs of computations. B: notes on chapter 6 of "Deep Learning". C: "The
mathematics of a neural network". D: CS224n, notes 3. E: notes on "Deep Learning from Scratch".
"""

import numpy as np
import pytest

import symdiff as sd

n = sd.dim("n")
rng = np.random.default_rng(0)


def evaluate(target, inputs, *arrays, seed=0):
    """The values of nodes, node by node; parameters have their initial values."""
    params = sd.Graph(list(target) if isinstance(target, list | tuple) else [target]).params
    function = sd.compile(target, inputs, backend="numpy")
    return function(*([sd.State.initial(params, seed)] if params else []), *arrays)


def count(graph, op):
    return sum(node.op.name == op for node in graph.nodes)


def elements(node):
    return int(np.prod([size for size in node.shape if isinstance(size, int)], initial=1))


class TestGraphs:
    """A: forward in topological order, backward in reverse, cotangents of several paths summed."""

    def test_two_paths(self):
        x1, x2 = sd.input("x1"), sd.input("x2")
        f = x1 * x2 + sd.sin(x2)
        graph, _ = sd.optimize(sd.Graph(dict(zip(("d_x1", "d_x2"), sd.grad(f, [x1, x2]), strict=True))))
        assert graph.outputs["d_x1"] is x2
        assert graph.outputs["d_x2"] in (x1 + sd.cos(x2), sd.cos(x2) + x1)

    def test_add_copies_multiply_swaps_max_routes(self):
        a, b, g = sd.input("a"), sd.input("b"), sd.input("g")
        for node, expected in ((a + b, [10, 10]), (a * b, [40, 30]), (sd.maximum(a, b), [0, 10])):
            assert evaluate(sd.vjp(node, [a, b], g), [a, b, g], 3.0, 4.0, 10.0) == expected

    def test_nodes_follow_what_they_need(self):
        x, w = sd.input("x", (3,)), sd.param("w", (3,))
        graph = sd.Graph(sd.grad(sd.sum(sd.tanh(x * w) * sd.exp(w)), w))
        place = {node: k for k, node in enumerate(graph.nodes)}
        assert all(place[one] < place[node] for node in graph.nodes for one in node.inputs)

    def test_affine_layer_is_an_outer_product(self):
        x, g, W = sd.input("x", (5,)), sd.input("g", (7,)), sd.param("W", (5, 7), init=sd.init.normal(1.0))
        d_W = sd.vjp(x @ W, W, g)
        values = rng.normal(size=5), rng.normal(size=7)
        np.testing.assert_allclose(evaluate(d_W, [x, g], *values), np.outer(*values), rtol=1e-15)
        assert max(map(elements, sd.Graph(d_W).nodes)) == 5 * 7  # the Jacobian would have 7 x 5 x 7

    def test_elementwise_jacobian_is_not_formed(self):
        x = sd.input("x", (9,))
        assert max(map(elements, sd.Graph(sd.grad(sd.sum(sd.tanh(sd.sin(x))), x)).nodes)) == 9

    def test_linear_classifier(self):
        x, y = sd.input("x", (n, 4)), sd.input("y", (n,), dtype="int64")
        W, b = sd.param("W", (4, 3), init=sd.init.normal(1.0)), sd.param("b", (3,))
        p = sd.softmax(x @ W + b)
        d_W, d_b = sd.grad(sd.losses.softmax_cross_entropy(x @ W + b, y), [W, b])
        X, Y = rng.normal(size=(6, 4)), rng.integers(3, size=6)
        found = evaluate([d_W, d_b, p], [x, y], X, Y)
        error = (found[2] - np.eye(3)[Y]) / 6
        np.testing.assert_allclose(found[0], sum(np.outer(*pair) for pair in zip(X, error, strict=True)), rtol=1e-12)
        np.testing.assert_allclose(found[1], error.sum(0), rtol=1e-12, atol=1e-17)


class TestBackPropagation:
    """B: the general algorithm, symbol-to-symbol, and the worked network."""

    def test_f_is_computed_three_times_not_six(self):
        w = sd.input("w")
        z = sd.sin(sd.sin(sd.sin(w)))
        assert count(sd.Graph([z, sd.grad(z, w)]), "sin") == 3

    def test_every_edge_is_visited_once(self):
        """2^50 paths, and a graph that grows with the number of edges."""

        def size(depth):
            w = sd.input("w")
            node = w
            for _ in range(depth):
                node = node * sd.sin(node)
            return len(sd.Graph(sd.grad(node, w)).nodes)

        assert size(50) - size(49) == size(10) - size(9) < 10

    def test_numbers_are_those_of_a_table_and_symbols_differentiate_again(self):
        x = sd.input("x")
        first = sd.grad(sd.sin(x) * x, x)
        found = evaluate([first, sd.grad(first, x)], [x], 0.7)
        table = {"sin": 0.7, "x": np.sin(0.7)}  # what reaches both factors
        assert found[0] == pytest.approx(table["sin"] * np.cos(0.7) + table["x"], rel=1e-15)
        assert found[1] == pytest.approx(2 * np.cos(0.7) - 0.7 * np.sin(0.7), rel=1e-15)

    def test_worked_network(self):
        """Weight decay gives 2 lambda W; G = dJ/dU2; H^T G; G W2^T zeroed where U1 < 0 is G'; X^T G'. Nothing else."""
        X, y, decay = sd.input("X", (n, 6)), sd.input("y", (n,), dtype="int64"), sd.input("decay")
        W1, W2 = (sd.param(name, shape, init=sd.init.he_normal()) for name, shape in (("W1", (6, 5)), ("W2", (5, 3))))
        U1 = X @ W1
        H = sd.relu(U1)
        U2 = H @ W2
        J = sd.losses.softmax_cross_entropy(U2, y) + decay * (sd.sum(W1**2) + sd.sum(W2**2))
        d_W1, d_W2, G, G_prime = sd.grad(J, [W1, W2, U2, U1])
        graph = sd.Graph([d_W1, d_W2])
        forward = sd.Graph(J)
        backward = {node for node in graph.nodes if node.op.name == "matmul"} - set(forward.nodes)
        assert backward == {H.T @ G, G @ W2.T, X.T @ G_prime}
        assert sd.grad(J, X) not in graph.nodes

        data, labels = rng.normal(size=(8, 6)), rng.integers(3, size=8)
        found = evaluate([d_W1, d_W2, U1, H, U2], [X, y, decay], data, labels, 0.1)
        state = sd.State.initial([W1, W2])
        p = np.exp(found[4]) / np.exp(found[4]).sum(1, keepdims=True)
        hand = (p - np.eye(3)[labels]) / 8
        np.testing.assert_allclose(found[1], found[3].T @ hand + 0.2 * state["W2"], rtol=1e-12)
        hand = np.where(found[2] < 0, 0, hand @ state["W2"].T)
        np.testing.assert_allclose(found[0], data.T @ hand + 0.2 * state["W1"], rtol=1e-12)

    def test_forward_and_backward_cost_three_times_the_forward(self):
        node, weights, batch = sd.input("x", (64, 100)), [], 64
        for k in range(20):
            weights.append(sd.param(f"W{k}", (100, 100)))
            node = sd.relu(node @ weights[-1])
        loss = sd.mean(node)

        def cost(graph):
            products = [one for one in graph.nodes if one.op.name == "matmul"]
            return sum(2 * elements(one) * one.inputs[0].shape[1] for one in products)

        assert cost(sd.Graph(loss)) == 20 * 2 * batch * 100 * 100
        assert cost(sd.Graph([loss, *sd.grad(loss, weights)])) / cost(sd.Graph(loss)) == pytest.approx(3 - 1 / 20)


@pytest.mark.parametrize("backend", ["numpy", "native"])
class TestXor:
    """C: two layers of sigmoids, forward, backward and one step of gradient descent, all printed to 8 digits."""

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

    def test_regularised_loss(self, backend):
        """1/(2N) sum (y - h2)^2 + lambda/(2N) sum W^2, whose gradient has lambda/N W more."""
        strength = 0.3
        penalty = sd.regularize.l2([self.W1, self.W2], strength) / (2 * sd.size(n))
        plain, regularised = (sd.grad(loss, self.W1) for loss in (self.loss, self.loss + penalty))
        f = sd.compile([plain, regularised, self.W1], [self.x, self.y], backend=backend)
        X, Y = rng.normal(size=(4, 2)), np.eye(2)[[0, 1, 1, 0]]
        first, second, W1 = f(sd.State.initial([self.W1, self.W2]), X, Y)
        np.testing.assert_allclose(second - first, strength / 4 * W1, rtol=1e-12)
