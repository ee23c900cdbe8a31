"""Every node says which line of the user's it comes from."""

from __future__ import annotations

import inspect

import symdiff as sd
from symdiff.core.naming import assign_names
from symdiff.core.provenance import Origin, inherit, origin_here, rewritten, section
from symdiff.core.traversal import substitute, toposort, with_inputs


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_the_users_line_whichever_way_a_node_is_made() -> None:
    x = sd.input("provenance", (4, 3))
    for make in (
        lambda: x + 1,
        lambda: x.sum(),
        lambda: x[1:],
        lambda: sd.mean(x, 0),
        lambda: sd.softmax(x),
        lambda: x @ x.T,
    ):
        node = make()
        assert node.origin.file == __file__
        assert node.origin.line == make.__code__.co_firstlineno
        assert node.origin.place == f"test_provenance.py:{node.origin.line}"
        assert node.origin.section == "forward"


def test_equal_nodes_keep_both_origins() -> None:
    x = sd.input("provenance", (4, 3))
    first = sd.cos(x)
    second = sd.cos(x)
    assert first is second
    assert [origin.line for origin in first.origins] == [line() - 3, line() - 2]


def test_an_input_is_known_by_the_line_that_declared_it_last() -> None:
    x = sd.input("provenance_leaf", (4, 3))
    made = line() - 1
    assert sd.input("provenance_leaf", (4, 3)) is x
    assert [origin.line for origin in x.origins] == [line() - 1, made]


def test_provenance_is_no_part_of_identity() -> None:
    x = sd.input("provenance", (4, 3))
    with inherit(Origin("model.py", 3)):
        inside = sd.sin(x)
    assert inside is sd.sin(x)
    assert inside.origin.place == "model.py:3"


def test_a_sweep_sets_the_origin_of_each_node_in_turn() -> None:
    with inherit() as context:
        assert origin_here().line == line()  # none is set yet: the user's
        for number in (3, 4):
            context.origin = Origin("model.py", number)
            assert origin_here() is context.origin
            with inherit(Origin("inner.py", 5)):
                assert origin_here().place == "inner.py:5"
    assert origin_here().line == line()


def test_sections() -> None:
    with section("update"):
        node = sd.input("provenance", (4, 3)) * 0.125
    assert node.origin.section == "update"
    assert node.origin.line == line() - 2


def test_names_from_assignments() -> None:
    x = sd.input("x", (4, 3))
    hidden = sd.tanh(x * 3)
    score = sd.sum(hidden) + 1
    names = assign_names(toposort([score]), {"out": score})
    assert names[hidden] == "hidden"
    assert names[x] == "x"
    assert names[score] == "out"


def test_a_name_of_ones_own_comes_first() -> None:
    x = sd.input("x", (4, 3))
    hidden = sd.tanh(x * 5).named("layer_1")
    assert assign_names(toposort([hidden]), {})[hidden] == "layer_1"


def test_names_are_unique_identifiers() -> None:
    x = sd.input("x")
    lambda_ = sd.exp(x * 7).named("lambda")
    also = sd.log(lambda_).named("lambda_")
    names = assign_names(toposort([also]), {})
    assert all(name.isidentifier() for name in names.values())
    assert len(set(names.values())) == len(names)
    assert names[lambda_] == "lambda_"


def test_many_nodes_of_one_kind_are_named_apart() -> None:
    x = sd.input("x")
    y = sum((sd.sin(x * float(k)) for k in range(2_000)), x)
    names = assign_names(toposort([y]), {})
    assert len(set(names.values())) == len(names)


def test_rewrites_are_on_record_once() -> None:
    origin = rewritten(rewritten(Origin("model.py", 3), "add-zero"), "fold")
    assert origin.rewrites == ("add-zero", "fold")
    assert rewritten(origin, "fold") is origin


def test_rebuilding_keeps_origins() -> None:
    x, y = sd.input("x"), sd.input("y")
    node = sd.exp(x * 9)
    moved = with_inputs(node, [y])
    assert moved.origin.line == node.origin.line
    (replaced,) = substitute([sd.sin(node)], {x: y})
    assert replaced is sd.sin(sd.exp(y * 9))


def test_many_origins_stay_in_order_each_once_and_belong_to_one_node() -> None:
    for count in (3, 30):
        x, y, z = sd.input("x"), sd.input(f"y{count}"), sd.input("z")
        node = sd.sin(x * count)
        origins = [node.origin, *(Origin("model.py", number) for number in range(count))]
        for origin in (*origins, *origins):
            node.add_origin(origin)
        assert list(node.origins) == origins
        moved, other = with_inputs(node, [y]), Origin("elsewhere.py", 1)
        assert list(moved.origins) == origins
        moved.add_origin(other)
        assert list(moved.origins) == [*origins, other] and list(node.origins) == origins
        assert with_inputs(sd.sin(z * count), [y]) is moved  # equal nodes keep both
        assert list(moved.origins)[: count + 2] == [*origins, other] and len(moved.origins) == count + 3


def test_the_order_of_a_graph_is_that_of_a_walk_down_its_inputs_from_left_to_right() -> None:
    x, y, z = sd.input("x"), sd.input("y"), sd.input("z")
    product, total = x * y, z + x
    last = sd.maximum(product, total) * product
    assert toposort([last]) == [x, y, product, z, total, last.inputs[0], last]
    assert toposort([total, last, total], stop=[product]) == [z, x, total, last.inputs[0], last]
    assert toposort([product], stop=[product]) == []


def test_rebuilding_on_inputs_of_another_type_asks_the_shape_rule() -> None:
    x, small, wide = sd.input("x", (3,)), sd.input("y", (3,), dtype="float32"), sd.input("z", (2, 3))
    for other in (small, wide):
        moved = with_inputs(sd.exp(x), [other])
        assert moved is sd.exp(other) and moved.type == other.type
    assert with_inputs(x + x, [x, wide]).shape == (2, 3)
