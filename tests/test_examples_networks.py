"""The networks trained on real images and text, in small sizes, and the accuracies that are promised."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import symdiff as sd
from tests.documents import ROOT

FASHION = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture(scope="module", autouse=True)
def beside_the_examples() -> Iterator[None]:
    """Examples import each other by plain names, as scripts of one folder do."""
    sys.path.insert(0, str(ROOT / "examples"))
    yield
    sys.path.remove(str(ROOT / "examples"))


def example(name: str) -> ModuleType:
    return importlib.import_module(name)


def test_digits_are_divided_the_same_way_each_time() -> None:
    train_x, train_y, test_x, test_y = example("datasets").mnist()
    assert train_x.shape == (4000, 784) and test_x.shape == (1000, 784)
    assert train_x.dtype == np.float32 and train_x.min() == 0 and train_x.max() == 1
    assert np.bincount(train_y).tolist() == [400] * 10 and np.bincount(test_y).tolist() == [100] * 10
    again = example("datasets").mnist()
    assert all(np.array_equal(one, two) for one, two in zip((train_x, train_y, test_x, test_y), again, strict=True))


def test_the_book_is_whole() -> None:
    verses = example("datasets").book()
    assert len(verses) == 31103 and verses[0].startswith("In the beginning God created")


def test_two_layers_read_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """784-128-10, Adam 1e-3, 10 epochs of batches of 50: at least 92.5 %."""
    assert example("mnist_mlp").main(["--out", str(tmp_path)]) >= 0.925
    assert "of 1000 test images are read right" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"curves.png", "misread.png", "weights.png"}


@pytest.mark.skipif(not FASHION.exists(), reason="Debian's dataset-fashion-mnist is not installed")
def test_two_layers_tell_clothes(tmp_path: Path) -> None:
    """At least 84 % after two epochs."""
    assert example("mnist_mlp").main(["--out", str(tmp_path), "--data", "fashion"]) >= 0.84


@pytest.mark.parametrize(
    ("name", "at_least", "picture"), [("mnist_cnn", 0.85, "filters"), ("mnist_vgg", 0.75, "layers")]
)
def test_deeper_ones_learn_from_500_digits(name: str, at_least: float, picture: str, tmp_path: Path) -> None:
    assert example(name).main(["--out", str(tmp_path), "--small"]) >= at_least
    assert {path.name for path in tmp_path.iterdir()} == {"curves.png", "misread.png", f"{picture}.png"}


def test_convolutions_read_digits(tmp_path: Path) -> None:
    """At least 96 % with the settings a user gets who gives none."""
    assert example("mnist_cnn").main(["--out", str(tmp_path)]) >= 0.96


def test_names_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ner = example("ner_window")
    right = ner.main(["--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert right["known"] >= 0.94 and right["rare"] >= 0.62
    assert "*Abraham* *begat* *Isaac*" in printed
    assert printed.count("\nok  ") == 4  # the gradient check of the vectors, W, b and U
    by_rule, by_hand = (part.split()[-1] for part in printed[printed.index("dJ/dW_14") :].splitlines()[0].split(";"))
    assert float(by_rule) == pytest.approx(float(by_hand), abs=1e-12)
    assert (tmp_path / "names.png").stat().st_size > 10_000


def test_corrupted_windows_are_of_the_same_kind_as_the_true_ones() -> None:
    ner = example("ner_window")
    places = {"and": 2, "said": 3, "moses": 4}
    found, is_name = ner.windows(
        [["and", "moses", "said"], [], ["aaron", "and", "hur"], ["behold"]], places, {"moses", "aaron"}
    )
    assert found.tolist() == [
        [1, 1, 2, 4, 3], [1, 2, 4, 3, 1], [2, 4, 3, 1, 1],
        [1, 1, 0, 2, 0], [1, 0, 2, 0, 1], [0, 2, 0, 1, 1], [1, 1, 0, 1, 1],
    ]  # fmt: skip
    assert is_name.tolist() == [False, True, False, True, False, False, False]
    true, corrupt = ner.true_and_corrupt(found, is_name)
    assert true[:, 2].tolist() == [4, 0]
    assert corrupt[0, 2] in (2, 3) and corrupt[1, 2] == 0


@pytest.mark.parametrize("name", ["char_rnn", "char_lstm", "char_transformer"])
class TestLanguageModels:
    def test_it_learns_and_writes(self, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert example(name).main(["--out", str(tmp_path), "--small"]) < 5.8  # from 6 or more, in 7 steps
        printed = capsys.readouterr().out
        assert "untrained" in printed and "\nAnd Pharaoh said, " in printed
        assert {path.name for path in tmp_path.iterdir()} == {"curves.png", "samples.txt"}

    def test_each_letter_is_drawn_from_what_the_model_says_of_all_before(self, name: str) -> None:
        """The loop that writes, with its state or window, beside the model over the whole text so far."""
        module, characters = example(name), example("characters")
        state = module.step.init(seed=3)
        text = characters.encode("And God said, ")[None]
        written = sd.compile(module.written, inputs=[module.prompt, module.seed])(state, text, 7)
        for place, letter in enumerate(written.ravel()[:4]):
            so_far = sd.input("so_far", text.shape, dtype="int64")
            logits = module.model(so_far)
            logits = (logits[0] if isinstance(logits, tuple) else logits)[:, -1]
            draw = characters.drawn(logits, module.seed, sd.constant(np.int64(place)))
            expected = sd.compile(draw, inputs=[so_far, module.seed], backend="numpy")(state, text, 7)
            assert int(expected.item()) == letter
            text = np.append(text, [[letter]], axis=1)
