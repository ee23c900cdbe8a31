"""What the language models share: text as numbers, training, and samples of what a model writes."""

import time
from argparse import Namespace
from collections.abc import Callable

import numpy as np
from common import extras
from datasets import book
from numpy.typing import NDArray

import symdiff as sd

with extras():
    from matplotlib.figure import Figure

ALPHABET = "\n !'(),-.:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
Letters = NDArray[np.int64]


def encode(text: str) -> Letters:
    """The places of letters in the alphabet; what is not in it is left out."""
    return np.array([ALPHABET.index(letter) for letter in text if letter in ALPHABET])


def decode(letters: Letters) -> str:
    return "".join(ALPHABET[k] for k in letters.ravel())


def rows(text: str, length: int) -> Letters:
    """The text cut into rows of ``length`` letters, each with the first letter of the next row behind it."""
    letters = encode(text)
    starts = np.arange(0, len(letters) - length, length)
    return letters[starts[:, None] + np.arange(length + 1)]


def bits(loss: sd.Node) -> sd.Node:
    """A cross-entropy in bits: what a letter costs a code made by the model. Guessing blindly costs 6."""
    return loss / np.log(2).astype(np.float32)


def study(
    given: Namespace, step: sd.TrainStep, write: Callable[[sd.State, Letters, int], Letters], epochs: int, size: int
) -> float:
    """Train on ``size`` letters of the book, print samples, and give the bits per letter on verses held back.

    ``write(state, prompt, seed)`` gives the letters that the model writes after a prompt.
    """
    length = step.graph.inputs[0].shape[1] - 1
    verses = book()
    held_back = rows("\n".join(verses[-1500:]), length)[: 50 if given.small else 500]
    learned = rows("\n".join(verses[:-1500])[: size // 50 if given.small else size], length)

    train, state = sd.compile(step), step.init(seed=0)
    began = step_speed = time.perf_counter()
    history = train.fit(state, learned, batch_size=32, epochs=1 if given.small else epochs, validation=held_back)
