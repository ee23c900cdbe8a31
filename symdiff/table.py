"""A program as a table of native steps over an array of slots.

The table never changes: a step's words are numbers of slots. What differs from call to call (addresses, sizes) is in
the slots. A table is built once for a program, slots once for each set of sizes it is called with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from .core.dim import Dim, product
from .core.types import Shape
from .cut import Cut, cuts_of
from .emit.module import EmittedKernel, Module
from .lower.cost import cost_of
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
    Rows,
    Step,
    Storage,
    all_steps,
    written,
)
from .runtime import blas, driver, gemm, native, repeat, team
from .runtime.layout import address_of
from .shares import COUNTS, STAYS, Distance, Memory, Move, Pieces, Share, place, runs

Array = np.ndarray[Any, Any]
RESERVED = 3  # slots for the report of a failed step, and for what no step reads
UNREAD = 2
KERNEL_GRAIN = 16  # rows of a kernel that stay together: a cache line of the narrowest
PRODUCT_GRAIN = 32  # rows or columns of a product that stay together: a tile of the widest
PRODUCT_SPEED, VECTOR_SPEED = 8, 2  # operations of a product in the time of one on the elements of arrays
USUAL_BATCH = 128
NO_LIMIT = 1 << 62  # steps of a loop that ends by itself


class Slots:
    """Numbers for everything a step's words can name: storages by identity, sizes by value."""

    def __init__(self) -> None:
        self.storages: dict[Storage, int] = {}
        self.sizes: dict[int | Dim, int] = {}
        self.pieces: dict[Pieces, int] = {}
        self.count = RESERVED
        self.records: list[int] = []  # addresses of float64 arrays, one for each result of a training step
        self.cursor = UNREAD  # the position in these arrays

    def storage(self, buffer: Buffer) -> int:
        return self._slot(self.storages, buffer.storage)

    def size(self, value: int | Dim) -> int:
        return self._slot(self.sizes, value)

    def number_of(self, pieces: Pieces) -> int:
        return self._slot(self.pieces, pieces)

    def new(self) -> int:
        """A slot that nothing else uses."""
        self.count += 1
        return self.count - 1

    def _slot(self, known: dict[Any, int], key: Any) -> int:
        if key not in known:
            known[key] = self.new()
        return known[key]


class Table:
    """The steps of a module as int64 words; ``slots`` says what each slot must hold."""

    def __init__(self, module: Module) -> None:
        self.slots = Slots()
        calls = [step for step in all_steps(module.program) if isinstance(step, KernelCall) and team.can_share()]
        self.cuts = cuts_of(calls)
        self.inside: dict[Program, Array] = {}  # the tables that steps of this one run
        self.reports: dict[Step, int] = {}  # for these steps, the slot of the status of the step inside that failed
        self.native = dict(_done_natively(all_steps(module.program)))
        called = {step: kernel for step, kernel in module.calls.items() if step not in self.native}
        kernels = [kernel for kernel in module.kernels if kernel in called.values()]
        compiled = dict(zip(kernels, self._compiled(kernels, module.program), strict=True))
        self.addresses = {step: compiled[kernel] for step, kernel in called.items()}
        self.steps = self._together(module.program)
        self._recording: list[list[int]] = []
        if is_training(module.program):
            self.steps += self.recording(module.program)
        self.words = packed(self.steps)

    def recording(self, program: Program) -> list[list[int]]:
        """The steps that put the results, which are numbers, on record at the cursor."""
        if not self._recording:
            self.slots.cursor = self.slots.new()
            self._recording = [self._record(output) for output in program.outputs.values()]
        return self._recording

    def _step(self, step: Step) -> list[int]:
        address = self.addresses.get(step, 0)
        if isinstance(step, Repetition):
            return self._repetition(step)
        if isinstance(step, Choice):
            return self._choice(step)
        if isinstance(step, Copy):
            words = [self.slots.storage(step.source), self.slots.storage(step.target)]
            return [driver.builtin("copy"), *words, self.slots.size(bytes_of(step.target))]
        if isinstance(step, CheckRange):
            return [address, *self._call(step.call)]
        if isinstance(step, Gemm):
            return [driver.builtin(f"gemm_{step.out.dtype.name}"), *self._product_words(step)]
        if step in self.native:
            address, functions = self.native[step]
            return [address, *self._native_words(step, functions)]
        return [address, *self._call(step)]

    def _together(self, program: Program) -> list[list[int]]:
        """The steps of a program, each at its place; one that is done together with a step before it leaves one there
        that shares out nothing."""
        shared = zip(program.steps, runs([self._ways(step) for step in program.steps]), strict=True)
        return [self._step(step) if run is None else self._split(run) for step, run in shared]

    def _repetition(self, step: Repetition) -> list[int]:
        """A loop; words as in runtime/repeat.py."""
        slots, most = self.slots, NO_LIMIT if step.length is None else step.length
        words = {
            "count": slots.size(most),
            "counted": self._slot(step.count),
            "holds": self._slot(step.holds),
            "trips": self._slot(step.trips),
            "reverse": int(step.reverse),
            "report": slots.new(),
        }
        words["table"], words["steps"] = self._inside(step.body)
        words["condition"], words["condition_steps"] = self._inside(step.condition) if step.condition else (0, 0)
        self.reports[step] = words["report"]
        rows = [number for one in step.rows for number in self._row(one)]
        return [repeat.loop(), *(words[name] for name in repeat.LOOP_WORDS), len(step.rows), *rows]

    def _row(self, rows: Rows) -> list[int]:
        row, whole = self.slots.storage(rows.row), self.slots.storage(rows.whole)
        return [row, whole, self.slots.size(bytes_of(rows.row)), int(rows.fresh)]

    def _choice(self, step: Choice) -> list[int]:
        self.reports[step] = self.slots.new()
        tables = [*self._inside(step.yes), *self._inside(step.no)]
        return [repeat.choice(), self.slots.storage(step.holds), *tables, self.reports[step]]

    def _inside(self, program: Program) -> tuple[int, int]:
        """The address of the table of a program inside, and the number of its steps."""
        ways = [self._ways(step)[:1] for step in program.steps]
        steps = [self._split(way) if way else self._step(step) for step, way in zip(program.steps, ways, strict=True)]
        self.inside[program] = packed(steps)
        return address_of(self.inside[program]), len(steps)

    def _slot(self, buffer: Buffer | None) -> int:
        return 0 if buffer is None else self.slots.storage(buffer)

    def _ways(self, step: Step) -> list[Share]:
        """How threads may share a step, the best way first."""
        if not team.can_share():
            return []
        ways: list[Share] = []
        if isinstance(step, Gemm) and blas.provider() == "own":  # the others have threads of their own
            ways = self._cut_product(step)
        elif isinstance(step, KernelCall) and step in self.native:
            ways = self._cut_native(step)
        elif isinstance(step, KernelCall) and step in self.cuts:
            ways = [self._cut_kernel(step, self.cuts[step])]
        return [way for way in ways if len(way.words) <= team.MOST_WORDS]

    def _cut_kernel(self, call: KernelCall, cut: Cut) -> Share:
        rows, moves, memory = call.sizes[cut.size], [STAYS] * len(call.sizes), []
        moves[cut.size] = COUNTS
        changed = {buffer.storage for buffer in written(call)}
        for param, buffer, apart in zip(call.kernel.params, call.buffers, cut.apart, strict=True):
            moves.append(STAYS if apart is None else Move(apart))
            moves += [STAYS] * sum(isinstance(step, Dim) for step in _steps(param.shape))
            memory.append(Memory(place(buffer), None if cut.across else apart, buffer.storage in changed))
        pieces = Pieces(((cut.cost, 1),), rows, KERNEL_GRAIN)
        return Share(self.addresses[call], self._call(call), moves, memory, pieces)

    def _split(self, run: Sequence[Share]) -> list[int]:
        """The step that shares out others, if there are any."""
        slots = self.slots
        if not run:
            zero = slots.size(0)
            return [team.split(), team.board(), zero, 1, zero, 0]
        pieces = run[0].pieces
        pieces = pieces._replace(costs=tuple(cost for share in run for cost in share.pieces.costs))
        words = [team.split(), team.board(), slots.size(pieces.rows), pieces.grain, slots.number_of(pieces), len(run)]
        for share in run:
            words += [share.address, len(share.words), *share.words, *map(self._move, share.moves)]
        return words

    def _move(self, move: Move) -> int:
        if move == STAYS:
            return team.WHOLE
        slot = self.slots.size(move.each)
        return team.counts(slot) if move.counts else slot

    def _record(self, output: Buffer) -> list[int]:
        """A result as a float64, so that nobody has to ask for its dtype."""
        self.slots.records.append(self.slots.new())
        words = [self.slots.storage(output), self.slots.records[-1], self.slots.cursor]
        return [driver.builtin(_record_name(output)), *words]

    def _call(self, call: KernelCall) -> list[int]:
        words = [self.slots.size(size) for size in call.sizes]
        for param, buffer, shape in zip(call.kernel.params, call.buffers, call.shapes(), strict=True):
            words.append(self.slots.storage(buffer))
            steps = zip(_steps(param.shape), _steps(shape), strict=True)
            words += [self.slots.size(step) for known, step in steps if isinstance(known, Dim)]
        return words

    def _native_words(self, call: KernelCall, functions: Sequence[int]) -> list[int]:
        """Of a routine that a native step does; words as in runtime/lapack_steps.py and runtime/convolution.py."""
        whole = () if call.shared is None else call.shared.whole
        numbers = [self.slots.size(number) for number in (*functions, *call.sizes, *whole)]
        return [*numbers, *map(self.slots.storage, call.buffers)]

    def _cut_native(self, call: KernelCall) -> list[Share]:
        address, functions = self.native[call]
        shared = call.shared
        if shared is None:
            return []
        words = self._native_words(call, functions)
        moves = [STAYS] * (len(words) - len(call.buffers))
        moves[len(functions) + shared.size] = COUNTS
        moves += [Move(d * buffer.dtype.itemsize) for d, buffer in zip(shared.distances, call.buffers, strict=True)]
        changed = {buffer.storage for buffer in written(call)}
        memory = [Memory(place(buffer), None, buffer.storage in changed) for buffer in call.buffers]
        # each piece prepares its operands anew, so there is one for each thread
        pieces = Pieces(((cost_of(call), PRODUCT_SPEED),), call.sizes[shared.size], shared.grain, each=1)
        return [Share(address, words, moves, memory, pieces)]

    def _product_words(self, step: Gemm) -> list[int]:
        size, lda, ldb = self.slots.size, step.m if step.transpose_a else step.k, step.k if step.transpose_b else step.n
        return [
            size(blas.gemm_address(step.out.dtype.name)),
            size(int(step.transpose_a)),
            size(int(step.transpose_b)),
            *map(size, (step.m, step.n, step.k)),
            self.slots.storage(step.a),
            size(lda),
            self.slots.storage(step.b),
            size(ldb),
            size(0),
            self.slots.storage(step.out),
            size(step.n),
            *map(size, (step.count, step.stride_a, step.stride_b, step.m * step.n)),
        ]

    def _cut_product(self, step: Gemm) -> list[Share]:
        """A product is cut between its matrices, or by the columns or rows of its result. By rows costs more where
        there are many columns, so it has to be asked for: by what follows, for the rows of a weight."""
        if step.count != 1:
            distances = {"a": step.stride_a, "b": step.stride_b, "c": step.m * step.n}
            return [self._cut_along(step, "count", step.count, 1, distances)]
        by_columns = {"b": step.k if step.transpose_b else 1, "c": 1}
        by_rows = {"a": 1 if step.transpose_a else step.k, "c": step.n}
        columns = self._cut_along(step, "n", step.n, PRODUCT_GRAIN, by_columns)
        rows = self._cut_along(step, "m", step.m, PRODUCT_GRAIN, by_rows)
        if not _is_wide(step):
            return [rows]
        return [columns, rows] if isinstance(step.m, int) else [columns]

    def _cut_along(
        self, step: Gemm, along: str, rows: int | Dim, grain: int, distances: Mapping[str, Distance]
    ) -> Share:
        words = self._product_words(step)
        moves, memory = [STAYS] * len(words), []
        moves[gemm.WORDS.index(along)] = COUNTS
        for name, buffer in (("a", step.a), ("b", step.b), ("c", step.out)):
            apart = distances.get(name)
            if apart is not None:
                apart = apart * buffer.dtype.itemsize
                moves[gemm.WORDS.index(name)] = Move(apart)
            memory.append(Memory(place(buffer), None if along == "n" else apart, name == "c"))
        speed = VECTOR_SPEED if 1 in (step.m, step.n) else PRODUCT_SPEED  # with a vector, memory sets the pace
        address = driver.builtin(f"gemm_{step.out.dtype.name}")
        return Share(address, words, moves, memory, Pieces(((cost_of(step), speed),), rows, grain))

    def _compiled(self, kernels: Sequence[EmittedKernel], program: Program) -> list[int]:
        """Addresses of kernels."""
        wanted = [native.Wanted(k.name, k.digest, k.signature, k.source) for k in kernels]
        return native.kernel_addresses(wanted, meanwhile=self._written(program))

    def _written(self, program: Program) -> Iterator[Callable[[], object]]:
        """What makes the functions that are not kernels and that this program needs."""
        yield driver.run
        steps = list(all_steps(program))
        own = [step for step in steps if isinstance(step, Gemm) and blas.provider() == "own"]
        for dtype in dict.fromkeys(step.out.dtype.name for step in own):
            yield partial(gemm.step_address, dtype)
        natively = any(isinstance(step, KernelCall) and step.shared for step in steps)
        if self.cuts or ((own or natively) and team.can_share()):
            yield team.split
        if any(isinstance(step, Repetition) for step in steps):
            yield repeat.loop
        if is_training(program):
            for name in dict.fromkeys(map(_record_name, program.outputs.values())):
                yield partial(driver.builtin, name)


def _done_natively(steps: Iterable[Step]) -> Iterator[tuple[Step, tuple[int, tuple[int, ...]]]]:
    """Routines that a native step does, with its address and those of the functions that are called there."""
    for step in steps:
        if isinstance(step, KernelCall) and step.native:
            from .runtime import convolution, lapack_steps  # which few programs need

            room = convolution if step.native in convolution.STEPS else lapack_steps
            found = room.step_address(step.native, step.buffers[0].dtype.name)
            if found is not None:
                yield step, found


def _is_wide(step: Gemm) -> bool:
    """Whether to cut a product by columns: where rows are few or as many as a batch has, and columns are many."""
    if not isinstance(step.n, int):
        return isinstance(step.m, int) and step.m < PRODUCT_GRAIN
    rows = step.m if isinstance(step.m, int) else USUAL_BATCH
    return step.n >= rows


def _record_name(output: Buffer) -> str:
    return f"record_{output.dtype.name}"


def _steps(shape: Shape) -> list[int | Dim]:
    """How many elements lie between neighbours along each axis."""
    return [product(shape[axis + 1 :]) for axis in range(len(shape))]


def is_training(program: Program) -> bool:
    """Whether a program is a training step: it updates parameters, and what it gives are numbers."""
    return bool(program.graph.updates) and not any(buffer.shape for buffer in program.outputs.values())


def packed(steps: Sequence[Sequence[int]]) -> Array:
    """Steps, each an address and its words, as one array for the driver."""
    words = [word for step in steps for word in (step[0], len(step) - 1, *step[1:])]
    return np.array(words, np.int64)
