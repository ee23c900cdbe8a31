"""Models whose printed form is pinned. Names are used nowhere else: equal nodes are one, and so are their origins."""

import symdiff as sd


def digits() -> sd.Graph:
    """A two-layer classifier, with gradients."""
    n = sd.dim("digits_n")
    x = sd.input("image", (n, 64), dtype="float32")
    y = sd.input("digit", (n,), dtype="int64")
    W1, b1 = sd.param("W1_digits", (64, 128), dtype="float32"), sd.param("b1_digits", (128,), dtype="float32")
    W2, b2 = sd.param("W2_digits", (128, 10), dtype="float32"), sd.param("b2_digits", (10,), dtype="float32")
    z1 = x @ W1
    a1 = z1 + b1
    h1 = sd.relu(a1)
    z2 = h1 @ W2
    a2 = z2 + b2
    loss = sd.mean(sd.cross_entropy(a2, y))
    weights = [W1, b1, W2, b2]
    gradients = sd.grad(loss, weights)
    outputs = {"loss": loss} | dict(zip(("d_W1", "d_b1", "d_W2", "d_b2"), gradients, strict=True))
    return sd.Graph(outputs, [x, y], name="digits")


def digits_step() -> sd.Graph:
    """The same network with one step of gradient descent."""
    graph = digits()
    loss, *gradients = graph.outputs.values()
    updates = {}
    for weight, gradient in zip(graph.params, gradients, strict=True):
        updates[weight] = weight - 0.1 * gradient
    return sd.Graph({"loss": loss}, graph.inputs, name="digits_step", updates=updates)


def two_paths() -> sd.Graph:
    """f = x1 x2 + sin x2: two paths meet at x2."""
    x1, x2 = sd.input("x1_paths"), sd.input("x2_paths")
    f = x1 * x2 + sd.sin(x2)
    d_x1, d_x2 = sd.grad(f, [x1, x2])
    return sd.Graph({"f": f, "d_x1": d_x1, "d_x2": d_x2}, name="two_paths")


def decay() -> sd.Graph:
    """The worked network of *Deep Learning* 6.5: cross-entropy and weight decay."""
    m = sd.dim("decay_m")
    X, y = sd.input("X_decay", (m, 20)), sd.input("y_decay", (m,), dtype="int64")
    W1, W2 = sd.param("W1_decay", (20, 8)), sd.param("W2_decay", (8, 3))
    U1 = X @ W1
    H = sd.maximum(0, U1)
    U2 = H @ W2
    J_MLE = sd.mean(sd.cross_entropy(U2, y))
    J = J_MLE + 0.01 * (sd.sum(W1**2) + sd.sum(W2**2))
    d_W1, d_W2 = sd.grad(J, [W1, W2])
    return sd.Graph({"J": J, "d_W1": d_W1, "d_W2": d_W2}, [X, y], name="decay")


def deep(layers: int) -> sd.Graph:
    """A network built in a loop."""
    h = x = sd.input(f"x_deep{layers}", (4, 8))
    for layer in range(layers):
        h = sd.tanh(h @ sd.param(f"V{layer}_deep{layers}", (8, 8)))
    cost = sd.sum(h)
    weights = sd.Graph(cost).params
    gradients = dict(zip((f"d_V{layer}" for layer in range(layers)), sd.grad(cost, weights), strict=True))
    return sd.Graph({"cost": cost, **gradients}, [x], name=f"deep{layers}")


MODELS = {"digits": digits, "digits_step": digits_step, "two_paths": two_paths, "decay": decay}
