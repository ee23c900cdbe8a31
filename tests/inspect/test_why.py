"""``graph.why``: every reason, in words."""

import pytest

import symdiff as sd
from symdiff.core.errors import GraphError

from .models import decay, digits, digits_step


def test_a_forward_node_shows_the_users_line():
    assert digits().why("z1").splitlines() == [
        "z1 = image @ W1_digits: float32[digits_n, 128]",
        "  from models.py:13:  z1 = x @ W1",
        "  used by a1",
    ]


def test_a_gradient_names_rule_forward_node_and_operand():
    assert digits().why("d_W1").splitlines() == [
        "d_W1 = image.T @ d_a1: float32[64, 128]",
        "  vjp of matmul z1 = image @ W1_digits (models.py:13) with respect to operand W1_digits: "
        "d_W1_digits += image.T @ d_a1",
        "  is the whole cotangent of W1_digits",
        "  used by output d_W1",
    ]


def test_an_undone_broadcast_is_said():
    assert "summed over the axes along which b1_digits was repeated" in digits().why("d_b1")


def test_a_rule_inside_a_longer_line_shows_that_line():
    text = digits().why("d_a2")
    assert "vjp of cross_entropy(a2, digit) (models.py:18:  loss = sd.mean(sd.cross_entropy(a2, y)))" in text


def test_a_sum_over_paths_is_said():
    text = decay().why("d_W1")
    assert "the sum of what its uses send back" in text


def test_a_node_without_a_line_says_where_it_is_written():
    graph = digits()
    node = next(node for node in graph.nodes if node.op.name == "softmax")
    text = graph.why(node)
    assert "written inside d_a2" in text
    assert text.endswith("used by d_a2")


def test_leaves_and_updates():
    graph = digits_step()
    assert "a parameter" in graph.why("W1_digits")
    assert "an input" in graph.why("image")
    value = next(iter(graph.updates.values()))
    assert "update of W1_digits" in graph.why(value)


def test_a_node_of_another_graph_and_a_name_that_is_none():
    graph = digits()
    assert "not part of this graph" in graph.why(sd.input("elsewhere") * 2)
    with pytest.raises(GraphError, match="no node is called 'nothing'"):
        graph.why("nothing")


def test_a_given_name_is_on_record():
    y = (sd.input("given_x") * 3).named("tripled")
    assert "named tripled there" in sd.Graph({"out": y + 1}).why("tripled")


def test_every_node_has_an_answer():
    for graph in (digits(), digits_step(), decay()):
        for node in graph.nodes:
            assert "used by" in graph.why(node)


def test_a_constant_that_the_derivative_of_another_graph_made_first():
    elsewhere = sd.input("elsewhere", (3,))
    kept = sd.grad(sd.sum(sd.power(elsewhere, 7.03125)), elsewhere)  # 6.03125, which nobody else has
    graph = sd.Graph({"q": sd.sum(6.03125 * sd.input("w", (3,)))})
    answers = [graph.why(node) for node in graph.nodes]
    assert any("with respect to operand elsewhere" in answer for answer in answers), kept
