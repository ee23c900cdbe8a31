"""Validation: metrics on data held back, from a program that shares the state; early stopping."""

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
    return train.fit(state, *data, **{"batch_size": 8, "epochs": 3, "progress": False, **more})


class TestMetrics:
    def test_they_are_those_of_the_state_after_each_epoch(self, model, trained, build):
        _, train, state = trained
        evaluate = build([model.loss, model.accuracy], [model.x, model.y])
        expected = []
        history = fit(
            train,
            state,
            model.X[:30],
            model.Y[:30],
            validation=(model.X[30:], model.Y[30:]),
            callback=lambda epoch, m: expected.append([*evaluate(state, model.X[30:], model.Y[30:]), m.val_loss]),
        )
        loss, accuracy, shown = np.transpose(expected)
        np.testing.assert_allclose(history.val_loss, loss, rtol=1e-6)
        np.testing.assert_allclose(history["val_accuracy"], accuracy, rtol=1e-6)
        assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"] and shown.tolist() == history.val_loss
        assert list(history.steps) == ["loss", "accuracy"]

    def test_the_run_is_the_one_without(self, model, trained):
        step, train, state = trained
        other = step.init()
        a = fit(train, state, model.X, model.Y, validation=(model.X, model.Y))
        b = fit(train, other, model.X, model.Y)
        assert same(state, other) and a.loss == b.loss

    @pytest.mark.parametrize("share", [0.2, 10, np.float64(0.2)])
    def test_a_share_is_split_as_by_preprocess(self, model, trained, share):
        step, train, state = trained
        other = step.init()
        X, Xv, Y, Yv = sd.preprocess.train_validation_split(model.X, model.Y, validation=0.2, seed=4)
        a = fit(train, state, model.X, model.Y, validation=share, seed=4)
        b = fit(train, other, X, Y, validation=(Xv, Yv), seed=4)
        assert same(state, other)
        for name in a:
            np.testing.assert_allclose(a[name], b[name], rtol=1e-12)

    def test_another_model_for_evaluation(self, build):
        n = sd.dim("n")
        x, w = sd.input("x", (n,)), sd.param("w", (), init=0.5)
        key = sd.random.fold_in(sd.random.key(1), sd.optim.step_count())
        loss = sd.mean(sd.square(sd.nn.dropout(x * w, 0.5, key=key) - x))
        plain = sd.mean(sd.square(x * w - x))
        step = sd.train_step(loss, [x], sd.optim.sgd(0.1))
        data, held = np.arange(1.0, 17.0) / 16, np.array([1.0, 2.0])
        for evaluate in ({"loss": plain, "w": w}, build({"loss": plain, "w": w}, [x])):
            state = step.init()
            history = fit(build(step), state, data, validation=held, evaluate=evaluate)
            assert history.val_w[-1] == state["w"]
            assert history.val_loss[-1] == pytest.approx(2.5 * (state["w"] - 1) ** 2)

    def test_inputs_passed_whole(self, build):
        x, scale, w = sd.input("x", (sd.dim("n"),)), sd.input("scale", ()), sd.param("w", ())
        step = sd.train_step(sd.mean(x * scale * w), [x, scale], sd.optim.sgd(0.1))
        state = step.init()
        history = fit(build(step), state, np.ones(10), 2.0, validation=0.3)
        assert history.val_loss[-1] == pytest.approx(2 * state["w"])

    def test_the_program_is_compiled_once(self, model, trained):
        _, train, state = trained
        fit(train, state, model.X, model.Y, validation=0.2)
        first = train._own_evaluation
        fit(train, state, model.X, model.Y, validation=0.3)
        assert train._own_evaluation is first and not first.graph.updates

    def test_ctrl_c_during_validation(self, model, trained, monkeypatch):
        _, train, state = trained
        calls = []

        def interrupted(self, fit):
            calls.append(fit.history.epochs)
            if len(calls) == 2:
                raise KeyboardInterrupt
            fit.history.set_validation(np.array([0.5, 0.25]))

        monkeypatch.setattr("symdiff.validation.Validation.epoch_ended", interrupted)
        history = fit(train, state, model.X, model.Y, validation=0.2)
        assert history.interrupted and history.epochs == 2 and history.val_loss[0] == 0.5
        assert np.isnan(history.val_loss[1])


class TestRefused:
    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"validation": 0.0}, "leaves none to validate with"),
            ({"validation": 1.0}, "leaves none to train on"),
            ({"evaluate": {}}, "evaluate is for validation data, and none is given"),
            ({"validation": 0.2, "early_stopping": sd.EarlyStopping(2, "f1")}, r"early stopping watches 'f1', and the"),
            ({"early_stopping": 0}, "patience is an int of at least 1, got 0"),
        ],
    )
    def test_values(self, model, trained, more, words):
        step, train, state = trained
        with pytest.raises(ValueError, match=words):
            fit(train, state, model.X, model.Y, **more)
        assert same(state, step.init())

    def test_data_that_does_not_fit(self, model, trained):
        step, train, state = trained
        with pytest.raises(sd.ShapeError, match=r"^step_evaluation: input y: .* axis 0 has size 4, not n = 5"):
            fit(train, state, model.X, model.Y, validation=(model.X[:5], model.Y[:4]))
        with pytest.raises(sd.ShapeError, match=r"^step\.fit validation: there are no rows in x"):
            fit(train, state, model.X, model.Y, validation=(model.X[:0], model.Y[:0]))
        with pytest.raises(sd.IndexRangeError, match=r"index 3 at \[2\] of y is out of range"):
            fit(train, state, model.X, model.Y, validation=(model.X[:5], [0, 1, 3, 0, 1]))
        assert same(state, step.init())

    def test_evaluations(self, model, trained, build):
        step, train, state = trained
        with pytest.raises(sd.ShapeError, match=r"^step\.fit: evaluate gives scalars, got p = .*; reduce it"):
            fit(train, state, model.X, model.Y, validation=0.2, evaluate={"p": model.logits})
        with pytest.raises(sd.GraphError, match=r"^step\.fit: evaluate is a dict of nodes or a compiled function, got"):
            fit(train, state, model.X, model.Y, validation=0.2, evaluate=3)
        other = sd.input("other", (model.n, 4), dtype="float32")
        evaluate = build({"loss": sd.mean(other)}, [other])
        with pytest.raises(
            sd.GraphError, match=r"evaluate takes other: float32\[n, 4\], which is no input of the step"
        ):
            fit(train, state, model.X, model.Y, validation=0.2, evaluate=evaluate)
        assert same(state, step.init())

    def test_a_metric_that_is_called_like_one_on_validation_data(self, model, build):
        step = model.step(metrics={"val_loss": model.accuracy})
        with pytest.raises(sd.GraphError, match="cannot tell the metric val_loss from loss on the validation data"):
            fit(build(step), step.init(), model.X, model.Y, validation=0.2)


class TestEarlyStopping:
    """One parameter follows a number that the data gives: the loss is what the test says."""

    def run(self, build, losses, **more):
        x, w = sd.input("x", (sd.dim("n"),)), sd.param("w", ())
        step = sd.train_step(sd.mean(x) - w, [x], sd.optim.sgd(1.0))
        train, state = build(step), step.init()
        at = sd.astype(w, "int64") - 1  # w counts the steps, one in each epoch
        values = {"loss": sd.take(sd.constant(np.array(losses, float)), at, axis=0)}
        history = train.fit(
            state, np.ones(4), batch_size=4, epochs=len(losses), progress=False, validation=np.ones(2),
            evaluate=values, **more,
        )  # fmt: skip
        return history, state

    def test_it_stops_after_patience_and_restores_the_best(self, build):
        history, state = self.run(build, [5, 4, 3, 3.5, 3, 4, 1], early_stopping=3)
        assert history.val_loss == [5, 4, 3, 3.5, 3, 4] and history.best_epoch == 2 and state["w"] == 3
        assert history.stopped == "val_loss has not improved for 3 epochs, 3 in epoch 2, is best"

    def test_without_restoring(self, build):
        history, state = self.run(build, [5, 4, 6, 7, 1], early_stopping=sd.EarlyStopping(2, restore_best=False))
        assert history.epochs == 4 and history.best_epoch == 1 and state["w"] == 4

    def test_the_best_is_restored_when_the_epochs_run_out_too(self, build):
        history, state = self.run(build, [5, 1, 2], early_stopping=9)
        assert history.epochs == 3 and history.stopped == "" and state["w"] == 2

    def test_min_delta(self, build):
        rule = sd.EarlyStopping(2, min_delta=0.5)
        history, state = self.run(build, [5, 4.8, 4.6, 1], early_stopping=rule)
        assert history.epochs == 3 and history.best_epoch == 0 and state["w"] == 1

    def test_more_may_be_better(self, build):
        rule = sd.EarlyStopping(2, "val_loss", mode="max")
        history, state = self.run(build, [1, 2, 5, 4, 3, 9], early_stopping=rule)
        assert history.epochs == 5 and state["w"] == 3
        assert history.stopped == "val_loss has not improved for 2 epochs, 5 in epoch 2, is best"

    def test_nan_is_no_improvement(self, build):
        history, state = self.run(build, [np.nan, 3, np.nan, np.nan], early_stopping=2)
        assert history.epochs == 4 and history.best_epoch == 1 and state["w"] == 2
        history, state = self.run(build, [np.nan] * 5, early_stopping=2)
        assert history.epochs == 2 and history.best_epoch is None and state["w"] == 2

    def test_training_loss_where_nothing_is_validated(self, build):
        x = sd.input("x", (sd.dim("n"),))
        step = sd.train_step(sd.mean(x) + sd.param("w", ()) * 0, [x], sd.optim.sgd(1.0))
        state = step.init()
        history = build(step).fit(state, np.ones(2), batch_size=2, epochs=9, progress=False, early_stopping=2)
        assert history.epochs == 3 and history.best_epoch == 0 and history.stopped.startswith("loss has not improved")

    def test_metrics_whose_direction_is_not_known(self, model, trained):
        _, train, state = trained
        assert fit(train, state, model.X, model.Y, early_stopping=sd.EarlyStopping(9, "accuracy")).epochs == 3
        train._names = ("loss", "f1")
        with pytest.raises(ValueError, match=r'cannot know whether less or more of f1 is better; say mode="min"'):
            fit(train, state, model.X, model.Y, early_stopping=sd.EarlyStopping(2, "f1"))

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"patience": 0}, "patience is an int of at least 1, got 0"),
            ({"patience": True}, "patience is an int"),
            ({"patience": 1, "min_delta": -1}, "min_delta is not negative, got -1"),
            ({"patience": 1, "min_delta": np.nan}, "min_delta is not negative"),
            ({"patience": 1, "mode": "up"}, "mode is 'min' or 'max', got 'up'"),
        ],
    )
    def test_rules_that_make_no_sense(self, more, words):
        with pytest.raises(ValueError, match=words):
            sd.EarlyStopping(**more)
