"""``memory_budget``: less memory for more time, with the same results to the last bit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.bound import ALIGNMENT
from symdiff.core.dim import evaluate
from symdiff.emit.driver import peak
from symdiff.lower.program import CheckRange, Program
from symdiff.lower.verify import verify_program
from tests.emit.three_ways import some_values

BATCH, WIDTH, LAYERS = 256, 64, 30
SIZES = {"n": BATCH}
n = sd.dim("n")
x = sd.input("x", (n, WIDTH), dtype="float32")
y = sd.input("y", (n,), dtype="int64")
Array = np.ndarray[Any, Any]


def network(layers: int = LAYERS, activation: Callable[[sd.Node], sd.Node] = sd.tanh) -> sd.TrainStep:
    h = x
    for k in range(layers):
        w = sd.param(f"w{k}", (WIDTH, WIDTH), init=sd.init.glorot_uniform(), dtype="float32")
        h = activation(h @ w + sd.param(f"b{k}", (WIDTH,), dtype="float32"))
    return sd.train_step(sd.losses.softmax_cross_entropy(h, y), [x, y], sd.optim.adam(1e-3))


def data(rows: int = BATCH) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((rows, WIDTH)).astype(np.float32), rng.integers(0, WIDTH, rows)


def program_of(compiled: Any) -> Program:
    found: Program = compiled._executor.program
    return found


def workspace(compiled: Any) -> int:
    """Bytes that the last call had allocated for its workspace."""
    (entry,) = compiled._executor._entries.values()
    return sum(memory.nbytes - ALIGNMENT for memory, _ in entry.bound.workspace)


def trained(compiled: sd.CompiledStep, step: sd.TrainStep, steps: int = 4, rows: int = BATCH) -> list[Array]:
    state = step.init(seed=1)
    losses = [compiled(state, *data(rows)).loss for _ in range(steps)]
    return [np.array(losses), *(np.array(state[name]) for name in state)]


@pytest.fixture(scope="module")
def step() -> sd.TrainStep:
    return network()


@pytest.fixture(scope="module")
def free(step: sd.TrainStep) -> tuple[int, list[Array]]:
    """The workspace and the results without a budget."""
    compiled = sd.compile(step)
    results = trained(compiled, step)
    return workspace(compiled), results


# -- the deep network


@pytest.mark.parametrize("share", [1, 0.5, 0.3, 0.2])
def test_the_workspace_keeps_the_budget_and_results_stay(
    share: float, step: sd.TrainStep, free: tuple[int, list[Array]]
) -> None:
    most, expected = free
    budget = int(share * most)
    compiled = sd.compile(step, memory_budget=budget, sizes=SIZES)
    verify_program(program_of(compiled))
    found = trained(compiled, step)
    assert workspace(compiled) == evaluate(peak(program_of(compiled)), SIZES) <= budget
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def test_the_numpy_backend_agrees(step: sd.TrainStep) -> None:
    compiled = sd.compile(step, memory_budget=700_000, sizes=SIZES)
    reference = sd.compile(step, backend="numpy")
    for one, other in zip(trained(compiled, step, 2), trained(reference, step, 2), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-5)


def test_a_smaller_budget_takes_more_steps_again(step: sd.TrainStep, free: tuple[int, list[Array]]) -> None:
    more = []
    for share in (1, 0.5, 0.3):
        done = program_of(sd.compile(step, memory_budget=int(share * free[0]), sizes=SIZES)).recomputed
        assert done is not None
        assert done.before == free[0]
        assert (done.more == 0) == (not done.steps) == (done.after == done.before)
        more.append(done.more / done.operations)
    assert more[0] == 0 < more[1] < more[2] < 0.5


def test_half_the_memory_costs_less_than_half_a_forward_pass(step: sd.TrainStep, free: tuple[int, list[Array]]) -> None:
    """Each layer is taken again at most once: no more than the forward pass, a third of all operations."""
    done = program_of(sd.compile(step, memory_budget=free[0] // 2, sizes=SIZES)).recomputed
    assert done is not None
    assert len(done.steps) < 2 * LAYERS
    assert done.more < 0.25 * done.operations


def test_fit_agrees(step: sd.TrainStep) -> None:
    compiled = [sd.compile(step), sd.compile(step, memory_budget=800_000, sizes=SIZES)]
    states = [step.init(seed=1) for _ in compiled]
    for own, state in zip(compiled, states, strict=True):
        own.fit(state, *data(600), batch_size=BATCH, epochs=2, progress=False)
    one, other = states
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_other_sizes_than_those_of_the_budget(step: sd.TrainStep) -> None:
    compiled = sd.compile(step, memory_budget=700_000, sizes=SIZES)
    for rows in (1, 33, 300):
        expected = trained(sd.compile(step), step, 2, rows)
        assert all(map(np.array_equal, trained(compiled, step, 2, rows), expected))


# -- other graphs


def the_same_in_less(target: dict[str, sd.Node], share: float, rows: int = 50) -> Program:
    """Compiled with a share of the memory it needs: the same outputs, by the code and by the text on NumPy."""
    leaves = [node for node in sd.Graph(target).nodes if node.op.name in ("input", "param")]
    values = some_values(*leaves, n=rows)
    arrays = [values[leaf] for leaf in leaves]
    plain = sd.compile(target, leaves)
    expected = plain(*arrays)
    budget = int(share * evaluate(peak(program_of(plain)), {"n": rows}))
    compiled = sd.compile(target, leaves, memory_budget=budget, sizes={"n": rows})
    found = program_of(compiled)
    verify_program(found)
    results = compiled(*arrays)
    assert workspace(compiled) <= budget
    assert all(np.array_equal(results[name], expected[name]) for name in target)
    names = compiled._executor.module.undecorated()
    by_hand = names[found.name](*arrays, names["workspace"](*[rows] * len(found.sizes)))
    for one, other in zip(by_hand, expected.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)
    return found


z = sd.input("z", (n, 8))
weights = [sd.param(f"u{k}", (8, 8)) for k in range(10)]


def smooth(h: sd.Node) -> sd.Node:
    for u in weights:
        h = sd.tanh(h @ u) + sd.softplus(h)
    return h


def normalised(h: sd.Node) -> sd.Node:
    for u in weights:
        centred = h - sd.mean(h, 1, keepdims=True)
        h = h + sd.relu(centred / sd.sqrt(sd.mean(sd.square(centred), 1, keepdims=True) + 1e-5) @ u)
    return h


def glued(h: sd.Node) -> sd.Node:
    for u in weights:
        h = sd.concat([sd.tanh(h @ u)[:, :4], sd.sin(h[:, 4:])], 1)
    return h


@pytest.mark.parametrize(
    ("model", "share"),
    [
        pytest.param(smooth, 0.6, id="smooth"),
        pytest.param(normalised, 0.6, id="normalised"),
        pytest.param(glued, 0.95, id="glued: concatenations are kept"),
    ],
)
def test_gradients_of_networks(model: Callable[[sd.Node], sd.Node], share: float) -> None:
    loss = sd.sum(sd.square(model(z)))
    found = the_same_in_less({"loss": loss, "d_u0": sd.grad(loss, weights[0]), "d_z": sd.grad(loss, z)}, share)
    assert found.recomputed is not None
    assert found.recomputed.steps


def test_second_derivatives() -> None:
    slope = sd.grad(sd.sum(smooth(z)), z)
    penalty = sd.sum(sd.square(slope))
    found = the_same_in_less({"penalty": penalty, "d_u3": sd.grad(penalty, weights[3])}, 0.7)
    assert found.recomputed is not None
    assert found.recomputed.steps


def test_indices_that_are_computed_are_checked_once() -> None:
    loss = sd.sum(smooth(z))
    picked = sd.take(smooth(z), sd.astype(sd.abs(z[:, 0]), "int64"), axis=0)
    target = {"picked": picked, "d_z": sd.grad(loss + sd.sum(sd.square(picked)), z)}
    found = the_same_in_less(target, 0.8)
    assert found.recomputed is not None
    assert found.recomputed.steps
    checks = [
        sum(isinstance(step, CheckRange) for step in program.steps)
        for program in (found, program_of(sd.compile(target, [z, *weights])))
    ]
    assert checks[0] == checks[1] > 0


def test_a_chain_of_functions_needs_no_memory_to_begin_with() -> None:
    h = z
    for _ in range(12):
        h = sd.sin(h) * 2
    compiled = sd.compile([sd.sum(h), sd.grad(sd.sum(h), z)], memory_budget=10**6, sizes={"n": 10})
    assert program_of(compiled).recomputed.steps == frozenset()


def test_sizes_that_are_numbers_need_no_sizes() -> None:
    a = sd.input("a", (50, 8))
    loss = sd.sum(sd.square(smooth(a)))
    target = [loss, sd.grad(loss, a)]
    leaves = [a, *weights]
    least = program_of(sd.compile(target, leaves))
    compiled = sd.compile(target, leaves, memory_budget=int(0.6 * peak(least)))
    assert peak(program_of(compiled)) <= 0.6 * peak(least)


# -- what people read


def test_explain_and_source_tell_what_is_taken_again() -> None:
    step = network(6)
    compiled = sd.compile(step, memory_budget=400_000, sizes=SIZES)
    done = program_of(compiled).recomputed
    assert done is not None
    text, source = compiled.explain(), compiled.source
    assert re.search(r"memory   1280\*n \+ \d+ bytes of workspace in .*: \d+ at n = 256", text)
    assert f"instead of {done.before}, for memory_budget=400000" in text
    assert f"{len(done.steps)} steps are taken again, {100 * done.more / done.operations:.0f}% more operations" in text
    assert text.count("again, to save memory") == len(done.steps)
    assert source.count("again, to save memory") == len(done.steps)
    assert f"bytes; {len(done.steps)} steps are taken again to save memory" in source
    assert "tanh_1_again" in source


def test_explain_gives_the_peak_in_numbers() -> None:
    step = network(3)
    compiled = sd.compile(step)
    assert " at n" not in compiled.explain()
    trained(compiled, step, 1)
    parts = re.search(r"workspace in .*: (\d+) at n = 256\n.*: (\d+) at n = 256", compiled.explain())
    assert parts is not None
    assert int(parts[1]) == workspace(compiled)
    params = sum(np.asarray(step.init(seed=0)[name]).nbytes for name in step.init(seed=0))
    assert int(parts[2]) == workspace(compiled) + params + sum(array.nbytes for array in data()) + 4


# -- errors


def test_a_budget_out_of_reach() -> None:
    step = network(6)
    with pytest.raises(sd.GraphError, match=r"memory_budget=1000 is too little: .* takes (\d+) bytes at n = 256") as e:
        sd.compile(step, memory_budget=1000, sizes=SIZES)
    least = int(re.search(r"allow (\d+)", str(e.value))[1])  # type: ignore[index]
    assert str(least) in str(e.value)
    assert evaluate(peak(program_of(sd.compile(step, memory_budget=least, sizes=SIZES))), SIZES) <= least
    with pytest.raises(sd.GraphError, match="is too little"):
        sd.compile(step, memory_budget=least - least // 8, sizes=SIZES)


def test_nothing_to_recompute() -> None:
    product = sd.tanh(z @ weights[0]) @ weights[1]
    with pytest.raises(sd.GraphError, match=r"which recomputation cannot reduce.*allow 6400"):
        sd.compile(product, [z, *weights[:2]], memory_budget=6000, sizes={"n": 100})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({}, r"size n is no number.*test_memory_budget.py.*sizes=\{\"n\": 64\}", id="no sizes"),
        pytest.param({"sizes": {"n": 4, "m": 2}}, "there is no size m; symbolic sizes are n", id="unknown size"),
        pytest.param({"sizes": {"n": -1}}, "size n is a whole number above 0, got -1", id="negative size"),
        pytest.param({"sizes": {"n": 2.0}}, "size n is a whole number above 0, got 2.0", id="float size"),
        pytest.param({"backend": "numpy", "sizes": SIZES}, "numpy.*backend='native'", id="numpy"),
    ],
)
def test_arguments_that_make_no_sense(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(sd.GraphError, match=message):
        sd.compile(smooth(z), [z, *weights], memory_budget=100_000, **arguments)


@pytest.mark.parametrize("budget", [0, -5, 1.5, True, "8MB"])
def test_a_budget_is_a_number_of_bytes(budget: Any) -> None:
    with pytest.raises(sd.GraphError, match="memory_budget is a whole number above 0"):
        sd.compile(smooth(z), [z, *weights], memory_budget=budget, sizes=SIZES)


def test_sizes_are_for_a_budget() -> None:
    with pytest.raises(sd.GraphError, match="sizes are those that memory_budget is counted at"):
        sd.compile(smooth(z), [z, *weights], sizes=SIZES)
