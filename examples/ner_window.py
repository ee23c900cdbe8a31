"""Names found in running text by the five words around them: the window classifier of the CS224n notes (part 3).

Five word vectors side by side are x, the score is s = U . sigmoid(W x + b), and training wants each window with a name
in its middle to score 1 more than one without: J = max(0, 1 + s_c - s). The text is the King James Bible, in small
letters; a name is a word that it writes with a capital letter everywhere. The Old Testament is for training, the New
one, with other names, for testing. Words seen fewer than five times are all the same to the network: those it can know
by the words around them only.

Prints the gradient check and one element of the gradient worked out by hand, how many windows come out right, and
verses with the names that it finds. Draws the scores, and the word vectors.

    python examples/ner_window.py [--out ner_window-output]
"""

import re
from collections import Counter

import numpy as np
from common import extras, options, table
from datasets import book
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

import symdiff as sd

with extras():
    from matplotlib.figure import Figure

OLD = 23145  # verses of the Old Testament
WORDS = 5000  # places in the vocabulary; 0 is for rare words, 1 for what lies beyond the verse
VECTOR, WINDOW, HIDDEN = 4, 5, 8

Windows = NDArray[np.int64]

vectors = sd.param("vectors", (WORDS, VECTOR), init=sd.init.uniform(-0.5, 0.5))
W = sd.param("W", (HIDDEN, WINDOW * VECTOR), init=sd.init.glorot_uniform())
b = sd.param("b", (HIDDEN,))
U = sd.param("U", (HIDDEN,), init=sd.init.uniform(-0.5, 0.5))

n = sd.dim("n")
true, corrupt = (sd.input(name, (n, WINDOW), dtype="int64") for name in ("true", "corrupt"))


def score(windows: sd.Node) -> sd.Node:
    x = vectors[windows].reshape((-1, WINDOW * VECTOR))
    return sd.sigmoid(x @ W.T + b) @ U


s, s_c = score(true), score(corrupt)
loss = sd.mean(sd.maximum(0.0, 1 + s_c - s))
metrics = {"ranked right": sd.mean(sd.where(s > s_c, 1.0, 0.0))}
step = sd.train_step(loss, [true, corrupt], sd.optim.adam(5e-3), metrics, name="ner")


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, print, draw, and give the share of test windows that come out right, by what is in their middle."""
    given = options(__doc__, "ner_window", arguments)
    verses = [re.findall(r"[A-Za-z']+", verse) for verse in book()]
    names = capitalised(verses)
    sentences = [[word.lower() for word in verse] for verse in verses]
    counts = Counter(word for sentence in sentences[:OLD] for word in sentence).most_common(WORDS - 2)
    places = {word: k for k, (word, count) in enumerate(counts, start=2) if count >= 5}
    print(f"{len(names)} names: {', '.join([word for word in places if word in names][:12])} ...\n")

    pairs = true_and_corrupt(*windows(sentences[: OLD // 20 if given.small else OLD], places, names))
    state = step.init(seed=0)
    by_hand(state, pairs[0][:1], pairs[1][:1])
    train, rate = sd.compile(step), sd.compile(s, inputs=[true])
    print(f"\n{train.fit(state, *pairs, batch_size=100, epochs=6)}\n")
    threshold = (rate(state, pairs[0]).mean() + rate(state, pairs[1]).mean()) / 2

    new, is_name = windows(sentences[OLD:], places, names)
    scores, known = rate(state, new), new[:, WINDOW // 2] > 0
    rows, right = [], {}
    for kind, chosen in (("known", known), ("rare", ~known)):
        found, passed = scores[chosen & is_name] > threshold, scores[chosen & ~is_name] <= threshold
        rows.append((kind, len(found), f"{found.mean():.1%}", len(passed), f"{passed.mean():.1%}"))
        right[kind] = float(found.mean() + passed.mean()) / 2
    print(table("word  names  found  other words  passed over", *rows))

    print("\nNew Testament, *found* and _missed_:\n")
    ends = np.cumsum([len(verse) for verse in verses[OLD:]])
    for k in (1, 82, 1721, 2944, 4485, 4712, 5203, 7059):
        found = scores[ends[k - 1] : ends[k]] > threshold
        marks = ["*" if up else "_" * (word.lower() in names) for up, word in zip(found, verses[OLD + k], strict=True)]
        print("  " + " ".join(f"{mark}{word}{mark}" for mark, word in zip(marks, verses[OLD + k], strict=True)))

    picture(scores, is_name, threshold, state, places, names).savefig(given.out / "names.png", dpi=120)
    print(f"\npicture   {given.out / 'names.png'}")
    return right


def capitalised(verses: list[list[str]]) -> set[str]:
    """Words with a capital letter in 99 of 100 places, and not only where a verse begins."""
    spelled = Counter(word for verse in verses for word in verse[1:])
    upper = Counter({word.lower(): count for word, count in spelled.items() if word.istitle()})
    return {word for word, count in upper.items() if len(word) > 1 and spelled[word] < 0.01 * count}


def windows(sentences: list[list[str]], places: dict[str, int], names: set[str]) -> tuple[Windows, NDArray[np.bool_]]:
    """The window around each word, and whether the word is a name."""
    edge = [1] * (WINDOW // 2)
    stream = edge + [place for words in sentences for place in [*(places.get(word, 0) for word in words), *edge]]
    found = sliding_window_view(np.array(stream), WINDOW)
    found = found[found[:, WINDOW // 2] != 1]
    return found, np.array([word in names for words in sentences for word in words])


def true_and_corrupt(found: Windows, is_name: NDArray[np.bool_]) -> tuple[Windows, Windows]:
    """Each window of a name beside one of another word, drawn among the known words or the rare ones as the name is."""
    random, known = np.random.default_rng(0), found[:, WINDOW // 2] > 0
    true = [found[is_name & kind] for kind in (known, ~known)]
    corrupt = [
        random.choice(found[~is_name & kind], len(windows)) for kind, windows in zip((known, ~known), true, strict=True)
    ]
    return np.concatenate(true), np.concatenate(corrupt)


def by_hand(state: sd.State, window: Windows, other: Windows) -> None:
    """One pair: dJ/dW_14 = -delta_1 x_4 on the way through s, with delta = U sigmoid'(z); and differences."""
    d_W = sd.compile(sd.grad(-sd.sum(s), W), inputs=[true])
    x = state["vectors"][window].ravel()
    z = state["W"] @ x + state["b"]
    delta = state["U"] * np.exp(-z) / (1 + np.exp(-z)) ** 2
    print(f"dJ/dW_14 through s: {d_W(state, window)[0, 3]:.12f};  -delta_1 x_4 = {-delta[0] * x[3]:.12f}")
    values = {name: state[name] for name in ("vectors", "W", "b", "U")} | {"true": window, "corrupt": other}
    print(sd.check_grad(loss, [vectors, W, b, U], values, eps=1e-5))


def picture(
    scores: NDArray[np.float64], is_name: NDArray[np.bool_], threshold: float, state: sd.State,
    places: dict[str, int], names: set[str],
) -> Figure:  # fmt: skip
    """Scores of names and of other words, and where the vectors of frequent ones lie, in their two main directions."""
    figure = Figure(figsize=(12, 5.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for label, chosen in (("other words", ~is_name), ("names", is_name)):
        left.hist(scores[chosen], bins=80, density=True, alpha=0.6, label=label)
    left.axvline(threshold, color="black", linestyle=":")
    left.set(title="scores in the New Testament", xlabel="s")
    left.legend()

    shown = [word for word in places if word in names][:60] + list(places)[:60]
    found = state["vectors"][[places[word] for word in shown]]
    spread = found - found.mean(axis=0)
    across, up = (spread @ np.linalg.svd(spread, full_matrices=False)[2][:2].T).T
    right.scatter(across, up, s=4, c=["tab:orange" if word in names else "tab:blue" for word in shown])
    for word, place in zip(shown, zip(across, up, strict=True), strict=True):
        right.annotate(word, place, fontsize=7)
    right.set(title="word vectors", xticks=[], yticks=[])
    return figure


if __name__ == "__main__":
    main()
