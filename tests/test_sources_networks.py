"""What texts D (CS224n, notes 3) and E (notes on "Deep Learning from Scratch") say, held against symdiff."""

import numpy as np
import pytest

import symdiff as sd

from .test_sources import evaluate

n = sd.dim("n")
rng = np.random.default_rng(1)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def descend(cost, params, rule, steps):
    """The points that a rule goes through."""
    step = sd.train_step(cost, [], rule, params=params)
    state, train = step.init(), sd.compile(step, backend="numpy")
    points = []
    for _ in range(steps):
        train(state)
        points.append([float(state[param.attrs["name"]]) for param in params])
    return np.array(points)


class TestWindowClassifier:
    """D: words of 4 numbers, windows of 5 words, 8 hidden units; s = U^T sigmoid(W x + b); J = max(0, 1 + s_c - s)."""

    x, corrupted = sd.input("x", (20,)), sd.input("corrupted", (20,))
    W = sd.param("W", (8, 20), init=sd.init.normal(0.5))
    U, b = sd.param("U", (8, 1), init=sd.init.normal(1.0)), sd.param("b", (8,), init=sd.init.normal(1.0))
    windows = rng.normal(size=(2, 20))

    def score(self, x):
        return sd.sum(self.U[:, 0] * sd.sigmoid(self.W @ x + self.b))

    def hand(self, state, x):
        """z, and delta = U f'(z)."""
        z = state["W"] @ x + state["b"]
        return z, state["U"][:, 0] * sigmoid(z) * (1 - sigmoid(z))

    @pytest.mark.parametrize("order", [1, -1])
    def test_max_margin(self, order):
        windows = self.windows[::order]
        J = sd.maximum(0, 1 + self.score(self.corrupted) - self.score(self.x))
        value, d_W, d_b = evaluate([J, *sd.grad(J, [self.W, self.b])], [self.x, self.corrupted], *windows)
        state = sd.State.initial([self.W, self.U, self.b])
        (z, delta), (z_c, delta_c) = (self.hand(state, window) for window in windows)
        margin = 1 + state["U"][:, 0] @ (sigmoid(z_c) - sigmoid(z))
        assert value == pytest.approx(max(0, margin), rel=1e-12)
        active = margin > 0
        np.testing.assert_allclose(
            d_W, active * (np.outer(delta_c, windows[1]) - np.outer(delta, windows[0])), rtol=1e-9, atol=1e-15
        )
        np.testing.assert_allclose(d_b, active * (delta_c - delta), rtol=1e-9, atol=1e-15)

    def test_element_14_by_error_distribution(self):
        """dJ/dW_14 = -delta_1 x_4."""
        d_W = evaluate(sd.grad(-self.score(self.x), self.W), [self.x], self.windows[0])
        _, delta = self.hand(sd.State.initial([self.W, self.U, self.b]), self.windows[0])
        assert d_W[0, 3] == pytest.approx(-delta[0] * self.windows[0][3], rel=1e-12)
        np.testing.assert_allclose(d_W, -np.outer(delta, self.windows[0]), rtol=1e-12)

    def test_gradient_check(self):
        state = sd.State.initial([self.W, self.U, self.b])
        values = {name: state[name] for name in state} | {"x": self.windows[0]}
        assert sd.check_grad(self.score(self.x), [self.W, self.U, self.b, self.x], values, eps=1e-5).ok

    def test_deltas_of_a_deep_network(self):
        """delta^(k) = f'(z^(k)) * (W^(k)T delta^(k+1)); grad W^(k) = delta^(k+1) a^(k)T."""
        a, zs, weights = [sd.input("x", (6,))], [], []
        for k in range(4):
            weights.append(sd.param(f"V{k}", (6, 6), init=sd.init.normal(0.5)))
            zs.append(weights[-1] @ a[-1])
            a.append(sd.tanh(zs[-1]))
        cost = sd.sum(a[-1] ** 2)
        gradients = sd.grad(cost, [*zs, *weights])
        state = sd.State.initial(weights)
        values = evaluate([*gradients, *a], [a[0]], rng.normal(size=6))
        deltas, d_weights, outputs = values[:4], values[4:8], values[8:]
        for k in range(4):
            if k < 3:
                slope = 1 - outputs[k + 1] ** 2
                np.testing.assert_allclose(deltas[k], slope * (state[f"V{k + 1}"].T @ deltas[k + 1]), rtol=1e-12)
            np.testing.assert_allclose(d_weights[k], np.outer(deltas[k], outputs[k]), rtol=1e-12)


class TestTips:
    """D: activations, regularisation, dropout, preprocessing, initialisation, learning rates, rules."""

    def test_activations(self):
        z = sd.input("z", (n,))
        at = np.array([-2.5, -0.7, 0.3, 1.5])
        s, t = sigmoid(at), np.tanh(at)
        leaky = sd.leaky_relu(z, 0.01)
        pairs = {
            sd.sigmoid(z): (s, s * (1 - s)),
            sd.tanh(z): (2 * sigmoid(2 * at) - 1, 1 - t**2),
            sd.hardtanh(z): (np.clip(at, -1, 1), np.abs(at) < 1),
            sd.softsign(z): (at / (1 + np.abs(at)), 1 / (1 + np.abs(at)) ** 2),
            sd.relu(z): (np.maximum(at, 0), at > 0),
            leaky: (np.maximum(at, 0.01 * at), np.where(at > 0, 1, 0.01)),
        }
        for node, expected in pairs.items():
            for found, numbers in zip(evaluate([node, sd.grad(sd.sum(node), z)], [z], at), expected, strict=True):
                np.testing.assert_allclose(found, numbers, rtol=1e-12)

    def test_penalties_leave_biases_out(self):
        W, b = sd.param("W", (2, 2), init=[[1.0, -2.0], [3.0, 0.5]]), sd.param("b", (2,), init=[4.0, 5.0])
        for penalty, slope in ((sd.regularize.l2, lambda w: 0.2 * w), (sd.regularize.l1, lambda w: 0.1 * np.sign(w))):
            d_W, d_b = sd.grad(penalty([W, b], 0.1), [W, b], unused="zero")
            np.testing.assert_allclose(evaluate(d_W, []), slope(np.array([[1.0, -2.0], [3.0, 0.5]])), rtol=1e-15)
            assert not evaluate(d_b, []).any()

    def test_dropout_keeps_the_mean_and_passes_gradients_through_kept_units(self):
        x, keep = sd.input("x", (200, 500)), 0.8
        dropped = sd.nn.dropout(x, 1 - keep, key=sd.random.key(3))
        value, slope = evaluate([dropped, sd.grad(sd.sum(dropped), x)], [x], np.ones((200, 500)))
        kept = value != 0
        np.testing.assert_allclose(value[kept], 1 / keep)
        assert value.mean() == pytest.approx(1, abs=5 * np.sqrt((1 / keep - 1) / x.shape[0] / x.shape[1]))
        np.testing.assert_array_equal(slope, value)
        assert sd.nn.dropout(x, 1 - keep, training=False) is x

    def test_variational_dropout(self):
        """One mask for all time steps, and none on the recurrent connections."""
        x, h = sd.input("x", (2, 7, 30)), sd.input("h", (2, 4))
        y, last = sd.nn.rnn(x, 4, initial=h, dropout=0.5, training=True, name="rnn")
        d_x, d_h = sd.grad(sd.sum(y) + sd.sum(last), [x, h])
        d_x, d_h = evaluate([d_x, d_h], [x, h], 0.1 * rng.normal(size=(2, 7, 30)), rng.normal(size=(2, 4)))
        dropped = d_x == 0
        assert 0.2 < dropped.mean() < 0.8
        assert (dropped == dropped[:, :1]).all() and d_h.all()

    def test_preprocessing_knows_the_training_data_alone(self):
        train, test = rng.normal(3, [1, 5, 9], (500, 3)) @ rng.normal(size=(3, 3)), rng.normal(size=(50, 3))
        mean, std = train.mean(0), train.std(0)
        np.testing.assert_allclose(sd.preprocess.centre(train).transform(test), test - mean, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(sd.preprocess.standardise(train).transform(test), (test - mean) / std, rtol=1e-9)
        white = sd.preprocess.whiten(train)
        np.testing.assert_allclose(np.cov(white.transform(train).T, bias=True), np.eye(3), atol=1e-10)
        U, S, _ = np.linalg.svd(np.cov(train.T, bias=True))
        by_svd = (test - mean) @ U / np.sqrt(S)
        np.testing.assert_allclose(np.abs(white.transform(test)), np.abs(by_svd), rtol=1e-8)

    def test_xavier(self):
        """Within +- sqrt(6 / (fan_in + fan_out)), to the edge; biases start at 0."""
        W, b = sd.param("W", (300, 100), init=sd.init.glorot_uniform()), sd.param("b", (100,))
        state = sd.State.initial([W, b])
        assert np.abs(state["W"]).max() == pytest.approx(np.sqrt(6 / 400), rel=1e-3)
        assert state["W"].std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
        assert not state["b"].any()

    @pytest.mark.parametrize(("start", "flat"), [(sd.init.glorot_uniform(), True), (sd.init.normal(0.01), False)])
    def test_variance_of_gradients_and_activations_by_depth(self, start, flat):
        """Ten layers of tanh where tanh is nearly linear, as the derivation has it."""
        hidden = [sd.input("x", (n, 100))]
        for k in range(10):
            hidden.append(sd.tanh(hidden[-1] @ sd.param(f"W{k}", (100, 100), init=start)))
        gradients = sd.vjp(hidden[-1], hidden, sd.input("g", (n, 100)))
        x, g = 0.05 * rng.normal(size=(500, 100)), rng.normal(size=(500, 100))
        values = evaluate([*hidden, *gradients], [hidden[0], sd.input("g", (n, 100))], x, g)
        variances = np.array([value.var() for value in values]).reshape(2, 11)
        for spread in variances.max(1) / variances.min(1):
            assert spread < 2 if flat else spread > 1e15

    def test_learning_rates(self):
        """Exponential a0 exp(-kt); a0 tau / max(t, tau); annealing by steps."""
        t, at = sd.input("t", (), dtype="int64"), np.arange(40)
        schedules = sd.optim.schedules
        for rate, expected in (
            (schedules.exponential(0.5, k=0.1), 0.5 * np.exp(-0.1 * at)),
            (schedules.inverse_time(0.5, tau=7), 0.5 * 7 / np.maximum(at, 7)),
            (schedules.step(0.5, gamma=0.1, every=10), 0.5 * 0.1 ** (at // 10)),
        ):
            run = sd.compile(rate(t), [t], backend="numpy")
            np.testing.assert_allclose([run(k) for k in at], expected, rtol=1e-12)

    @pytest.mark.parametrize("rule", ["momentum", "adagrad", "rmsprop", "adam", "adam without correction"])
    def test_rules(self, rule):
        """As the notes write them; AdaGrad and RMSProp have 1e-8 under the root there, and nothing beside it here."""
        p = sd.param("p", (), init=3.0)
        x, v, cache, m, expected = 3.0, 0.0, 0.0, 0.0, []
        for t in range(1, 31):
            g = np.sin(x) + 0.5 * x
            if rule == "momentum":
                v = 0.9 * v - 0.1 * g
                x += v
            elif rule == "adagrad":
                cache += g**2
                x -= 0.1 * g / np.sqrt(cache + 1e-8)
            elif rule == "rmsprop":
                cache = 0.9 * cache + 0.1 * g**2
                x -= 0.1 * g / np.sqrt(cache + 1e-8)
            else:
                m, cache = 0.9 * m + 0.1 * g, 0.999 * cache + 0.001 * g**2
                first, second = (m / (1 - 0.9**t), cache / (1 - 0.999**t)) if rule == "adam" else (m, cache)
                x -= 0.1 * first / (np.sqrt(second) + 1e-8)
            expected.append(x)
        ours = {
            "momentum": sd.optim.momentum(0.1, mu=0.9),
            "adagrad": sd.optim.adagrad(0.1, eps=0.0),
            "rmsprop": sd.optim.rmsprop(0.1, alpha=0.9, eps=0.0),
            "adam": sd.optim.adam(0.1),
            "adam without correction": sd.optim.adam(0.1, bias_correction=False),
        }[rule]
        exact = rule in ("momentum", "adam", "adam without correction")
        found = descend(-sd.cos(p) + p**2 / 4, [p], ours, 30)[:, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-12 if exact else 1e-6)


class TestFromScratch:
    """E: layers by computation graph, and what can go wrong."""

    def test_gates(self):
        a, b = np.array([0, 1, 0, 1.0]), np.array([0, 0, 1, 1.0])
        x, y = sd.input("x", (4,)), sd.input("y", (4,))

        def gate(x, y, w, threshold):
            return sd.where(w * x + w * y > threshold, 1.0, 0.0)

        nand, either = gate(x, y, -0.5, -0.7), gate(x, y, 0.5, 0.2)
        both = gate(x, y, 0.5, 0.7), nand, either, gate(nand, either, 0.5, 0.7)
        assert np.array(evaluate(both, [x, y], a, b)).tolist() == [
            [0, 0, 0, 1],
            [1, 1, 1, 0],
            [0, 1, 1, 1],
            [0, 1, 1, 0],
        ]

    def test_softmax_does_not_overflow(self):
        z = sd.input("z", (3,))
        for node in (sd.softmax(z), sd.exp(z) / sd.sum(sd.exp(z))):  # as written, too: the passes see what it is
            found = sd.compile(node, [z])([1010.0, 1000.0, 990.0])
            np.testing.assert_allclose(found, [9.99954600e-01, 4.53978686e-05, 2.06106005e-09], rtol=1e-8)

    def test_losses(self):
        x, t = sd.input("x", (n, 10)), sd.input("t", (n,), dtype="int64")
        X, T = rng.normal(size=(5, 10)), rng.integers(10, size=5)
        p = np.exp(X) / np.exp(X).sum(1, keepdims=True)
        target = np.eye(10)[T]
        y = sd.softmax(x)
        squared = sd.losses.mean_squared_error(y, sd.one_hot(t, 10))
        found = evaluate([squared, sd.losses.softmax_cross_entropy(x, t)], [x, t], X, T)
        assert found[0] == pytest.approx(np.mean((p - target) ** 2), rel=1e-12)
        assert found[1] == pytest.approx(-np.mean(np.sum(target * np.log(p), 1)), rel=1e-12)

    def test_softmax_with_loss_gives_p_minus_t(self):
        x, t = sd.input("x", (n, 10)), sd.input("t", (n,), dtype="int64")
        X, T = rng.normal(size=(5, 10)), rng.integers(10, size=5)
        p = np.exp(X) / np.exp(X).sum(1, keepdims=True)
        found = evaluate(sd.grad(sd.losses.softmax_cross_entropy(x, t), x), [x, t], X, T)
        np.testing.assert_allclose(found, (p - np.eye(10)[T]) / 5, rtol=1e-11, atol=1e-17)

    def test_affine_backward(self):
        X, W, b, d = (rng.normal(size=shape) for shape in ((5, 4), (4, 3), (3,), (5, 3)))
        x, w, bias, ct = (sd.input(name, a.shape) for name, a in zip("xwbd", (X, W, b, d), strict=True))
        found = evaluate(sd.vjp(x @ w + bias, [x, w, bias], ct), [x, w, bias, ct], X, W, b, d)
        for array, expected in zip(found, (d @ W.T, X.T @ d, d.sum(0)), strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-12)
        assert found[1].shape == W.shape

    def test_batch_normalisation_backward(self):
        X, d = rng.normal(2, 3, (6, 4)), rng.normal(size=(6, 4))
        x, ct = sd.input("x", (n, 4)), sd.input("d", (n, 4))
        out = sd.nn.layers.batch_norm(x, training=True, name="norm")
        found = evaluate([out, sd.vjp(out, x, ct)], [x, ct], X, d)
        std = np.sqrt(X.var(0) + 1e-5)
        hat = (X - X.mean(0)) / std
        np.testing.assert_allclose(found[0], hat, rtol=1e-10)
        np.testing.assert_allclose(found[1], (d - d.mean(0) - hat * (d * hat).mean(0)) / std, rtol=1e-9, atol=1e-14)

    def test_descent_zigzags(self):
        """f = x^2/20 + y^2 from (-7, 2): gradient descent crosses the valley at every step, the others do not."""
        x, y = sd.param("x", (), init=-7.0), sd.param("y", (), init=2.0)
        f, turns = x**2 / 20 + y**2, {}
        rules = {"sgd": sd.optim.sgd(0.95), "momentum": sd.optim.momentum(0.1), "adagrad": sd.optim.adagrad(1.5)}
        for name, rule in (rules | {"adam": sd.optim.adam(0.3)}).items():
            points = descend(f, [x, y], rule, 30)
            turns[name] = int((np.diff(np.sign([2.0, *points[:, 1]])) != 0).sum())
            assert points[-1, 0] ** 2 / 20 + points[-1, 1] ** 2 < 0.15
        assert turns["sgd"] == 30 and max(turns[name] for name in turns if name != "sgd") < 6

    @pytest.mark.parametrize("start", [0.0, 0.3])
    def test_equal_weights_stay_equal(self, start):
        x, y = sd.input("x", (n, 3)), sd.input("y", (n,), dtype="int64")
        W1, W2 = (
            sd.param("W1", (3, 5), init=sd.init.constant(start)),
            sd.param("W2", (5, 2), init=sd.init.constant(start)),
        )
        loss = sd.losses.softmax_cross_entropy(sd.sigmoid(x @ W1) @ W2, y)
        step = sd.train_step(loss, [x, y], sd.optim.sgd(0.5))
        state, train = step.init(), sd.compile(step, backend="numpy")
        X = rng.normal(size=(20, 3))
        for _ in range(50):
            train(state, X, (X[:, 0] > 0).astype(int))
        assert state["W2"].any()
        np.testing.assert_array_equal(state["W1"], np.repeat(state["W1"][:, :1], 5, axis=1))
        np.testing.assert_array_equal(state["W2"], np.repeat(state["W2"][:1], 5, axis=0))

    @pytest.mark.parametrize(
        ("activation", "start", "least", "most"),
        [
            (sd.sigmoid, sd.init.normal(1.0), 0.4, 0.5),  # at both ends
            (sd.sigmoid, sd.init.normal(0.01), 0.0, 0.02),  # all near 1/2
            (sd.sigmoid, sd.init.glorot_normal(), 0.08, 0.2),
            (sd.tanh, sd.init.normal(1.0), 0.9, 1.0),
            (sd.tanh, sd.init.normal(0.01), 0.0, 1e-4),
            (sd.tanh, sd.init.glorot_normal(), 0.2, 0.5),
            (sd.relu, sd.init.normal(0.01), 0.0, 1e-5),
            (sd.relu, sd.init.glorot_normal(), 0.08, 0.25),  # fades
            (sd.relu, sd.init.he_normal(), 0.5, 1.1),  # stays
        ],
    )
    def test_histograms(self, activation, start, least, most):
        """The spread of the fifth layer of 100 units, 1000 rows."""
        h = x = sd.input("x", (n, 100))
        for k in range(5):
            h = activation(h @ sd.param(f"W{k}", (100, 100), init=start))
        assert least <= evaluate(h, [x], rng.normal(size=(1000, 100))).std() <= most

    def test_convolution_and_pooling(self):
        """Forward by the definition, backward by differences."""
        x, w = sd.input("x", (2, 3, 6, 6)), sd.input("w", (4, 3, 3, 3))
        X, K = rng.normal(size=(2, 3, 6, 6)), rng.normal(size=(4, 3, 3, 3))
        windows = np.lib.stride_tricks.sliding_window_view(X, (3, 3), axis=(2, 3))
        convolved = np.einsum("nchwij,ocij->nohw", windows, K)
        pooled = convolved.reshape(2, 4, 2, 2, 2, 2).max((3, 5))
        y = sd.nn.conv2d(x, w)
        z = sd.nn.max_pool2d(y, 2)
        for found, expected in zip(evaluate([y, z], [x, w], X, K), (convolved, pooled), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-11)
        assert sd.check_grad(sd.sum(z**2), [x, w], {"x": X, "w": K}).ok

    def test_two_small_filters_see_what_a_large_one_sees(self):
        """Two of 3 x 3, with 18 weights, have the 5 x 5 field of one with 25."""
        x, w, v = sd.input("x", (1, 1, 9, 9)), sd.input("w", (1, 1, 3, 3)), sd.input("v", (1, 1, 3, 3))
        y = sd.nn.conv2d(sd.nn.conv2d(x, w, padding=1), v, padding=1)
        d_x = evaluate(sd.grad(y[0, 0, 4, 4], x), [x, w, v], np.ones((1, 1, 9, 9)), *np.ones((2, 1, 1, 3, 3)))
        field = np.zeros((9, 9), bool)
        field[2:7, 2:7] = True
        np.testing.assert_array_equal(d_x[0, 0] != 0, field)
