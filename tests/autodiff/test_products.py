"""Jacobians, Hessians and their products: both modes against formulas, differences and each other; sparse ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import symdiff as sd
from symdiff.autodiff.colouring import column_colours, star_colours
from symdiff.autodiff.sparsity import sorted_pattern
from symdiff.core.node import Node
from tests.autodiff.helpers import count, value

RNG = np.random.default_rng(0)


def test_jacobian_of_a_layer() -> None:
    """d tanh(W x)_i / dx_j = (1 - tanh^2)_i W_ij, in both modes."""
    x, W = sd.input("x", (3,)), sd.param("W", (2, 3))
    at: dict[Node, Any] = {x: RNG.normal(size=3), W: RNG.normal(size=(2, 3))}
    y = sd.tanh(W @ x)
    slope = 1 - np.tanh(at[W] @ at[x]) ** 2
    by_x, by_w = slope[:, None] * at[W], np.einsum("i,ik,j->ikj", slope, np.eye(2), at[x])
    for mode in ("auto", "forward", "reverse"):
        np.testing.assert_allclose(value(sd.jacobian(y, x, mode=mode), at), by_x, rtol=1e-13)
        both = sd.jacobian(y, [x, W], mode=mode)
        np.testing.assert_allclose(value(both[1], at), by_w, rtol=1e-13)
        pair = sd.jacobian([y, sd.sum(x)], x, mode=mode)
        np.testing.assert_allclose(value(pair[1], at), np.ones(3))
        nested = sd.jacobian([y, sd.sum(x)], [x, W], mode=mode)
        assert [[node.shape for node in row] for row in nested] == [[(2, 3), (2, 2, 3)], [(3,), (2, 3)]]
        np.testing.assert_array_equal(value(nested[1][1], at), np.zeros((2, 3)))


def test_the_mode_is_that_of_fewer_products() -> None:
    wide, tall, w = sd.input("wide", (9,)), sd.input("tall", (2,)), sd.param("w", (9, 2))
    rows = sd.input("rows", (sd.dim("n"), 2))
    for y, x, mode in [(wide @ w, wide, "reverse"), (w @ tall, tall, "forward"), (rows @ tall, tall, "forward")]:
        assert sd.jacobian(sd.sin(y), x) is sd.jacobian(sd.sin(y), x, mode=mode)  # type: ignore[arg-type]


def test_symbolic_sizes() -> None:
    n = sd.dim("n")
    x, p = sd.input("x", (n,)), sd.param("p", (2,))
    J = sd.jacobian(sd.exp(p[0] * x) + p[1], p)
    assert J.shape == (n, 2)
    X, P = RNG.normal(size=5), np.array([0.3, 2.0])
    fast = sd.compile([J, sd.jacobian(sd.exp(p[0] * x), x)], inputs=[x, p])(X, P)
    np.testing.assert_allclose(fast[0], np.stack([X * np.exp(0.3 * X), np.ones(5)], 1), rtol=1e-13)
    np.testing.assert_allclose(fast[1], np.diag(0.3 * np.exp(0.3 * X)), rtol=1e-13)


def test_scalars_and_empty() -> None:
    x, e = sd.input("x"), sd.input("e", (0,))
    assert value(sd.jacobian(x**3, x), {x: 2.0}) == 12
    assert value(sd.hessian(x**3, x), {x: 2.0}) == 12
    assert value(sd.jacobian(e * x, e), {e: np.zeros(0), x: 1.0}).shape == (0, 0)


def rosenbrock(x: Node) -> Node:
    return sd.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_hessian(x: Any) -> Any:
    """In closed form."""
    H = np.diag(-400 * x[:-1], 1) - np.diag(400 * x[:-1], -1)
    diagonal = np.zeros(len(x))
    diagonal[:-1] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    diagonal[1:] += 200
    return H + np.diag(diagonal)


def test_hessian_of_rosenbrock() -> None:
    x, v = sd.input("x", (6,)), sd.input("v", (6,))
    X, V = RNG.normal(size=6), RNG.normal(size=6)
    expected = rosenbrock_hessian(X)
    for mode in ("auto", "reverse"):
        np.testing.assert_allclose(value(sd.hessian(rosenbrock(x), x, mode=mode), {x: X}), expected, rtol=1e-11)
    np.testing.assert_allclose(value(sd.hvp(rosenbrock(x), x, v), {x: X, v: V}), expected @ V, rtol=1e-11)


def network() -> tuple[Node, list[Node], dict[Node, Any]]:
    x, y = sd.input("x", (8, 3)), sd.input("y", (8,), dtype="int64")
    W1, b1, W2 = sd.param("W1", (3, 5)), sd.param("b1", (5,)), sd.param("W2", (5, 4))
    loss = sd.mean(sd.cross_entropy(sd.tanh(x @ W1 + b1) @ W2, y))
    values: dict[Node, Any] = {node: RNG.normal(size=node.shape) for node in (x, W1, b1, W2)}
    return loss, [W1, b1, W2], values | {y: RNG.integers(0, 4, 8)}


def test_hessian_blocks() -> None:
    """Against differences of the gradient, symmetric, and equal in both modes and compiled."""
    loss, params, values = network()
    blocks, reverse = sd.hessian(loss, params), sd.hessian(loss, params, mode="reverse")
    gradients = sd.grad(loss, params)
    for i, row in enumerate(params):
        for j, column in enumerate(params):
            block = value(blocks[i][j], values)
            assert block.shape == (*row.shape, *column.shape)
            np.testing.assert_allclose(block, value(reverse[i][j], values), atol=1e-13)
            v = RNG.normal(size=column.shape)
            ahead, behind = (value(gradients[i], values | {column: values[column] + h * v}) for h in (1e-5, -1e-5))
            slope = np.tensordot(block, v, axes=v.ndim)
            np.testing.assert_allclose(slope, (ahead - behind) / 2e-5, atol=1e-8)
    flat = [block for row in blocks for block in row]
    compiled = sd.compile(flat, inputs=list(values))(*values.values())
    for node, found in zip(flat, compiled, strict=True):
        np.testing.assert_allclose(found, value(node, values), atol=1e-13)


def test_hvp_of_lists() -> None:
    loss, params, values = network()
    vs = [sd.input(f"v{k}", node.shape) for k, node in enumerate(params)]
    at = {v: RNG.normal(size=v.shape) for v in vs}
    blocks = sd.hessian(loss, params)
    for row, product in zip(blocks, sd.hvp(loss, params, vs), strict=True):
        expected = sum(np.tensordot(value(b, values), at[v], axes=v.ndim) for b, v in zip(row, vs, strict=True))
        np.testing.assert_allclose(value(product, values | at), expected, atol=1e-13)


def test_a_hessian_is_one_batch() -> None:
    """Basis vectors go through the graph together: the number of nodes does not depend on their number."""
    sizes = []
    for n in (4, 40):
        x, w = sd.input("x", (n,)), sd.param("w", (n, n))
        H = sd.hessian(sd.sum(sd.tanh(w @ x) ** 2), x)
        sizes.append((count([H], "matmul"), len(sd.Graph(H).nodes)))
    assert sizes[0] == sizes[1]


def test_errors() -> None:
    x, y = sd.input("x", (3,)), sd.input("y", (3,))
    with pytest.raises(sd.GradientError, match="mode is 'auto', 'forward' or 'reverse', got 'both'"):
        sd.jacobian(x, x, mode="both")  # type: ignore[arg-type]
    with pytest.raises(sd.GradientError, match=r"does not depend on y: float64\[3\]"):
        sd.hessian(sd.sum(x * x), y)
    with pytest.raises(sd.GradientError, match="only float nodes"):
        sd.jacobian(sd.argmax(x), x)
    with pytest.raises(sd.GradientError, match="that of one node by one node"):
        sd.jacobian([x, y], x, sparse=True)
    with pytest.raises(sd.GradientError, match="sizes of a sparse Jacobian are numbers"):
        z = sd.input("z", (sd.dim("n"),))
        sd.jacobian(sd.sin(z), z, sparse=True)


# -- sparse


def as_dense(found: sd.SparseMatrix, values: dict[Node, Any]) -> Any:
    return csr_matrix((value(found.data, values), found.indices, found.indptr), found.shape).toarray()


SELECT = (RNG.random((20, 30)) < 0.06) * RNG.normal(size=(20, 30))
x30 = sd.input("x30", (30,))
CASES: dict[str, tuple[Any, int, int]] = {  # result, entries, colours
    "neighbours": (sd.exp(x30[1:] - x30[:-1]) * x30[1:], 58, 2),
    "sums of groups": (sd.sum(sd.reshape(x30, (6, 5)) ** 2, axis=1), 30, 1),
    "softmax of rows": (sd.softmax(sd.reshape(x30, (6, 5))), 150, 5),
    "picked": (sd.take(x30, np.array([3, 3, 7]), axis=0) * 2, 3, 1),
    "joined": (sd.concat([sd.sin(x30[:3]), x30[2:5]]), 6, 1),
    "padded": (sd.vjp(x30[::2], x30, x30[::2] ** 2), 15, 1),
    "added at": (sd.vjp(sd.take(x30, np.array([1, 1, 4]), axis=0), x30, x30[:3] ** 2), 3, 1),
    "turned": (sd.reshape(x30, (5, 6)).T * 3, 30, 1),
    "constant matrix": (sd.tanh(sd.constant(SELECT) @ x30), int(np.count_nonzero(SELECT)), 0),
    "nothing": (sd.stop_gradient(x30) * 2, 0, 0),
    "all": (sd.log_softmax(x30), 900, 30),
}


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("name", CASES)
def test_sparse_jacobian(name: str, mode: Any) -> None:
    y, entries, colours = CASES[name]
    found = sd.jacobian(y, x30, sparse=True, mode=mode)
    at: dict[Node, Any] = {x30: RNG.normal(size=30)}
    dense = value(sd.jacobian(y, x30), at).reshape(found.shape)
    np.testing.assert_allclose(as_dense(found, at), dense, atol=1e-13)
    assert len(found.indices) == entries
    assert colours in (0, found.colours) or mode != "auto"


def test_sparse_is_compiled_and_differentiated() -> None:
    found = sd.jacobian(x30[1:] * x30[:-1] ** 2, x30, sparse=True)
    at = RNG.normal(size=30)
    np.testing.assert_allclose(sd.compile(found.data, inputs=[x30])(at), value(found.data, {x30: at}), rtol=1e-13)
    assert sd.check_grad(sd.sum(found.data**2), x30, {x30: at}).ok


def test_a_pattern_that_is_given() -> None:
    x = sd.input("x", (4,))
    index = sd.input("index", (4,), dtype="int64")
    y = sd.take(x, index, axis=0) ** 2  # known to the user alone: index is a permutation
    at: dict[Node, Any] = {x: RNG.normal(size=4), index: [2, 0, 3, 1]}
    assert sd.jacobian(y, x, sparse=True).colours == 4
    pattern = np.eye(4)[[2, 0, 3, 1]]
    for given in (pattern, csr_matrix(pattern)):
        found = sd.jacobian(y, x, sparse=True, pattern=given)
        assert found.colours == 1
        np.testing.assert_allclose(as_dense(found, at), value(sd.jacobian(y, x), at))
    with pytest.raises(sd.GradientError, match=r"the pattern has shape \(3, 4\), the Jacobian \(4, 4\)"):
        sd.jacobian(y, x, sparse=True, pattern=np.ones((3, 4)))


@pytest.mark.parametrize(
    ("cost", "colours"),
    [
        (rosenbrock(x30), 3),
        (sd.sum(x30**4), 1),
        (sd.sum(x30**3) + sd.sum(x30[0] * x30**2), 2),  # an arrow: column colours would be 30
        (sd.sum(sd.sin(x30[:-2] * x30[2:])), 3),
        (sd.sum(x30) ** 2, 30),
    ],
)
def test_sparse_hessian(cost: Node, colours: int) -> None:
    found = sd.hessian(cost, x30, sparse=True)
    at: dict[Node, Any] = {x30: RNG.normal(size=30)}
    np.testing.assert_allclose(as_dense(found, at), value(sd.hessian(cost, x30), at), atol=1e-10)
    assert found.colours == colours


@pytest.mark.parametrize("seed", range(20))
def test_colourings_of_random_patterns(seed: int) -> None:
    """Columns of one colour share no row; a star colouring leaves each entry alone in one of its two places."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 15))
    dense = rng.random((size, size)) < rng.uniform(0, 0.4)
    colours = column_colours(sorted_pattern(*np.nonzero(dense), dense.shape))
    for colour in set(colours):
        assert dense[:, colours == colour].sum(axis=1).max() <= 1
    dense |= dense.T
    colours = star_colours(sorted_pattern(*np.nonzero(dense), dense.shape))
    for i, j in np.argwhere(dense):
        assert dense[i][colours == colours[j]].sum() == 1 or dense[j][colours == colours[i]].sum() == 1
