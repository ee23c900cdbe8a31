"""Statistics of activations, parameters and gradients against NumPy's."""

import numpy as np
import pytest

import symdiff as sd

n = sd.dim("n")
x = sd.input("x", (n, 5), dtype="float32")
y = sd.input("y", (n,), dtype="int64")
W = sd.param("W", (5, 7), init=sd.init.he_normal(), dtype="float32")
V = sd.param("V", (7, 3), init=sd.init.he_normal(), dtype="float32")
hidden = sd.relu(x @ W)
logits = hidden @ V
loss = sd.losses.softmax_cross_entropy(logits, y)
step = sd.train_step(loss, [x, y], sd.optim.sgd(0.1))
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(40, 5)).astype("float32"), rng.integers(0, 3, 40)


@pytest.fixture(params=["numpy", "native"])
def backend(request):
    return request.param


def assert_summary(found, values):
    values = values.astype("float64").ravel()
    for name in ("mean", "std", "min", "max"):
        assert getattr(found, name) == pytest.approx(getattr(np, name)(values), rel=1e-5, abs=1e-7), name
    assert found.zeros == pytest.approx((values == 0).mean())
    assert found.not_finite == 0 and found.counts.sum() == values.size


def test_a_step(backend):
    state = step.init()
    report = sd.statistics(step, backend=backend)(state, X, Y)
    names = ["hidden", "logits", "W", "V"]
    assert list(report) == names + [f"d_{name}" for name in names]
    values = [hidden, logits, W, V]
    arrays = sd.compile([*values, *sd.grad(loss, values)], [x, y], backend=backend)(state, X, Y)
    for name, array in zip(report, arrays, strict=True):
        assert_summary(report[name], array)
    kinds = {kind: [name for name in report if report[name].kind == kind] for kind in ("activation", "parameter")}
    assert kinds == {"activation": ["hidden", "logits"], "parameter": ["W", "V"]}


def test_histograms_are_numpys(backend):
    v = sd.input("v", (n,))
    given = np.concatenate([rng.normal(size=500), [0.0] * 20])
    found = sd.statistics([v], bins=13, backend=backend)(given)["v"]
    counts, _ = np.histogram(given, 13)
    assert np.abs(found.counts - counts).sum() <= 2  # edges are rounded in another way
    assert found.counts.dtype == np.int64


@pytest.mark.parametrize("given", [[3.0], [2.0, 2.0], [0.0, 0.0, 0.0]])
def test_values_that_are_all_one(backend, given):
    found = sd.statistics([sd.input("v", (n,))], backend=backend)(np.array(given))["v"]
    assert (found.min, found.max, found.std) == (given[0], given[0], 0) and found.counts[0] == len(given)


def test_values_that_are_not_finite(backend):
    find = sd.statistics([sd.input("v", (n,))], bins=4, backend=backend)
    found = find(np.array([np.nan, 1, 3, np.inf, 5, -np.inf]))["v"]
    assert found.not_finite == 3 and (found.min, found.mean, found.max) == (1, 3, 5)
    assert found.counts.tolist() == [1, 0, 1, 1] and "3 not finite" in str(find(np.array([np.nan, 1, np.inf, -np.inf])))
    assert find(np.array([np.nan]))["v"].not_finite == 1


def test_chosen_nodes(backend):
    report = sd.statistics(step, [logits], backend=backend)(step.init(), X, Y)
    assert list(report) == ["logits", "W", "V", "d_logits", "d_W", "d_V"]
    report = sd.statistics({"first": hidden}, inputs=[x], backend=backend)(step.init(), X)
    assert list(report) == ["first"] and report["first"].kind == "value"


def test_a_layer_used_twice_has_names_of_its_own():
    def layer(v):
        h = sd.tanh(v @ sd.param("A", (5, 5), dtype="float32"))
        return h  # noqa: RET504  (it has a name to be found by)

    twice = sd.train_step(sd.mean(layer(layer(x))), [x], sd.optim.sgd(0.1))
    report = sd.statistics(twice, backend="numpy")(twice.init(), X)
    assert [name for name in report if report[name].kind == "activation"] == ["h", "h_2"]


def test_in_fit(backend):
    train, state, other = sd.compile(step, backend=backend), step.init(), step.init()
    watch = sd.statistics(step, every=2, backend=backend)
    history = train.fit(state, X, Y, batch_size=16, epochs=5, progress=False, statistics=watch)
    assert list(history.statistics) == [1, 3]
    train.fit(other, X, Y, batch_size=16, epochs=4, progress=False)
    expected = watch(other, X[:16], Y[:16])
    for name, found in history.statistics[3].items():
        assert (found.mean, found.std) == (expected[name].mean, expected[name].std)


def test_reports_are_part_of_checkpoints_and_of_saved_histories(tmp_path):
    train, watch = sd.compile(step, backend="numpy"), sd.statistics(step, backend="numpy")
    more = {
        "batch_size": 16,
        "progress": False,
        "statistics": watch,
        "checkpoint": tmp_path / "run.npz",
        "resume": True,
    }
    first = train.fit(step.init(), X, Y, epochs=2, **more)
    history = train.fit(step.init(), X, Y, epochs=3, **more)
    history.save(tmp_path / "history.npz")
    loaded = sd.History.load(tmp_path / "history.npz")
    assert list(history.statistics) == list(loaded.statistics) == [0, 1, 2]
    for epoch, report in first.statistics.items():
        assert str(report) == str(history.statistics[epoch]) == str(loaded.statistics[epoch])


def test_the_table_and_the_picture(tmp_path):
    report = sd.statistics(step, backend="numpy")(step.init(), X, Y)
    head, first, *rest = str(report).splitlines()
    assert head.split() == ["mean", "std", "min", "max", "zeros", "histogram"] and len(rest) == 7
    one = report["hidden"]
    assert first.split()[:6] == ["hidden", "activation", *(f"{v:.3g}" for v in (one.mean, one.std, one.min, one.max))]
    assert first.split()[6] == f"{one.zeros:.1%}" and first.endswith("█" + first.split("█", 1)[1])
    figure = report.plot(tmp_path / "statistics.png")
    assert (tmp_path / "statistics.png").exists()
    assert [panel.get_title() for panel in figure.axes[:2]] == ["hidden: activation", "logits: activation"]


def test_a_picture_of_values_that_are_all_one_or_none():
    values = {"same": sd.input("a", (n,)), "none": sd.input("b", (n,))}
    report = sd.statistics(values, inputs=list(values.values()), backend="numpy")(np.ones(3), np.full(3, np.nan))
    same, none = report.plot().axes[:2]
    assert len(same.patches) == 1 and not none.patches


def test_refused():
    with pytest.raises(sd.GraphError, match=r"^statistics: takes arrays of floats, got y = y: int64\[n\], at test_"):
        sd.statistics([y])
    with pytest.raises(sd.GraphError, match=r"^statistics: there is nothing to look at"):
        sd.statistics([])
    with pytest.raises(sd.GraphError, match=r"the loss does not depend on other: float32\[2\]"):
        sd.statistics(step, [sd.param("other", (2,), dtype="float32")])
    with pytest.raises(sd.GraphError, match="a training step has its own inputs"):
        sd.statistics(step, inputs=[x])
    with pytest.raises(sd.GraphError, match="nodes are chosen from a training step"):
        sd.statistics([x], [x])
    with pytest.raises(ValueError, match=r"^statistics: bins is an int of at least 1, got 0$"):
        sd.statistics(step, bins=0)
    report = sd.statistics(step, backend="numpy")(step.init(), X, Y)
    with pytest.raises(KeyError, match="nothing is called 'h9'; there are hidden, logits"):
        report["h9"]
