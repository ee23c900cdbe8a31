"""Rules around rules: clipping, averages of the weights, groups of parameters."""

import numpy as np
import pytest

import symdiff as sd

O = sd.optim  # noqa: E741
A, B = np.array([[3.0, -4.0], [0.5, 1.0]]), np.array([12.0, -0.1])


def gradients_seen(wrap, dtype="float64"):
    """What plain descent at rate 1 gets of the gradients A and B."""
    a, b = sd.param("a", (2, 2), dtype=dtype), sd.param("b", (2,), dtype=dtype)
    loss = sd.sum(a * A.astype(dtype)) + sd.sum(b * B.astype(dtype))
    step = sd.train_step(loss, [], wrap(O.sgd(1.0)))
    state = step.init()
    sd.compile(step, backend="numpy")(state)
    return -state["a"], -state["b"]


class TestClipping:
    def test_value(self):
        a, b = gradients_seen(lambda rule: O.clip_by_value(rule, 2))
        assert a.tolist() == np.clip(A, -2, 2).tolist() and b.tolist() == np.clip(B, -2, 2).tolist()

    def test_norm_of_each(self):
        a, b = gradients_seen(lambda rule: O.clip_by_norm(rule, 5.5))
        np.testing.assert_allclose(a, A)  # its norm is 5.12
        np.testing.assert_allclose(b, B * 5.5 / (np.linalg.norm(B) + 1e-6), rtol=1e-14)

    @pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 1e-6)])
    def test_norm_of_all(self, dtype, tolerance):
        a, b = gradients_seen(lambda rule: O.clip_by_global_norm(rule, 2.0), dtype)
        norm = np.sqrt((A * A).sum() + (B * B).sum())
        np.testing.assert_allclose(a, A * 2 / (norm + 1e-6), rtol=tolerance)
        np.testing.assert_allclose(b, B * 2 / (norm + 1e-6), rtol=tolerance)
        assert a.dtype == b.dtype == dtype

    def test_short_gradients_stay_as_they_are(self):
        for wrap in (O.clip_by_value, O.clip_by_norm, O.clip_by_global_norm):
            a, b = gradients_seen(lambda rule, wrap=wrap: wrap(rule, 100.0))
            assert (a == A).all() and (b == B).all()

    def test_no_gradient_at_all(self):
        a = sd.param("a", (2,), init=1.0)
        step = sd.train_step(sd.sum(a * 0), [], O.clip_by_global_norm(O.sgd(1.0), 1.0))
        state = step.init()
        sd.compile(step, backend="numpy")(state)
        assert state["a"].tolist() == [1, 1]

    def test_parameters_of_two_dtypes(self):
        a, b = sd.param("a", (2,), init=1.0, dtype="float32"), sd.param("b", (2,), init=1.0)
        step = sd.train_step(sd.sum(3 * a) + sd.sum(4 * b), [], O.clip_by_global_norm(O.sgd(1.0), 1.0))
        state = step.init()
        sd.compile(step)(state)
        np.testing.assert_allclose(1 - state["a"], 3 / np.sqrt(50), rtol=1e-5)
        np.testing.assert_allclose(1 - state["b"], 4 / np.sqrt(50), rtol=1e-5)

    def test_the_norm_is_a_metric_that_costs_nothing_more(self):
        a = sd.param("a", (3,), init=2.0)
        loss = sd.sum(a * a)
        norm = O.global_norm([sd.grad(loss, a)])
        plain = sd.train_step(loss, [], O.clip_by_global_norm(O.sgd(0.1), 1.0))
        step = sd.train_step(loss, [], O.clip_by_global_norm(O.sgd(0.1), 1.0), metrics={"norm": norm})
        assert sd.compile(step)(step.init()).norm == pytest.approx(4 * np.sqrt(3))
        assert len(step.graph.nodes) == len(plain.graph.nodes)

    @pytest.mark.parametrize("limit", [0, -1, float("nan")])
    def test_limits_that_make_no_sense(self, limit):
        with pytest.raises(ValueError, match=f"clip_by_value: limit is positive, got {limit}"):
            O.clip_by_value(O.sgd(0.1), limit)

    def test_arguments_the_wrong_way_round(self):
        with pytest.raises(sd.GraphError, match=r"clip_by_norm: it goes around a rule with updates, got 1.0.*; write"):
            O.clip_by_norm(1.0, O.sgd(0.1))


class TestAverage:
    def trained(self, rule, steps, **more):
        w = sd.param("w", (3,), init=sd.init.normal(1.0), **more)
        step = sd.train_step(sd.sum(w * w), [], rule)
        state, train, path = step.init(4), sd.compile(step, backend="numpy"), []
        for _ in range(steps):
            train(state)
            path.append(state["w"].copy())
        return state, path

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_formula(self, dtype):
        state, path = self.trained(O.ema(O.sgd(0.1), 0.8), 6, dtype=dtype)
        expected = path[0]
        for following in path[1:]:
            expected = 0.8 * expected + 0.2 * following
        np.testing.assert_allclose(state["w.ema"], expected, rtol=1e-6 if dtype == "float32" else 1e-14)
        assert state["w.ema"].dtype == dtype

    def test_it_starts_where_the_parameter_starts(self):
        state, _ = self.trained(O.ema(O.sgd(0.1)), 0)
        assert (state["w.ema"] == state["w"]).all() and (state["w"] != 0).all()

    def test_the_first_step_takes_what_is_there(self):
        """Weights put into the state by hand, of which the initial value knows nothing, are not averaged with it."""
        w = sd.param("w", (3,), init=sd.init.normal(1.0))
        step = sd.train_step(sd.sum(w * w), [], O.ema(O.sgd(0.1), 0.999))
        state = step.init()
        state["w"][:] = 1000
        sd.compile(step)(state)
        assert (state["w.ema"] == state["w"]).all() and state["w"][0] == 800

    def test_a_decay_that_changes(self):
        state, path = self.trained(O.ema(O.sgd(0.1), lambda t: sd.minimum(0.99, (1 + t) / (10 + t))), 3)
        expected = path[0]
        for t in (1, 2):
            decay = (1 + t) / (10 + t)
            expected = decay * expected + (1 - decay) * path[t]
        np.testing.assert_allclose(state["w.ema"], expected, rtol=1e-14)

    def test_averaged_is_a_copy(self):
        state, _ = self.trained(O.ema(O.adam(0.1), 0.5), 5)
        before, average = state.copy(), O.averaged(state)
        assert (average["w"] == state["w.ema"]).all() and (average["w"] != state["w"]).any()
        assert all((state[name] == before[name]).all() for name in state)

    def test_only_what_is_trained_has_an_average(self):
        a, b = sd.param("a", (2,), init=1.0), sd.param("b", (2,), init=1.0)
        rule = O.ema(O.groups(O.adam(0.1), [(b, O.frozen())]))
        assert sorted(sd.train_step(sd.sum(a * b), [], rule).init()) == ["a", "a.ema", "a.m", "a.v", "b", "step"]

    def test_wrong_arguments(self):
        with pytest.raises(ValueError, match=r"ema: decay lies in \[0, 1\), got 1\.0"):
            O.ema(O.sgd(0.1), np.float32(1))
        with pytest.raises(sd.ShapeError, match=r"ema: decay is a scalar, got constant: float64\[2\]"):
            O.ema(O.sgd(0.1), sd.constant([0.5, 0.9]))
        with pytest.raises(sd.GraphError, match=r"ema: it goes around a rule with updates, got 0.9.*; write ema"):
            O.ema(0.9)
        state, _ = self.trained(O.sgd(0.1), 0)
        with pytest.raises(
            sd.StateError, match=r"averaged: the state holds no averages, only w.*; train with sd.optim"
        ):
            O.averaged(state)


class TestGroups:
    def steps_taken(self, rule):
        """How far each of three parameters goes in one step, when every gradient is 1."""
        W, V, b = (sd.param(name, shape) for name, shape in [("one.W", (2, 2)), ("two.W", (2, 2)), ("two.b", (2,))])
        step = sd.train_step(sd.sum(W) + sd.sum(V) + sd.sum(b), [], rule)
        state = step.init()
        sd.compile(step, backend="numpy")(state)
        return [float(-state[name].flat[0]) for name in ("one.W", "two.W", "two.b")], step

    @pytest.mark.parametrize(
        ("others", "expected"),
        [
            ([], [1, 1, 1]),
            ([("two.*", O.sgd(2.0))], [1, 2, 2]),
            ([("*.W", O.sgd(2.0)), ("*.b", O.frozen())], [2, 2, 0]),
            ([("two.b", O.sgd(3.0)), ("two.*", O.sgd(2.0))], [1, 2, 3]),
            ([(sd.param("one.W", (2, 2)), O.sgd(2.0))], [2, 1, 1]),
            ([([sd.param("one.W", (2, 2)), sd.param("two.b", (2,))], O.sgd(2.0))], [2, 1, 2]),
            ([(["one.*", "*.b"], O.sgd(2.0))], [2, 1, 2]),
            ([(lambda p: p.ndim < 2, O.momentum(0.5))], [1, 1, 0.5]),
            ([("*", O.sgd(2.0))], [2, 2, 2]),
        ],
        ids=["none", "layer", "kinds", "the first counts", "a node", "nodes", "names", "a function", "all"],
    )
    def test_the_first_selection_counts(self, others, expected):
        assert self.steps_taken(O.groups(O.sgd(1.0), others))[0] == expected

    def test_rules_of_different_kinds_share_the_step_count(self):
        _, step = self.steps_taken(O.groups(O.adam(0.1), [("two.b", O.sgd(lambda t: 0.1 / (1 + t)))]))
        assert sorted(step.init()) == [
            "one.W", "one.W.m", "one.W.v", "step", "two.W", "two.W.m", "two.W.v", "two.b",
        ]  # fmt: skip

    def test_what_is_frozen_is_not_trained_and_costs_no_gradient(self):
        x, W, v = sd.input("x", (5, 4)), sd.param("W", (4, 3)), sd.param("v", (3,))
        loss = sd.sum(sd.tanh(x @ W) @ v)
        step = sd.train_step(loss, [x], O.groups(O.sgd(0.1), [(W, O.frozen())]))
        assert step.trained == (v,) and list(step.graph.updates) == [v] and W in step.params
        assert "d_W" not in str(step)

    def test_a_selection_that_fits_nothing(self):
        with pytest.raises(
            sd.GraphError, match=r"groups: 'three' fits no parameter of those left: one.W, two.W, two.b"
        ):
            self.steps_taken(O.groups(O.sgd(1.0), [("three", O.frozen())]))
        with pytest.raises(sd.GraphError, match=r"'two.\*' fits no parameter of those left: nothing"):
            self.steps_taken(O.groups(O.sgd(1.0), [("*", O.frozen()), ("two.*", O.sgd(1.0))]))

    def test_what_is_no_selection(self):
        with pytest.raises(sd.GraphError, match=r"groups: 5 selects no parameters, at .*; write"):
            self.steps_taken(O.groups(O.sgd(1.0), [(5, O.frozen())]))

    def test_what_is_no_rule(self):
        with pytest.raises(sd.GraphError, match=r"groups: a rule has updates, got 0\.1"):
            O.groups(O.sgd(0.1), [("W", 0.1)])
        with pytest.raises(sd.GraphError, match="groups: a pair of selection and rule, got 'W'"):
            O.groups(O.sgd(0.1), ["W"])
