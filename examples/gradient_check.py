"""Is the gradient right? Back-propagation against central differences, (J(w + h) - J(w - h)) / 2h with h = 1e-5.

How the step matters: a large one is off by the next term of Taylor's series, a small one by rounding; one-sided
differences are worse throughout. Then a mistake on purpose, which the check finds; and a kink, where no check can pass.

    python examples/gradient_check.py [--out gradient_check-output]
"""

import numpy as np
from common import extras, options, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure

x, y = sd.input("x", (sd.dim("n"), 5)), sd.input("y", (sd.dim("n"),), dtype="int64")


def network(activation) -> tuple[sd.Node, list[sd.Node]]:
    """The loss of a network of two layers, and its parameters."""
    W1, b1 = sd.param("W1", (5, 4), init=sd.init.glorot_normal()), sd.param("b1", (4,))
    W2 = sd.param("W2", (4, 3), init=sd.init.glorot_normal())
    return sd.losses.softmax_cross_entropy(activation(x @ W1 + b1) @ W2, y), [W1, b1, W2]


rng = np.random.default_rng(0)
batch = {"x": rng.normal(size=(20, 5)), "y": rng.integers(3, size=20)}
loss, weights = network(sd.tanh)
state = sd.State.initial(weights, seed=0)
point = batch | {name: state[name] for name in state}
wrong_tanh = sd.custom_vjp(sd.tanh, lambda ct, out, z: [ct * (1 - out)])  # 1 - out^2 would be right


def by_differences(run, h: float, central: bool = True) -> np.ndarray:
    """dJ/dW1, one element after another."""
    found = np.empty_like(state["W1"])
    for place in np.ndindex(found.shape):
        ahead, behind = state.copy(), state.copy()
        ahead["W1"][place] += h
        behind["W1"][place] -= h if central else 0.0
        found[place] = (run(ahead, *batch.values()) - run(behind, *batch.values())) / (2 * h if central else h)
    return found


def main(arguments: list[str] | None = None) -> dict[str, sd.GradCheck]:
    """Print and draw errors by step; print and give what check_grad says of a right, a wrong and a kinked network."""
    out = options(__doc__, "gradient_check", arguments).out
    run = sd.compile(loss, inputs=[x, y])
    exact = sd.compile(sd.grad(loss, weights[0]), inputs=[x, y])(state, *batch.values())
    steps = 10.0 ** np.arange(-11, 0)
    errors = {
        name: [float(np.abs(by_differences(run, h, central) - exact).max()) for h in steps]
        for name, central in (("central", True), ("one-sided", False))
    }
    print("Largest error of differences, by their step\n")
    rows = [
        (f"{h:.0e}", f"{central:.1e}", f"{forward:.1e}")
        for h, central, forward in zip(steps, *errors.values(), strict=True)
    ]
    print(table("h  central  one-sided", *rows))

    at_kink = point | {"x": np.zeros((20, 5))}  # every rectifier at 0
    checks = {
        "tanh": sd.check_grad(loss, weights, point),
        "tanh with a wrong derivative": sd.check_grad(*network(wrong_tanh), point),
        "ReLU at its kink": sd.check_grad(*network(sd.relu), at_kink),
    }
    for name, result in checks.items():
        print(f"\n{name}: {'passes' if result.ok else 'does not pass'}\n{result}")

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, values in errors.items():
        axes.loglog(steps, values, "o-", label=name)
    axes.axvline(1e-5, color="gray", linestyle=":")
    axes.set(xlabel="step h", ylabel="largest error", title="differences against back-propagation")
    axes.legend()
    figure.savefig(out / "errors.png", dpi=120)
    print(f"\npicture   {out / 'errors.png'}")
    return checks


if __name__ == "__main__":
    main()
