"""Our own matrix product: right at every edge of its tiles, within its memory, and the same however it is divided."""

from __future__ import annotations

import ctypes
import functools
import itertools
import mmap
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from symdiff.core.record import replace
from symdiff.runtime import codegen, cpu, driver, gemm, load

pytestmark = pytest.mark.skipif(gemm.shape() is None, reason="this CPU has no product of our own")

EDGES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257]
LAYOUTS = list(itertools.product((False, True), (False, True)))


@functools.cache
def step(dtype, width):
    """The address of the step for vectors of `width` bytes; the short ones in code for a CPU that has no others."""
    shape = gemm.AVX512 if width == 64 else replace(gemm.AVX2, cpu="haswell")
    entry = f"test_gemm_{dtype}_{width}"
    return load.load(codegen.object_code(gemm.text(dtype, shape, entry), entry, thorough=False, combine=False), entry)


def widths():
    return (64, 32) if gemm.shape() is gemm.AVX512 else (32,)


@pytest.fixture(params=[(dtype, width) for width in (64, 32) for dtype in ("float32", "float64")], ids=str)
def kind(request):
    if request.param[1] not in widths():
        pytest.skip("this CPU has no AVX-512")
    return request.param


def multiply(kind, trans_a, trans_b, sizes, a, b, c, beta=0, leading=None, count=1, strides=(0, 0, 0)):
    """c = a @ b + beta * c; matrices are arrays or addresses."""
    a, b, c = (x if isinstance(x, int) else x.ctypes.data for x in (a, b, c))
    m, n, k = sizes
    lda, ldb, ldc = leading or (m if trans_a else k, k if trans_b else n, n)
    values = [0, int(trans_a), int(trans_b), m, n, k, a, lda, b, ldb, beta, c, ldc, count, *strides]
    slots = np.array([0, 0, *values], np.int64)
    table = np.array([step(*kind), len(values), *range(2, 2 + len(values))], np.int64)
    assert driver.run()(table.ctypes.data, 1, slots.ctypes.data) == 0


def operands(rng, dtype, trans_a, trans_b, m, n, k):
    a = rng.standard_normal((k, m) if trans_a else (m, k)).astype(dtype)
    b = rng.standard_normal((n, k) if trans_b else (k, n)).astype(dtype)
    return a, b


def product(kind, trans_a, trans_b, a, b, c=None):
    m, k = a.shape[::-1] if trans_a else a.shape
    n = b.shape[0] if trans_b else b.shape[1]
    out = np.full((m, n), np.nan, kind[0]) if c is None else c.copy()
    multiply(kind, trans_a, trans_b, (m, n, k), a, b, out, beta=int(c is not None))
    return out


def assert_close(found, a, b, c):
    """Within what k roundings of each product and sum allow."""
    wide = np.longdouble if found.dtype == np.float64 else np.float64
    a, b, c = a.astype(wide), b.astype(wide), c.astype(wide)
    k = a.shape[1]
    roundings = min(k, 128) + k // 128 + 3
    bound = roundings * np.finfo(found.dtype).eps * (np.abs(a) @ np.abs(b) + np.abs(c))
    assert (np.abs(found - (a @ b + c)) <= bound).all()


def check(kind, rng, sizes):
    for (trans_a, trans_b), beta in itertools.product(LAYOUTS, (0, 1)):
        a, b = operands(rng, kind[0], trans_a, trans_b, *sizes)
        c = rng.standard_normal(sizes[:2]).astype(kind[0])
        found = product(kind, trans_a, trans_b, a, b, c if beta else None)
        assert_close(found, a.T if trans_a else a, b.T if trans_b else b, c * beta)


@pytest.mark.parametrize("size", EDGES)
def test_every_edge(kind, rng, size):
    for other, another in ((1, 5), (5, 1), (40, 3), (140, 35)):
        for sizes in ((size, other, another), (other, size, another), (other, another, size)):
            check(kind, rng, sizes)


def test_edges_together(kind, rng):
    for _ in range(25):
        check(kind, rng, tuple(int(size) for size in rng.choice(EDGES[:-3], 3)))


@pytest.mark.parametrize(
    "sizes", [(130, 600, 260), (300, 1100, 140), (2, 700, 300), (1, 300, 700), (300, 1, 700)], ids=str
)
def test_several_blocks_and_strips(kind, rng, sizes):
    if kind[0] == "float64":
        sizes = tuple(size // 2 + 1 if size > 2 else size for size in sizes)  # NumPy's long doubles are slow
    check(kind, rng, sizes)


@pytest.mark.parametrize("columns", [1, 2, 4, 5, 10, 12, 13, 16, 17, 20, 28, 29, 31])
def test_a_transposed_matrix_times_few_columns(kind, rng, columns):
    for sizes in ((31, columns, 32), (32, columns, 31), (32, columns, 32), (47, columns, 65), (150, columns, 130)):
        check(kind, rng, sizes)


def chains(a, b, c):
    """The sum as gemm.py promises it: chains of 128 fused multiply-adds at most, about as long, in the order of k."""
    k = a.shape[1]
    length = -(-k // -(-k // 128) // 8) * 8
    for start in range(0, k, length):
        total = np.zeros((a.shape[0], b.shape[1]), np.float32)
        for p in range(start, min(start + length, k)):
            total = (np.multiply.outer(a[:, p], b[p]).astype(np.longdouble) + total).astype(np.float32)
        c = total if c is None else c + total
    return c


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs long doubles to stand for fused multiply-adds")
@pytest.mark.parametrize(
    "sizes", [(19, 37, 300), (140, 85, 129), (2, 150, 140), (3, 2, 128), (90, 20, 7), (139, 10, 170)], ids=str
)
def test_the_order_of_the_sum(rng, sizes):
    for (trans_a, trans_b), beta, width in itertools.product(LAYOUTS, (0, 1), widths()):
        a, b = operands(rng, "float32", trans_a, trans_b, *sizes)
        c = rng.standard_normal(sizes[:2]).astype("float32") if beta else None
        wide_a, wide_b = (a.T if trans_a else a).astype(np.float64), (b.T if trans_b else b).astype(np.float64)
        np.testing.assert_array_equal(product(("float32", width), trans_a, trans_b, a, b, c), chains(wide_a, wide_b, c))


@pytest.mark.parametrize(
    "sizes", [(150, 300, 200), (140, 70, 129), (20, 31, 64), (7, 9, 300), (65, 33, 5), (150, 10, 140)], ids=str
)
def test_divisions_do_not_change_a_bit(kind, rng, sizes):
    m, n, k = sizes
    for trans_a, trans_b in LAYOUTS:
        a, b = operands(rng, kind[0], trans_a, trans_b, *sizes)
        whole = product(kind, trans_a, trans_b, a, b)
        lda, ldb = a.shape[1], b.shape[1]
        for at in rng.integers(2, [m - 1, n - 1], (4, 2)):
            found = np.full((m, n), np.nan, kind[0])
            for rows, columns in itertools.product(
                (slice(0, at[0]), slice(at[0], m)), (slice(0, at[1]), slice(at[1], n))
            ):
                piece_a, piece_b = a[:, rows] if trans_a else a[rows], b[columns] if trans_b else b[:, columns]
                c = found[rows, columns]
                multiply(kind, trans_a, trans_b, (*c.shape, k), piece_a, piece_b, c, leading=(lda, ldb, n))
            np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("length", [5, 33, 200])
def test_divisions_of_a_single_row_or_column(kind, rng, length):
    for (trans_a, trans_b), at in itertools.product(LAYOUTS, (2, length // 2 + 1)):
        a, b = operands(rng, kind[0], trans_a, trans_b, 1, length, 150)
        pieces = np.split(b, [at], axis=0 if trans_b else 1)
        found = [product(kind, trans_a, trans_b, a, np.ascontiguousarray(piece)) for piece in pieces]
        np.testing.assert_array_equal(np.hstack(found), product(kind, trans_a, trans_b, a, b))

        a, b = operands(rng, kind[0], trans_a, trans_b, length, 1, 150)
        pieces = np.split(a, [1, at], axis=1 if trans_a else 0)
        found = [product(kind, trans_a, trans_b, np.ascontiguousarray(piece), b) for piece in pieces]
        np.testing.assert_array_equal(np.vstack(found), product(kind, trans_a, trans_b, a, b))


@pytest.mark.parametrize(
    "sizes", [(3, 5, 7), (70, 40, 130), (1, 20, 9), (20, 1, 9), (33, 200, 17), (141, 10, 33)], ids=str
)
def test_nothing_outside_the_matrices_matters_or_changes(kind, rng, sizes):
    """Rows are further apart than they are long, and everything between them is NaN."""
    m, n, _ = sizes
    for (trans_a, trans_b), beta in itertools.product(LAYOUTS, (0, 1)):
        a, b = operands(rng, kind[0], trans_a, trans_b, *sizes)
        c = rng.standard_normal((m, n)).astype(kind[0])
        padded = []
        for matrix, gap in ((a, 3), (b, 5), (c, 2)):
            rows, columns = matrix.shape
            padded.append(np.full((rows + 2, columns + gap), np.nan, kind[0]))
            padded[-1][1 : rows + 1, :columns] = matrix
        multiply(
            kind, trans_a, trans_b, sizes, *(x[1:] for x in padded), beta=beta, leading=[x.shape[1] for x in padded]
        )
        inside = padded[2][1 : m + 1, :n]
        assert_close(inside.copy(), a.T if trans_a else a, b.T if trans_b else b, c * beta)
        inside[...] = np.nan
        assert np.isnan(padded[2]).all()


@pytest.mark.parametrize("k", [0, 1, 40, 130])
def test_beta_zero_does_not_read_c(kind, k):
    for (trans_a, trans_b), (m, n) in itertools.product(
        LAYOUTS, ((1, 3), (3, 1), (5, 40), (70, 17), (9, 32), (130, 10))
    ):
        a, b = np.ones((k, m) if trans_a else (m, k), kind[0]), np.ones((n, k) if trans_b else (k, n), kind[0])
        np.testing.assert_array_equal(product(kind, trans_a, trans_b, a, b), np.full((m, n), k, kind[0]))
        c = np.full((m, n), 2, kind[0])
        np.testing.assert_array_equal(product(kind, trans_a, trans_b, a, b, c), np.full((m, n), k + 2, kind[0]))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(
    "sizes", [(5, 6, 7), (40, 50, 20), (70, 33, 150), (1, 30, 20), (30, 1, 20), (70, 10, 40)], ids=str
)
def test_nan_and_infinity_go_where_they_go_in_numpy(kind, rng, sizes):
    for trans_a, trans_b in LAYOUTS:
        a, b = operands(rng, kind[0], trans_a, trans_b, *sizes)
        for matrix in (a, b):
            places = rng.integers(0, matrix.size, 4)
            matrix.flat[places] = [np.nan, np.inf, -np.inf, 0]
        expected = (a.T if trans_a else a) @ (b.T if trans_b else b)
        found = product(kind, trans_a, trans_b, a, b)
        special = ~np.isfinite(expected)
        np.testing.assert_array_equal(found[special], expected[special])
        assert np.isfinite(found[~special]).all()


@pytest.mark.parametrize("sizes", [(3, 2, 5), (1, 4, 6), (4, 1, 6), (1, 1, 9)], ids=str)
def test_stacks(kind, rng, sizes):
    m, n, k = sizes
    for repeated, (trans_a, trans_b) in itertools.product("ab ", LAYOUTS):
        a = rng.standard_normal((6, *((k, m) if trans_a else (m, k)))).astype(kind[0])
        b = rng.standard_normal((6, *((n, k) if trans_b else (k, n)))).astype(kind[0])
        strides = (0 if repeated == "a" else m * k, 0 if repeated == "b" else k * n, m * n)
        c = np.zeros((6, m, n), kind[0])
        multiply(kind, trans_a, trans_b, sizes, a, b, c, count=6, strides=strides)
        one, other = a[:1] if repeated == "a" else a, b[:1] if repeated == "b" else b
        expected = (one.mT if trans_a else one) @ (other.mT if trans_b else other)
        np.testing.assert_allclose(c, expected, rtol=1e-4 if kind[0] == "float32" else 1e-12, atol=1e-5)
    untouched = np.full((m, n), 7, kind[0])
    multiply(kind, False, False, sizes, a, b, untouched, count=0)
    assert (untouched == 7).all()


def test_threads_do_not_disturb_each_other(kind, rng):
    a, b = operands(rng, kind[0], True, True, 90, 100, 140)
    whole, wrong = product(kind, True, True, a, b), []

    def work():
        for _ in range(20):
            if not np.array_equal(product(kind, True, True, a, b), whole):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def between_forbidden_pages(array, at_end):
    """The address of a copy of `array` that ends where a forbidden page begins, or begins where one ends."""
    page = mmap.PAGESIZE
    room = -(-array.nbytes // page) * page
    memory = mmap.mmap(-1, room + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for forbidden in (start, start + page + room):
        assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(forbidden), ctypes.c_size_t(page), 0) == 0
    address = start + page + (room - array.nbytes if at_end else 0)
    ctypes.memmove(address, array.ctypes.data, array.nbytes)
    return address, memory


def walk_along_forbidden_pages():
    """Run by the test below in a process of its own, which dies if a product reads or writes outside its matrices."""
    rng = np.random.default_rng(0)
    edges = [
        (1, 1, 1),
        (1, 40, 9),
        (40, 1, 9),
        (2, 65, 3),
        (2, 161, 5),
        (3, 16, 2),
        (5, 17, 33),
        (8, 32, 16),
        (9, 33, 129),
        (45, 10, 33),
        (135, 20, 130),
    ]
    for kind in itertools.product(("float32", "float64"), widths()):
        for sizes in [*edges, (17, 15, 31), (31, 100, 6), (66, 7, 18), (140, 47, 20), (140, 31, 130), (140, 150, 3)]:
            for (trans_a, trans_b), beta, at_end in itertools.product(LAYOUTS, (0, 1), (False, True)):
                a, b = operands(rng, kind[0], trans_a, trans_b, *sizes)
                c = rng.standard_normal(sizes[:2]).astype(kind[0])
                placed = [between_forbidden_pages(matrix, at_end) for matrix in (a, b, c)]
                multiply(kind, trans_a, trans_b, sizes, *(address for address, _ in placed), beta=beta)
                found = np.frombuffer((ctypes.c_char * c.nbytes).from_address(placed[2][0]), kind[0]).reshape(c.shape)
                np.testing.assert_array_equal(found, product(kind, trans_a, trans_b, a, b, c if beta else None))


@pytest.mark.skipif(os.name != "posix", reason="pages are forbidden with mprotect")
def test_no_byte_outside_the_matrices_is_touched(cache_folder):
    python("import test_gemm; test_gemm.walk_along_forbidden_pages()")


def python(code):
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"


def test_a_warm_start_neither_imports_numba_nor_writes_text(cache_folder):
    python("from symdiff.runtime import gemm; gemm.step_address('float32')")
    python(
        "import sys; from symdiff.runtime import gemm; gemm.text = None; gemm.step_address('float32'); "
        "assert 'numba' not in sys.modules"
    )


def test_the_shape_follows_the_cpu(monkeypatch):
    for features, expected in (
        ("sse4_2 avx avx2 fma avx512f", gemm.AVX512),
        ("avx avx2 fma", gemm.AVX2),
        ("avx avx2", None),
        ("neon", None),
        ("", None),
    ):
        monkeypatch.setattr(cpu, "features", lambda features=features: frozenset(features.split()))
        assert gemm.shape.__wrapped__() == expected
