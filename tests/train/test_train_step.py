"""The training step as a graph: what is trained, what the state holds, and models that make no step."""

import numpy as np
import pytest

import symdiff as sd


def names(nodes):
    return [node.attrs["name"] for node in nodes]


def test_the_graph_holds_loss_metrics_and_updates(model):
    step = model.step()
    assert list(step.graph.outputs) == ["loss", "accuracy"] and list(step.graph.updates) == [model.W, model.b]
    assert step.trained == (model.W, model.b) == step.params
    assert str(step) == str(step.graph)
    assert repr(step) == "<TrainStep step: outputs loss, accuracy; trains W: float32[4, 3], b: float32[3]>"


def test_updates_are_a_section_of_their_own_with_names(model):
    step = model.step(sd.optim.adam())
    for leaf, following in step.graph.updates.items():
        assert following.origin.section == "update"
        assert step.graph.names[following] == f"{leaf.attrs['name']}_next".replace(".", "_")
    assert step.graph.updates[model.W].origin.file == model.step.__code__.co_filename


def test_slots_follow_the_parameters_in_memory(model):
    step = model.step(sd.optim.adam())
    assert names(step.params) == ["W", "b", "W.m", "b.m", "W.v", "b.v", "step"]
    state = step.init()
    start = {name: state[name].ctypes.data for name in state}
    assert start["W.m"] - start["W"] == start["b.m"] - start["b"]
    assert start["W.v"] - start["W"] == start["b.v"] - start["b"]


def test_parameters_behind_stop_gradient_are_left_alone(model):
    frozen = sd.param("frozen", (3,), dtype="float32")
    loss = sd.losses.softmax_cross_entropy(model.logits + sd.stop_gradient(frozen), model.y)
    step = sd.train_step(loss, [model.x, model.y], sd.optim.sgd(0.1))
    assert step.trained == (model.W, model.b) and names(step.params) == ["W", "b", "frozen"]


def test_given_parameters_alone_are_trained(model):
    step = model.step(params=[model.b])
    assert step.trained == (model.b,) and list(step.graph.updates) == [model.b]
    assert set(step.params) == {model.W, model.b}


def test_a_given_parameter_without_a_path(model):
    with pytest.raises(sd.GradientError, match=r"does not depend on other: float32\[2\]"):
        model.step(params=[model.W, sd.param("other", (2,), dtype="float32")])


def test_given_parameters_that_are_none(model):
    with pytest.raises(sd.GraphError, match=r"^step: only float parameters are trained, got x: float32\[n, 4\], at "):
        model.step(params=[model.x])


def test_a_loss_without_parameters(model):
    with pytest.raises(
        sd.GradientError, match=r"^step: sum: float32 depends on no float parameter, at test_train_step"
    ):
        sd.train_step(sd.sum(model.x), [model.x], sd.optim.sgd(0.1))


@pytest.mark.parametrize(
    ("loss", "got"),
    [(lambda m: m.logits, r"add: float32\[n, 3\]"), (lambda m: sd.sum(m.y), "sum: int64"), (lambda m: 1, "1")],
)
def test_a_loss_that_is_no_float_scalar(model, loss, got):
    with pytest.raises(
        sd.GradientError, match=rf"^step: the loss is a float scalar, got {got}, at test_train_step.py:"
    ):
        sd.train_step(loss(model), [model.x, model.y], sd.optim.sgd(0.1))


def test_inputs_that_are_missing(model):
    with pytest.raises(sd.GraphError, match=r"the outputs also need y: int64\[n\]"):
        sd.train_step(model.loss, [model.x], sd.optim.sgd(0.1))


def test_metrics_that_cannot_be_reported(model):
    with pytest.raises(sd.GraphError, match=r"^step: a metric may not be called 'loss'"):
        model.step(metrics={"loss": model.accuracy})
    with pytest.raises(sd.GraphError, match=r"^step: metric 'logits' is a scalar node, got add: float32\[n, 3\]"):
        model.step(metrics={"logits": model.logits})
    with pytest.raises(sd.GraphError, match=r"^step: metric 'half' is a scalar node, got 0.5"):
        model.step(metrics={"half": 0.5})


def test_two_parameters_of_one_name(model):
    other = sd.param("W", (3,), dtype="float32")
    loss = sd.losses.softmax_cross_entropy(model.logits + other, model.y)
    with pytest.raises(sd.GraphError, match="two different params are called 'W'"):
        sd.train_step(loss, [model.x, model.y], sd.optim.sgd(0.1))


def test_init_depends_on_the_seed_alone(model):
    step = model.step()
    assert (step.init(3)["W"] == step.init(3)["W"]).all()
    assert (step.init(3)["W"] != step.init(4)["W"]).any()


class TestLoad:
    def test_round_trip(self, model, tmp_path, build):
        step = model.step(sd.optim.momentum(0.1))
        train, state = build(step), step.init()
        train(state, model.X, model.Y)
        state.save(tmp_path / "model.npz")
        loaded = step.load(tmp_path / "model.npz")
        assert train(state, model.X, model.Y) == train(loaded, model.X, model.Y)
        assert all((state[name] == loaded[name]).all() for name in state) and state.names == loaded.names

    def test_order_in_the_file_does_not_matter(self, model, tmp_path):
        sd.State.initial([model.b, model.W]).save(tmp_path / "other.npz")
        assert model.step().load(tmp_path / "other.npz").names == ("W", "b")

    def test_every_difference_is_named(self, model, tmp_path):
        path = tmp_path / "other.npz"
        params = [sd.param("W", (4, 2), dtype="float32"), sd.param("b", (3,)), sd.param("c", ())]
        sd.State.initial(params).save(path)
        with pytest.raises(sd.StateError) as caught:
            model.step(sd.optim.momentum(0.1)).load(path)
        assert str(caught.value) == (
            f"load {path}: W.v is missing; b.v is missing; c is not one of the model's; "
            "W is float32[4, 2], the model's is float32[4, 3]; b is float64[3], the model's is float32[3]"
        )

    def test_a_damaged_file(self, model, tmp_path):
        (tmp_path / "model.npz").write_bytes(b"PK\x03\x04 and no more")
        with pytest.raises(sd.StateError, match="damaged"):
            model.step().load(tmp_path / "model.npz")


def test_a_schedule_advances_the_count(model, build):
    step = model.step(sd.optim.sgd(1 / (1 + sd.optim.step_count())))
    state, train = step.init(), build(step)
    assert names(step.params) == ["W", "b", "step"]
    for done, rate in enumerate([1, 1 / 2, 1 / 3]):
        assert state["step"] == done
        _, W, b = model.by_hand(state, model.X, model.Y, rate)
        train(state, model.X, model.Y)
        np.testing.assert_allclose(state["W"], W, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(state["b"], b, rtol=1e-5, atol=1e-6)


def test_a_learning_rate_kept_in_the_state(model, build):
    step = model.step(sd.optim.sgd(sd.param("rate", init=0.5, dtype="float32")))
    state, train = step.init(), build(step)
    assert step.trained == (model.W, model.b)
    before = state["W"].copy()
    state["rate"][...] = 0
    train(state, model.X, model.Y)
    assert (state["W"] == before).all()


class TestWrongArguments:
    """What a newcomer writes first, and what the error then says."""

    @pytest.fixture
    def model(self):
        x, w = sd.input("x_wrong", (sd.dim("n"), 3)), sd.param("w_wrong", (3,))
        return x, sd.mean(x @ w)

    def test_a_number_as_the_optimizer(self, model):
        with pytest.raises(sd.GraphError, match=r"the optimizer is a rule with updates, got 0.1.*sd\.optim\.adam"):
            sd.train_step(model[1], [model[0]], 0.1)

    def test_metrics_without_names(self, model):
        with pytest.raises(sd.GraphError, match=r'metrics are given by name.*write \{"accuracy": node\}'):
            sd.train_step(model[1], [model[0]], sd.optim.sgd(0.1), metrics=[model[1]])

    def test_one_input_needs_no_list(self, model):
        assert sd.train_step(model[1], model[0], sd.optim.sgd(0.1)).graph.inputs == [model[0]]

    def test_an_initialiser_that_was_not_called(self):
        with pytest.raises(sd.GraphError, match=r"q: init is he_normal itself.*call it: init\(\)"):
            sd.param("q", (3,), init=sd.init.he_normal)
