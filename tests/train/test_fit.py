"""Training over minibatches: the order of rows, means over epochs, interrupts, and data that does not fit."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import symdiff as sd


def same(a, b):
    return all((a[name] == b[name]).all() for name in a)


@pytest.fixture
def trained(model, build):
    """(step, compiled step, fresh state)"""
    step = model.step()
    return step, build(step), step.init()


def fit(train, state, *data, **more):
    return train.fit(state, *data, **{"batch_size": 8, "epochs": 2, "progress": False, **more})


class TestRun:
    def test_it_takes_the_steps_one_by_one_would(self, model, trained):
        step, train, state = trained
        other, losses = step.init(), []
        history = fit(train, state, model.X, model.Y, batch_size=8, epochs=3, seed=5)
        random = np.random.default_rng(5)
        for _ in range(3):
            order = random.permutation(50)
            for start in range(0, 50, 8):
                batch = order[start : start + 8]
                losses.append(train(other, model.X[batch], model.Y[batch]).loss)
        np.testing.assert_allclose(history.steps["loss"], losses, rtol=1e-6)
        for name in state:
            np.testing.assert_allclose(state[name], other[name], rtol=1e-5, atol=1e-6)

    def test_epoch_means_count_every_sample_once(self, model, trained):
        _, train, state = trained
        history = fit(train, state, model.X, model.Y)
        weights = [8, 8, 8, 8, 8, 8, 2]
        for name in ("loss", "accuracy"):
            expected = [np.average(history.steps[name][k : k + 7], weights=weights) for k in (0, 7)]
            np.testing.assert_allclose(history[name], expected, rtol=1e-12)
        assert history.epochs == 2 and len(history.steps["loss"]) == 14 and not history.interrupted

    def test_it_learns(self, model, trained):
        _, train, state = trained
        history = fit(train, state, model.X, model.Y, epochs=60)
        assert history.loss[-1] < 0.5 * history.loss[0] and history.accuracy[-1] > 0.9

    def test_equal_seeds_give_equal_runs(self, model, trained):
        step, train, state = trained
        other, third = step.init(), step.init()
        a = fit(train, state, model.X, model.Y, seed=1)
        b = fit(train, other, model.X, model.Y, seed=1)
        fit(train, third, model.X, model.Y, seed=2)
        assert a.loss == b.loss and same(state, other) and not same(state, third)

    def test_without_shuffling_rows_come_as_they_lie(self, model, trained):
        step, train, state = trained
        other = step.init()
        fit(train, state, model.X, model.Y, epochs=1, batch_size=20, shuffle=False)
        for start in (0, 20, 40):
            train(other, model.X[start : start + 20], model.Y[start : start + 20])
        assert all(np.allclose(state[name], other[name], rtol=1e-6) for name in state)

    def test_a_batch_larger_than_the_data_is_the_data(self, model, trained):
        _, train, state = trained
        history = fit(train, state, model.X, model.Y, batch_size=1000, epochs=3)
        assert len(history.steps["loss"]) == 3

    def test_no_epochs(self, model, trained):
        step, train, state = trained
        history = fit(train, state, model.X, model.Y, epochs=0)
        assert history.loss == [] and history.epochs == 0 and len(history.steps["loss"]) == 0
        assert same(state, step.init()) and repr(history).startswith("History: 0 epochs, 0 steps in ")

    def test_inputs_that_the_batch_size_does_not_lead_are_passed_whole(self, build):
        n, k = sd.dim("n"), sd.dim("k")
        x, scale, offset = sd.input("x", (n, k)), sd.input("scale", (k,)), sd.input("offset", ())
        w = sd.param("w", ())
        loss = sd.mean((x * scale - w + offset) ** 2)
        step = sd.train_step(loss, [x, scale, offset], sd.optim.sgd(0.1))
        state, X = step.init(), np.random.default_rng(0).normal(size=(9, 2))
        history = fit(build(step), state, X, [1.0, 2.0], 0.5, batch_size=9, epochs=1)
        assert history.loss[0] == pytest.approx(((X * [1, 2] + 0.5) ** 2).mean())

    def test_callback(self, model, trained):
        _, train, state = trained
        seen = []
        history = fit(train, state, model.X, model.Y, callback=lambda epoch, m: seen.append((epoch, m.loss)))
        assert seen == list(enumerate(history.loss))

    def test_a_callback_that_gives_true_ends_the_run(self, model, trained):
        _, train, state = trained
        seen = []
        functions = [lambda epoch, m: epoch == 1, lambda epoch, m: seen.append(epoch)]
        history = fit(train, state, model.X, model.Y, epochs=9, callback=functions)
        assert history.epochs == 2 and seen == [0, 1] and not history.interrupted
        assert history.stopped == "a callback asked to stop after epoch 1"
        assert ", stopped: a callback asked to stop after epoch 1" in repr(history)

    def test_a_callback_that_is_none(self, model, trained):
        _, train, state = trained
        with pytest.raises(ValueError, match=r"^step\.fit: a callback is a function of epoch and metrics, got 3$"):
            fit(train, state, model.X, model.Y, callback=[3])

    def test_the_history_of_a_run_that_raised_is_kept(self, model, trained):
        _, train, state = trained

        def fail(epoch, metrics):
            if epoch == 1:
                raise RuntimeError("no more")

        with pytest.raises(RuntimeError, match="no more"):
            fit(train, state, model.X, model.Y, epochs=9, callback=fail)
        assert train.history.epochs == 2 and len(train.history.steps["loss"]) == 14

    def test_data_from_the_state_itself(self, build):
        w, x = sd.param("w", (8,), init=np.arange(8.0)), sd.input("x", (sd.dim("n"),))
        step = sd.train_step(sd.mean((x - sd.mean(w)) ** 2), [x], sd.optim.sgd(0.1))
        train, state, other = build(step), step.init(), step.init()
        fit(train, state, state["w"], batch_size=3)
        fit(train, other, other["w"].copy(), batch_size=3)
        assert same(state, other)

    def test_repr_of_the_history(self, model, trained):
        _, train, state = trained
        history = fit(train, state, model.X, model.Y)
        lines = repr(history).splitlines()
        assert lines[0] == f"History: 2 epochs, 14 steps in {history.seconds:.3g} s" and history.seconds > 0
        assert lines[1] == f"  loss      {history.loss[0]:.6g} -> {history.loss[-1]:.6g}"
        with pytest.raises(AttributeError, match="no metric is called 'f1'; there are loss, accuracy"):
            history.f1  # noqa: B018


class TestRefused:
    @pytest.mark.parametrize(
        ("numbers", "words"),
        [
            ({"batch_size": 0}, "batch_size is an int of at least 1, got 0"),
            ({"batch_size": 2.5}, "batch_size is an int of at least 1, got 2.5"),
            ({"epochs": -1}, "epochs is an int of at least 0, got -1"),
            ({"seed": -1}, "seed is an int of at least 0, got -1"),
        ],
    )
    def test_numbers(self, model, trained, numbers, words):
        _, train, state = trained
        with pytest.raises(ValueError, match=rf"^step\.fit: {words}$"):
            fit(train, state, model.X, model.Y, **numbers)

    def test_no_rows(self, model, trained):
        _, train, state = trained
        with pytest.raises(sd.ShapeError, match=r"^step\.fit: there are no rows in x: float32\[n, 4\]$"):
            fit(train, state, model.X[:0], model.Y[:0])

    def test_data_of_different_lengths_or_dtypes_is_told_before_the_first_step(self, model, trained):
        step, train, state = trained
        with pytest.raises(sd.ShapeError, match=r"axis 0 has size 49, not n = 50 as in input x: float32\[50, 4\]"):
            fit(train, state, model.X, model.Y[:49])
        with pytest.raises(sd.DTypeError, match=r'^step: input x: .*x\.astype\("float32"\)'):
            fit(train, state, model.X.astype("float64"), model.Y)
        with pytest.raises(sd.ArgumentError, match="takes 2 arrays"):
            fit(train, state, model.X)
        with pytest.raises(sd.ArgumentError, match="the first argument is the state"):
            fit(train, model.X, model.Y)
        assert same(state, step.init())

    def test_no_size_to_cut_along(self, build):
        x, w = sd.input("x", (3,)), sd.param("w", (3,))
        step = sd.train_step(sd.sum(x * w), [x], sd.optim.sgd(0.1))
        with pytest.raises(sd.GraphError, match=r"^step\.fit: no input is led by a symbolic size, .*: x: float64\[3\]"):
            fit(build(step), step.init(), np.ones(3))

    def test_a_batch_size_that_is_also_another_axis(self, build):
        n, t = sd.dim("n"), sd.dim("t")
        mask, x, w = sd.input("mask", (t,)), sd.input("x", (n, t)), sd.param("w", ())
        step = sd.train_step(sd.mean(x * mask * w), [mask, x], sd.optim.sgd(0.1))
        with pytest.raises(
            sd.GraphError, match=r"cut along t, which is not only the leading size of x: float64\[n, t\]; put"
        ):
            fit(build(step), step.init(), np.ones(2), np.ones((5, 2)))

    @pytest.mark.parametrize("label", [3, 99, -1])
    def test_a_label_out_of_range_is_told_before_the_first_step(self, model, trained, label):
        step, train, state = trained
        bad = model.Y.copy()
        bad[17] = bad[31] = label
        words = rf"^cross_entropy: index {label} at \[17\] of y is out of range for size 3: .*, at conftest.py"
        with pytest.raises(sd.IndexRangeError, match=words):
            fit(train, state, model.X, bad)
        assert same(state, step.init())

    def test_indices_of_other_integers_and_axes(self, build):
        n, t = sd.dim("n"), sd.dim("t")
        at, table = sd.input("at", (n, t), dtype="int32"), sd.param("table", (4, 2), init=1.0)
        step = sd.train_step(sd.mean(sd.square(sd.take(table, at, axis=0))), [at], sd.optim.sgd(0.1))
        train, state = build(step), step.init()
        good = np.array([[0, 1, 2], [3, -4, -1]], np.int32)  # negative ones count from the end
        fit(train, state, good)
        before = state.copy()
        with pytest.raises(sd.IndexRangeError, match=r"index -5 at \[1, 2\] of at is out of range for size 4"):
            fit(train, state, good - np.array([[0, 0, 0], [0, 0, 4]], np.int32))
        assert same(state, before)

    def test_the_steps_before_a_bad_index_that_is_computed_stand(self, build):
        at, table = sd.input("at", (sd.dim("n"),), dtype="int64"), sd.param("table", (4, 2), init=1.0)
        step = sd.train_step(sd.mean(sd.square(sd.take(table, at * 2, axis=0))), [at], sd.optim.sgd(0.1))
        train, state, other = build(step), step.init(), step.init()
        given = np.array([0, 1, 1, 0, 1, 2, 0, 1])
        with pytest.raises(sd.IndexRangeError):
            fit(train, state, given, batch_size=2, shuffle=False)
        for start in (0, 2):
            train(other, given[start : start + 2])
        assert same(state, other)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_data_that_is_not_finite(self, model, trained, value):
        step, train, state = trained
        bad = model.X.copy()
        bad[7, 2] = bad[9, 0] = value
        words = rf"^step\.fit: x: float32\[n, 4\] has 2 values not finite, the first {value} at \[7, 2\]; .*allow_nan"
        with pytest.raises(sd.NonFiniteError, match=words):
            fit(train, state, bad, model.Y)
        with pytest.raises(sd.NonFiniteError, match=r"^step\.fit validation: x: .* at \[7, 2\]"):
            fit(train, state, model.X, model.Y, validation=(bad, model.Y))
        assert same(state, step.init())
        fit(train, state, bad, model.Y, allow_nan=True, epochs=1)
        assert not np.isfinite(state["W"]).all()

    def test_large_values_whose_sum_overflows_are_finite(self, model, trained):
        _, train, state = trained
        large = np.full((50, 4), 3e38, "float32")
        assert fit(train, state, large, model.Y, epochs=1).epochs == 1

    def test_a_step_without_rows(self, model, trained):
        step, train, state = trained
        with pytest.raises(sd.ShapeError, match=r"^step: a step needs rows, and n = 0 in x: float32\[n, 4\], y"):
            train(state, model.X[:0], model.Y[:0])
        assert same(state, step.init())


class TestInterrupt:
    def test_ctrl_c_ends_the_run_between_two_steps(self, model, trained):
        step, train, state = trained
        before = signal.getsignal(signal.SIGINT)
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        began = time.perf_counter()
        history = fit(train, state, model.X, model.Y, epochs=10**6)
        assert history.interrupted and time.perf_counter() - began < 2
        assert ", interrupted" in repr(history)
        assert signal.getsignal(signal.SIGINT) is before
        assert len(history.steps["loss"]) >= 7 * history.epochs
        replay, done, random = step.init(), len(history.steps["loss"]), np.random.default_rng(0)
        while done > 0:
            order = random.permutation(50)[: done * 8]
            rows = train._executor.epochs((model.X, model.Y), order[None], 8, "n", {}, train._params_of(replay))
            done -= len(rows)
        assert same(state, replay)

    def test_an_interrupt_in_the_callback(self, model, trained):
        _, train, state = trained

        def stop(epoch, metrics):
            if epoch == 2:
                raise KeyboardInterrupt

        history = fit(train, state, model.X, model.Y, epochs=9, callback=stop)
        assert history.interrupted and history.epochs == 3 and len(history.steps["loss"]) == 21

    def test_other_threads_can_fit(self, model, trained):
        _, train, state = trained
        found = []
        thread = threading.Thread(target=lambda: found.append(fit(train, state, model.X, model.Y)))
        thread.start()
        thread.join()
        assert found[0].epochs == 2


class TestProgress:
    def test_silent(self, model, trained, capsys):
        _, train, state = trained
        fit(train, state, model.X, model.Y)
        assert capsys.readouterr() == ("", "")

    def test_short_runs_show_no_bar(self, model, trained, capsys):
        _, train, state = trained
        fit(train, state, model.X, model.Y, progress=True)
        assert "step" not in capsys.readouterr().err

    def test_longer_runs_show_epoch_loss_and_metrics(self, model, trained, capsys, monkeypatch):
        monkeypatch.setattr("symdiff.fit._QUIET_SECONDS", 0)
        _, train, state = trained
        fit(train, state, model.X, model.Y, progress=True)
        text = capsys.readouterr().err
        assert "epoch 2/2: 100%" in text and "14/14" in text and "loss=" in text and "accuracy=" in text

    def test_validation_metrics_are_shown(self, model, trained, capsys, monkeypatch):
        monkeypatch.setattr("symdiff.fit._QUIET_SECONDS", 0)
        _, train, state = trained
        history = fit(train, state, model.X, model.Y, progress=True, validation=0.2)
        assert f"val_loss={history.val_loss[-1]:.6g}" in capsys.readouterr().err
