"""Rows divided into training and validation, and into minibatches."""

import numpy as np
import pytest

import symdiff as sd

P = sd.preprocess
X, Y = np.arange(40).reshape(20, 2), np.arange(20) // 15  # 15 zeros, 5 ones


class TestSplit:
    def test_parts_are_disjoint_and_keep_rows_together(self):
        x_train, x_valid, y_train, y_valid = P.train_validation_split(X, Y, validation=0.3, seed=4)
        assert x_train.shape == (14, 2) and x_valid.shape == (6, 2) and len(y_train) == 14 and len(y_valid) == 6
        assert sorted([*x_train[:, 0], *x_valid[:, 0]]) == list(range(0, 40, 2))
        assert (Y[x_train[:, 0] // 2] == y_train).all() and (Y[x_valid[:, 0] // 2] == y_valid).all()
        assert (np.diff(x_train[:, 0]) > 0).all() and (np.diff(x_valid[:, 0]) > 0).all()

    def test_the_seed_decides(self):
        one, same, other = (P.train_validation_split(X, seed=seed)[1] for seed in (1, 1, 2))
        assert (one == same).all() and (one != other).any()

    @pytest.mark.parametrize(("validation", "rows"), [(0.2, 4), (0.5, 10), (7, 7), (np.int64(3), 3), (0.06, 1)])
    def test_how_many(self, validation, rows):
        assert len(P.train_validation_split(X, validation=validation)[1]) == rows

    @pytest.mark.parametrize(("validation", "zeros", "ones"), [(0.2, 3, 1), (8, 6, 2), (0.5, 8, 2), (2, 2, 0)])
    def test_stratified(self, validation, zeros, ones):
        for seed in range(5):
            held = P.train_validation_split(Y, validation=validation, seed=seed, stratify=Y)[1]
            assert (held == 0).sum() == zeros and (held == 1).sum() == ones

    def test_stratified_by_words_in_any_order(self):
        labels = np.array(["b", "a", "c", "a"] * 25)
        held = P.train_validation_split(labels, validation=0.2, stratify=labels)[1]
        assert dict(zip(*np.unique(held, return_counts=True), strict=True)) == {"a": 10, "b": 5, "c": 5}
        assert (P.train_validation_split(X, stratify=Y, seed=1)[1] != P.train_validation_split(X, stratify=Y)[1]).any()

    @pytest.mark.parametrize(("validation", "part"), [(0.0, "validate with"), (1.0, "train on"), (20, "train on")])
    def test_parts_that_would_be_empty(self, validation, part):
        with pytest.raises(ValueError, match=rf"validation={validation} of 20 rows leaves none to {part}, at .*; give"):
            P.train_validation_split(X, validation=validation)

    def test_what_makes_no_sense(self):
        with pytest.raises(sd.ShapeError, match=r"the arrays have as many rows as one another, got \[20, 3\]"):
            P.train_validation_split(X, Y[:3])
        with pytest.raises(sd.ShapeError, match="takes arrays of one row per example"):
            P.train_validation_split()
        with pytest.raises(sd.ShapeError, match="there are no rows"):
            P.train_validation_split(X[:0])
        with pytest.raises(sd.ShapeError, match=r"stratify has one label per row, \(20,\), got shape \(3,\)"):
            P.train_validation_split(X, stratify=Y[:3])
        with pytest.raises(ValueError, match="seed is an int of at least 0, got -1"):
            P.train_validation_split(X, seed=-1)


class TestMinibatches:
    def test_every_row_once_an_epoch(self):
        batches = list(P.minibatches(X, Y, batch_size=6, epochs=2, seed=1))
        assert [len(x) for x, _ in batches] == [6, 6, 6, 2] * 2
        epochs = [np.concatenate([x[:, 0] for x, _ in part]) for part in (batches[:4], batches[4:])]
        assert all(sorted(epoch) == list(range(0, 40, 2)) for epoch in epochs)
        assert (epochs[0] != epochs[1]).any()
        assert all((Y[x[:, 0] // 2] == y).all() for x, y in batches)

    def test_the_seed_decides(self):
        one, same, other = (np.concatenate(list(P.minibatches(X, batch_size=6, seed=seed))) for seed in (1, 1, 2))
        assert (one == same).all() and (one != other).any()

    def test_one_array_comes_by_itself_and_in_order_if_asked(self):
        batches = list(P.minibatches(X, batch_size=15, shuffle=False))
        assert (batches[0] == X[:15]).all() and (batches[1] == X[15:]).all()
        assert len(list(P.minibatches(X, batch_size=15, drop_last=True))) == 1
        assert len(list(P.minibatches(X, batch_size=100))) == 1 and not list(P.minibatches(X, batch_size=4, epochs=0))

    def test_they_are_those_of_fit(self):
        n = sd.dim("n")
        x, w = sd.input("x", (n, 3)), sd.param("w", (3,), init=sd.init.normal(1.0))
        step = sd.train_step(sd.mean(sd.square(x @ w - 1)), [x], sd.optim.adam(0.1))
        train, state, other = sd.compile(step, backend="numpy"), step.init(), step.init()
        data = np.random.default_rng(0).normal(size=(17, 3))
        train.fit(state, data, batch_size=5, epochs=3, seed=8, progress=False)
        for batch in P.minibatches(data, batch_size=5, epochs=3, seed=8):
            train(other, batch)
        np.testing.assert_allclose(state["w"], other["w"], rtol=1e-12)

    def test_what_makes_no_sense_is_said_before_the_first_batch(self):
        for name, value, least in [("batch_size", 0, 1), ("epochs", -1, 0), ("seed", 0.5, 0), ("batch_size", True, 1)]:
            settings = {"batch_size": 4, name: value}
            with pytest.raises(ValueError, match=f"minibatches: {name} is an int of at least {least}, got {value}"):
                P.minibatches(X, **settings)
        with pytest.raises(sd.ShapeError, match="there are no rows"):
            P.minibatches(X[:0], batch_size=4)
        with pytest.raises(ValueError, match="drop_last leaves nothing: 20 rows, batch_size 21"):
            P.minibatches(X, batch_size=21, drop_last=True)
