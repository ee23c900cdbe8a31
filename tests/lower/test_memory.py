"""The memory plan: who shares memory with whom, and when a result may not be written over its operand."""

from __future__ import annotations

import pytest

import symdiff as sd
from symdiff.core.dim import Dim, evaluate
from symdiff.core.types import FLOAT64, INT64
from symdiff.lower.inplace import accesses, can_overwrite
from symdiff.lower.ir import Accumulate, Accumulator, Combine, Const, Kernel, Load, Loop, Param, Store, Var
from symdiff.lower.memory import assign_slots, bytes_of
from symdiff.lower.program import Buffer, Gemm, Program, Storage
from tests.emit.three_ways import assert_three_ways, some_values
from tests.lower.support import N, products, program

x = sd.input("x", (N, 6))
w = sd.input("w", (6, 6))
places = sd.input("places", (N,), dtype="int64")


def maps_in_place(found: Program) -> bool:
    """Whether the value after the first product lives where the product was."""
    first, last = products(found)
    return last.a.storage is first.out.storage


# -- in place, and when not

hidden = x @ w
IN_PLACE = {
    "same element": sd.tanh(hidden) * 2,
    "with a bias": sd.relu(hidden + w[0]),
    "after its row was reduced": hidden - sd.sum(hidden, 1, keepdims=True),
    "softmax": sd.softmax(hidden),
}
NOT_IN_PLACE = {
    "neighbours": sd.concat([hidden[:, 1:] + hidden[:, :-1], hidden[:, :1]], 1),
    "reversed": sd.exp(sd.flip(hidden, 1)) + hidden,
    "one element": hidden * 2 + hidden[:, :1],
    "gathered columns": sd.take(hidden, [0, 1, 2, 2, 1, 0], axis=1) + hidden,
}


@pytest.mark.parametrize("case", IN_PLACE)
def test_in_place(case: str) -> None:
    assert maps_in_place(program(IN_PLACE[case] @ w))
    check(IN_PLACE[case] @ w)


@pytest.mark.parametrize("case", NOT_IN_PLACE)
def test_not_in_place(case: str) -> None:
    assert not maps_in_place(program(NOT_IN_PLACE[case] @ w))
    check(NOT_IN_PLACE[case] @ w)


def test_not_over_a_transpose() -> None:
    square = w @ w
    value = sd.exp(square.T) + square
    assert not maps_in_place(program(value @ w))
    check(value @ w)


def test_not_over_what_a_later_step_reads() -> None:
    value = sd.tanh(hidden)
    found = program(value @ w, hidden @ w.T)
    assert len({step.a.storage for step in products(found)[1:]}) == 2
    check(value @ w, hidden @ w.T)


def test_not_over_what_is_read_under_another_shape() -> None:
    """The reshape is another name for the same memory, and the first element is read for each element written."""
    square = sd.tanh(w @ w)
    value = sd.exp(sd.reshape(square, (36,)) * 2) + square[0, 0]
    program(sd.take(value, places, axis=0))  # verified: no storage is written under one name and read under another
    check(sd.take(value, places, axis=0))


def test_inputs_are_never_written() -> None:
    found = program(sd.tanh(x) @ w)
    assert products(found)[0].a.role == "work"


def check(*outputs: sd.Node) -> None:
    graph = sd.Graph(list(outputs))
    assert_three_ways(graph, some_values(*graph.inputs, n=3), {"n": 3})


# -- the rule by itself

i, j = Var("i"), Var("j")


def rule(*body: object) -> bool:
    params = (Param("t", FLOAT64, (3, 4)), Param("s", FLOAT64, (3, 4)))
    seen = accesses(Kernel("k", (), params, body))  # type: ignore[arg-type]
    return can_overwrite(seen["t"], seen["s"])


def over(*body: object, columns: int = 4) -> Loop:
    inner = Loop("j", Const(columns, INT64), body)  # type: ignore[arg-type]
    return Loop("i", Const(3, INT64), (inner,))


def load(buffer: str, *index: Var | Const) -> Load:
    return Load(buffer, index, FLOAT64)


store = Store("t", (i, j), load("s", i, j))
zero = Const(0, INT64)


def test_rule_same_element() -> None:
    assert rule(over(store))


def test_rule_stage_before() -> None:
    assert rule(over(Accumulate("a", "+", load("s", i, j))), over(store))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([over(Store("t", (i, j), load("s", j, i)))], id="transposed read"),
        pytest.param([over(Store("t", (i, j), load("s", i, zero)))], id="one element of the row"),
        pytest.param([over(Store("t", (i, Var("at")), load("s", i, Var("at"))))], id="store repeated in a loop"),
        pytest.param([over(store, Accumulate("a", "+", load("s", i, j)))], id="read after the store"),
        pytest.param([over(store), over(Accumulate("a", "+", load("s", i, j)))], id="read in a later stage"),
        pytest.param([over(store, Store("t", (i, j), load("s", i, j)))], id="two stores"),
        pytest.param([over(store, Store("s", (i, j), load("t", i, j)))], id="source is written"),
        pytest.param([over(Combine("t", (i, j), "+", load("s", i, j)))], id="accumulation"),
        pytest.param([over(store, Combine("t", (i, j), "+", load("s", i, j)))], id="store and accumulation"),
        pytest.param([over(Accumulate("a", "+", load("s", i, j)), columns=3), store], id="store outside the loops"),
    ],
)
def test_rule_refuses(body: list[object]) -> None:
    assert not rule(Accumulator("a", Const(0.0, FLOAT64)), *body)


# -- slots


def slot_bytes(found: Program, n: int) -> int:
    return sum(evaluate(size, {"n": n}) for size in found.slots)


def test_storages_never_needed_together_share_a_slot() -> None:
    """Ten layers need the memory of two, whatever the batch size is."""
    value = x
    for _ in range(10):
        value = value @ w
    found = program(value)
    assert [str(size) for size in found.slots] == ["48*n", "48*n"]
    assert len({buffer.storage for buffer in found.work}) == 10


def test_a_slot_grows_to_the_largest_user() -> None:
    wide = sd.input("wide", (6, 50))
    found = program(((x @ w) @ w @ wide) @ wide.T @ w)
    assert sorted(map(str, found.slots)) == ["400*n", "48*n"]


def test_sizes_that_cannot_be_compared_do_not_share() -> None:
    m = sd.dim("m")
    z = sd.input("z", (m, 6))
    found = program(((x @ w) @ w) @ w, ((z @ w) @ w) @ w)
    assert {name for size in found.slots if isinstance(size, Dim) for name in size.names} == {"m", "n"}
    assert all(len(size.names) == 1 for size in found.slots if isinstance(size, Dim))


def test_outputs_and_leaves_have_memory_of_their_own() -> None:
    p = sd.param("p", (6, 6))
    found = program(sd.tanh(x @ p), updates={p: p * 2})
    assert {buffer.role for buffer in found.outputs.values()} == {"output"}
    assert not found.slots or all(buffer.role == "work" for buffer in found.work if buffer.storage.slot >= 0)


def test_equal_outputs_are_arrays_of_their_own() -> None:
    found = program(sd.tanh(x), sd.tanh(x), x, x)
    assert len({buffer.storage for buffer in found.outputs.values()}) == 4
    assert len({buffer.name for buffer in found.outputs.values()}) == 4


def test_assign_slots_by_hand() -> None:
    """a lives in steps 0-1, b in 1-2, c in 2-3: a and c share."""

    def work(name: str, *shape: int) -> Buffer:
        return Buffer(name, FLOAT64, shape, Storage("work"))

    a, b, c = work("a", 2, 2), work("b", 3, 3), work("c", 4, 4)
    given = Buffer("x", FLOAT64, (2, 2), Storage("input", 0))

    def product(left: Buffer, out: Buffer) -> Gemm:
        return Gemm(left, given, out, False, False, 0, 0, 0, 1, 0, 0, hidden)

    slots = assign_slots([product(given, a), product(a, b), product(b, c), product(c, given)], [a, b, c])
    assert (a.storage.slot, b.storage.slot, c.storage.slot) == (0, 1, 0)
    assert slots == [bytes_of(c), bytes_of(b)]


# -- requirements


@pytest.mark.parametrize(
    ("output", "n", "message"),
    [
        pytest.param(x[2:], 1, "may not be negative|must lie inside", id="slice"),
        pytest.param(x[-1], 0, "must lie inside", id="last element"),
        pytest.param(sd.max(x, 0), 0, "no elements along axis 0", id="largest of none"),
        pytest.param(sd.argmax(x, 0), 0, "no elements along axis 0", id="position of the largest of none"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(output: sd.Node, n: int, message: str) -> None:
    import numpy as np

    f = sd.compile(output, inputs=[x])
    f(np.ones((3, 6)))
    with pytest.raises(sd.ShapeError, match=message):
        f(np.ones((n, 6)))
    f(np.ones((3, 6)))
