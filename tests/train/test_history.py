"""Histories: pictures and files."""

import math
import sys

import numpy as np
import pytest

import symdiff as sd


@pytest.fixture
def history():
    found = sd.History(["loss", "accuracy"], ["loss", "accuracy"])
    for epoch in range(3):
        found.add_steps(np.array([[0.5 / (epoch + 1), 0.1], [1 / 3, 0.2]]))
        found.add_epochs(np.array([[1 / (epoch + 3), epoch / 7]]))
        found.set_validation(np.array([2 / (epoch + 3), math.nan if epoch == 1 else 0.25]))
    found.best_epoch, found.seconds = 2, 1.25
    return found


def same(a, b):
    return all(np.array_equal(a[name], b[name], equal_nan=True) for name in a) and list(a) == list(b)


@pytest.mark.parametrize("ending", ["csv", "npz"])
def test_round_trip(history, ending, tmp_path):
    path = tmp_path / f"history.{ending}"
    history.save(path)
    found = sd.History.load(path)
    assert same(history, found) and list(found.steps) == ["loss", "accuracy"]
    if ending == "npz":
        assert found.best_epoch == 2 and found.seconds == 1.25
        assert found.steps["loss"].tolist() == history.steps["loss"].tolist()


@pytest.mark.parametrize("ending", ["csv", "npz"])
def test_no_epochs(ending, tmp_path):
    empty = sd.History(["loss"])
    empty.save(tmp_path / f"history.{ending}")
    found = sd.History.load(tmp_path / f"history.{ending}")
    assert found.epochs == 0 and list(found) == ["loss"]


def test_a_table_as_others_read_it(history, tmp_path):
    history.save(tmp_path / "history.csv")
    table = np.genfromtxt(tmp_path / "history.csv", delimiter=",", names=True)
    assert table.dtype.names == ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")
    assert table["val_loss"].tolist() == history.val_loss


def test_other_endings(history, tmp_path):
    with pytest.raises(ValueError, match=r"^History\.save: the file ends in \.csv or \.npz, got .*history\.txt'$"):
        history.save(tmp_path / "history.txt")
    with pytest.raises(ValueError, match=r"^History\.load: the file ends in"):
        sd.History.load("history")


@pytest.mark.parametrize(
    "content", ["", "hello", "epoch,loss\n0,1\n2,1\n", "epoch,loss\n0,one\n", "epoch,loss\n0,1,2\n"]
)
def test_tables_that_are_none(content, tmp_path):
    (tmp_path / "history.csv").write_text(content)
    with pytest.raises(sd.StateError, match=r"^load .*history\.csv: the file is damaged or no saved history"):
        sd.History.load(tmp_path / "history.csv")


def test_a_damaged_file(history, tmp_path):
    path = tmp_path / "history.npz"
    history.save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(sd.StateError, match="the file is damaged or no saved history"):
        sd.History.load(path)


def test_curves(history, tmp_path):
    figure = history.plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert [panel.get_title() for panel in figure.axes] == ["loss", "accuracy"]
    training, validation, best = figure.axes[0].lines
    assert training.get_ydata().tolist() == history.loss and training.get_xdata().tolist() == [1, 2, 3]
    assert validation.get_ydata().tolist() == history.val_loss and best.get_xdata() == [3, 3]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["training", "validation", "best"]


def test_no_matplotlib(history, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(
        ImportError, match=r'^History\.plot: pictures are drawn by matplotlib .* pip install "symdiff\[plot\]"'
    ):
        history.plot()
