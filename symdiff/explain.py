"""What was decided on the way from a graph to its program: kernels, why each ends where it ends, and memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .core.dim import Dim, evaluate
from .emit.driver import is_again, peak, sections
from .emit.module import Module
from .lower.memory import bytes_of
from .lower.program import (
    Buffer,
    CheckRange,
    Choice,
    Copy,
    Gemm,
    KernelCall,
    Program,
    Repetition,
    Step,
    all_steps,
    programs_in,
)
from .runtime import blas


def explained(module: Module, sizes: Mapping[str, int] | None = None) -> str:
    """The steps of a program in order, with the reason for each kernel, and the peak of its workspace: in numbers for
    ``sizes``, if these are known."""
    return "\n".join(_lines(module, sizes))


def _lines(module: Module, sizes: Mapping[str, int] | None) -> Iterator[str]:
    program = module.program
    steps = list(all_steps(program))
    products = sum(isinstance(step, Gemm) for step in steps)
    calls = f"{products} products ({blas.provider()}), {len(module.calls)} kernel calls"
    yield f"{program.name}: {len(steps)} steps, {calls}"
    yield f"kernels  {len(module.kernels)} different"
    yield from _memory(program, program.recomputed.sizes if program.recomputed else sizes)
    section = ""
    for now, step in zip(sections(program), program.steps, strict=True):
        if now != section:
            yield now
            section = now
        yield from _step(step, module, "  ")


def _step(step: Step, module: Module, indent: str) -> Iterator[str]:
    """A step, and those inside it."""
    call = module.calls.get(step)
    again = is_again(step, module.program)
    yield indent + (_repeated(step, module.program) if again else _described(step, call.name if call else ""))
    for program in programs_in(step):
        for inner in program.steps:
            yield from _step(inner, module, f"{indent}    ")


def _memory(program: Program, sizes: Mapping[str, int] | None) -> Iterator[str]:
    """The peak: the workspace, what else a call needs, and what recomputation saved."""
    values = sum(buffer.role == "work" for buffer in program.work)
    slots = f"{len(program.slots)} slots, {values} values in them"
    yield f"memory   {peak(program)} bytes of workspace in {slots}{_in_numbers(peak(program), sizes)}"
    outside = (("inputs", program.inputs), ("parameters", program.params), ("outputs", program.outputs.values()))
    listed = [f"{what} {size}" for what, buffers in outside if (size := _bytes(buffers)) != 0]
    whole = sum((_bytes(buffers) for _, buffers in outside), peak(program))
    yield f"         {whole} with {', '.join(listed) or 'nothing else'}{_in_numbers(whole, sizes)}"
    done = program.recomputed
    if done is not None and done.steps:
        more = f"{100 * done.more / done.operations:.0f}% more operations"
        yield f"again    {len(done.steps)} steps are taken again, {more}: {done.after} bytes of workspace"
        yield f"         instead of {done.before}, for memory_budget={done.budget}"


def _repeated(step: Step, program: Program) -> str:
    """A step that is taken again, by the values that it makes."""
    nodes = (step.node,) if isinstance(step, Gemm) else step.results if isinstance(step, KernelCall) else ()
    names = [program.graph.names.get(program.stands_for.get(node, node), node.op.name) for node in nodes]
    return f"{'again, to save memory':<32} {', '.join(names)}"


def _bytes(buffers: Iterable[Buffer]) -> int | Dim:
    total: int | Dim = 0
    for buffer in {buffer.storage: buffer for buffer in buffers}.values():
        total = total + bytes_of(buffer)
    return total


def _in_numbers(size: int | Dim, sizes: Mapping[str, int] | None) -> str:
    if isinstance(size, int) or sizes is None:
        return ""
    at = ", ".join(f"{name} = {sizes[name]}" for name in sorted(size.names))
    return f": {evaluate(size, sizes)} at {at}"


def _described(step: Step, call: str) -> str:
    if isinstance(step, Gemm):
        sizes = f"{step.m} x {step.k} x {step.n}"
        return f"{'product':<32} {step.out.name} = {step.a.name} @ {step.b.name}, {sizes}   {step.node.origin.place}"
    if isinstance(step, Copy):
        return f"{'copy':<32} {step.target.name} = {step.source.name}"
    if isinstance(step, CheckRange):
        return f"{call:<32} {step.call.buffers[0].name} in range of {step.size}"
    if isinstance(step, Repetition):
        often = "for as long as a condition holds" if step.condition is not None else f"{step.length} times"
        return f"{'loop':<32} {often}   {step.node.origin.place}"
    if isinstance(step, Choice):
        return f"{'choice':<32} by {step.holds.name}   {step.node.origin.place}"
    return f"{call:<32} starts a kernel: {step.reason}"
