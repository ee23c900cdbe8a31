"""A program as a table of native steps over an array of slots: the plan of it, and what makes the functions it calls.

The table never changes: a step's words are numbers of slots, and names of functions. What differs from call to call
(addresses, sizes) is in the slots. A table is built once for a program, slots once for each set of sizes it is called
with.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from .core.dim import Dim, product
from .core.types import Shape
from .cut import Way, kernel_ways, native_ways, product_ways
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
    Rows,
    Step,
    Storage,
    all_steps,
    touches,
    written,
)
from .plan import RESERVED, UNREAD, Face, Pieces, Plan, StepWords, Words, packed, record_step
from .runtime import blas, driver, gemm, native, repeat, team
from .shares import STAYS, Memory, Move, Share, place, runs

NO_LIMIT = 1 << 62  # steps of a loop that ends by itself


_Called = KernelCall | Gemm
"""Steps that call a function on buffers. There are many of few forms, which differ in where these are."""


class Slots:
    """Numbers for everything a step's words can name: storages by identity, sizes by value, functions by name."""

    def __init__(self) -> None:
        self.storages: dict[Storage, int] = {}
        self.sizes: dict[int | Dim, int] = {}
        self.pieces: dict[Pieces, int] = {}
        self.functions: dict[str, int] = {}
        self.count = RESERVED

    def storage(self, buffer: Buffer) -> int:
        return self._slot(self.storages, buffer.storage)

    def size(self, value: int | Dim) -> int:
        return self._slot(self.sizes, value)

    def number_of(self, pieces: Pieces) -> int:
        return self._slot(self.pieces, pieces)

    def function(self, name: str) -> int:
        return self._slot(self.functions, name)

    def new(self) -> int:
        """A slot that nothing else uses."""
        self.count += 1
        return self.count - 1

    def _slot(self, known: dict[Any, int], key: Any) -> int:
        if key not in known:
            known[key] = self.new()
        return known[key]


class Table:
    """The steps of a module as a plan; ``slots`` says what each slot holds, ``reports`` which one has the status of a
    step inside that failed."""

    def __init__(self, module: Module) -> None:
        self.program = module.program
        self.slots = Slots()
        self.functions: dict[str, Callable[[], int]] = {}  # that are not kernels, by name: what makes them
        self.outside: set[str] = set()  # what link.py finds in this process
        self.inside: dict[str, Words] = {}
        self.reports: dict[Step, int] = {}
        self._shared = team.can_share()
        self._calls: dict[Hashable, tuple[str, list[int], Sequence[int]]] = {}  # of the first step of each form
        self._ways: dict[Hashable, list[Way]] = {}  # to cut the steps of each form
        steps = list(all_steps(self.program))
        self.native = dict(self._done_natively(steps))
        calls = ((step.call if isinstance(step, CheckRange) else step, made) for step, made in module.calls.items())
        called = {call.kernel: made for call, made in calls if isinstance(call, KernelCall) and call not in self.native}
        used = set(called.values())
        self.kernels = {f"kernel {k}": kernel for k, kernel in enumerate(module.kernels) if kernel in used}
        names = {made: name for name, made in self.kernels.items()}
        self.names = {kernel: names[made] for kernel, made in called.items()}
        self.plan = self._plan()

    def addresses(self) -> dict[str, int]:
        """Of all functions, by name. Kernels that were never compiled are compiled."""
        for name, make in self.functions.items():
            if not _is_kernel(name):
                native.begin_function(name, make)
        compiled = native.kernel_addresses([kernel.wanted for kernel in self.kernels.values()])
        others = {name: make() for name, make in self.functions.items()}
        return dict(zip(self.kernels, compiled, strict=True)) | others

    def _plan(self) -> Plan:
        program, slots, training = self.program, self.slots, is_training(self.program)
        steps = self._together(program)
        inputs, outputs = map(self._faces, (program.inputs, program.outputs.values()))
        outputs = tuple(face._replace(name=name) for face, name in zip(outputs, program.outputs, strict=True))
        records, cursor = (tuple(slots.new() for _ in outputs), slots.new()) if training else ((), UNREAD)
        for face, record in zip(outputs, records, strict=False):
            steps.append(record_step(face, record, cursor))
            self._builtin(str(steps[-1][0]))
        words = packed(steps)
        places = slots.storages
        known = ((b.storage.node, b) for b in program.params if b.storage in places)
        given = [(node, b) for node, b in known if node is not None]
        return Plan(
            training=training,
            sizes=tuple(program.sizes),
            requirements=tuple(requirement.size for requirement in program.requirements),
            inputs=inputs,
            outputs=outputs,
            params=tuple((node.attrs["name"], places[b.storage]) for node, b in given),
            workspace=tuple(program.slots),
            values=tuple((slot, storage.slot) for storage, slot in places.items() if storage.role == "work"),
            constants=tuple((slot, storage.array) for storage, slot in places.items() if storage.role == "constant"),
            amounts=tuple((slot, size) for size, slot in slots.sizes.items()),
            pieces=tuple((slot, pieces) for pieces, slot in slots.pieces.items()),
            pointers=tuple((slot, name) for name, slot in slots.functions.items()),
            slots=slots.count,
            records=records,
            cursor=cursor,
            words=words,
            inside=tuple(self.inside.items()),
        )

    def _faces(self, buffers: Iterable[Buffer]) -> tuple[Face, ...]:
        return tuple(Face(b.name, b.dtype.name, b.shape, self.slots.storage(b)) for b in buffers)

    def _function(self, name: str, make: Callable[[], int]) -> str:
        self.functions[name] = make
        return name

    def _builtin(self, name: str) -> str:
        return self._function(name, partial(driver.builtin, name))

    def _outside(self, name: str) -> str:
        self.outside.add(name)
        return name

    def _step(self, step: Step) -> StepWords:
        if isinstance(step, Repetition):
            return self._repetition(step)
        if isinstance(step, Choice):
            return self._choice(step)
        if isinstance(step, Copy):
            words = [self.slots.storage(step.source), self.slots.storage(step.target)]
            return [self._builtin("copy"), *words, self.slots.size(bytes_of(step.target))]
        function, words = self._call(step.call if isinstance(step, CheckRange) else step)
        return [function, *words]

    def _together(self, program: Program) -> list[StepWords]:
        """The steps of a program, each at its place; one that is done together with a step before it leaves one there
        that shares out nothing."""
        shared = zip(program.steps, runs([self._shares(step) for step in program.steps]), strict=True)
        return [self._step(step) if run is None else self._split(run) for step, run in shared]

    def _repetition(self, step: Repetition) -> StepWords:
        """A loop; words as in runtime/repeat.py."""
        slots, most = self.slots, NO_LIMIT if step.length is None else step.length
        words: dict[str, int | str] = {
            "count": slots.size(most),
            "counted": self._slot(step.count),
            "holds": self._slot(step.holds),
            "trips": self._slot(step.trips),
            "reverse": int(step.reverse),
            "report": slots.new(),
        }
        words["table"], words["steps"] = self._inside(step.body)
        words["condition"], words["condition_steps"] = self._inside(step.condition) if step.condition else (0, 0)
        self.reports[step] = int(words["report"])
        rows = [number for one in step.rows for number in self._row(one)]
        found: StepWords = [self._function("loop", repeat.loop), *(words[name] for name in repeat.LOOP_WORDS)]
        found += [len(step.rows), *rows]
        return found

    def _row(self, rows: Rows) -> list[int]:
        row, whole = self.slots.storage(rows.row), self.slots.storage(rows.whole)
        return [row, whole, self.slots.size(bytes_of(rows.row)), int(rows.fresh)]

    def _choice(self, step: Choice) -> StepWords:
        self.reports[step] = self.slots.new()
        tables: StepWords = [*self._inside(step.yes), *self._inside(step.no)]
        return [self._function("choice", repeat.choice), self.slots.storage(step.holds), *tables, self.reports[step]]

    def _inside(self, program: Program) -> tuple[str, int]:
        """The name of the table of a program inside, and the number of its steps."""
        ways = [self._shares(step)[:1] for step in program.steps]
        steps = [self._split(way) if way else self._step(step) for step, way in zip(program.steps, ways, strict=True)]
        name = f"table {len(self.inside)}"
        self.inside[name] = packed(steps)
        return name, len(steps)

    def _slot(self, buffer: Buffer | None) -> int:
        return 0 if buffer is None else self.slots.storage(buffer)

    def _shares(self, step: Step) -> list[Share]:
        """How threads may share a step, the best way first."""
        if not self._shared or not isinstance(step, _Called):
            return []
        form = self._form(step)
        if form not in self._ways:
            self._ways[form] = self._cut(step)
        ways = self._ways[form]
        if not ways:
            return []
        function, words = self._call(step)
        if len(words) > team.MOST_WORDS:
            return []
        changed = {buffer.storage for buffer in written(step)}
        touched = [(place(buffer), buffer.storage in changed) for buffer in touches(step)]
        shares = []
        for moves, distances, pieces in ways:
            memory = [Memory(at, apart, new) for (at, new), apart in zip(touched, distances, strict=True)]
            shares.append(Share(function, words, moves, memory, pieces))
        return shares

    def _cut(self, step: _Called) -> list[Way]:
        if isinstance(step, Gemm):
            return product_ways(step) if blas.provider() == "own" else []  # the others have threads of their own
        if step in self.native:
            return native_ways(step, before=len(self.native[step][1]))
        return kernel_ways(step)

    def _split(self, run: Sequence[Share]) -> StepWords:
        """The step that shares out others, if there are any."""
        slots = self.slots
        words: StepWords = [self._function("split", team.split), self._outside("board")]
        if not run:
            zero = slots.size(0)
            return [*words, zero, 1, zero, 0]
        pieces = run[0].pieces
        pieces = pieces._replace(costs=tuple(cost for share in run for cost in share.pieces.costs))
        words += [slots.size(pieces.rows), pieces.grain, slots.number_of(pieces), len(run)]
        for share in run:
            moves = [team.WHOLE if move == STAYS else self._move(move) for move in share.moves]
            words += [share.function, len(share.words), *share.words, *moves]
        return words

    def _move(self, move: Move) -> int:
        slot = self.slots.size(move.each)
        return team.counts(slot) if move.counts else slot

    def _call(self, step: _Called) -> tuple[str, list[int]]:
        """The function of a step and its words: those of the first step of its form, with storages of its own."""
        form, storage = self._form(step), self.slots.storage
        if form not in self._calls:
            self._calls[form] = self._first_call(step)
        function, words, places = self._calls[form]
        words = words.copy()
        for position, buffer in zip(places, touches(step), strict=True):
            words[position] = storage(buffer)
        return function, words

    def _form(self, step: _Called) -> Hashable:
        """What the words of a step depend on, but for its storages, and the ways to cut it."""
        if isinstance(step, Gemm):
            sizes = step.m, step.n, step.k, step.count, step.stride_a, step.stride_b
            return step.out.dtype, step.transpose_a, step.transpose_b, *sizes
        return step if step in self.native else (step.kernel, step.sizes, step.views)

    def _first_call(self, step: _Called) -> tuple[str, list[int], Sequence[int]]:
        """The function, the words, and which of these are storages, in the order of what the step touches."""
        if isinstance(step, Gemm):
            words, places = self._product_words(step), [gemm.WORDS.index(name) for name in "abc"]
            return self._builtin(f"gemm_{step.out.dtype.name}"), words, places
        if step in self.native:
            words = self._native_words(step)
            return self.native[step][0], words, range(len(words) - len(step.buffers), len(words))
        return self.names[step.kernel], *self._kernel_words(step)

    def _kernel_words(self, call: KernelCall) -> tuple[list[int], list[int]]:
        words, places = [self.slots.size(size) for size in call.sizes], []
        for param, buffer, shape in zip(call.kernel.params, call.buffers, call.shapes(), strict=True):
            places.append(len(words))
            words.append(self.slots.storage(buffer))
            steps = zip(_steps(param.shape), _steps(shape), strict=True)
            words += [self.slots.size(step) for known, step in steps if isinstance(known, Dim)]
        return words, places

    def _native_words(self, call: KernelCall) -> list[int]:
        """Of a routine that a native step does; words as in runtime/lapack_steps.py and runtime/convolution.py."""
        whole = () if call.shared is None else call.shared.whole
        functions = [self.slots.function(self._outside(name)) for name in self.native[call][1]]
        numbers = [self.slots.size(number) for number in (*call.sizes, *whole)]
        return [*functions, *numbers, *map(self.slots.storage, call.buffers)]

    def _product_words(self, step: Gemm) -> list[int]:
        size, lda, ldb = self.slots.size, step.m if step.transpose_a else step.k, step.k if step.transpose_b else step.n
        return [
            size(0) if blas.provider() == "own" else self.slots.function(self._outside(f"blas {step.out.dtype.name}")),
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

    def _done_natively(self, steps: Iterable[Step]) -> Iterator[tuple[Step, tuple[str, list[str]]]]:
        """Routines that a native step does, with its name and those of the functions that are called there."""
        for step in steps:
            if isinstance(step, KernelCall) and step.native:
                dtype = step.buffers[0].dtype.name
                found = native_step(step.native, dtype)
                if found is not None:
                    name, make, calls = found
                    yield step, (self._function(name, make), [f"lapack {call} {dtype}" for call in calls])


def native_step(step: str, dtype: str) -> tuple[str, Callable[[], int], tuple[str, ...]] | None:
    """The name that a native step has in tables, what makes it, and the functions of LAPACK that it calls; None where
    it is not to be had."""
    from .runtime import convolution, lapack_steps  # which few programs need

    convolves = step in convolution.STEPS
    make = (convolution if convolves else lapack_steps).step(step, dtype)
    return None if make is None else (f"{step} {dtype}", make, () if convolves else lapack_steps.STEPS[step].calls)


def _is_kernel(name: str) -> bool:
    """Whether a function that is not a kernel of the program is compiled as one."""
    return name.startswith("gemm_") and blas.provider() != "own"


def _steps(shape: Shape) -> list[int | Dim]:
    """How many elements lie between neighbours along each axis."""
    return [product(shape[axis + 1 :]) for axis in range(len(shape))]


def is_training(program: Program) -> bool:
    """Whether a program is a training step: it updates parameters, and what it gives are numbers."""
    return bool(program.graph.updates) and not any(buffer.shape for buffer in program.outputs.values())
