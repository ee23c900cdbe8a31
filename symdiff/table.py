"""A program as a table of native steps over an array of slots.

The table never changes: a step's words are numbers of slots. What differs from call to call (addresses, sizes) is in
the slots. A table is built once for a program, slots once for each set of sizes it is called with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .core.dim import Dim, product
from .core.types import Shape
from .cut import Cut, cut_of
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
)
from .runtime import blas, driver, gemm, native, repeat, team
from .runtime.layout import address_of

Array = np.ndarray[Any, Any]
RESERVED = 3  # slots for the report of a failed step, and for what no step reads
UNREAD = 2
KERNEL_GRAIN = 16  # rows of a kernel that stay together: a cache line of the narrowest
PRODUCT_GRAIN = 32  # rows or columns of a product that stay together: a tile of the widest
PRODUCT_SPEED, VECTOR_SPEED = 8, 2  # operations of a product in the time of one on the elements of arrays
USUAL_BATCH = 128
NO_LIMIT = 1 << 62  # steps of a loop that ends by itself


class Pieces(NamedTuple):
    """Into how many pieces to cut a step: it depends on its ``cost``, its ``rows`` and how many stay together.
    ``speed`` is how many of its operations are done in the time of one operation on the elements of arrays."""

    cost: int | Dim
    rows: int | Dim
    grain: int
    speed: int = 1


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
        self.cuts = {call: cut for call in calls if (cut := cut_of(call)) is not None}
        self.inside: dict[Program, Array] = {}  # the tables that steps of this one run
        self.reports: dict[Step, int] = {}  # for these steps, the slot of the status of the step inside that failed
        self.native = dict(_done_natively(all_steps(module.program)))
        called = {step: kernel for step, kernel in module.calls.items() if step not in self.native}
        kernels = [kernel for kernel in module.kernels if kernel in called.values()]
        compiled = dict(zip(kernels, self._compiled(kernels, module.program), strict=True))
        self.addresses = {step: compiled[kernel] for step, kernel in called.items()}
        self.steps = [self._step(step) for step in module.program.steps]
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
        if isinstance(step, Gemm):
            return self._gemm(step)
        if isinstance(step, Copy):
            words = [self.slots.storage(step.source), self.slots.storage(step.target)]
            return [driver.builtin("copy"), *words, self.slots.size(bytes_of(step.target))]
        if isinstance(step, CheckRange):
            return [address, *self._call(step.call)]
        if step in self.native:
            return self._natively(step)
        cut = self.cuts.get(step)
        return [address, *self._call(step)] if cut is None else self._shared(step, cut, address)

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
        steps = [self._step(step) for step in program.steps]
        self.inside[program] = packed(steps)
        return address_of(self.inside[program]), len(steps)

    def _slot(self, buffer: Buffer | None) -> int:
        return 0 if buffer is None else self.slots.storage(buffer)

    def _shared(self, call: KernelCall, cut: Cut, address: int) -> list[int]:
        """A kernel whose rows the threads share."""
        rows, moves = call.sizes[cut.size], [team.WHOLE] * len(call.sizes)
        moves[cut.size] = team.COUNT
        for param, led in zip(call.kernel.params, cut.led, strict=True):
            row = product(param.shape[1:]) * param.dtype.itemsize
            moves.append(self.slots.size(row) if led else team.WHOLE)
            moves += [team.WHOLE] * sum(isinstance(step, Dim) for step in _steps(param.shape))
        return self._split(address, self._call(call), moves, Pieces(cut.cost, rows, KERNEL_GRAIN))

    def _split(self, address: int, words: list[int], moves: list[int], pieces: Pieces) -> list[int]:
        """A step that shares out another one: ``moves`` says what each row adds to each of its words."""
        if len(words) > team.MOST_WORDS:
            return [address, *words]
        slots = self.slots
        head = [address, team.board(), slots.size(pieces.rows), pieces.grain, slots.number_of(pieces), len(words)]
        pairs = [number for pair in zip(words, moves, strict=True) for number in pair]
        return [team.split(), *head, *pairs]

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

    def _natively(self, call: KernelCall) -> list[int]:
        """A routine that a native step does; words as in runtime/lapack_steps.py and runtime/convolution.py."""
        address, functions = self.native[call]
        shared = call.shared
        whole = () if shared is None else shared.whole
        numbers = [self.slots.size(number) for number in (*functions, *call.sizes, *whole)]
        words = [*numbers, *map(self.slots.storage, call.buffers)]
        if shared is None or not team.can_share():
            return [address, *words]
        moves = [team.WHOLE] * len(numbers)
        moves[len(functions) + shared.size] = team.COUNT
        for distance, buffer in zip(shared.distances, call.buffers, strict=True):
            moves.append(self.slots.size(distance * buffer.dtype.itemsize) if distance != 0 else team.WHOLE)
        pieces = Pieces(cost_of(call), call.sizes[shared.size], shared.grain, PRODUCT_SPEED)
        return self._split(address, words, moves, pieces)

    def _gemm(self, step: Gemm) -> list[int]:
        size, dtype = self.slots.size, step.out.dtype.name
        lda = step.m if step.transpose_a else step.k
        ldb = step.k if step.transpose_b else step.n
        words = [
            size(blas.gemm_address(dtype)),
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
        address = driver.builtin(f"gemm_{dtype}")
        if blas.provider() != "own" or not team.can_share():  # the others have threads of their own
            return [address, *words]
        return self._shared_product(step, address, words, lda, ldb)

    def _shared_product(self, step: Gemm, address: int, words: list[int], lda: int | Dim, ldb: int | Dim) -> list[int]:
        """A product whose matrices, columns or rows the threads share."""
        moves, item = [team.WHOLE] * len(words), step.out.dtype.itemsize
        if step.count != 1:
            along, rows, grain = "count", step.count, 1
            distances = {"a": step.stride_a, "b": step.stride_b, "c": step.m * step.n}
        elif _is_wide(step):
            along, rows, grain = "n", step.n, PRODUCT_GRAIN
            distances = {"b": ldb if step.transpose_b else 1, "c": 1}
        else:
            along, rows, grain = "m", step.m, PRODUCT_GRAIN
            distances = {"a": 1 if step.transpose_a else lda, "c": step.n}
        moves[gemm.WORDS.index(along)] = team.COUNT
        for matrix, distance in distances.items():
            moves[gemm.WORDS.index(matrix)] = self.slots.size(distance * item)
        speed = VECTOR_SPEED if 1 in (step.m, step.n) else PRODUCT_SPEED  # with a vector, memory sets the pace
        return self._split(address, words, moves, Pieces(cost_of(step), rows, grain, speed))

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
