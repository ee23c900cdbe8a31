"""Update rules against their formulas in NumPy, and settings that make no sense."""

import re

import numpy as np
import pytest

import symdiff as sd
from tests.test_public_names import stub

START, TARGET = np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.0, 3.5])


def run(optimizer, steps=5, dtype="float64"):
    """The state after some steps down sum((p - x)^2), and the values of p on the way."""
    p, x = sd.param("p", (3,), init=START, dtype=dtype), sd.input("x", (3,), dtype)
    step = sd.train_step(sd.sum((p - x) ** 2), [x], optimizer)
    state, train = step.init(), sd.compile(step, backend="numpy")
    path = []
    for _ in range(steps):
        train(state, TARGET.astype(dtype))
        path.append(state["p"].copy())
    return state, np.array(path)


def reference(update, steps=5):
    """``update(g, t) -> change of p``, in float64."""
    p, path = START.copy(), []
    for t in range(1, steps + 1):
        p = p + update(2 * (p - TARGET), t)
        path.append(p)
    return np.array(path)


def momentum_by_hand(lr, mu):
    v = np.zeros(3)

    def update(g, t):
        v[:] = mu * v - lr * g
        return v

    return update


def adam_by_hand(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = np.zeros(3), np.zeros(3)

    def update(g, t):
        m[:] = beta1 * m + (1 - beta1) * g
        v[:] = beta2 * v + (1 - beta2) * g**2
        return -lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)

    return update


def adam_uncorrected(lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = np.zeros(3), np.zeros(3)

    def update(g, t):
        m[:] = beta1 * m + (1 - beta1) * g
        v[:] = beta2 * v + (1 - beta2) * g**2
        return -lr * m / (np.sqrt(v) + eps)

    return update


def lion_by_hand(lr, beta1, beta2, decay):
    m, p = np.zeros(3), START.copy()

    def update(g, t):
        change = -lr * (np.sign(beta1 * m + (1 - beta1) * g) + decay * p)
        m[:] = beta2 * m + (1 - beta2) * g
        p[:] += change
        return change

    return update


RULES = {
    "sgd": (sd.optim.sgd(0.1), lambda: lambda g, t: -0.1 * g),
    "momentum": (sd.optim.momentum(0.1, mu=0.8), lambda: momentum_by_hand(0.1, 0.8)),
    "adam": (sd.optim.adam(0.1), lambda: adam_by_hand(0.1)),
    "adam with other settings": (sd.optim.adam(0.1, (0.5, 0.9), 0.01), lambda: adam_by_hand(0.1, 0.5, 0.9, 0.01)),
    "adam without memory": (sd.optim.adam(0.1, (0, 0)), lambda: adam_by_hand(0.1, 0, 0)),
    "adam without correction": (sd.optim.adam(0.1, bias_correction=False), lambda: adam_uncorrected(0.1)),
    "lion": (sd.optim.lion(0.1, (0.8, 0.95), 0.3), lambda: lion_by_hand(0.1, 0.8, 0.95, 0.3)),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-13), ("float32", 2e-6)])
def test_formula(name, dtype, tolerance):
    optimizer, by_hand = RULES[name]
    _, path = run(optimizer, dtype=dtype)
    assert path.dtype == dtype
    np.testing.assert_allclose(path, reference(by_hand()), rtol=tolerance)


@pytest.mark.parametrize(
    ("name", "slots"), [("sgd", ["p"]), ("momentum", ["p", "p.v"]), ("adam", ["p", "p.m", "p.v", "step"])]
)
def test_what_the_state_keeps(name, slots):
    state, _ = run(RULES[name][0], dtype="float32")
    assert list(state) == slots
    assert all(state[slot].dtype == "float32" for slot in slots if slot != "step")
    if "step" in state:
        assert state["step"].dtype == "int64" and state["step"] == 5


def test_adams_corrections_are_exact_in_float32():
    """1 - 0.999^1 in float32 is off by 5e-5; worked out in float64 the first step is lr * sign(g)."""
    _, path = run(sd.optim.adam(0.1), steps=1, dtype="float32")
    np.testing.assert_allclose(path[0] - START, -0.1 * np.sign(START - TARGET), rtol=1e-6)


def test_corrections_are_two_scalars_for_all_parameters():
    params = [sd.param(f"p{k}", (3,), dtype="float32") for k in range(5)]
    loss = sum((sd.sum(p**2) for p in params[1:]), sd.sum(params[0] ** 2))
    graph = sd.train_step(loss, [], sd.optim.adam()).graph
    powers = [node for node in graph.nodes if node.op.name == "power" and node.dtype == "float64"]
    assert len(powers) == 2 and all(node.shape == () for node in powers)


def test_a_rate_may_be_a_node():
    _, path = run(sd.optim.sgd(0.1 / (1 + sd.optim.step_count())))
    np.testing.assert_allclose(path, reference(lambda g, t: -0.1 / t * g), rtol=1e-13)
    _, path = run(sd.optim.momentum(sd.constant(0.1), 0.8))
    np.testing.assert_allclose(path, reference(momentum_by_hand(0.1, 0.8)), rtol=1e-13)


def test_a_float64_rate_leaves_a_float32_parameter_float32():
    _, path = run(sd.optim.adam(0.1 * 0.5 ** sd.optim.step_count().astype("float64")), dtype="float32")
    assert path.dtype == "float32"


def test_parameters_of_two_dtypes():
    a, b = sd.param("a", (2,), init=1, dtype="float32"), sd.param("b", (2,), init=1)
    step = sd.train_step(sd.sum(a * a) + sd.sum(b * b), [], sd.optim.adam(0.1))
    state = step.init()
    sd.compile(step, backend="numpy")(state)
    np.testing.assert_allclose(state["a"], 0.9, rtol=1e-6)
    np.testing.assert_allclose(state["b"], 0.9, rtol=1e-6)


def test_a_rule_of_the_users_own():
    class signs:  # noqa: N801
        def updates(self, gradients):
            return {p: p - 0.25 * sd.sign(g) for p, g in gradients.items()}

    _, path = run(signs(), steps=2)
    np.testing.assert_array_equal(path, reference(lambda g, t: -0.25 * np.sign(g), 2))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sd.optim.sgd(-0.1), "sgd: the learning rate is not negative, got -0.1"),
        (lambda: sd.optim.sgd(float("nan")), "sgd: the learning rate is not negative, got nan"),
        (lambda: sd.optim.momentum(0.1, mu=1), r"momentum: mu lies in \[0, 1\), got 1"),
        (lambda: sd.optim.sgd(0.1, momentum=1.0), r"sgd: momentum lies in \[0, 1\), got 1.0"),
        (lambda: sd.optim.sgd(0.1, nesterov=True), "sgd: nesterov needs a momentum, and no dampening"),
        (lambda: sd.optim.sgd(0.1, momentum=0.9, dampening=2), r"sgd: dampening lies in \[0, 1\], got 2"),
        (lambda: sd.optim.sgd("fast"), "a number, a scalar node or a function of the step, got 'fast'"),
        (lambda: sd.optim.adam(betas=(1.5, 0.9)), r"adam: betas\[0\] lies in \[0, 1\), got 1.5"),
        (lambda: sd.optim.adam(betas=(0.9, -0.1)), r"adam: betas\[1\] lies in \[0, 1\), got -0.1"),
        (lambda: sd.optim.adam(betas=0.9), r"adam: betas are two numbers, got 0.9, at .*; write \(0.9, 0.999\)"),
        (lambda: sd.optim.adamw(weight_decay=-1), "adamw: weight_decay is not negative, got -1"),
        (lambda: sd.optim.rmsprop(alpha=1), r"rmsprop: alpha lies in \[0, 1\), got 1"),
        (lambda: sd.optim.adadelta(rho=2), r"adadelta: rho lies in \[0, 1\), got 2"),
        (lambda: sd.optim.adagrad(initial_accumulator_value=-1), "initial_accumulator_value is not negative, got -1"),
        (lambda: sd.optim.adam(eps=-1), "adam: eps is not negative, got -1"),
        (
            lambda: sd.optim.sgd(sd.constant([1.0, 2.0])),
            r"sgd: the learning rate is a scalar, got constant: float64\[2\]",
        ),
    ],
)
def test_settings_that_make_no_sense(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_the_stub_says_what_the_room_does():
    assert stub("optim/__init__.pyi") == sd.optim._HOMES | {"schedules": ""}
    assert all(getattr(sd.optim, name) for name in sd.optim.__all__)


def test_repr():
    assert repr(sd.optim.momentum(0.1)) == "momentum(lr=0.1, mu=0.9)"
    assert repr(sd.optim.lion()) == "lion(lr=0.0001, betas=(0.9, 0.99), weight_decay=0.0)"


@pytest.mark.parametrize(
    ("rule", "slots"),
    [
        (sd.optim.sgd(0.1, momentum=0.9, dampening=0.5), ["p", "p.v", "step"]),
        (sd.optim.nesterov(0.1), ["p", "p.v"]),
        (sd.optim.adagrad(), ["p", "p.s"]),
        (sd.optim.rmsprop(momentum=0.9, centered=True), ["p", "p.m", "p.s", "p.v"]),
        (sd.optim.adadelta(), ["p", "p.s", "p.u"]),
        (sd.optim.amsgrad(), ["p", "p.m", "p.v", "p.v_max", "step"]),
        (sd.optim.adam(bias_correction=False), ["p", "p.m", "p.v"]),
        (sd.optim.adamax(), ["p", "p.m", "p.u", "step"]),
        (sd.optim.nadam(), ["p", "p.m", "p.mu_product", "p.v", "step"]),
        (sd.optim.lion(), ["p", "p.m"]),
    ],
    ids=str,
)
def test_slots_and_dtypes(rule, slots):
    state, path = run(rule, dtype="float32")
    assert sorted(state) == sorted(slots) and path.dtype == "float32" and np.isfinite(path).all()
    assert all(state[slot].dtype == "float32" for slot in slots if slot not in ("step", "p.mu_product"))


def test_centered_rmsprop_survives_a_gradient_that_stays_the_same():
    """s - m^2 is then 0 but for rounding, and the root of -1e-17 would be NaN."""
    p = sd.param("p", (3,), init=START)
    step = sd.train_step(sd.sum(p * np.array([0.1, 0.3, 1e5])), [], sd.optim.rmsprop(1e-9, alpha=0.5, centered=True))
    state, train = step.init(), sd.compile(step, backend="numpy")
    for _ in range(200):
        train(state)
    assert np.isfinite(state["p"]).all()


RATE = sd.optim.schedules.warmup(5, then=sd.optim.schedules.cosine(0.1, 100))


@pytest.mark.parametrize(
    "rule",
    [
        sd.optim.sgd(RATE, momentum=0.9, dampening=0.5, weight_decay=0.1),
        sd.optim.ema(sd.optim.adamw(RATE)),
        sd.optim.clip_by_value(sd.optim.rmsprop(RATE, centered=True, momentum=0.9), 1.0),
        sd.optim.adagrad(RATE, lr_decay=0.1),
        sd.optim.adadelta(RATE, weight_decay=0.1),
        sd.optim.nadam(RATE, weight_decay=0.1),
        sd.optim.radam(RATE),
        sd.optim.adamax(RATE, weight_decay=0.1),
        sd.optim.lion(RATE, weight_decay=0.1),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_a_rule_is_one_kernel(rule):
    """Schedules, weight decay and averages cost no pass over the parameters."""
    assert passes_over_a(rule) == [True]


def test_clipping_by_the_global_norm_is_one_reduction_more():
    assert sorted(passes_over_a(sd.optim.clip_by_global_norm(sd.optim.adam(RATE), 1.0))) == [False, True]


def passes_over_a(rule):
    """For each kernel that reads or writes a, or its gradient, or its slots: whether it writes a."""
    x, a = sd.input("x", (sd.dim("n"), 64)), sd.param("a", (64, 32))
    source = sd.compile(sd.train_step(sd.sum(sd.square(sd.tanh(x @ a))), [x], rule)).source
    kernels = [part for part in source.split("\n\n\n") if part.startswith("@")]
    return ["    a[i] = " in part for part in kernels if re.search(r"\b(d_)?a(_\w+)?\[i", part)]


def test_a_parameter_of_the_state_may_be_called_like_the_step():
    step = sd.train_step(sd.sum(sd.param("p", (3,)) ** 2), [], sd.optim.adam(), name="step")
    assert "step_2" not in sd.compile(step).source
