"""The verifier finds each fault it is there for, and names the kernel."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.record import replace
from symdiff.core.types import BOOL, FLOAT64, INT64
from symdiff.lower.ir import (
    Accumulate,
    Accumulator,
    Apply,
    Best,
    Check,
    Combine,
    Const,
    Kernel,
    Let,
    Load,
    Loop,
    Param,
    Store,
    Var,
)
from symdiff.lower.lower import lower
from symdiff.lower.program import Buffer, Copy, Gemm, KernelCall, Program, Storage
from symdiff.lower.verify import verify_program
from symdiff.lower.verify_kernel import verify_kernel

FLOAT32 = np.dtype("float32")
i = Var("i")
one, zero = Const(1.0, FLOAT64), Const(0, INT64)
x_i = Load("x", (i,), FLOAT64)


def kernel(*body: object, sizes: tuple[str, ...] = ("n",)) -> Kernel:
    params = (Param("x", FLOAT64, (3,)), Param("y", FLOAT64, (3,)), Param("k", INT64, (3,)))
    return Kernel("faulty", sizes, params, body)  # type: ignore[arg-type]


def over(*body: object, var: str = "i") -> Loop:
    return Loop(var, Const(3, INT64), body)  # type: ignore[arg-type]


def store(value: object, *index: object) -> Store:
    return Store("y", index or (i,), value)  # type: ignore[arg-type]


def test_a_sound_kernel_passes() -> None:
    total = Accumulator("total", Const(0.0, FLOAT64))
    first = over(Let("x_i", x_i), Accumulate("total", "+", Apply("a * a", (Var("x_i", FLOAT64),) * 1, FLOAT64)))
    verify_kernel(kernel(total, first, over(store(Apply("a / b", (x_i, Var("total", FLOAT64)), FLOAT64)))))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param([over(store(Var("v", FLOAT64)))], "v is not defined", id="unknown variable"),
        pytest.param([over(Let("v", x_i)), over(store(Var("v", FLOAT64)))], "v is not defined", id="out of scope"),
        pytest.param([over(Let("v", x_i), Let("v", x_i))], "v is bound a second time", id="bound twice"),
        pytest.param([over(Let("v", x_i)), over(Let("v", x_i))], "v is bound a second time", id="bound in two blocks"),
        pytest.param([over(Let("n", x_i))], "n is bound a second time", id="name of a size"),
        pytest.param([over(Let("x", x_i))], "x is bound a second time", id="name of a buffer"),
        pytest.param([over(over(store(x_i)))], "i is taken", id="loop variable of a loop around"),
        pytest.param([over(store(x_i), var="x")], "x is taken", id="loop variable with the name of a buffer"),
        pytest.param([over(store(x_i, i, i))], "y has 1 axes, 2 were indexed", id="rank of a store"),
        pytest.param([over(store(Load("x", (), FLOAT64)))], "x has 1 axes, 0 were indexed", id="rank of a load"),
        pytest.param([over(store(Load("z", (i,), FLOAT64)))], "z is no parameter", id="unknown buffer"),
        pytest.param([over(store(x_i, one))], "an index of y is float64, not int64", id="index"),
        pytest.param([over(store(Load("k", (i,), INT64)))], "the value is int64, not float64", id="stored dtype"),
        pytest.param([over(store(Load("x", (i,), FLOAT32)))], "x is float32, not float64", id="loaded dtype"),
        pytest.param([over(store(Apply("a + b", (x_i, i), FLOAT64)))], "an operand is int64", id="mixed operands"),
        pytest.param([over(store(Apply("a < b", (x_i, x_i), FLOAT64)))], "'a < b' is float64, not bool", id="result"),
        pytest.param([over(store(Apply("b if a else b", (x_i, x_i), FLOAT64)))], "a condition is float64", id="if"),
        pytest.param([over(Let("v", Apply("a and b", (x_i, x_i), BOOL)))], "a truth value is float64", id="and"),
        pytest.param([over(Let("v", Apply("a / b", (i, i), INT64)))], "a quotient of int64", id="integer quotient"),
        pytest.param([over(Accumulate("t", "+", x_i))], "t is no accumulator", id="accumulator not declared"),
        pytest.param([Let("t", one), over(Accumulate("t", "+", x_i))], "t is no accumulator", id="not an accumulator"),
        pytest.param([Accumulator("t", one), over(Accumulate("t", "+", i))], "value is int64", id="accumulated dtype"),
        pytest.param([over(Best("b", "p", ">", x_i, i))], "b is no accumulator", id="best not declared"),
        pytest.param([over(Combine("k", (i,), "+", x_i))], "the value is float64, not int64", id="combined dtype"),
        pytest.param([over(Check(x_i, i))], "the condition is float64", id="check"),
        pytest.param([Loop("i", one, ())], "the extent is float64", id="extent"),
    ],
)
def test_faulty_kernels(body: list[object], message: str) -> None:
    with pytest.raises(sd.GraphError, match=f"^kernel faulty: .*{message}"):
        verify_kernel(kernel(*body))


def test_two_parameters_with_one_name() -> None:
    with pytest.raises(sd.GraphError, match="two parameters have one name"):
        verify_kernel(kernel(sizes=("x",)))


# -- programs

x, w, b, p = sd.input("x", (sd.dim("n"), 3)), sd.input("w", (3, 3)), sd.input("b", (3,)), sd.param("p", (3,))
at = sd.input("at", (4,), dtype="int64")


def sound() -> Program:
    hidden = sd.tanh(x @ w) @ w + b + sd.take(p, at, axis=0)[0]
    return lower(sd.Graph({"y": hidden @ w.T, "s": sd.sum(x)}, [x, w, at, b], updates={p: p * 2}))


def test_a_sound_program_passes() -> None:
    verify_program(sound())


def broken_order(program: Program) -> None:
    program.steps.reverse()


def missing_maker(program: Program) -> None:
    program.steps[:] = [step for step in program.steps if not isinstance(step, Gemm)]


def missing_output(program: Program) -> None:
    program.outputs["extra"] = Buffer("extra", FLOAT64, (), Storage("output", 9))


def output_in_the_workspace(program: Program) -> None:
    program.outputs["y"] = next(buffer for buffer in program.work if buffer.role == "work")


def product_onto_itself(program: Program) -> None:
    product = next(step for step in program.steps if isinstance(step, Gemm))
    product.out = product.a


def early_update(program: Program) -> None:
    update = next(step for step in program.steps if isinstance(step, KernelCall) and step.buffers[0].role == "param")
    program.steps.remove(update)
    program.steps.insert(0, update)


def written_input(program: Program) -> None:
    program.steps.insert(0, Copy(program.params[0], program.inputs[3]))


def shared_slot(program: Program) -> None:
    for buffer in program.work:
        buffer.storage.slot = 0
    program.slots[:] = [10_000 * sd.dim("n") + 10_000]


def small_slot(program: Program) -> None:
    program.slots[0] = 1


def one_storage_twice(program: Program) -> None:
    program.outputs["s"].storage = program.inputs[0].storage


def other_shape(program: Program) -> None:
    call = next(step for step in program.steps if isinstance(step, KernelCall))
    call.kernel = replace(call.kernel, params=tuple(replace(one, shape=(7, 7)) for one in call.kernel.params))


def unknown_buffer(program: Program) -> None:
    program.work.clear()


def wrong_stride(program: Program) -> None:
    next(step for step in program.steps if isinstance(step, Gemm)).stride_a = 7


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (broken_order, "before anything is written there|before the last check"),
        (missing_maker, "before anything is written there"),
        (missing_output, "output extra is never written"),
        (output_in_the_workspace, "output y is in memory of role work"),
        (product_onto_itself, "product .*: (writes one of its operands|.* elements)"),
        (early_update, "updates p before the last check"),
        (written_input, "writes b, which is input"),
        (shared_slot, "share a slot while both are needed"),
        (small_slot, "is larger than its slot"),
        (one_storage_twice, "which it has twice"),
        (other_shape, "has shape|has 2 axes"),
        (unknown_buffer, "is no buffer of the program"),
        (wrong_stride, "has stride 7"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_faulty_programs(fault: object, message: str) -> None:
    program = sound()
    fault(program)  # type: ignore[operator]
    with pytest.raises(sd.GraphError, match=message):
        verify_program(program)
