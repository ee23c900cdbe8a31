"""Compiled functions and steps: forms of the result, states, arguments, atomic updates."""

import pickle
import threading

import numpy as np
import pytest

import symdiff as sd
from symdiff.executor import NumpyExecutor


class TestFunction:
    def test_the_result_has_the_form_of_the_target(self, build):
        x = sd.input("x", (sd.dim("n"),))
        one, array = sd.sum(x), np.arange(4.0)
        assert build(one)(array) == 6
        assert isinstance(build(one)(array), np.ndarray)
        assert build([one, x * 2])(array)[1].tolist() == [0, 2, 4, 6]
        assert type(build([one])(array)) is list and type(build((one,))(array)) is tuple
        found = build({"total": one, "again": one})(array)
        assert found == {"total": 6, "again": 6} and list(found) == ["total", "again"]

    def test_results_are_arrays_of_their_own(self, build):
        x = sd.input("x", (3,))
        array = np.ones(3)
        same, f = build([x, x])(array), build(x)
        same[0][:] = 5
        assert array.tolist() == same[1].tolist() == [1, 1, 1]
        first = f(array)
        f(2 * array)
        assert first.tolist() == [1, 1, 1]

    @pytest.mark.parametrize("rows", [0, 1, 7, 64])
    def test_any_batch_size(self, build, rows):
        x = sd.input("x", (sd.dim("n"), 3))
        array = np.random.default_rng(0).normal(size=(rows, 3))
        np.testing.assert_allclose(build(sd.sum(sd.exp(x), axis=0))(array), np.exp(array).sum(0))

    def test_no_inputs_at_all(self, build):
        assert build(sd.constant([1, 2]) + 1)().tolist() == [2, 3]

    def test_parameters_from_a_state_or_as_arguments(self, model, build):
        state = model.step().init()
        expected = model.X @ state["W"] + state["b"]
        np.testing.assert_allclose(build(model.logits, [model.x])(state, model.X), expected, rtol=1e-6)
        f = build(model.logits, [model.x, model.W, model.b])
        np.testing.assert_allclose(f(model.X, state["W"], state["b"]), expected, rtol=1e-6)
        mixed = build(model.logits, [model.b, model.x])
        np.testing.assert_allclose(mixed(state, np.zeros(3, "float32"), model.X), model.X @ state["W"], rtol=1e-6)

    def test_states_may_change_between_calls(self, model, build):
        predict = build(model.logits, [model.x])
        first, second = model.step().init(1), model.step().init(2)
        a, b = predict(first, model.X), predict(second, model.X)
        assert (a != b).any()
        np.testing.assert_array_equal(predict(first, model.X), a)
        first["W"][:] = second["W"]
        np.testing.assert_array_equal(predict(first, model.X), b)

    def test_a_state_that_is_missing_or_lacks_something(self, model, build):
        predict = build(model.logits, [model.x], name="predict")
        message = (
            r"^predict: the first argument is the state that holds W: float32\[4, 3\], b: float32\[3\], got ndarray; "
            r"call predict\(state, x\)$"
        )
        with pytest.raises(sd.ArgumentError, match=message):
            predict(model.X)
        with pytest.raises(sd.ArgumentError, match="got nothing; call"):
            predict()
        with pytest.raises(
            sd.StateError, match=r"^predict: the state has no b: float32\[3\]; it has W, at conftest.py:"
        ):
            predict(sd.State.initial([model.W]), model.X)
        wrong = sd.State.initial([sd.param("W", (4, 3)), model.b])
        with pytest.raises(sd.StateError, match=r"the state has W as float64\[4, 3\], the model as float32\[4, 3\]"):
            predict(wrong, model.X)

    def test_a_state_nobody_asked_for(self, model, build):
        f = build(model.x * 2, name="double")
        with pytest.raises(sd.ArgumentError, match=r"^double: takes 1 array \(x: float32\[n, 4\]\), got 2$"):
            f(model.step().init(), model.X)

    def test_the_order_of_several_inputs_must_be_given(self, model, build):
        with pytest.raises(sd.GraphError, match=r"nobody gave the order of several inputs: .*; pass inputs=\[x, y\]"):
            build(model.loss)

    def test_inputs_that_are_missing(self, model, build):
        with pytest.raises(sd.GraphError, match="the outputs also need y"):
            build(model.loss, [model.x])

    def test_an_input_that_is_not_needed(self, model, build):
        f = build(model.logits, [model.x, model.y, model.W, model.b])
        state = model.step().init()
        np.testing.assert_allclose(f(model.X, model.Y, state["W"], state["b"]), model.X @ state["W"], rtol=1e-6)
        with pytest.raises(sd.ShapeError, match=r"not n = 50 as in input x"):
            f(model.X, model.Y[:3], state["W"], state["b"])

    def test_sizes_that_no_input_has(self, build):
        x, k = sd.input("x", (3,)), sd.dim("k")
        with pytest.raises(
            sd.GraphError, match=r"^compiled: size k of .* is no size of the inputs: x: float64\[3\], at test_"
        ):
            build(sd.sum(x) * sd.size(k))

    @pytest.mark.parametrize("target", [3, [1], {"a": None}, [], {}, (), {1: sd.constant(1)}, "loss"])
    def test_targets_that_are_none(self, build, target):
        with pytest.raises(sd.GraphError, match=r"^compile: "):
            build(target)

    def test_errors_at_run_time_name_the_position(self, build):
        x, i = sd.input("x", (3,)), sd.input("i", (2,), dtype="int64")
        with pytest.raises(sd.IndexRangeError, match="index 3 at"):
            build(sd.take(x, i, axis=0), [x, i])(np.ones(3), [0, 3])

    def test_passes(self, build):
        x = sd.input("x", (3,))
        node = sd.log(1 + sd.exp(x))
        assert build(node, passes=()).graph.outputs["out"] is node
        assert build(node).graph.outputs["out"] is sd.softplus(x)
        assert build(node)(np.array([-800.0, 0, 800])).tolist() == [0, np.log(2), 800]
        assert str(build(node).report) in build(node).explain()

    def test_repr(self, model, build):
        assert repr(build(model.logits, [model.x], name="predict")) == "<Compiled predict: x: float32[n, 4] -> out>"

    def test_two_threads_at_once(self, model, build):
        f = build(sd.softmax(model.x * 2))
        arrays = [model.X[:k] for k in (1, 7, 50, 3)]
        expected = [f(array) for array in arrays]
        problems = []

        def work(k):
            for _ in range(50):
                if not np.array_equal(f(arrays[k]), expected[k]):
                    problems.append(k)

        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems


class TestStep:
    def test_one_step_is_the_one_by_hand(self, model, build):
        step = model.step()
        train, state = build(step), step.init()
        for rows in (50, 1, 7):
            x, y = model.X[:rows], model.Y[:rows]
            loss, W, b = model.by_hand(state, x, y)
            m = train(state, x, y)
            assert m.loss == pytest.approx(loss, rel=1e-5)
            np.testing.assert_allclose(state["W"], W, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(state["b"], b, rtol=1e-4, atol=1e-6)

    def test_metrics_are_floats_by_attribute_and_by_name(self, model, build):
        step = model.step()
        m = build(step)(step.init(), model.X, model.Y)
        assert m.loss == m["loss"] and type(m.loss) is type(m.accuracy) is float and list(m) == ["loss", "accuracy"]
        assert str(m) == f"loss={m.loss:.6g}, accuracy={m.accuracy:.6g}" and repr(m) == f"Metrics({m})"
        with pytest.raises(AttributeError, match="no metric is called 'f1'; there are loss, accuracy"):
            m.f1  # noqa: B018
        with pytest.raises(KeyError, match="no metric is called 'f1'; there are loss, accuracy"):
            m["f1"]
        assert not hasattr(type(m)(), "loss") and pickle.loads(pickle.dumps(m)) == m

    def test_a_step_that_fails_changes_nothing(self, model, build):
        step = model.step(sd.optim.adam())
        train, state = build(step), step.init()
        before, bad = state.copy(), model.Y.copy()
        bad[-1] = 3
        for arguments in [(model.X, bad), (model.X, model.Y[:3]), (model.X.astype("float64"), model.Y), (model.X,)]:
            with pytest.raises(sd.SymdiffError):
                train(state, *arguments)
            assert all((state[name] == before[name]).all() for name in state)

    def test_arguments_may_lie_in_the_state_itself(self, build):
        w = sd.param("w", (64,), init=np.arange(64.0))
        x = sd.input("x", (64,))
        step = sd.train_step(sd.sum(w * x * x), [x], sd.optim.sgd(0.1))
        train, state, other = build(step), step.init(), step.init()
        apart = state["w"][::-1].copy()
        train(other, apart)
        train(state, state["w"][::-1])
        np.testing.assert_array_equal(state["w"], other["w"])
        train(state, state["w"])
        train(other, other["w"].copy())
        np.testing.assert_array_equal(state["w"], other["w"])

    def test_arguments_are_never_written(self, model, build):
        step = model.step()
        x, y = model.X.copy(), model.Y.copy()
        x.setflags(write=False)
        y.setflags(write=False)
        build(step)(step.init(), x, y)
        np.testing.assert_array_equal(x, model.X)

    def test_the_state_comes_first(self, model, build):
        train = build(model.step())
        with pytest.raises(
            sd.ArgumentError, match=r"^step: the first argument is the state .* call step\(state, x, y\)$"
        ):
            train(model.X, model.Y)

    def test_inputs_and_name_belong_to_the_step(self, model, build):
        with pytest.raises(sd.GraphError, match=r"inputs and the name of a training step are given to sd.train_step"):
            build(model.step(), [model.x])
        with pytest.raises(sd.GraphError, match=r"^compile: the inputs and the name"):
            build(model.step(), name="train")


class TestNumpyBackend:
    def test_it_has_no_source(self, model, tmp_path):
        f = sd.compile(model.x * 2, backend="numpy", name="f")
        with pytest.raises(sd.GraphError, match=r"^f\.source: backend 'numpy' runs the graph node by node .*'native'$"):
            f.source  # noqa: B018
        with pytest.raises(sd.GraphError, match=r"^f\.save: backend 'numpy'"):
            f.save(tmp_path / "f.py")
        assert f.explain().endswith("f: run by NumPy, node by node; nothing was emitted")

    def test_unknown_backends(self, model):
        with pytest.raises(sd.GraphError, match=r"^compile compiled: backend is 'native' or 'numpy', got 'cuda'$"):
            sd.compile(model.x * 2, backend="cuda")

    def test_an_interrupt_while_updates_are_stored_waits_for_all(self):
        a, b = sd.param("a", (2,)), sd.param("b", (2,))
        graph = sd.Graph({"loss": sd.sum(a + b)}, updates={a: a + 1, b: b + 1})

        class Interrupted(np.ndarray):
            calls = 0

            def __setitem__(self, key, value):
                Interrupted.calls += 1
                if Interrupted.calls == 1:
                    raise KeyboardInterrupt
                super().__setitem__(key, value)

        first, second = np.zeros(2), np.zeros(2).view(Interrupted)
        with pytest.raises(KeyboardInterrupt):
            NumpyExecutor(graph, "g").call([], {}, {a: first, b: second})
        assert first.tolist() == [1, 1] and second.tolist() == [1, 1]
