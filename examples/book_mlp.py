"""The worked example of back-propagation in chapter 6 of "Deep Learning": derived by hand, and by the machine.

    H = max(0, X W1),   U2 = H W2,   J = J_MLE + lambda (sum W1^2 + sum W2^2)

J_MLE is the cross-entropy of softmax(U2) with the labels. By hand there are two paths: weight decay adds 2 lambda W to
each gradient; the cross-entropy gives G = dJ/dU2, then H^T G to W2, and G W2^T, set to zero where U1 < 0, gives G',
which gives X^T G' to W1. The machine comes to the same nodes: three products, no more.

    python examples/book_mlp.py [--out book_mlp-output]
"""

import numpy as np
from common import options, table

import symdiff as sd

n, classes = sd.dim("n"), 10
X, y = sd.input("X", (n, 64)), sd.input("y", (n,), dtype="int64")
decay = sd.input("decay")  # the book's lambda
W1 = sd.param("W1", (64, 128), init=sd.init.he_normal())
W2 = sd.param("W2", (128, classes), init=sd.init.he_normal())

U1 = X @ W1
H = sd.relu(U1)
U2 = H @ W2
J_MLE = sd.losses.softmax_cross_entropy(U2, y)
Omega = sd.regularize.l2([W1, W2], decay)  # decay times the sum of all squares
J = J_MLE + Omega

# The machine's gradients. Those in the middle of the graph get the names that they have in the book.

d_W1, d_W2, d_U1, d_U2 = sd.grad(J, [W1, W2, U1, U2])
G, G_prime = d_U2.named("G"), d_U1.named("G_prime")
graph = sd.Graph({"J": J, "d_W1": d_W1, "d_W2": d_W2}, inputs=[X, y, decay], name="book_mlp")


def by_hand() -> dict[str, sd.Node]:
    """What the book writes down, line by line."""
    G = (sd.softmax(U2) - sd.one_hot(y, classes)) / sd.size(n)
    d_W2 = H.T @ G + 2 * decay * W2
    G_prime = sd.where(U1 > 0, G @ W2.T, 0)
    d_W1 = X.T @ G_prime + 2 * decay * W1
    return {"G": G, "d_W2": d_W2, "G_prime": G_prime, "d_W1": d_W1}


def products(graph: sd.Graph) -> int:
    """How many products of matrices are in a graph."""
    return sum(node.op.name == "matmul" for node in graph.nodes)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Print the graph and how it differs from the derivation by hand; draw it; give the differences."""
    out = options(__doc__, "book_mlp", arguments).out
    print(graph)
    forward = products(sd.Graph(J))
    print(f"\nproducts of matrices: {forward} forward, {products(graph) - forward} backward; dJ/dX is not made")
    graph.to_svg(out / "book_mlp.svg")

    rng = np.random.default_rng(0)
    state = sd.State.initial([W1, W2], seed=0)
    batch = rng.normal(size=(20, 64)), rng.integers(classes, size=20), 0.01
    machine = sd.compile({"G": G, "d_W2": d_W2, "G_prime": G_prime, "d_W1": d_W1}, inputs=[X, y, decay])(state, *batch)
    hand = sd.compile(by_hand(), inputs=[X, y, decay])(state, *batch)

    book = {
        "G": "dJ/dU2 = softmax(U2) - labels, over n",
        "d_W2": "H^T G + 2 lambda W2",
        "G_prime": "G W2^T, 0 where U1 < 0",
        "d_W1": "X^T G' + 2 lambda W1",
    }
    rows = [
        (name, line, float(np.abs(hand[name]).max()), float(np.abs(hand[name] - machine[name]).max()))
        for name, line in book.items()
    ]
    print("\nBeside the derivation by hand, on 20 random rows\n")
    print(table("gradient  by hand  largest element  largest difference", *rows))
    print(f"\npicture   {out / 'book_mlp.svg'}")
    return {name: difference for name, _, _, difference in rows}


if __name__ == "__main__":
    main()
