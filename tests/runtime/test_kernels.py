"""What a kernel can take, hold and return, and what its text may not say."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core.errors import TypingError

from symdiff.runtime import codegen, compile, native
from symdiff.runtime.maths import NUMPY
from symdiff.runtime.signature import DTYPES, Array, Size
from symdiff.runtime.text import canonical

BIAS_RELU = '''
def bias_relu(n, z, b):
    """h = relu(z + b), in place"""
    for i in range(n):
        for j in range(128):
            z[i, j] = maximum(z[i, j] + b[j], ZERO)
'''
COPY = """
def copy(n, source, target):
    for i in range(n):
        target[i] = source[i]
"""
SUM = """
def total(n, x, out):
    s = ZERO
    for i in range(n):
        s += x[i]
    out[()] = s
"""


def test_bias_relu(run_kernel, rng):
    z, b = rng.standard_normal((5, 128), "float32"), rng.standard_normal(128, "float32")
    expected = np.maximum(z + b, 0)
    params = [Size(), Array("float32", (128, 1)), Array("float32", (1,))]
    assert run_kernel(BIAS_RELU, params, [5, z, b], ZERO=np.float32(0)) == 0
    np.testing.assert_array_equal(z, expected)


def test_the_text_runs_undecorated(rng):
    z, b = rng.standard_normal((5, 128), "float32"), rng.standard_normal(128, "float32")
    expected = np.maximum(z + b, 0)
    namespace = {**NUMPY, "ZERO": np.float32(0)}
    exec(BIAS_RELU, namespace)
    namespace["bias_relu"](5, z, b)
    np.testing.assert_array_equal(z, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_loaded_and_stored(run_kernel, dtype):
    source = np.array([0, 1, 100, 1], dtype)
    target = np.zeros(4, dtype)
    assert run_kernel(COPY, [Size(), Array(dtype, (1,)), Array(dtype, (1,))], [4, source, target]) == 0
    np.testing.assert_array_equal(target, source)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_becomes_float64(run_kernel, dtype):
    source = np.array([0, 1, 100, np.iinfo(dtype).min if "int" in dtype else 1], dtype)
    target = np.zeros(4)
    run_kernel(COPY, [Size(), Array(dtype, (1,)), Array("float64", (1,))], [4, source, target])
    np.testing.assert_array_equal(target, source.astype("float64"))


def test_a_store_converts_as_numpy_does(run_kernel):
    source = np.array([0.0, -1.5, 3.7, 100.2])
    for dtype in ("float32", "int8", "int64", "bool"):
        target = np.zeros(4, dtype)
        run_kernel(COPY, [Size(), Array("float64", (1,)), Array(dtype, (1,))], [4, source, target])
        np.testing.assert_array_equal(target, source.astype(dtype))


def test_a_bool_stays_one_byte_of_0_or_1(run_kernel):
    source, target = np.array([0.0, np.nan, -2.0, 0.5]), np.full(4, 255, "uint8").view(bool)
    run_kernel(COPY, [Size(), Array("float64", (1,)), Array("bool", (1,))], [4, source, target])
    assert target.view("uint8").tolist() == [0, 1, 1, 1]


def test_rank_zero(run_kernel):
    text = "def double(x):\n    x[()] = x[()] * TWO\n"
    x = np.array(21.0)
    run_kernel(text, [Array("float64", ())], [x], TWO=np.float64(2))
    assert x == 42


def test_strides_given_at_run_time(run_kernel, rng):
    text = """
def transpose(n, m, source, target):
    for i in range(n):
        for j in range(m):
            target[j, i] = source[i, j]
"""
    params = [Size(), Size(), Array("float64", (None, 1)), Array("float64", (None, 1))]
    for n, m in ((3, 4), (5, 2), (0, 3)):
        source, target = rng.standard_normal((n, m)), np.zeros((m, n))
        run_kernel(text, params, [n, m, source, target])
        np.testing.assert_array_equal(target, source.T)


def test_a_stride_of_zero_repeats(run_kernel):
    target = np.zeros(3)
    run_kernel(COPY, [Size(), Array("float64", (0,)), Array("float64", (1,))], [3, np.array([5.0]), target])
    assert target.tolist() == [5, 5, 5]


def test_five_axes(run_kernel, rng):
    text = """
def flip(x, out):
    for a in range(2):
        for b in range(3):
            for c in range(2):
                for d in range(2):
                    for e in range(3):
                        out[a, b, c, d, e] = x[1 - a, b, c, d, 2 - e]
"""
    x, out = rng.standard_normal((2, 3, 2, 2, 3)), np.zeros((2, 3, 2, 2, 3))
    array = Array("float64", (36, 12, 6, 3, 1))
    run_kernel(text, [array, array], [x, out])
    np.testing.assert_array_equal(out, x[::-1, :, :, :, ::-1])


def test_status(run_kernel):
    text = """
def check(n, x):
    for i in range(n):
        if x[i] < 0:
            return i + 1
"""
    params = [Size(), Array("int64", (1,))]
    assert run_kernel(text, params, [3, np.array([1, 2, 3])]) == 0
    assert run_kernel(text, params, [3, np.array([1, -2, 3])]) == 2


def test_a_status_is_an_int64():
    with pytest.raises(TypeError, match="returns nothing or an int64 status, not float64"):
        native.kernel_address("def f(x):\n    return x[()]\n", "f", [Array("float64", ())], {})


def test_an_element_may_be_updated_in_place(run_kernel):
    text = """
def accumulate(n, x):
    for i in range(n):
        x[i % 2] += x[i]
        x[i] *= 2.0
"""
    x, expected = np.arange(6.0), np.arange(6.0)
    namespace = {}
    exec(text, namespace)
    namespace["accumulate"](6, expected)
    run_kernel(text, [Size(), Array("float64", (1,))], [6, x])
    np.testing.assert_array_equal(x, expected)


def test_conditions_and_bools(run_kernel):
    text = """
def select(n, mask, x, out):
    for i in range(n):
        keep = mask[i] and not isnan(x[i])
        out[i] = x[i] if keep else ZERO
        mask[i] = x[i] > ZERO or keep
"""
    mask, x, out = np.array([True, False, True, False]), np.array([1.0, 2.0, np.nan, -1.0]), np.zeros(4)
    array = Array("float64", (1,))
    run_kernel(text, [Size(), Array("bool", (1,)), array, array], [4, mask, x, out], ZERO=np.float64(0))
    assert out.tolist() == [1, 0, 0, 0]
    assert mask.tolist() == [True, True, False, False]


def test_a_sum_may_be_reordered_but_an_addition_may_not(run_kernel):
    text = """
def lost(x, y, out):
    out[()] = (x[()] + y[()]) - x[()]
"""
    scalar = Array("float32", ())
    x, y, out = np.array(1e8, "f4"), np.ones((), "f4"), np.ones((), "f4")
    run_kernel(text, [scalar] * 3, [x, y, out])
    assert out == 0
    values, total = np.ones(1000, "f4"), np.zeros((), "f4")
    run_kernel(SUM, [Size(), Array("float32", (1,)), scalar], [1000, values, total], ZERO=np.float32(0))
    assert total == 1000


def test_sums_and_maxima_are_vectorised():
    """The machine code works on packed floats, not only on single ones."""
    maximum = SUM.replace("s += x[i]", "s = maximum(s, x[i])")
    plain = SUM.replace("s += x[i]", "s = s + x[i]")
    params = [Size(), Array("float32", (1,)), Array("float32", ())]
    vector = {}
    for name, source in (("sum", SUM), ("maximum", maximum), ("plain", plain)):
        kernel = canonical(source, params, {"ZERO": np.float32(0)})
        optimised = codegen.optimised(compile.llvm_text(kernel, "entry"), "entry")
        vector[name] = "x float> @llvm.masked.load" in str(optimised) or "load <" in str(optimised)
    assert vector == {"sum": True, "maximum": True, "plain": False}


def test_equal_kernels_are_one():
    params = [Size(), Array("float32", (1,)), Array("float32", ())]
    constants = {"ZERO": np.float32(0)}
    renamed = SUM.replace("total", "sum_of").replace("s +=", "acc +=").replace("s = ", "acc = ").replace("= s", "= acc")
    renamed = renamed.replace("ZERO", "NOTHING").replace(":\n", ':\n    """words"""\n    # more words\n', 1)
    address = native.kernel_address(SUM, "a", params, constants)
    assert native.kernel_address(renamed, "b", params, {"NOTHING": np.float32(0), "UNUSED": np.float64(1)}) == address
    assert native.kernel_address(SUM, "a", params, {"ZERO": np.float32(-0.0)}) != address
    assert native.kernel_address(SUM, "a", params, {"ZERO": np.float64(0)}) != address
    assert native.kernel_address(SUM.replace("+=", "*="), "a", params, constants) != address


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("x = 1", SyntaxError, "one function definition"),
        ("def f(a, b):\n    pass\n", TypeError, "the text takes 2 parameters, the signature has 1"),
        ("def f(x):\n    x[0, 1] = ZERO\n", TypeError, r"`x\[0, 1\]` has 2 indices for an array of rank 1"),
        ("def f(x):\n    y = x\n    y[0] = 1.0\n", TypeError, r"`y\[0\]` does not index an array parameter"),
        ("def f(x):\n    x[0] = open(x)\n", NameError, "the name 'open' is not a parameter, a local, a constant"),
    ],
)
def test_what_is_not_a_kernel(text, error, message):
    with pytest.raises(error, match=message) as caught:
        native.kernel_address(text, "wrong", [Array("float64", (1,))], {"ZERO": np.float64(0)})
    assert "while compiling the kernel wrong" in caught.value.__notes__[0]


def test_a_kernel_that_cannot_be_typed():
    with pytest.raises(TypingError):
        native.kernel_address("def f(x):\n    x[0] = x + 1\n", "f", [Array("float64", (1,))], {})


def test_an_array_of_an_unknown_dtype():
    with pytest.raises(TypeError, match="unknown dtype 'float16'"):
        Array("float16", (1,))


def test_the_division_operators_do_not_trap(run_kernel):
    text = """
def divide(n, x, y, quotient, rest):
    for i in range(n):
        quotient[i] = x[i] // y[i]
        rest[i] = x[i] % y[i]
"""
    lowest = np.iinfo("int64").min
    x, y = np.array([7, -7, 7, lowest, 5]), np.array([2, 2, -2, -1, 0])
    quotient, rest = np.zeros(5, "int64"), np.zeros(5, "int64")
    run_kernel(text, [Size(), *[Array("int64", (1,))] * 4], [5, x, y, quotient, rest])
    assert quotient.tolist() == [3, -4, -4, lowest, 0]
    assert rest.tolist() == [1, 1, -1, 0, 0]


def test_a_missing_c_function_is_an_error_before_it_is_linked():
    """LLVM would end the process."""
    text = "declare void @no_such_function()\ndefine void @f() {\n call void @no_such_function()\n ret void\n}\n"
    with pytest.raises(RuntimeError, match="'no_such_function', which this process does not have"):
        codegen.object_code(text, "f")


def test_many_kernels_at_once(call):
    texts = [f"def f(x):\n    x[()] = x[()] * {number % 3}\n" for number in range(6)]
    params = [Array("int64", ())]
    wanted = [
        native.Wanted("f", f"times {k % 3}", params, lambda text=text: (text, {})) for k, text in enumerate(texts)
    ]
    addresses = native.kernel_addresses(wanted)
    assert addresses[:3] == addresses[3:]
    assert len(set(addresses)) == 3
    x = np.array(5)
    for address, factor in zip(addresses, (0, 1, 2), strict=False):
        assert call(address, params, [x]) == 0
        assert x == 5 * factor
        x[()] = 5


def test_a_kernel_that_is_known_is_not_written_again():
    def never():
        raise AssertionError("the text of a known kernel is asked for")

    params = [Array("int64", ())]
    known = native.Wanted("f", "plus 77", params, lambda: ("def f(x):\n    x[()] = x[()] + 77\n", {}))
    [address] = native.kernel_addresses([known])
    assert native.kernel_addresses([native.Wanted("g", "plus 77", params, never)]) == [address]
