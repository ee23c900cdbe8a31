"""Names of parameters: scopes, numbers, what is shared and what may not be."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import symdiff as sd
from symdiff import nn
from tests.nn.layer_support import names

X = sd.input("x", (sd.dim("n"), 4))


def test_scopes_nest_and_layers_are_numbered() -> None:
    with nn.scope("net"):
        with nn.scope("encoder"):
            h = nn.dense(nn.dense(X, 4), 4)
        with nn.scope("decoder"):
            h = nn.dense(h, 4, bias=False)
        h = nn.dense(h, 4, name="head")
    assert names(h) == [
        "net.encoder.dense.W", "net.encoder.dense.b", "net.encoder.dense_2.W", "net.encoder.dense_2.b",
        "net.decoder.dense.W", "net.head.W", "net.head.b",
    ]  # fmt: skip


def test_a_model_called_twice_has_the_same_weights() -> None:
    @nn.scope("model")
    def model(x: sd.Node, training: bool) -> sd.Node:
        h = nn.layers.dropout(nn.dense(x, 4, "relu"), 0.5, training)
        return nn.dense(h, 4)

    trained, evaluated = model(X, True), model(X, False)
    assert set(names(trained)) - set(names(evaluated)) == {"dropout_seed", "step"}
    assert set(names(evaluated)) < set(names(trained))
    assert model(X, False) is evaluated


def test_layers_in_one_scope_are_different_layers() -> None:
    with nn.scope("net"):
        first, second = nn.dense(X, 4), nn.dense(X, 4)
    assert first is not second
    assert not set(names(first)) & set(names(second))


def test_a_name_that_is_given_twice_is_an_error() -> None:
    with nn.scope("net"):
        nn.dense(X, 4, name="hidden")
        with pytest.raises(
            sd.GraphError, match=r"scope 'net': it already has a 'hidden', at .*test_scopes\.py:\d+; give"
        ):
            nn.dense(X, 4, name="hidden")
        with pytest.raises(sd.GraphError, match="already has a 'hidden'"), nn.scope("hidden"):
            pass
        with nn.scope("part"), pytest.raises(sd.GraphError, match="already has a 'W'"):
            nn.param("W", (2,))
            nn.param("W", (3,))


def test_an_inner_scope_is_shared_when_that_is_said() -> None:
    def encoder(x: sd.Node) -> sd.Node:
        with nn.scope("encoder", share=True):
            return nn.dense(nn.dense(x, 4, "tanh"), 4)

    other = sd.input("other", (sd.dim("n"), 4))
    with nn.scope("siamese"):
        first, second = encoder(X), encoder(other)
        with pytest.raises(sd.GraphError, match="already has"), nn.scope("encoder"):
            pass
    assert names(first) == names(second)
    with nn.scope("siamese"):
        with nn.scope("encoder"):
            pass
        with pytest.raises(sd.GraphError, match="already has"):
            encoder(X)


def test_outside_scopes_a_layer_needs_a_name_and_the_name_says_which_it_is() -> None:
    with pytest.raises(sd.GraphError, match=r"dense: outside any scope a layer needs a name, at .*test_scopes"):
        nn.dense(X, 4)
    assert nn.dense(X, 4, name="head") is nn.dense(X, 4, name="head")
    with pytest.raises(sd.GraphError, match=r"two different params are called 'head\.W'"):
        sd.Graph([nn.dense(X, 4, name="head"), nn.dense(X, 5, name="head")])


def test_layers_of_ones_own() -> None:
    def scaled(x: sd.Node) -> sd.Node:
        return x * nn.param("scale", (4,), sd.init.ones())

    with nn.scope("net"), nn.scope("own"):
        assert names(scaled(X)) == ["net.own.scale"]
    assert names(scaled(X)) == ["scale"]


@pytest.mark.parametrize("name", ["", "a b", "a.b", "0", 3])
def test_names_are_identifiers(name: object) -> None:
    with pytest.raises(sd.GraphError, match="a name is an identifier"):
        nn.scope(name)  # type: ignore[arg-type]


def test_a_scope_ends_with_an_error_and_belongs_to_its_thread() -> None:
    with pytest.raises(RuntimeError), nn.scope("net"):
        raise RuntimeError
    found: list[str] = []
    with nn.scope("net"):
        thread = threading.Thread(target=lambda: found.extend(names(nn.dense(X, 4, name="head"))))
        thread.start()
        thread.join()
    assert found == ["head.W", "head.b"]
    assert names(nn.dense(X, 4, name="head")) == ["head.W", "head.b"]


def test_one_scope_entered_inside_itself() -> None:
    same = nn.scope("a")
    with same, same:
        assert names(nn.dense(X, 4)) == ["a.a.dense.W", "a.a.dense.b"]
    assert names(nn.dense(X, 4, name="free"))[0] == "free.W"


@pytest.mark.parametrize("unroll", [1, 3])
def test_a_shared_scope_in_the_body_of_a_loop(unroll: int) -> None:
    xs = sd.input("xs", (6, 4))

    def body(h: sd.Node, x: sd.Node) -> tuple[sd.Node, tuple[()]]:
        with nn.scope("cell", share=True):
            return sd.tanh(nn.dense(h + x, 4)), ()

    with nn.scope("net"):
        last, _ = sd.scan(body, sd.zeros((4,)), xs, unroll=unroll)
    assert names(last) == ["net.cell.dense.W", "net.cell.dense.b"]
    state = sd.State.initial(sd.Graph(last).params)
    h = np.zeros(4)
    for x in np.ones((6, 4)):
        h = np.tanh((h + x) @ state["net.cell.dense.W"])
    np.testing.assert_allclose(sd.compile(last, inputs=[xs])(state, np.ones((6, 4))), h, rtol=1e-12)
