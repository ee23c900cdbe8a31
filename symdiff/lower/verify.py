"""The invariants of a program, checked: what emission and the table rely on, and lowering must leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ..core.dim import Dim, never_exceeds, product
from ..core.errors import GraphError
from .flatten import SIZE
from .ir import Combine, Handmade, Kernel, Load, Store
from .memory import bytes_of, first_uses, last_uses
from .merge import is_merged
from .program import (
    Buffer,
    CheckRange,
    Choice,
    Copy,
    Gemm,
    KernelCall,
    Program,
    Repetition,
    Step,
    Storage,
    can_fail,
    programs_in,
    touches,
    written,
)
from .rewrite import expressions, subexpressions, walk
from .verify_kernel import verify_kernel


def verify_program(program: Program) -> None:
    """Check a program. Raises GraphError naming the kernel or step, the statement and the rule that is broken."""
    check = _Check(program)
    for step in program.steps:
        check.step(step)
    check.outputs()
    check.slots()


class _Check:
    def __init__(self, program: Program) -> None:
        self.program = program
        given = (*program.inputs, *program.params, *program.constants)
        self.known = {*given, *program.work, *program.aliases}
        self.filled: set[Storage] = {buffer.storage for buffer in given}
        self.updated: dict[Storage, str] = {}
        self.checks_left = sum(map(can_fail, program.steps))

    # -- steps

    def step(self, step: Step) -> None:
        where = _title(step)
        for buffer in touches(step):
            self._known(buffer, where)
        self.checks_left -= can_fail(step)
        if isinstance(step, CheckRange):
            self._call(step.call, where)
            _require(not written(step) and not _stores(step.call.kernel), where, "a check writes")
        elif isinstance(step, KernelCall):
            self._call(step, where)
        elif isinstance(step, Gemm):
            self._gemm(step, where)
        elif isinstance(step, Copy):
            self._copy(step, where)
        else:
            self._around(step, where)
        for buffer in written(step):
            self._write(buffer, where)

    def _around(self, step: Repetition | Choice, where: str) -> None:
        """A step that runs other programs: these are sound, and what they read is there."""
        outside = {buffer.storage for buffer in written(step)}
        if isinstance(step, Repetition):
            read = [*(rows.whole for rows in step.rows if not rows.fresh), *step.carries, *step.captured]
            read += [] if step.count is None else [step.count]
        else:
            read = [step.holds, *step.captured]
        for buffer in read:
            self._read(buffer, where)
        for program in programs_in(step):
            check = _Check(program)
            check.filled |= {buffer.storage for buffer in read} | {b.storage for b in program.inputs}
            for inner in program.steps:
                check.step(inner)
            for name, buffer in program.outputs.items():
                _require(buffer.storage in check.filled, where, f"{name} is never written")
            inside = {buffer.storage for buffer in program.work if buffer.storage.role == "work"}
            _require(inside <= program.own | outside, where, "a working value has no place in the workspace")

    def _known(self, buffer: Buffer, where: str) -> None:
        _require(buffer in self.known, where, f"{buffer.name} is no buffer of the program")
        _require(buffer.storage.moved_to is None, where, f"{buffer.name} has a storage that was moved elsewhere")
        names = {name for size in buffer.shape if isinstance(size, Dim) for name in size.names}
        _require(names <= set(self.program.sizes), where, f"{buffer.name} has a size that the program does not know")
        stale = buffer in self.program.params and buffer.storage in self.updated
        _require(not stale, where, f"reads {buffer.name}, which {self.updated.get(buffer.storage)} has overwritten")

    def _read(self, buffer: Buffer, where: str) -> None:
        _require(buffer.storage in self.filled, where, f"reads {buffer.name} before anything is written there")

    def _write(self, buffer: Buffer, where: str) -> None:
        _require(buffer.role not in ("input", "constant"), where, f"writes {buffer.name}, which is {buffer.role}")
        if buffer.role == "param":
            _require(not self.checks_left, where, f"updates {buffer.name} before the last check")
            _require(buffer.storage not in self.updated, where, f"updates {buffer.name} a second time")
            self.updated[buffer.storage] = where
        self.filled.add(buffer.storage)

    def _call(self, call: KernelCall, where: str) -> None:
        if isinstance(call.kernel, Handmade):
            self._routine(call, where)
            return
        kernel = call.kernel
        verify_kernel(kernel)
        _require(len(call.sizes) == len(kernel.sizes), where, "another number of sizes than the kernel takes")
        _require(len(call.buffers) == len(kernel.params), where, "another number of buffers than the kernel takes")
        sizes = dict(zip(kernel.sizes, call.sizes, strict=True))
        stores = _stores(kernel)
        for param, buffer in zip(kernel.params, call.buffers, strict=True):
            _require(param.dtype == buffer.dtype, where, f"{param.name} is {param.dtype}, {buffer.name} {buffer.dtype}")
            flat = param.shape == (SIZE,) and product(buffer.shape) == sizes.get("size")
            fits = flat or is_merged(param.shape, buffer.shape)
            _require(fits, where, f"{param.name} has shape {param.shape}, {buffer.name} {buffer.shape}")
            shared = sum(other.storage is buffer.storage for other in call.buffers) > 1
            _require(not (shared and param.name in stores), where, f"writes {param.name}, which it has twice")
            if param.name not in stores or _reads_first(kernel, param.name):
                self._read(buffer, where)

    def _routine(self, call: KernelCall, where: str) -> None:
        _require(len(call.sizes) == len(call.kernel.sizes), where, "another number of sizes than the function takes")
        parts = zip(call.kernel.params, call.buffers, call.views, call.kernel.written, strict=True)
        for param, buffer, view, writes in parts:
            _require(param.dtype == buffer.dtype, where, f"{param.name} is {param.dtype}, {buffer.name} {buffer.dtype}")
            fits = product(view) == product(buffer.shape) and len(view) == len(param.shape)
            _require(fits, where, f"{param.name} is seen as {view}, {buffer.name} has shape {buffer.shape}")
            shared = sum(other.storage is buffer.storage for other in call.buffers) > 1
            _require(not (shared and writes), where, f"writes {param.name}, which it has twice")
            if not writes:
                self._read(buffer, where)

    def _gemm(self, step: Gemm, where: str) -> None:
        self._read(step.a, where)
        self._read(step.b, where)
        _require(step.a.dtype == step.b.dtype == step.out.dtype, where, "dtypes differ")
        _require(step.out.dtype.kind == "f", where, f"BLAS has no {step.out.dtype}")
        _require(step.out.storage not in (step.a.storage, step.b.storage), where, "writes one of its operands")
        a, b, out = step.m * step.k, step.k * step.n, step.m * step.n
        for buffer, stride, matrix in ((step.a, step.stride_a, a), (step.b, step.stride_b, b), (step.out, out, out)):
            _require(stride in (0, matrix), where, f"{buffer.name} has stride {stride}, a matrix has {matrix} elements")
            wanted = matrix if stride == 0 else matrix * step.count
            _require(product(buffer.shape) == wanted, where, f"{buffer.name} has {buffer.shape}, not {wanted} elements")

    def _copy(self, step: Copy, where: str) -> None:
        self._read(step.source, where)
        same = (step.source.dtype, product(step.source.shape)) == (step.target.dtype, product(step.target.shape))
        _require(same, where, "the two differ in dtype or size")
        _require(step.source.storage is not step.target.storage, where, "copies a storage to itself")

    # -- the whole

    def outputs(self) -> None:
        for name, buffer in self.program.outputs.items():
            _require(buffer.role == "output", self.program.name, f"output {name} is in memory of role {buffer.role}")
            _require(buffer.storage in self.filled, self.program.name, f"output {name} is never written")

    def slots(self) -> None:
        """Storages in one slot are never alive together, and fit."""
        first, last = first_uses(self.program.steps), last_uses(self.program.steps)
        users: dict[int, list[tuple[int, int, str]]] = {}
        for storage, buffer in {b.storage: b for b in self.program.work if b.role == "work"}.items():
            _require(storage in first, self.program.name, f"{buffer.name} has memory but nothing touches it")
            size = self.program.slots[storage.slot]
            _require(never_exceeds(bytes_of(buffer), size), self.program.name, f"{buffer.name} is larger than its slot")
            users.setdefault(storage.slot, []).append((first[storage], last[storage], buffer.name))
        for alive in users.values():
            alive.sort()
            for (_, until, one), (since, _, other) in pairwise(alive):
                _require(until < since, self.program.name, f"{one} and {other} share a slot while both are needed")


def _stores(kernel: Kernel) -> set[str]:
    return {statement.buffer for statement in walk(kernel.body) if isinstance(statement, Store | Combine)}


def _reads_first(kernel: Kernel, buffer: str) -> bool:
    """Whether the kernel's first touch of a buffer reads it."""
    return next(touch == "read" for touch, name in _touches(kernel) if name == buffer)


def _touches(kernel: Kernel) -> Iterator[tuple[str, str]]:
    for statement in walk(kernel.body):
        for expr in expressions(statement):
            yield from (("read", part.buffer) for part in subexpressions(expr) if isinstance(part, Load))
        if isinstance(statement, Store | Combine):
            yield ("write" if isinstance(statement, Store) else "read"), statement.buffer


def _title(step: Step) -> str:
    if isinstance(step, CheckRange):
        return f"check of {step.call.buffers[0].name}"
    if isinstance(step, KernelCall):
        return f"kernel {step.kernel.name}"
    if isinstance(step, Repetition | Choice):
        return f"{step.node.op.name} at {step.node.origin.place}"
    if isinstance(step, Gemm):
        return f"product {step.out.name} = {step.a.name} @ {step.b.name}"
    return f"copy {step.target.name} = {step.source.name}"


def _require(holds: bool, where: str, problem: str) -> None:
    if not holds:
        raise GraphError(f"{where}: {problem}")
