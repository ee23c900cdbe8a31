"""A transformer that reads the five books of Moses letter by letter, and writes on.

It is trained to guess the next letter of 64 in a row, at each of the 64 places. To write, it reads the last 64 letters
again for each new one; that loop is a graph too, and compiled. Prints what it writes after each epoch, and draws the
learning curve.

    python examples/char_transformer.py [--out char_transformer-output]
"""

from characters import ALPHABET, bits, drawn, study
from common import options

import symdiff as sd

WINDOW, WIDTH = 64, 64


@sd.nn.scope("transformer")
def model(letters: sd.Node) -> sd.Node:
    """Letters (n, T) to the logits of those that follow, (n, T, 64). No place sees a later one."""
    h = sd.nn.layers.embedding(letters, len(ALPHABET), WIDTH, name="letters", dtype="float32", init=sd.init.normal(0.1))
    h = sd.nn.learned_positions(h, WINDOW, name="places")
    for _ in range(2):
        h = sd.nn.transformer_block(h, heads=4, causal=True)
    return sd.nn.dense(sd.nn.layers.layer_norm(h), len(ALPHABET), name="next")


text = sd.input("text", (sd.dim("n"), WINDOW + 1), dtype="int64")
adam = sd.optim.adam(sd.optim.schedules.warmup(50, then=sd.optim.schedules.cosine(3e-3, 1450)))
step = sd.train_step(bits(model(text[:, :-1]), text[:, 1:]), [text], adam, name="char_transformer")

length = sd.dim("length")  # of the prompt
prompt = sd.input("prompt", (1, length), dtype="int64")
seed = sd.input("seed", (), dtype="int64")


def write(carry: tuple[sd.Node, sd.Node], place: sd.Node) -> tuple[tuple[sd.Node, sd.Node], sd.Node]:
    """One more letter behind the ``filled`` first ones of the window; from a full window the first one falls out."""
    window, filled = carry
    letter = drawn(model(window)[0, filled - 1], seed, place)
    window = sd.where(filled < WINDOW, window, sd.roll(window, -1, axis=1))
    window = sd.where(sd.equal(sd.arange(WINDOW), sd.minimum(filled, WINDOW - 1)), letter, window)
    return (window, sd.minimum(filled + 1, WINDOW)), letter


begun = sd.concat([prompt, sd.zeros((1, WINDOW - length), "int64")], axis=1)
_, written = sd.scan(write, (begun, sd.size(length, "int64")), sd.arange(300))


def main(arguments: list[str] | None = None) -> float:
    """Train, print, draw, and give the bits for a letter on lines held back."""
    given = options(__doc__, "char_transformer", arguments)
    return study(given, step, sd.compile(written, inputs=[prompt, seed]), epochs=4)


if __name__ == "__main__":
    main()
