"""Names come from the user's own source."""

import time

import symdiff as sd
from symdiff.core.source import _assignments


def names(graph):
    return list(graph.names.values())


def test_statements():
    table = _assignments(
        "z = x @ W\n"
        "self.h: object = relu(\n"
        "    x * 2,\n"
        ")\n"
        "a = b + c + d\n"
        "a += b * c\n"
        "p, q = f(x)\n"
        "g = sd.grad(x * x, x)\n"
        "parts = {'a': x + y}\n"
    )
    assert {line: (found.target, found.operator) for line, found in table.items()} == {
        1: ("z", "matmul"),
        2: ("h", "relu"),
        3: ("h", "relu"),
        4: ("h", "relu"),
        5: ("a", None),
        6: ("a", "add"),
    }
    assert _assignments("not python (") == {}


def test_the_whole_expression_has_the_variables_name():
    x = sd.input("naming_x")
    value = sd.sin(x) * 2 + sd.cos(x)
    graph = sd.Graph({"out": value - 1})
    assert graph.names[value] == "value"
    assert not {"value_2", "x"} & set(names(graph))


def test_several_lines_make_one_statement():
    x = sd.input("naming_long_x")
    value = sd.exp(
        x
        * 2
    )  # fmt: skip
    assert sd.Graph({"out": value + 1}).names[value] == "value"


def test_a_cotangent_is_named_after_its_node_also_when_a_pass_replaced_that():
    x, W = sd.input("naming_p", (2, 3)), sd.param("naming_W", (3, 3))
    hidden = sd.tanh(x @ W)
    again = hidden @ W
    gradient = sd.grad(sd.sum(again * again), W)
    graph = sd.Graph({"only": gradient})
    assert {"d_hidden", "d_again", "d_naming_W_from_again"} <= set(names(graph))


def test_parameters_with_dots_are_identifiers():
    graph = sd.Graph({"out": sd.param("layer.W", (2,)) * 2})
    assert all(name.isidentifier() for name in names(graph))
    assert "layer_W" in names(graph)


def test_keywords_and_repeated_names():
    x = sd.input("naming_k")
    graph = sd.Graph({"lambda": sd.exp(x), "out": sd.exp(sd.exp(x)).named("lambda_")})
    assert sorted(names(graph)) == ["lambda_", "lambda__2", "naming_k"]


def test_many_nodes_of_one_name_cost_linear_time():
    x = sd.input("naming_many")
    for _ in range(20_000):
        x = sd.cos(x)
    started = time.perf_counter()
    found = names(sd.Graph({"out": x}))
    assert time.perf_counter() - started < 5
    assert len(set(found)) == 20_001


def test_the_rest_of_an_expression_does_not_carry_its_name() -> None:
    """The gradient reads the difference, not the mean of its square that the statement names."""
    x, w = sd.input("x", (5, 3)), sd.param("w", (3,))
    loss = sd.mean(sd.square(x @ w - 1))
    total = loss + sd.sum(sd.abs(w))
    names = sd.Graph({"d_w": sd.grad(total, w)}).names
    assert not {"loss", "total"} & set(names.values())
    assert {"loss", "total"} <= set(sd.Graph({"d_w": sd.grad(total, w), "total": total}).names.values())
