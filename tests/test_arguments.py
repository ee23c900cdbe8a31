"""Arguments of a call: what is taken as it is, what is converted, what is refused and in which words."""

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symdiff as sd
from symdiff.arguments import Binder

n, m = sd.dim("n"), sd.dim("m")


def declare(*shapes_and_dtypes):
    names = "xyzuvw"
    return [sd.input(names[k], shape, dtype) for k, (shape, dtype) in enumerate(shapes_and_dtypes)]


def bind(leaves, *values):
    return Binder(leaves, "step").bind(values)


def refused(error, leaves, *values):
    """The message, without the line of the declaration."""
    with pytest.raises(error) as caught:
        bind(leaves, *values)
    return re.sub(r", at \w+\.py:\d+", "", str(caught.value))


MATRIX = declare(((n, 64), "float32"))
PAIR = declare(((n, 64), "float32"), ((n,), "int64"))


class TestTaken:
    def test_ready_arrays_are_passed_on_and_known_shapes_take_the_short_way(self):
        binder = Binder(PAIR, "step")
        values = (np.zeros((5, 64), "float32"), np.zeros(5, "int64"))
        first, sizes = binder.bind(values)
        assert first[0] is values[0] and sizes == {"n": 5}
        again, sizes = binder.bind(values)
        assert again is values and sizes == {"n": 5}

    def test_another_shape_after_a_known_one(self):
        binder = Binder(PAIR, "step")
        for rows in (5, 5, 0, 7, 1, 5):
            _, sizes = binder.bind((np.zeros((rows, 64), "float32"), np.zeros(rows, "int64")))
            assert sizes == {"n": rows}

    @pytest.mark.parametrize(
        "change",
        [
            np.asfortranarray,
            lambda x: x[:, ::-1],
            lambda x: np.repeat(x, 2, axis=1)[:, ::2],
            lambda x: x.astype(">f4"),
            lambda x: np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view("float32").reshape(x.shape),
            lambda x: x.astype("float16"),
            lambda x: x.astype("uint8"),
            lambda x: np.broadcast_to(x[:1], x.shape),
            lambda x: x.view(np.recarray),
        ],
        ids=[
            "fortran",
            "negative stride",
            "stride",
            "swapped",
            "unaligned",
            "half",
            "uint8",
            "zero stride",
            "subclass",
        ],
    )
    def test_other_layouts_become_ready_copies(self, change):
        x = np.arange(12, dtype="float32").reshape(3, 4)
        given = change(x)
        (array,), _ = bind(declare(((n, 4), "float32")), given)
        assert type(array) is np.ndarray and array.dtype.isnative and array.dtype == "float32"
        assert array.flags.c_contiguous and array.flags.aligned
        np.testing.assert_array_equal(array, np.asarray(given, "float32"))

    def test_the_short_way_is_not_taken_for_other_layouts(self):
        binder, x = Binder(MATRIX, "step"), np.ones((64, 64), "float32")
        binder.bind((x,))
        for other in (x.T, x.astype(">f4"), np.asfortranarray(x)):
            (array,), _ = binder.bind((other,))
            assert array is not other and array.dtype.isnative and array.flags.c_contiguous

    def test_read_only_arrays_are_read(self):
        x = np.ones((2, 64), "float32")
        x.setflags(write=False)
        (array,), _ = bind(MATRIX, x)
        assert array is x

    @pytest.mark.parametrize(
        ("dtype", "given"),
        [("float64", "float32"), ("float64", "int64"), ("float64", "bool"), ("int64", "int32"), ("int64", "bool")],
    )
    def test_what_numpy_calls_safe_is_converted(self, dtype, given):
        (array,), _ = bind(declare(((n,), dtype)), np.ones(3, given))
        assert array.dtype == dtype and array.tolist() == [1, 1, 1]

    @pytest.mark.parametrize(
        ("dtype", "value"),
        [
            ("float32", 0.1),
            ("float32", 3),
            ("float64", True),
            ("int8", -128),
            ("uint8", 255),
            ("int64", True),
            ("bool", False),
            ("float32", float("inf")),
        ],
    )
    def test_python_numbers_take_the_declared_dtype(self, dtype, value):
        (array,), _ = bind(declare(((), dtype)), value)
        assert array.dtype == dtype and array.shape == () and array == np.asarray(value, dtype)

    def test_nested_lists_take_the_declared_dtype(self):
        (array,), sizes = bind(declare(((n, 2), "float32")), [[1, 2.5], (3, 4)])
        assert array.dtype == "float32" and array.tolist() == [[1, 2.5], [3, 4]] and sizes == {"n": 2}

    def test_an_empty_list_is_an_empty_array_of_any_dtype(self):
        (array,), sizes = bind(declare(((n,), "int64")), [])
        assert array.dtype == "int64" and sizes == {"n": 0}

    def test_zero_dimensional_arrays(self):
        (array,), sizes = bind(declare(((), "float32")), np.float32(3))
        assert array.shape == () and sizes == {}


class TestRefused:
    def test_a_wider_float(self):
        assert refused(sd.DTypeError, MATRIX, np.zeros((5, 64))) == (
            "step: input x: expected float32[n, 64], got float64[5, 64]: float64 does not convert to float32 without "
            'loss; convert it yourself: x.astype("float32")'
        )

    @pytest.mark.parametrize(("dtype", "given"), [("int64", "float64"), ("bool", "int64"), ("float32", "int64")])
    def test_dtypes_that_may_lose(self, dtype, given):
        message = refused(sd.DTypeError, declare(((n,), dtype)), np.zeros(2, given))
        assert f"{given} does not convert to {dtype} without loss" in message

    def test_numpy_numbers_in_a_list_keep_their_dtype(self):
        leaves = declare(((n,), "float32"))
        assert "float64 does not convert" in refused(sd.DTypeError, leaves, [np.float64(1), np.float64(2)])
        assert "float64 does not convert" in refused(sd.DTypeError, leaves, list(np.zeros(2)))

    @pytest.mark.parametrize(
        ("dtype", "value", "words"),
        [
            ("int64", 0.5, "got float 0.5: the value does not fit in int64"),
            ("int8", 128, "got int 128: the value does not fit in int8"),
            ("uint8", -1, "got int -1: the value does not fit in uint8"),
            ("bool", 1, "got int 1: the value does not fit in bool"),
            ("float32", 1e300, "got float 1e+300: the value does not fit in float32"),
            ("int64", 2**64, "got int 18446744073709551616: not real numbers (dtype object)"),
            ("float64", None, "got None: not real numbers (dtype object)"),
            ("float64", "1", "got str '1': not real numbers (dtype <U1)"),
            ("float64", 1j, "got complex 1j: not real numbers (dtype complex128)"),
            ("float64", Fraction(1, 2), "got Fraction Fraction(1, 2): not real numbers (dtype object)"),
            ("float64", np.datetime64("2024-01-01"), "not real numbers (dtype datetime64[D])"),
            ("float64", np.ma.array([1.0], mask=[True]), "got a masked array: masks are not understood"),
        ],
    )
    def test_values(self, dtype, value, words):
        assert words in refused(sd.DTypeError, declare(((), dtype)), value)

    def test_ragged_lists(self):
        assert "got list [[1, 2], [3]]: not an array (" in refused(sd.DTypeError, MATRIX, [[1, 2], [3]])

    def test_a_symbol(self):
        assert refused(sd.DTypeError, MATRIX, MATRIX[0]) == (
            "step: input x: expected float32[n, 64], got the symbol x: float32[n, 64]: a call takes values"
        )

    def test_rank(self):
        assert refused(sd.ShapeError, MATRIX, np.zeros(64, "float32")) == (
            "step: input x: expected float32[n, 64], got float32[64]: it has 1 axes, not 2"
        )

    def test_a_fixed_size(self):
        assert refused(sd.ShapeError, MATRIX, np.zeros((5, 32), "float32")) == (
            "step: input x: expected float32[n, 64], got float32[5, 32]: axis 1 has size 32, not 64"
        )

    def test_inputs_that_disagree_are_both_named(self):
        assert refused(sd.ShapeError, PAIR, np.zeros((5, 64), "float32"), np.zeros(4, "int64")) == (
            "step: input y: expected int64[n], got int64[4]: axis 0 has size 4, not n = 5 as in input x: float32[5, 64]"
        )

    def test_count(self):
        assert refused(sd.ArgumentError, PAIR, 1) == ("step: takes 2 arrays (x: float32[n, 64], y: int64[n]), got 1")
        assert refused(sd.ArgumentError, [], 1) == "step: takes 0 arrays, got 1"

    def test_the_line_of_the_declaration_is_told(self):
        with pytest.raises(sd.ShapeError, match=r"not 64, at \w+\.py:\d+$"):
            bind(MATRIX, np.zeros((5, 32), "float32"))

    def test_a_refused_call_leaves_the_next_one_alone(self):
        binder = Binder(PAIR, "step")
        good = (np.zeros((5, 64), "float32"), np.zeros(5, "int64"))
        binder.bind(good)
        with pytest.raises(sd.ShapeError):
            binder.bind((good[0], np.zeros(4, "int64")))
        assert binder.bind(good)[1] == {"n": 5}


class TestSizes:
    def test_a_polynomial_axis_is_solved(self):
        _, sizes = bind(declare(((2 * n + 1,), "float64")), np.zeros(7))
        assert sizes == {"n": 3}

    def test_plain_names_come_first_then_products(self):
        _, sizes = bind(declare(((n * m,), "float64"), ((n,), "float64")), np.zeros(12), np.zeros(3))
        assert sizes == {"n": 3, "m": 4}

    def test_no_whole_number_solves_it(self):
        assert refused(sd.ShapeError, declare(((2 * n + 1,), "float64")), np.zeros(6)) == (
            "step: input x: expected float64[2*n + 1], got float64[6]: "
            "axis 0 has size 6, which is 2*n + 1 for no size n"
        )

    def test_sizes_are_not_negative(self):
        assert "which is n + 3 for no size n" in refused(sd.ShapeError, declare(((n + 3,), "float64")), np.zeros(2))

    def test_a_product_with_an_empty_axis_tells_nothing(self):
        message = refused(sd.ShapeError, declare(((n * m,), "float64"), ((n,), "float64")), np.zeros(0), np.zeros(0))
        assert "axis 0 has size 0, which is m*n for no size m" in message

    def test_every_axis_is_checked_against_the_solution(self):
        leaves = declare(((n, n), "float64"), ((2 * n,), "float64"))
        assert "axis 1 has size 4, not n = 3 as in input x: float64[3, 4]" in refused(
            sd.ShapeError, leaves, np.zeros((3, 4)), np.zeros(6)
        )
        assert "axis 0 has size 5, not 2*n = 6 as in input x: float64[3, 3]" in refused(
            sd.ShapeError, leaves, np.zeros((3, 3)), np.zeros(5)
        )

    @pytest.mark.parametrize("shape", [(n * n,), (n * m,), (n + m,)])
    def test_sizes_that_cannot_be_worked_out_are_told_at_once(self, shape):
        with pytest.raises(sd.GraphError, match=r"^step: .* cannot be worked out from x: float64"):
            Binder(declare((shape, "float64")), "step")

    @given(st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=1, max_size=4), st.integers(0, 5), st.integers(0, 5))
    def test_whatever_is_linear_is_solved(self, rows, rows_n, rows_m):
        """Beside a plain m, sizes a n m + b n + c m + d with a > 0 or b > 0 give n back."""
        shapes = [((m,), "float64"), ((n + m,), "float64")]
        shapes += [((a * n * m + b * n + c * m + d,), "float64") for a, b, c, d in rows][:4]
        leaves = declare(*shapes)
        value = {"n": rows_n, "m": rows_m}
        arrays = [
            np.zeros([size if isinstance(size, int) else sd.core.dim.evaluate(size, value) for size in leaf.shape])
            for leaf in leaves
        ]
        assert bind(leaves, *arrays)[1] == value
