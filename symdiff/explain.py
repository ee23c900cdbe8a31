"""What was decided on the way from a graph to its program: kernels, why each ends where it ends, and memory."""

from __future__ import annotations

from collections.abc import Iterator

from .emit.driver import peak, section_of
from .emit.module import Module
from .lower.ir import CheckRange, Copy, Gemm, Step
from .runtime import blas


def explained(module: Module) -> str:
    """The steps of a program in order, with the reason for each kernel, and the peak of its workspace."""
    return "\n".join(_lines(module))


def _lines(module: Module) -> Iterator[str]:
    program = module.program
    calls = sum(call is not None for call in module.calls)
    products = sum(isinstance(step, Gemm) for step in program.steps)
    yield f"{program.name}: {len(program.steps)} steps, {products} products ({blas.provider()}), {calls} kernel calls"
    yield f"kernels  {len(module.kernels)} different"
    values = sum(buffer.role == "work" for buffer in program.work)
    yield f"memory   {peak(program)} bytes of workspace in {len(program.slots)} slots, {values} values in them"
    section = ""
    for step, call in zip(program.steps, module.calls, strict=True):
        now = section_of(step)
        if now != section:
            yield now
            section = now
        yield f"  {_described(step, call.name if call else '')}"


def _described(step: Step, call: str) -> str:
    if isinstance(step, Gemm):
        sizes = f"{step.m} x {step.k} x {step.n}"
        return f"{'product':<32} {step.out.name} = {step.a.name} @ {step.b.name}, {sizes}   {step.node.origin.place}"
    if isinstance(step, Copy):
        return f"{'copy':<32} {step.target.name} = {step.source.name}"
    if isinstance(step, CheckRange):
        return f"{call:<32} {step.call.buffers[0].name} in range of {step.size}"
    return f"{call:<32} starts a kernel: {step.reason}"
