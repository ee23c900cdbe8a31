"""Linear algebra at its edges: singular, NaN and empty matrices, errors, orders of contraction, LAPACK and loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symdiff as sd
from symdiff import linalg
from symdiff.core.graph import Graph
from symdiff.core.node import Node
from symdiff.emit.module import Module
from symdiff.interpret import interpret
from symdiff.lower.lower import lower
from symdiff.ops.contraction import cheapest, cost_of, greedy
from symdiff.runtime import lapack
from tests.emit.three_ways import assert_three_ways

RNG = np.random.default_rng(0)
N = sd.dim("n")
SYMMETRIC = np.array([[4.0, 1, -2], [1, 3, 0.5], [-2, 0.5, 5]])
SINGULAR = np.array([[1.0, 2, 3], [2, 4, 6], [0, 1, 1]])
NAN = np.array([[np.nan, 1, 0], [1, 2, 0], [0, 0, 1]])
BACKENDS = ["native", "numpy"]


def matrix(shape: tuple[object, ...] = (N, 3, 3), name: str = "a") -> Node:
    return sd.input(name, shape)


# -- in every way of running


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_three_ways(batch: int) -> None:
    a, b = matrix(), matrix((N, 3, 2), "b")
    w, v = sd.eigh(a)
    q, r = sd.qr(b)
    u, s, vh = sd.svd(b, full_matrices=False)
    full = sd.svd(b)[0]
    outputs = {
        "cholesky": sd.cholesky(a), "solve": sd.solve(a, b), "inv": sd.inv(a), "det": sd.det(a),
        "slogdet": sum(sd.slogdet(a)), "triangular": sd.triangular_solve(a, b, trans=1), "expm": sd.expm(a),
        "w": w, "vv": (v * w[:, None]) @ v.swapaxes(1, 2), "q": q, "r": r, "s": s, "usv": (u * sd.log(s)[:, None]) @ vh,
        "complement": full[:, :, 2:] @ full[:, :, 2:].swapaxes(1, 2), "pinv": sd.pinv(b),
    }  # fmt: skip
    outputs["d"] = sd.grad(sum(sd.sum(sd.sin(outputs[name])) for name in ("cholesky", "solve", "det", "expm", "vv")), a)
    values = {
        a: SYMMETRIC + 0.1 * np.arange(batch)[:, None, None] * np.eye(3),
        b: np.random.default_rng(batch).normal(size=(batch, 3, 2)) + 2 * np.eye(3, 2),
    }
    assert_three_ways(Graph(outputs, inputs=[a, b]), values, {"n": batch})


@pytest.mark.parametrize("size", [0, 1])
def test_smallest_sizes_three_ways(size: int) -> None:
    a = matrix((2, size, size))
    w, v = sd.eigh(a)
    outputs = {
        "cholesky": sd.cholesky(a), "inv": sd.inv(a), "det": sd.det(a), "slogdet": sum(sd.slogdet(a)), "w": w,
        "v": v * v, "qr": sd.qr(a)[1], "s": sd.svd(a, compute_uv=False), "expm": sd.expm(a), "pinv": sd.pinv(a),
        "power": sd.matrix_power(a, -2), "d": sd.grad(sd.sum(sd.det(a)), a),
    }  # fmt: skip
    assert_three_ways(Graph(outputs, inputs=[a]), {a: np.full((2, size, size), 2.5)})


def test_symbolic_sizes() -> None:
    a, b = matrix((N, N)), matrix((N, 2), "b")
    w, v = sd.eigh(a)
    outputs = [
        sd.cholesky(a),
        sd.solve(a, b),
        sd.det(a),
        w,
        v * v,
        sd.svd(a, compute_uv=False),
        sd.qr(a)[1],
        sd.expm(a),
    ]
    f = sd.compile(outputs, inputs=[a, b])
    for n in (3, 1, 40, 0):
        x = RNG.normal(size=(n, n))
        values = [x @ x.T / max(n, 1) + np.eye(n), RNG.normal(size=(n, 2))]
        for found, expected in zip(
            f(*values), interpret(outputs, dict(zip([a, b], values, strict=True)), {"n": n}), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


# -- matrices that fail


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [3, 60])
@pytest.mark.parametrize(
    ("name", "build", "reason"),
    [
        ("solve", lambda a: sd.solve(a, a), "singular|Singular"),
        ("inv", sd.inv, "singular|Singular"),
        ("cholesky", sd.cholesky, "positive definite"),
        ("triangular_solve", lambda a: sd.triangular_solve(a, a), "singular"),
        ("matrix_power", lambda a: sd.matrix_power(a, -1), "singular|Singular"),
    ],
)
def test_failure(name: str, build: object, reason: str, size: int, backend: str) -> None:
    a = matrix((N, size, size))
    good = np.stack([np.eye(size)] * 3)
    bad = good.copy()
    bad[1, -1, -1] = 0
    f = sd.compile(build(a), inputs=[a], backend=backend)
    np.testing.assert_array_equal(f(good), good)
    with pytest.raises(sd.LinAlgError, match=reason):
        f(bad)
    with pytest.raises(np.linalg.LinAlgError):
        f(bad)
    np.testing.assert_array_equal(f(good), good)


def test_failure_names_the_matrix() -> None:
    a = matrix()
    f = sd.compile(sd.inv(a), inputs=[a])
    with pytest.raises(sd.LinAlgError, match=r"inv.*singular.*a: float64\[n, 3, 3\], number 1.*test_linalg.py"):
        f(np.stack([SYMMETRIC, SINGULAR]))


def test_a_singular_determinant_three_ways() -> None:
    a = matrix()
    sign, logarithm = sd.slogdet(a)
    outputs = {"det": sd.det(a) + 1, "sign": sign, "logarithm": logarithm, "d": sd.grad(sd.sum(sd.det(a)), a)}
    zero = np.zeros((3, 3))
    values = {a: np.stack([SINGULAR, SYMMETRIC, zero, np.diag([0.0, 2, 3]), np.diag([0.0, 2, 0])])}
    assert_three_ways(Graph(outputs, inputs=[a]), values, {"n": 5})
    found = sd.compile(outputs["d"], inputs=[a])(values[a])
    np.testing.assert_allclose(found[0], [[-2, -2, 2], [1, 1, -1], [0, 0, 0]], atol=1e-14)
    np.testing.assert_array_equal(found[2:], [zero, np.diag([6.0, 0, 0]), zero])
    assert sd.compile(logarithm, inputs=[a])(values[a])[2] == -np.inf


@pytest.mark.parametrize("size", [3, 60])
def test_nan_stays_nan_or_fails_as_in_numpy(size: int) -> None:
    a = matrix((size, size))
    value = np.eye(size)
    value[0, 0] = np.nan
    for build in (sd.cholesky, sd.inv, sd.det, lambda a: sd.slogdet(a)[1], lambda a: sd.qr(a, "r"), sd.expm):
        for backend in BACKENDS:
            found = sd.compile(build(a), inputs=[a], backend=backend)(value)
            assert np.isnan(found).any()
    for backend in BACKENDS:
        with pytest.raises(sd.LinAlgError, match="converge"):
            sd.compile(sd.svd(a, compute_uv=False), inputs=[a], backend=backend)(value)


def test_loops_end_on_nan() -> None:
    a = matrix((3, 3))
    graph = Graph({"w": sd.eigh(a)[0]}, inputs=[a])
    names = Module(lower(graph)).undecorated()
    assert np.isnan(names[lower(graph).name](NAN, names["workspace"]())).all()
    with np.errstate(all="ignore"), pytest.raises(np.linalg.LinAlgError):
        graph = Graph({"s": sd.svd(a, compute_uv=False)}, inputs=[a])
        names = Module(lower(graph)).undecorated()
        names[lower(graph).name](NAN, names["workspace"]())


def test_a_failing_step_changes_nothing() -> None:
    a, w = matrix((3, 3)), sd.param("w", (), init=1.0)
    step = sd.train_step(sd.sum(sd.inv(a * w)), inputs=[a], optimizer=sd.optim.sgd(0.1))
    state, train = step.init(seed=0), sd.compile(step)
    with pytest.raises(sd.LinAlgError):
        train(state, SINGULAR)
    assert state["w"] == 1


# -- LAPACK, and loops in its place


@pytest.mark.skipif(lapack.addresses(("potrf",), "float64") is None, reason="this NumPy does not ship OpenBLAS")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("m", "n"), [(70, 70), (75, 60), (60, 75)])
def test_lapack_and_loops_agree(m: int, n: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, t = (
        sd.input(name, (2, *shape), dtype=dtype) for name, shape in (("a", (m, m)), ("b", (m, 5)), ("t", (m, n)))
    )
    w, v = sd.eigh(a)
    u, s, vh = sd.svd(t)
    k = min(m, n)
    outputs = [
        sd.cholesky(a), sd.solve(a, b), sd.solve(a, b[..., :1]), sd.slogdet(a)[1], sd.slogdet(a)[0], *sd.qr(t),
        *sd.qr(t, "complete"), w, (v * w[:, None]) @ v.swapaxes(1, 2), s, (u[..., :k] * s[:, None]) @ vh[:, :k],
        u @ u.swapaxes(1, 2), vh @ vh.swapaxes(1, 2),
        *(sd.triangular_solve(a, b, lower=lower, trans=trans, unit_diagonal=unit)
          for lower in (True, False) for trans in (0, 1) for unit in (False, True)),
    ]  # fmt: skip
    x = RNG.normal(size=(2, m, m))
    values = [0.1 * (x @ x.swapaxes(1, 2)) / m + np.eye(m), RNG.normal(size=(2, m, 5)), RNG.normal(size=(2, m, n))]
    values = [value.astype(dtype) for value in values]
    by_lapack = sd.compile(outputs, inputs=[a, b, t])(*values)
    monkeypatch.setenv("SYMDIFF_LAPACK", "none")
    by_loops = sd.compile(outputs, inputs=[a, b, t])(*values)
    expected = interpret(outputs, dict(zip([a, b, t], values, strict=True)), {})
    tolerance = 1e-10 if dtype == "float64" else 2e-3
    for place, (one, other, right) in enumerate(zip(by_lapack, by_loops, expected, strict=True)):
        np.testing.assert_allclose(one, right, rtol=tolerance, atol=tolerance * 10, err_msg=f"LAPACK, output {place}")
        np.testing.assert_allclose(other, right, rtol=tolerance, atol=tolerance * 10, err_msg=f"loops, output {place}")


def test_signs_are_numpys() -> None:
    a, t = matrix((5, 3, 3)), matrix((5, 4, 3), "t")
    x, y = RNG.normal(size=(5, 3, 3)), RNG.normal(size=(5, 4, 3))
    if lapack.addresses(("syevd",), "float64") is None:
        pytest.skip("this NumPy does not ship OpenBLAS")
    for outputs, expected in (
        (sd.eigh(a), np.linalg.eigh(x)),
        (sd.svd(t), np.linalg.svd(y)),
        (sd.qr(t), np.linalg.qr(y)),
    ):
        found = sd.compile(list(outputs), inputs=[a, t])(x, y)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-12)


def test_loops_find_multiple_and_vanishing_singular_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMDIFF_LAPACK", "none")
    t = matrix((N, 4, 3), "t")
    f = sd.compile(list(sd.svd(t)), inputs=[t])
    x = np.stack(
        [np.zeros((4, 3)), np.eye(4, 3), np.ones((4, 3)), np.outer(np.arange(4), [1, 0, -1]), 1e-170 * np.ones((4, 3))]
    )
    u, s, vh = f(x)
    np.testing.assert_allclose(u @ u.swapaxes(1, 2), np.broadcast_to(np.eye(4), u.shape), atol=1e-13)
    np.testing.assert_allclose(vh @ vh.swapaxes(1, 2), np.broadcast_to(np.eye(3), vh.shape), atol=1e-13)
    np.testing.assert_allclose((u[..., :3] * s[:, None]) @ vh, x, atol=1e-13)
    np.testing.assert_allclose(s[:4], np.linalg.svd(x[:4], compute_uv=False), atol=1e-13)
    np.testing.assert_allclose(s[4:, 0], 1e-170 * np.sqrt(12), rtol=1e-13)


# -- what is refused


def test_refused() -> None:
    a, t = matrix((3, 3)), matrix((4, 3), "t")
    for build, message in [
        (lambda: linalg.eig(a), "complex"),
        (lambda: linalg.eigvals(a), "complex"),
        (lambda: sd.inv(t), r"square.*t: float64\[4, 3\]"),
        (lambda: sd.solve(a, t), "sizes differ"),
        (lambda: sd.cholesky(a[0]), "matrices"),
        (lambda: sd.eigh(a, "X"), "UPLO"),
        (lambda: sd.qr(a, "raw"), "mode"),
        (lambda: sd.svd(matrix((sd.dim("p"), sd.dim("q")))), "is no size"),
        (lambda: sd.norm(a, 3), "ord"),
        (lambda: sd.norm(a, "fro", 0), "ord"),
        (lambda: sd.matrix_power(a, 1.5), "int"),
        (lambda: sd.cross(a[:, :1], a), "vectors of 3"),
        (lambda: sd.tensordot(a, t, ([0], [0])), "same sizes"),
        (lambda: sd.einsum("ij,jk", a), "terms"),
        (lambda: sd.einsum("ij,jk", t, t), "label 'j'"),
        (lambda: sd.einsum("ij->ik", a), "'k'"),
        (lambda: sd.einsum("ij->ii", a), "twice"),
        (lambda: sd.einsum("i", a), "does not fit"),
        (lambda: sd.einsum("...i->i", a), "no '...'"),
        (lambda: sd.einsum("i1", a), "letters"),
        (lambda: sd.einsum("ij,jk", a, a, optimize="quick"), "optimize"),
    ]:
        with pytest.raises(sd.SymdiffError, match=message) as caught:
            build()
        assert "test_linalg.py" in str(caught.value)
    for which in (0, 2):
        with pytest.raises(sd.GradientError, match="full_matrices=False"):
            sd.grad(sd.sum(sd.svd(t)[which]), t)
    with pytest.raises(sd.GradientError, match="reduced"):
        sd.grad(sd.sum(sd.qr(t, "complete")[0]), t)
    assert sd.grad(sd.sum(sd.svd(t)[1]), t).shape == (4, 3)


def test_integers_become_float64() -> None:
    a = sd.input("a", (2, 2), dtype="int32")
    value = np.array([[2, 1], [1, 3]], "int32")
    for build in (sd.cholesky, sd.inv, sd.det, sd.expm, lambda a: sd.solve(a, a), lambda a: sd.eigh(a)[0], sd.norm):
        found = sd.compile(build(a), inputs=[a])(value)
        assert found.dtype == np.float64
    assert sd.compile(sd.matrix_power(a, 3), inputs=[a])(value).dtype == np.int32


# -- einsum


@st.composite
def subscripts(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    """Terms over few labels with fixed sizes, repeated labels and an ellipsis among them; sometimes a result."""
    sizes = {"a": 2, "b": 3, "c": 1, "d": 4}
    hidden = draw(st.sampled_from([(), (2,), (3, 2)]))
    terms, shapes = [], []
    for _ in range(draw(st.integers(1, 4))):
        labels = draw(st.lists(st.sampled_from("abcd"), max_size=3))
        shape = [
            draw(st.sampled_from([1, sizes[label]])) if labels.count(label) == 1 else sizes[label] for label in labels
        ]
        at = draw(st.integers(0, len(labels))) if hidden and draw(st.booleans()) else None
        if at is not None:
            own = hidden[draw(st.integers(0, len(hidden))) :]
            shape[at:at] = [draw(st.sampled_from([1, size])) for size in own]
            labels.insert(at, "...")
        terms.append("".join(labels))
        shapes.append(tuple(shape))
    text = ",".join(terms)
    if draw(st.booleans()):
        used = sorted({label for label in text if label.isalpha()})
        kept = draw(st.lists(st.sampled_from(used), unique=True)) if used else []
        text += "->" + ("..." if "..." in text else "") + "".join(kept)
    return text, shapes


@settings(max_examples=150, deadline=None)
@given(subscripts(), st.sampled_from([True, False, "greedy"]))
def test_einsum_is_numpys(case: tuple[str, list[tuple[int, ...]]], optimize: object) -> None:
    text, shapes = case
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in shapes]
    try:
        expected = np.einsum(text, *arrays)
    except ValueError:  # NumPy finds that sizes of '...' do not broadcast
        with pytest.raises(sd.ShapeError):
            sd.einsum(text, *arrays)
        return
    nodes = [sd.input(f"x{k}", shape) for k, shape in enumerate(shapes)]
    (found,) = interpret([sd.einsum(text, *nodes, optimize=optimize)], dict(zip(nodes, arrays, strict=True)), {})
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


def test_einsum_of_numbers_and_lists() -> None:
    x, y = RNG.normal(size=(2, 3)), RNG.normal(size=(3, 4))
    a, b = matrix((2, 3)), matrix((3, 4), "b")
    for node, expected in [
        (sd.einsum(a, [0, 1], b, [1, 2], [2, 0]), np.einsum(x, [0, 1], y, [1, 2], [2, 0])),
        (sd.einsum(a, [0, 1], b, [1, 2]), np.einsum(x, [0, 1], y, [1, 2])),
        (sd.einsum("ij,jk->", a, b, optimize=["einsum_path", (0, 1)]), np.einsum("ij,jk->", x, y)),
        (sd.einsum("ij,jk->", a, b, optimize=("greedy", 1000)), np.einsum("ij,jk->", x, y)),
    ]:
        np.testing.assert_allclose(sd.compile(node, inputs=[a, b])(x, y), expected)
    flags = sd.input("flags", (2, 3), dtype="bool")
    found = sd.compile(sd.einsum("ij->i", flags), inputs=[flags])(np.array([[0, 1, 1], [0, 0, 0]], bool))
    assert found.dtype == bool and found.tolist() == [True, False]


def test_a_good_order() -> None:
    """A long chain with a narrow place is multiplied from there; no order is cheaper than what is found."""
    sizes = dict(zip("abcde", (100, 2, 100, 3, 50), strict=True))
    chain, kept = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")], ("a", "e")
    best = cheapest(chain, kept, sizes)
    assert cost_of(chain, kept, sizes, best) == 2 * 100 * 3 + 2 * 3 * 50 + 100 * 2 * 50
    assert cost_of(chain, kept, sizes, best) <= cost_of(chain, kept, sizes, greedy(chain, kept, sizes))
    named = {label: sd.dim(label) for label in "abcde"}
    assert len(cheapest(chain, kept, named)) == 3
    many = [(chr(97 + k), chr(98 + k)) for k in range(12)]
    assert len(cheapest(many, (), {label: 3 for term in many for label in term})) == 11
    path, text = linalg.einsum_path("ab,bc,cd,de->ae", *(matrix((sizes[p], sizes[q]), p + q) for p, q in chain))
    assert path == ["einsum_path", *best] and "products" in text


def test_a_chain_is_multiplied_from_its_narrow_end() -> None:
    a, b, c = matrix((100, 2)), matrix((2, 100), "b"), matrix((100,), "c")
    graph = sd.Graph([linalg.multi_dot([a, b, c])])
    assert {node.shape for node in graph.nodes if node.op.name == "matmul"} == {(2, 1), (100, 1)}
