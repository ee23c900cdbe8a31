"""A long short-term memory that reads the five books of Moses letter by letter, and writes on.

It is trained to guess the next letter of 64 in a row. To write, the letter it draws is given back to it, with its
state; that loop is a graph too, and compiled. Prints what it writes after each epoch, and draws the learning curve.

    python examples/char_lstm.py [--out char_lstm-output]
"""

from characters import ALPHABET, bits, drawn, study
from common import options

import symdiff as sd

State = tuple[sd.Node, sd.Node]
"""What the network says, h, and what it remembers, c: (n, units) each."""


@sd.nn.scope("lstm")
def model(letters: sd.Node, state: State | None = None) -> tuple[sd.Node, State]:
    """Letters (n, T) to the logits of those that follow, (n, T, 64), and the state after the last."""
    vectors = sd.nn.layers.embedding(letters, len(ALPHABET), 32, name="letters", dtype="float32")
    hidden, state = sd.nn.lstm(vectors, 144, initial=state, name="memory")
    return sd.nn.dense(hidden, len(ALPHABET), name="next"), state


text = sd.input("text", (sd.dim("n"), 65), dtype="int64")
logits, _ = model(text[:, :-1])
adam = sd.optim.adam(sd.optim.schedules.cosine(5e-3, 1500))
step = sd.train_step(bits(logits, text[:, 1:]), [text], sd.optim.clip_by_global_norm(adam, 1.0), name="char_lstm")

prompt = sd.input("prompt", (1, sd.dim("length")), dtype="int64")
seed = sd.input("seed", (), dtype="int64")


def write(carry: tuple[sd.Node, State], place: sd.Node) -> tuple[tuple[sd.Node, State], sd.Node]:
    """One more letter: its logits from the letter before and the state, then a draw."""
    letter, state = carry
    logits, state = model(letter, state)
    letter = drawn(logits, seed, place)
    return (letter, state), letter[0, 0]


_, before = model(prompt[:, :-1])  # the same weights
_, written = sd.scan(write, (prompt[:, -1:], before), sd.arange(300))


def main(arguments: list[str] | None = None) -> float:
    """Train, print, draw, and give the bits for a letter on lines held back."""
    return study(options(__doc__, "char_lstm", arguments), step, sd.compile(written, inputs=[prompt, seed]), epochs=4)


if __name__ == "__main__":
    main()
