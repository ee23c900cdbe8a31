"""NaN: a run that stops before it does harm, and the trace to where it begins."""

import numpy as np
import pytest

import symdiff as sd

n = sd.dim("n")
x = sd.input("x", (n, 3))
w = sd.param("w", (3,), init=1.0)


def bytes_of(state):
    return {name: state[name].tobytes() for name in state}


def rooted(optimizer=None):
    """The norm of a row of zeros has an infinite derivative; the loss stays finite in that step."""
    length = sd.sqrt(sd.sum((x * w) ** 2, axis=1))
    loss = sd.mean(length)
    return sd.train_step(loss, [x], optimizer or sd.optim.adam(0.01))


class TestStop:
    @pytest.mark.parametrize("shuffle", [True, False])
    @pytest.mark.parametrize("bad", [0, 3, 17, 39])
    def test_the_state_is_as_before_the_step(self, build, bad, shuffle):
        step = rooted()
        train, state, expected = build(step), step.init(), step.init()
        data = np.random.default_rng(0).normal(size=(40, 3))
        fine = {"batch_size": 3, "progress": False, "shuffle": shuffle, "seed": 2}
        train.fit(state, data, epochs=2, **fine)  # the chunks of the next run begin short again
        train.fit(expected, data, epochs=2, **fine)
        data[bad] = 0
        with pytest.raises(sd.NonFiniteError, match="would be not finite in step") as caught:
            train.fit(state, data, epochs=50, stop_on_nan=True, **fine)
        random = np.random.default_rng(2)
        order = random.permutation(40) if shuffle else np.arange(40)
        batches = [order[start : start + 3] for start in range(0, 40, 3)]
        step_of_bad = next(k for k, batch in enumerate(batches) if bad in batch)
        for batch in batches[:step_of_bad]:
            train(expected, data[batch])
        assert caught.value.step == step_of_bad and caught.value.rows.tolist() == batches[step_of_bad].tolist()
        assert len(train.history.steps["loss"]) == step_of_bad
        for name in state:
            np.testing.assert_allclose(state[name], expected[name], rtol=1e-12)
        trace = train.nan_trace(state, data[caught.value.rows])
        assert trace.node is not None and "the next w" in trace.reaches

    def test_in_the_middle_of_many_epochs(self, build):
        """w grows until exp overflows: many epochs into one chunk of steps."""
        v = sd.input("v", (n,))
        u = sd.param("u", (), init=700.0)
        step = sd.train_step(sd.mean(v) * sd.exp(u) * 1e-300 - u, [v], sd.optim.sgd(0.125))
        train, state, expected = build(step), step.init(), step.init()
        with pytest.raises(
            sd.NonFiniteError, match=r"^step\.fit: the loss is not finite in step 79, on rows 2, 3"
        ) as caught:
            train.fit(
                state, np.zeros(4), batch_size=2, epochs=500, progress=False, stop_on_nan=True, shuffle=False,
            )  # fmt: skip
        assert caught.value.step == 79
        train.fit(expected, np.zeros(4), batch_size=2, epochs=39, progress=False)
        train(expected, np.zeros(2))
        assert bytes_of(state) == bytes_of(expected) and train.history.epochs <= 39

    def test_a_good_run_is_the_one_without(self, model, build):
        step = model.step()
        train, state, other = build(step), step.init(), step.init()
        a = train.fit(state, model.X, model.Y, batch_size=8, epochs=5, progress=False, stop_on_nan=True)
        b = train.fit(other, model.X, model.Y, batch_size=8, epochs=5, progress=False)
        assert bytes_of(state) == bytes_of(other) and a.loss == b.loss

    def test_what_was_not_finite_before_is_not_to_blame(self, build):
        step = sd.train_step(sd.mean(x @ w), [x], sd.optim.sgd(0.1), metrics={"limit": sd.param("limit", ())})
        train, state = build(step), step.init()
        state["limit"][...] = np.inf
        history = train.fit(state, np.ones((4, 3)), batch_size=2, epochs=3, progress=False, stop_on_nan=True)
        assert history.epochs == 3

    def test_rows_of_a_split_are_those_of_the_data(self, build):
        step = rooted()
        data = np.random.default_rng(0).normal(size=(40, 3))
        first, *_ = sd.preprocess.train_validation_split(np.arange(40), validation=0.5, seed=0)[0]
        data[first] = 0
        with pytest.raises(sd.NonFiniteError) as caught:
            options = {"validation": 0.5, "progress": False, "stop_on_nan": True}
            build(step).fit(step.init(), data, batch_size=4, epochs=2, **options)
        assert first in caught.value.rows

    def test_the_message_says_what_to_call(self, build):
        scale = sd.input("scale", ())
        step = sd.train_step(sd.mean(sd.log(x @ w)) * scale, [x, scale], sd.optim.sgd(0.1))
        words = (
            r"^step\.fit: the loss is not finite in step 0, on rows 0, 1, 2, 3, 4, 5, \.\.\.; the state is as before "
            r"this step; nan_trace\(state, x\[error\.rows\], scale\) names the node$"
        )
        with pytest.raises(sd.NonFiniteError, match=words):
            build(step).fit(
                step.init(), -np.ones((9, 3)), 2.0, batch_size=9, epochs=1, shuffle=False, progress=False,
                stop_on_nan=True,
            )  # fmt: skip


class TestTrace:
    def test_a_forward_node(self):
        total = sd.sum(x * w, axis=1)
        logarithm = sd.log(total)
        loss = sd.mean(logarithm * 2)
        step = sd.train_step(loss, [x], sd.optim.sgd(0.1))
        train = sd.compile(step, backend="numpy")
        trace = train.nan_trace(step.init(), [[1.0, 1, 1], [-1, 0, 0], [0, 0, 0]])
        lines = str(trace).splitlines()
        assert lines[0] == "step: the first value that is not finite, nan at [1], 2 of 3 values"
        assert lines[1].split(": ")[0].endswith("= log(total)")
        assert "test_nan.py:" in lines[2] and "logarithm = sd.log(total)" in lines[2]
        assert lines[-2] == "  operand total: float64[n], from -1 to 3, 1 of 3 zero"
        assert lines[-1] == "  not finite: loss, the next w"
        assert trace.node is logarithm and list(trace.operands) == [total]
        np.testing.assert_array_equal(trace.value[1:], [np.nan, -np.inf])

    def test_a_gradient_says_which_derivative_it_is(self):
        length = sd.sqrt(sd.sum((x * w) ** 2, axis=1))
        step = sd.train_step(sd.mean(length), [x], sd.optim.sgd(0.1))
        trace = sd.compile(step, backend="numpy").nan_trace(step.init(), [[1.0, 2, 2], [0, 0, 0]])
        assert "vjp of sqrt length" in str(trace) and "with respect to operand sum" in str(trace)
        assert "operand 2 * length: float64[n], from 0 to 6, 1 of 2 zero" in str(trace)
        assert trace.reaches == ["the next w"] and trace.node.origin.of is length

    def test_finite(self):
        step = rooted()
        trace = sd.compile(step, backend="numpy").nan_trace(step.init(), np.ones((2, 3)))
        assert trace.node is None and trace.value is None and not trace.operands
        assert str(trace) == "step: every output and update is finite" == repr(trace)

    def test_inputs_and_parameters_come_first(self):
        step = rooted()
        train, state = sd.compile(step, backend="numpy"), step.init()
        trace = train.nan_trace(state, [[1.0, np.nan, 2]])
        assert trace.node is x and "x: float64[n, 3], an input" in str(trace)
        state["w"][1] = np.inf
        assert train.nan_trace(state, np.ones((2, 3))).node is w

    def test_infinite_constants_are_meant(self):
        kept = sd.where(x > 0, x * w, -np.inf)
        weights = sd.softmax(kept)
        step = sd.train_step(sd.mean(sd.square(weights)), [x], sd.optim.sgd(0.1))
        train, state = sd.compile(step, backend="numpy"), step.init()
        assert train.nan_trace(state, [[1.0, -1, 2]]).node is None
        assert train.nan_trace(state, [[1.0, -1, 2], [-1, -1, -1]]).node is weights

    def test_infinities_that_lead_nowhere_are_not_reported(self):
        big = sd.exp(x @ w)
        step = sd.train_step(sd.mean(1 / (1 + big)) + sd.sum(w), [x], sd.optim.sgd(0.1))
        trace = sd.compile(step, passes=(), backend="numpy").nan_trace(step.init(), np.full((1, 3), 400.0))
        assert trace.node is None or trace.node is not big

    def test_the_graph_as_it_was_written(self):
        loss = sd.mean(sd.log(1 + sd.exp(x @ w)))
        step = sd.train_step(loss, [x], sd.optim.sgd(0.1))
        train, batch = sd.compile(step, backend="numpy"), np.full((1, 3), 400.0)
        assert train.nan_trace(step.init(), batch).node is None  # it was made stable
        assert train.nan_trace(step.init(), batch, optimized=False).node.op.name == "exp"

    def test_functions_have_one_too(self):
        f = sd.compile(sd.sqrt(x) - 1, backend="numpy")
        assert f.nan_trace([[1.0, -1.0, 4.0]]).node.op.name == "sqrt"

    def test_operators_with_several_results(self):
        a = sd.input("a", (2, 2))
        q, r = sd.qr(a)
        trace = sd.compile(sd.sum(q) / sd.sum(r), backend="numpy").nan_trace(np.zeros((2, 2)))
        assert trace.node is not None and trace.node.op.name in ("divide", "item")

    def test_the_state_is_left_alone(self):
        step = rooted()
        state = step.init()
        before = bytes_of(state)
        sd.compile(step, backend="numpy").nan_trace(state, np.zeros((2, 3)))
        assert bytes_of(state) == before
