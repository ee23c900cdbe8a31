"""Centre, standardise and whiten: fitted on training data, applied to other data, saved; and data they refuse."""

import numpy as np
import pytest

import symdiff as sd

P = sd.preprocess
RANDOM = np.random.default_rng(0)
MIXED = RANDOM.normal(size=(200, 4)) @ RANDOM.normal(size=(4, 4)) * [1, 10, 0.1, 1000] + [5, -3, 0, 1e6]
NEW = MIXED[:7] * 1.1


class TestScaling:
    def test_centre(self):
        fitted = P.centre(MIXED)
        np.testing.assert_allclose(fitted.transform(NEW), NEW - MIXED.mean(0), rtol=1e-12)
        assert np.abs(fitted.transform(MIXED).mean(0)).max() < 1e-9

    def test_standardise(self):
        fitted = P.standardise(MIXED)
        np.testing.assert_allclose(fitted.transform(NEW), (NEW - MIXED.mean(0)) / MIXED.std(0), rtol=1e-9)
        scaled = fitted.transform(MIXED)
        np.testing.assert_allclose(scaled.std(0), 1)
        np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-10)

    def test_one_statistic_per_channel(self):
        images = RANDOM.integers(0, 256, (20, 3, 5, 6)).astype(np.uint8)
        fitted = P.standardise(images, axis=(0, 2, 3))
        scaled = fitted.transform(images)
        assert fitted.mean.shape == (1, 3, 1, 1) and scaled.dtype == np.float64
        np.testing.assert_allclose(scaled.mean((0, 2, 3)), 0, atol=1e-12)
        np.testing.assert_allclose(scaled.std((0, 2, 3)), 1)
        assert fitted.transform(images[:2, :, :4, :4]).shape == (2, 3, 4, 4)
        assert (P.standardise(images, axis=(-1, 0, 2)).mean == fitted.mean).all()

    @pytest.mark.parametrize("value", [0.0, 0.1, -1e300, 7])
    @pytest.mark.parametrize("rows", [1, 3, 1000])
    def test_a_constant_feature_becomes_zero(self, value, rows):
        """The mean of 0.1, 0.1, 0.1 is not 0.1, so its deviation is not 0: the rule looks at the values."""
        train = np.column_stack([np.full(rows, value), np.arange(rows)])
        with pytest.raises(ValueError, match="the same in all training rows"):
            P.standardise(train)
        fitted = P.standardise(train, constant="centre")
        assert (fitted.transform(train)[:, 0] == 0).all() and fitted.scale[0, 0] == 1
        assert fitted.transform([[value + 2, 0]])[0, 0] == pytest.approx(value + 2 - value)

    def test_constant_features_are_named(self):
        train = RANDOM.normal(size=(10, 9))
        train[:, 4] = 0.1
        message = r"^standardise: feature 4 is the same in all training rows, 1 of 9 in float64\[10, 9\], at test_trans"
        with pytest.raises(ValueError, match=message):
            P.standardise(train)
        train[:, :6] = 3
        message = r'features 0, 1, 2, 3, 4, ... are the same .* 6 of 9 .*; leave .* out, or pass constant="centre"'
        with pytest.raises(ValueError, match=message):
            P.standardise(train)
        images = np.stack([np.zeros((2, 3, 3)), np.ones((2, 3, 3))], axis=1)
        with pytest.raises(ValueError, match=r"features \(0, 0, 0\), \(1, 0, 0\) are the same"):
            P.standardise(images, axis=(0, 2, 3))
        with pytest.raises(ValueError, match="constant is 'error' or 'centre', got 'keep'"):
            P.standardise(train, constant="keep")

    @pytest.mark.parametrize("size", [1e-200, 1e-300, 1e200])
    def test_features_whose_squares_leave_the_range(self, size):
        scaled = P.standardise(size * np.array([[1.0], [2.0], [3.0]])).transform([[3 * size]])
        assert scaled[0, 0] == pytest.approx(np.sqrt(1.5))

    @pytest.mark.parametrize(("dtype", "result"), [("float32", "float32"), ("float64", "float64"), ("int8", "float64")])
    def test_dtype(self, dtype, result):
        data = np.array([[1, 2], [3, 5]], dtype)
        fitted = P.standardise(data)
        assert fitted.transform(data).dtype == result and fitted.mean.dtype == np.float64
        assert fitted.transform(data).tolist() == [[-1, -1], [1, 1]]

    def test_inverse(self):
        fitted = P.standardise(MIXED)
        np.testing.assert_allclose(fitted.inverse(fitted.transform(NEW)), NEW)

    def test_the_data_stay_as_they_are(self):
        before = MIXED.tolist()
        P.standardise(MIXED).transform(MIXED)
        P.centre(MIXED).transform(MIXED)
        P.whiten(MIXED).transform(MIXED)
        assert MIXED.tolist() == before

    def test_other_features_than_those_of_the_training_data(self):
        fitted = P.standardise(MIXED)
        message = (
            r"transform: the training data had shape \(any, 4\), got float64\[7, 3\], at .*; a single row is x\[None\]"
        )
        with pytest.raises(sd.ShapeError, match=message):
            fitted.transform(NEW[:, :3])
        with pytest.raises(sd.ShapeError, match=r"got float64\[4\]"):
            fitted.transform(NEW[0])
        one = P.standardise(MIXED[:, :1])
        with pytest.raises(sd.ShapeError, match=r"\(any, 1\), got float64\[7, 4\]"):
            one.transform(NEW)

    def test_axes_that_are_none(self):
        for axis in (1, (0, 2), (0, -3), ()):
            with pytest.raises(
                sd.ShapeError, match=r"centre: axis has 0, the rows, and other axes of float64\[200, 4\]"
            ):
                P.centre(MIXED, axis=axis)


class TestWhitening:
    @pytest.mark.parametrize("method", ["pca", "zca"])
    def test_the_covariance_becomes_the_identity(self, method):
        fitted = P.whiten(MIXED, method)
        white = fitted.transform(MIXED)
        np.testing.assert_allclose(white.mean(0), 0, atol=1e-9)
        np.testing.assert_allclose(white.T @ white / 200, np.eye(4), atol=1e-8)
        np.testing.assert_allclose(fitted.inverse(fitted.transform(NEW)), NEW, rtol=1e-9)

    def test_pca_orders_by_variance_and_keeps_some(self):
        all_of_them, two = P.whiten(MIXED), P.whiten(MIXED, components=2)
        assert (np.diff(all_of_them.variances) < 0).all()
        np.testing.assert_allclose(all_of_them.variances.sum(), MIXED.var(0).sum())
        np.testing.assert_allclose(two.transform(NEW), all_of_them.transform(NEW)[:, :2])
        flat = np.linalg.matrix_rank(two.inverse(two.transform(MIXED)) - MIXED.mean(0), tol=1e-6)
        assert flat == 2

    def test_zca_stays_close_to_the_data(self):
        nearly_white = np.random.default_rng(1).normal(size=(5000, 3))
        np.testing.assert_allclose(P.whiten(nearly_white, "zca").matrix, np.eye(3), atol=0.05)
        matrix = P.whiten(MIXED, "zca").matrix
        np.testing.assert_allclose(matrix, matrix.T, rtol=1e-9, atol=1e-12)

    def test_eps_is_added_to_the_variances(self):
        data = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])  # variances 4.5 and 0.5
        white = P.whiten(data, eps=0.5).transform(data)
        np.testing.assert_allclose(np.sort(white.var(0)), [0.5 / 1.0, 4.5 / 5.0])

    @pytest.mark.parametrize("method", ["pca", "zca"])
    @pytest.mark.parametrize("eps", [0.0, 1e-5])
    def test_directions_without_variance_become_zero(self, method, eps):
        twice = np.column_stack([MIXED[:, 0], 2 * MIXED[:, 0], np.full(200, 0.1)])
        white = P.whiten(twice, method, eps).transform(twice)
        assert np.isfinite(white).all() and np.linalg.matrix_rank(white, tol=1e-6) == 1
        np.testing.assert_allclose((white**2).mean(0).sum(), 1, rtol=1e-4)

    @pytest.mark.parametrize("rows", [1, 2, 5])
    def test_fewer_rows_than_features(self, rows):
        white = P.whiten(RANDOM.normal(size=(rows, 8)), "zca").transform(RANDOM.normal(size=(3, 8)))
        assert np.isfinite(white).all() and np.linalg.matrix_rank(white, tol=1e-9) <= rows - 1

    def test_dtype_and_order_of_signs(self):
        single = MIXED.astype("float32")
        assert P.whiten(single).transform(single).dtype == np.float32
        directions = P.whiten(MIXED).matrix
        assert (directions[np.abs(directions).argmax(0), range(4)] > 0).all()

    def test_what_makes_no_sense(self):
        with pytest.raises(ValueError, match="whiten: method is 'pca' or 'zca', got 'svd'"):
            P.whiten(MIXED, "svd")
        with pytest.raises(ValueError, match="eps is not negative, got -1"):
            P.whiten(MIXED, eps=-1)
        for more in ({"components": 0}, {"components": 5}, {"components": 2, "method": "zca"}):
            with pytest.raises(ValueError, match="components is between 1 and the 4 features, and for 'pca' only"):
                P.whiten(MIXED, **more)
        with pytest.raises(sd.ShapeError, match=r"the data are \[rows, features\], got float64\[2, 3, 3\].*; flatten"):
            P.whiten(np.zeros((2, 3, 3)))
        with pytest.raises(sd.ShapeError, match=r"transform: the data have shape \(any, 4\), got float64\[7, 2\]"):
            P.whiten(MIXED).transform(NEW[:, :2])


FITS = [P.centre, P.standardise, P.whiten, lambda data: P.whiten(data, "zca")]


@pytest.mark.parametrize("fit", FITS, ids=["centre", "standardise", "pca", "zca"])
class TestAll:
    def test_saved_and_loaded(self, fit, tmp_path):
        fitted = fit(MIXED)
        fitted.save(tmp_path / "fitted.npz")
        again = P.load(tmp_path / "fitted.npz")
        assert type(again) is type(fitted)
        np.testing.assert_array_equal(again.transform(NEW), fitted.transform(NEW))
        np.testing.assert_array_equal(again.inverse(NEW), fitted.inverse(NEW))

    def test_statistics_are_those_of_the_training_data_alone(self, fit):
        fitted = fit(MIXED)
        first = fitted.transform(NEW[:1])
        np.testing.assert_allclose(fitted.transform(NEW)[:1], first, rtol=1e-9)

    @pytest.mark.parametrize(("value", "word"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
    def test_values_that_are_not_finite(self, fit, value, word):
        fitted, data = fit(MIXED), MIXED.copy()
        data[17, 3] = data[20, 0] = value
        message = (
            rf"feature 3 of row 17 is {word}; 2 of 800 values of float64\[200, 4\] are not finite, at .*fill them in"
        )
        for use in (fit, fitted.transform, fitted.inverse):
            with pytest.raises(sd.NonFiniteError, match=message):
                use(data)

    def test_data_that_are_none(self, fit):
        with pytest.raises(sd.DTypeError, match="the data are real numbers, got dtype <U1"):
            fit([["a", "b"]])
        with pytest.raises(sd.DTypeError, match="got dtype complex128"):
            fit(np.ones((2, 2), complex))
        with pytest.raises(sd.ShapeError, match=r"there is nothing to fit on in float64\[0, 4\]"):
            fit(np.empty((0, 4)))
        with pytest.raises(sd.ShapeError, match="one row per example, got a single number"):
            fit(3.0)

    def test_no_rows_to_transform(self, fit):
        assert fit(MIXED).transform(np.empty((0, 4))).shape == (0, 4)


def test_a_feature_of_an_image_is_named_by_its_place():
    images = np.zeros((4, 2, 3, 3))
    images[2, 1, 0, 2] = np.nan
    with pytest.raises(sd.SymdiffError, match=r"centre: feature \[1, 0, 2\] of row 2 is nan; 1 of 72 values"):
        P.centre(images)


def test_files_that_are_none(tmp_path):
    P.centre(MIXED).save(tmp_path / "whole.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-40])
    with pytest.raises(sd.StateError, match="damaged"):
        P.load(tmp_path / "cut.npz")
    sd.State.initial([sd.param("w", (2,))]).save(tmp_path / "state.npz")
    with pytest.raises(sd.StateError, match="this is not a transform that symdiff saved"):
        P.load(tmp_path / "state.npz")
