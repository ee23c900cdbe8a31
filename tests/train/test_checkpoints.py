"""Checkpoints: a run that is broken off, killed even, and goes on, ends as if it had not been."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import symdiff as sd

ROOT = Path(__file__).parents[2]


def bytes_of(state):
    return {name: state[name].tobytes() for name in state}


def curves(history):
    return {name: history[name] for name in history}, {name: array.tolist() for name, array in history.steps.items()}


@pytest.fixture
def trained(model, build):
    """(step, compiled step, fresh state)"""
    step = model.step(sd.optim.adam(0.05))
    return step, build(step), step.init()


def fit(train, state, *data, **more):
    return train.fit(state, *data, **{"batch_size": 8, "epochs": 7, "progress": False, **more})


class TestResume:
    @pytest.mark.parametrize("more", [{}, {"shuffle": False}, {"validation": 0.2, "early_stopping": 9}])
    @pytest.mark.parametrize("done", [0, 1, 4, 7])
    def test_it_ends_as_if_unbroken(self, model, trained, tmp_path, more, done):
        step, train, whole = trained
        expected = fit(train, whole, model.X, model.Y, **more)
        state, path = step.init(3), tmp_path / "run.npz"
        fit(train, step.init(), model.X, model.Y, epochs=done, checkpoint=path, **more)
        history = fit(train, state, model.X, model.Y, resume=path, **more)
        assert bytes_of(state) == bytes_of(whole) and curves(history) == curves(expected)
        assert history.best_epoch == expected.best_epoch

    def test_resume_true_begins_where_there_is_nothing_yet(self, model, trained, tmp_path):
        step, train, whole = trained
        expected = fit(train, whole, model.X, model.Y)
        path = tmp_path / "run.npz"
        for epochs in (2, 2, 5, 7):
            state = step.init()
            history = fit(train, state, model.X, model.Y, epochs=epochs, checkpoint=path, resume=True)
            assert history.epochs == epochs
        assert bytes_of(state) == bytes_of(whole) and curves(history) == curves(expected)

    def test_a_run_that_stopped_early_stays_stopped(self, model, trained, tmp_path):
        step, train, whole = trained
        rule = sd.EarlyStopping(2, "accuracy", min_delta=0.5)
        more = {"early_stopping": rule, "checkpoint": tmp_path / "run.npz", "resume": True, "epochs": 20}
        expected = fit(train, whole, model.X, model.Y, **more)
        assert 0 < expected.epochs < 20 and expected.stopped
        state = step.init()
        history = fit(train, state, model.X, model.Y, **more)
        assert bytes_of(state) == bytes_of(whole) and curves(history) == curves(expected)
        assert history.stopped == expected.stopped

    def test_after_ctrl_c(self, model, trained, tmp_path):
        step, train, whole = trained
        expected, path = fit(train, whole, model.X, model.Y), tmp_path / "run.npz"

        def stop(epoch, metrics):
            if epoch == 4:
                raise KeyboardInterrupt

        state = step.init()
        more = {"checkpoint": sd.Checkpoint(path, every=2), "resume": True}
        assert fit(train, state, model.X, model.Y, callback=stop, **more).interrupted
        history = fit(train, state, model.X, model.Y, **more)
        assert bytes_of(state) == bytes_of(whole) and curves(history) == curves(expected)

    def test_a_loss_of_random_numbers_goes_on_with_the_next_ones(self, build, tmp_path):
        x, w = sd.input("x", (sd.dim("n"),)), sd.param("w", ())
        noise = sd.random.normal(sd.random.fold_in(sd.random.key(0), sd.optim.step_count()), (sd.dim("n"),))
        step = sd.train_step(sd.mean(sd.square(x + noise - w)), [x], sd.optim.sgd(0.1))
        train, data = build(step), np.arange(20.0)
        whole, state, path = step.init(), step.init(), tmp_path / "run.npz"
        fit(train, whole, data)
        fit(train, step.init(), data, epochs=3, checkpoint=path)
        fit(train, state, data, resume=path)
        assert bytes_of(state) == bytes_of(whole)


class TestFiles:
    def test_every_and_keep(self, model, trained, tmp_path):
        _, train, state = trained
        seen = []
        fit(
            train, state, model.X, model.Y, epochs=7, checkpoint=sd.Checkpoint(tmp_path / "run.npz", every=2, keep=3),
            callback=lambda epoch, m: seen.append(sorted(os.listdir(tmp_path))),
        )  # fmt: skip
        assert seen[1] == [] and seen[2] == ["run.npz"] and seen[4] == ["run-2.npz", "run.npz"]
        assert sorted(os.listdir(tmp_path)) == ["run-4.npz", "run-6.npz", "run.npz"]

    def test_an_older_one_can_be_gone_on_from(self, model, trained, tmp_path):
        step, train, whole = trained
        fit(train, whole, model.X, model.Y, checkpoint=sd.Checkpoint(tmp_path / "run.npz", keep=9))
        state = step.init()
        fit(train, state, model.X, model.Y, resume=tmp_path / "run-3.npz")
        assert bytes_of(state) == bytes_of(whole)

    def test_older_ones_are_remembered_over_a_break(self, model, trained, tmp_path):
        _, train, state = trained
        for epochs in (2, 4, 5):
            rule = sd.Checkpoint(tmp_path / "run.npz", keep=3)
            fit(train, state, model.X, model.Y, epochs=epochs, checkpoint=rule, resume=True)
        assert sorted(os.listdir(tmp_path)) == ["run-3.npz", "run-4.npz", "run.npz"]

    def test_what_a_killed_process_left_is_swept(self, model, trained, tmp_path):
        _, train, state = trained
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        parts = [f".run.npz.{gone.pid}-1.tmp", f".run.npz.{os.getppid()}-1.tmp", f".other.npz.{gone.pid}-1.tmp"]
        for part in parts:
            (tmp_path / part).write_text("half")
        fit(train, state, model.X, model.Y, epochs=1, checkpoint=tmp_path / "run.npz")
        assert sorted(os.listdir(tmp_path)) == sorted([*parts[1:], "run.npz"])

    def test_files_of_others_stay(self, model, trained, tmp_path):
        _, train, state = trained
        (tmp_path / "run-90.npz").write_text("mine")
        fit(train, state, model.X, model.Y, checkpoint=sd.Checkpoint(tmp_path / "run.npz", keep=2))
        assert (tmp_path / "run-90.npz").read_text() == "mine"

    @pytest.mark.parametrize("what", ["every", "keep"])
    def test_rules_that_make_no_sense(self, what):
        with pytest.raises(ValueError, match=rf"^Checkpoint: {what} is an int of at least 1, got 0$"):
            sd.Checkpoint("run.npz", **{what: 0})


class TestRefused:
    @pytest.fixture
    def saved(self, model, trained, tmp_path):
        _, train, state = trained
        path = tmp_path / "run.npz"
        fit(train, state, model.X, model.Y, epochs=2, checkpoint=path)
        return path

    def refused(self, trained, words, *data, error=sd.StateError, **more):
        step, train, _ = trained
        state = step.init(5)
        before = bytes_of(state)
        with pytest.raises(error, match=words):
            fit(train, state, *data, **more)
        assert bytes_of(state) == before

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"batch_size": 16}, r"^resume .*run\.npz: batch_size was 8, is 16; pass what the run began with"),
            ({"seed": 1}, "seed was 0, is 1"),
            ({"shuffle": False, "seed": 1}, "seed was 0, is 1; shuffle was True, is False"),
            ({"validation": 0.5}, "validation was None, is 0.5; the history was of loss, accuracy, now"),
            ({"early_stopping": 3}, "it has no parameters of a best epoch, and by early_stopping epoch 1 is best"),
        ],
    )
    def test_other_settings(self, model, trained, saved, more, words):
        self.refused(trained, words, model.X, model.Y, resume=saved, **more)

    def test_another_rule_of_early_stopping(self, model, trained, tmp_path):
        _, train, state = trained
        path, more = tmp_path / "run.npz", {"epochs": 4, "resume": True}
        rules = [sd.EarlyStopping(9, mode=mode) for mode in ("min", "max")]
        fit(train, state, model.X, model.Y, checkpoint=path, early_stopping=rules[0], **more)
        words = "it has the parameters of epoch 3, and by early_stopping epoch 0 is best; pass the rule it began with"
        self.refused(trained, words, model.X, model.Y, checkpoint=path, early_stopping=rules[1], **more)
        rule = sd.EarlyStopping(9, mode="max", restore_best=False)
        assert fit(train, state, model.X, model.Y, checkpoint=path, early_stopping=rule, **more).best_epoch == 0

    def test_no_folder(self, model, trained, tmp_path):
        words = r"^step\.fit: there is no folder for the checkpoint .*run\.npz$"
        path = tmp_path / "none" / "run.npz"
        self.refused(trained, words, model.X, model.Y, checkpoint=path, error=FileNotFoundError)

    def test_other_data(self, model, trained, saved):
        longer = (np.vstack([model.X, model.X[:3]]), np.concatenate([model.Y, model.Y[:3]]))
        self.refused(
            trained, r"x was float32\[50, 4\], is float32\[53, 4\]; y was int64\[50\], is", *longer, resume=saved
        )
        other = model.X.copy()
        other[3, 1] += 1
        self.refused(trained, "x has other values than it had", other, model.Y, resume=saved)

    def test_another_model_names_what_differs(self, model, build, trained, saved):
        V = sd.param("V", (4, 3), dtype="float32")
        b = sd.param("b", (1, 3), dtype="float32")
        loss = sd.losses.softmax_cross_entropy(model.x @ V + b, model.y)
        step = sd.train_step(loss, [model.x, model.y], sd.optim.sgd(0.1))
        words = (
            r"^resume .*: V is missing; W is not one of the model's; .*W\.\w+ is not one of .*"
            r"b is float32\[3\], the model's is float32\[1, 3\]$"
        )
        self.refused((step, build(step), None), words, model.X, model.Y, resume=saved)

    def test_another_optimizer(self, model, build, trained, saved):
        step = model.step(sd.optim.sgd(0.1))
        self.refused((step, build(step), None), "W.m is not one of the model's", model.X, model.Y, resume=saved)

    @pytest.mark.parametrize("part", [0, 0.1, 0.5, 0.99])
    def test_a_truncated_file(self, model, trained, saved, part):
        content = saved.read_bytes()
        saved.write_bytes(content[: int(part * len(content))])
        self.refused(trained, "the file is damaged or no saved checkpoint", model.X, model.Y, resume=saved)

    def test_a_flipped_bit(self, model, trained, saved):
        content = bytearray(saved.read_bytes())
        with np.load(saved) as arrays:
            values = [arrays[name].tobytes("A") for name in arrays if arrays[name].nbytes > 8]
        assert len(values) > 6
        for place in map(content.index, values):
            damaged = content.copy()
            damaged[place] ^= 1
            saved.write_bytes(damaged)
            self.refused(trained, "the file is damaged", model.X, model.Y, resume=saved)

    def test_other_files(self, model, trained, saved, tmp_path):
        trained[0].init().save(tmp_path / "state.npz")
        self.refused(trained, "not a checkpoint that symdiff saved", model.X, model.Y, resume=tmp_path / "state.npz")
        self.refused(trained, "none.npz", model.X, model.Y, resume=tmp_path / "none.npz", error=FileNotFoundError)
        words = r"^step\.fit: resume=True goes on from the checkpoint, and there is none"
        self.refused(trained, words, model.X, model.Y, resume=True, error=ValueError)

    def test_a_checkpoint_is_no_state(self, model, trained, saved):
        with pytest.raises(sd.StateError, match="not a state that symdiff saved"):
            trained[0].load(saved)


# -- kill -9

CHILD = """
import sys, time, numpy as np
from tests.train.conftest import Model
import symdiff as sd
model = Model()
step = model.step(sd.optim.adam(0.05))
train, state = sd.compile(step), step.init()
began = []
def told(epoch, metrics):
    began or print("began", flush=True)
    began.append(epoch)
    time.sleep(float(sys.argv[2]))
history = train.fit(
    state, model.X, model.Y, batch_size=8, epochs=60, progress=False, callback=told, validation=0.2, early_stopping=60,
    checkpoint=sd.Checkpoint(sys.argv[1], every=3, keep=2), resume=True,
)
state.save(sys.argv[1] + ".state")
history.save(sys.argv[1] + ".csv")
print(len(began), flush=True)
"""


def child(path, pause):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(pause)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_a_killed_process_goes_on_to_the_same_bits(tmp_path):
    """Killed at moments that nobody chose, a few times over; the last one is left to end."""
    with child(tmp_path / "whole.npz", 0) as process:
        assert process.wait(60) == 0
    path, pauses = tmp_path / "run.npz", np.random.default_rng().uniform(0.01, 0.15, 3)
    for pause in pauses:
        with child(path, 0.004) as process:
            assert process.stdout.readline() == "began\n"
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
    with child(path, 0) as process:
        output, _ = process.communicate(timeout=60)
    assert int(output.split()[-1]) < 60, "the last run began anew"
    for ending in (".state", ".csv"):
        found, expected = (Path(f"{name}{ending}").read_bytes() for name in (path, tmp_path / "whole.npz"))
        assert found == expected
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]
