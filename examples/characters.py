"""What the language models share: a text as numbers, training, and samples of what a model writes."""

from argparse import Namespace

import numpy as np
from common import extras, table
from datasets import book
from numpy.typing import NDArray

import symdiff as sd

with extras():
    from matplotlib.figure import Figure

ALPHABET = "\n !'(),-.:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MOSES = 5852  # verses of the first five books: 780,000 letters
PROMPTS = ("In the beginning God ", "And the LORD spake unto Moses, ", "And Pharaoh said, ")

Letters = NDArray[np.int64]


def encode(text: str) -> Letters:
    """The places of letters in the alphabet; those that are not in it are left out."""
    return np.array([ALPHABET.index(letter) for letter in text if letter in ALPHABET])


def decode(letters: Letters) -> str:
    return "".join(ALPHABET[k] for k in letters.ravel())


def rows(letters: Letters, length: int) -> Letters:
    """A text cut into rows of ``length`` letters, each with the letter that follows at its end."""
    starts = np.arange(0, len(letters) - length, length)
    return letters[starts[:, None] + np.arange(length + 1)]


def drawn(logits: sd.Node, seed: sd.Node, place: sd.Node, temperature: float = 0.6) -> sd.Node:
    """A letter for each row of logits, drawn with its probability; below temperature 1 likely ones more often."""
    key = sd.random.fold_in(sd.random.key(seed), place)
    return sd.random.categorical(key, logits / temperature)


def bits(logits: sd.Node, letters: sd.Node) -> sd.Node:
    """The cross-entropy in bits: how many a letter needs in a code that the model makes."""
    return sd.losses.softmax_cross_entropy(logits, letters) / np.log(2).astype(np.float32)


def study(given: Namespace, step: sd.TrainStep, writer: sd.Compiled, epochs: int) -> float:
    """Train on the five books of Moses, print what the model writes, and give its bits for letters held back.

    ``writer(state, prompt, seed)`` gives letters that the model lets follow the prompt, (1, length).
    """
    letters = encode("\n".join(book()[: MOSES // 50 if given.small else MOSES]))
    (_, row) = step.graph.inputs[0].shape
    train, state = sd.compile(step), step.init(seed=0)

    def written(prompt: str, seed: int) -> str:
        return prompt + decode(writer(state, encode(prompt)[None], seed))

    samples = [("untrained", written(PROMPTS[1], 0))]
    history = train.fit(
        state,
        rows(letters, row - 1),
        batch_size=32,
        epochs=1 if given.small else epochs,
        validation=0.05,
        callback=lambda epoch, means: samples.append((f"epoch {epoch + 1}", written(PROMPTS[1], 0))),
    )
    print(f"{history}\n")
    for when, sample in samples:
        print(f"{when:<10}{sample[:100]!r}")
    for seed, prompt in enumerate(PROMPTS):
        print(f"\n{written(prompt, seed)}")

    shares = np.bincount(letters) / len(letters)
    guesses = {
        "each letter equally likely": np.log2(len(ALPHABET)),
        "each as likely as in the text": -float(shares[shares > 0] @ np.log2(shares[shares > 0])),
        "this model, on lines held back": history.val_loss[-1],
    }
    print("\n" + table("what is known  bits for a letter", *guesses.items()))
    curves(history, guesses).savefig(given.out / "curves.png", dpi=120)
    (given.out / "samples.txt").write_text("\n\n".join(written(PROMPTS[1], seed) for seed in range(10)) + "\n")
    print(f"\nfiles     curves.png and samples.txt in {given.out}/")
    return history.val_loss[-1]


def curves(history: sd.History, guesses: dict[str, float]) -> Figure:
    """Bits for a letter, step by step, and on lines held back."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    panel = figure.subplots()
    losses = history.steps["loss"]
    panel.plot(losses, linewidth=0.5, color="tab:blue", alpha=0.6, label="each step")
    after = len(losses) // history.epochs * np.arange(1, history.epochs + 1)
    panel.plot(after, history.val_loss, "o-", color="tab:red", label="lines held back")
    for name, value in list(guesses.items())[:2]:
        panel.axhline(value, color="gray", linestyle=":")
        panel.text(len(losses), value, name, ha="right", va="bottom", fontsize=8)
    panel.set(xlabel="step", ylabel="bits for a letter", ylim=(0, 6.5))
    panel.legend(loc="lower left")
    return figure
