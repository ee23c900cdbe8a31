"""A program as a table of native steps over an array of slots: the plan of it, and what makes the functions it calls.

The table never changes: a step's words are numbers of slots, and names of functions. What differs from call to call
(addresses, sizes) is in the slots. A table is built once for a program, slots once for each set of sizes it is called
with.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from .core.dim import Dim, product
from .core.types import Shape
from .cut import Cut, cut_of
from .emit.module import Module
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
    touches,
    written,
)
from .plan import RESERVED, UNREAD, Face, Pieces, Plan, StepWords, Words, packed, record_step
from .runtime import blas, driver, gemm, native, repeat, team
from .shares import COUNTS, STAYS, Distance, Memory, Move, Share, place, runs

KERNEL_GRAIN = 16  # rows of a kernel that stay together: a cache line of the narrowest
PRODUCT_GRAIN = 32  # rows or columns of a product that stay together: a tile of the widest
PRODUCT_SPEED, VECTOR_SPEED = 8, 2  # operations of a product in the time of one on the elements of arrays
USUAL_BATCH = 128
NO_LIMIT = 1 << 62  # steps of a loop that ends by itself


_Called = KernelCall | Gemm
"""Steps that call a function on buffers. There are many of few forms, which differ in where these are."""


class _Way(NamedTuple):
    """How to cut the steps of a form: the function, what becomes of each word, how many bytes apart the rows are in
    each buffer (None where every share sees more than its own), and the pieces."""

    function: str
    moves: Sequence[Move]
    apart: Sequence[Distance | None]
    pieces: Pieces


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
        self._words: dict[Hashable, tuple[list[int], Sequence[int]]] = {}  # of the first step of each form
        self._ways: dict[Hashable, list[_Way]] = {}  # to cut the steps of each form
        steps = list(all_steps(self.program))
        self.native = dict(self._done_natively(steps))
        called = {step: kernel for step, kernel in module.calls.items() if step not in self.native}
        used = set(called.values())
        self.kernels = {f"kernel {k}": kernel for k, kernel in enumerate(module.kernels) if kernel in used}
        names = {kernel: name for name, kernel in self.kernels.items()}
        self.names = {step: names[kernel] for step, kernel in called.items()}
        self.plan = self._plan()

    def addresses(self) -> dict[str, int]:
        """Of all functions, by name. Kernels that were never compiled are compiled."""
        wanted = [native.Wanted(k.name, k.digest, k.signature, k.source) for k in self.kernels.values()]
        meanwhile = (make for name, make in self.functions.items() if not _is_kernel(name))
        compiled = native.kernel_addresses(wanted, meanwhile=[driver.run, *meanwhile])
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
        if isinstance(step, CheckRange):
            return [self.names[step], *self._words_of(step.call)]
        if isinstance(step, Gemm):
            return [self._gemm(step), *self._words_of(step)]
        if step in self.native:
            return [self.native[step][0], *self._native_words(step)]
        return [self.names[step], *self._words_of(step)]

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
        words = self._words_of(step) if ways else []
        if not ways or len(words) > team.MOST_WORDS:
            return []
        changed = {buffer.storage for buffer in written(step)}
        where = [(place(buffer), buffer.storage in changed) for buffer in touches(step)]
        return [
            Share(
                way.function,
                words,
                way.moves,
                [Memory(at, apart, new) for (at, new), apart in zip(where, way.apart, strict=True)],
                way.pieces,
            )
            for way in ways
        ]

    def _cut(self, step: _Called) -> list[_Way]:
        if isinstance(step, Gemm):
            return self._cut_product(step) if blas.provider() == "own" else []  # the others have threads of their own
        if step in self.native:
            return self._cut_native(step)
        cut = cut_of(step)
        return [] if cut is None else [self._cut_kernel(step, cut)]

    def _cut_kernel(self, call: KernelCall, cut: Cut) -> _Way:
        moves = [STAYS] * len(call.sizes)
        moves[cut.size] = COUNTS
        for param, apart in zip(call.kernel.params, cut.apart, strict=True):
            moves.append(STAYS if apart is None else Move(apart))
            moves += [STAYS] * sum(isinstance(step, Dim) for step in _steps(param.shape))
        seen: Sequence[Distance | None] = [None] * len(cut.apart) if cut.across else cut.apart
        return _Way(self.names[call], moves, seen, Pieces(((cut.cost, 1),), call.sizes[cut.size], KERNEL_GRAIN))

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
            words += [share.function, len(share.words), *share.words, *map(self._move, share.moves)]
        return words

    def _move(self, move: Move) -> int:
        if move == STAYS:
            return team.WHOLE
        slot = self.slots.size(move.each)
        return team.counts(slot) if move.counts else slot

    def _words_of(self, step: _Called) -> list[int]:
        """The words of a step: those of the first of its form, with storages of its own."""
        form, storage = self._form(step), self.slots.storage
        if form not in self._words:
            self._words[form] = self._first_words(step)
        words, places = self._words[form]
        words = words.copy()
        for position, buffer in zip(places, touches(step), strict=True):
            words[position] = storage(buffer)
        return words

    def _form(self, step: _Called) -> Hashable:
        """What the words of a step depend on, but for its storages, and the ways to cut it."""
        if isinstance(step, Gemm):
            sizes = step.m, step.n, step.k, step.count, step.stride_a, step.stride_b
            return step.out.dtype, step.transpose_a, step.transpose_b, *sizes
        return step if step in self.native else (step.kernel, step.sizes, step.views)

    def _first_words(self, step: _Called) -> tuple[list[int], Sequence[int]]:
        """The words of a step, and which of them are its storages, in the order of what it touches."""
        if isinstance(step, Gemm):
            return self._product_words(step), [gemm.WORDS.index(name) for name in "abc"]
        if step in self.native:
            words = self._native_words(step)
            return words, range(len(words) - len(step.buffers), len(words))
        return self._call(step)

    def _call(self, call: KernelCall) -> tuple[list[int], list[int]]:
        """The words of a call, and the positions of its buffers among them."""
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

    def _cut_native(self, call: KernelCall) -> list[_Way]:
        function, functions = self.native[call]
        shared = call.shared
        if shared is None:
            return []
        moves = [STAYS] * (len(functions) + len(call.sizes) + len(shared.whole))
        moves[len(functions) + shared.size] = COUNTS
        moves += [Move(d * buffer.dtype.itemsize) for d, buffer in zip(shared.distances, call.buffers, strict=True)]
        # each piece prepares its operands anew, so there is one for each thread
        pieces = Pieces(((cost_of(call), PRODUCT_SPEED),), call.sizes[shared.size], shared.grain, each=1)
        return [_Way(function, moves, [None] * len(call.buffers), pieces)]

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

    def _cut_product(self, step: Gemm) -> list[_Way]:
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
    ) -> _Way:
        apart = {name: elements * step.out.dtype.itemsize for name, elements in distances.items()}
        moves = [COUNTS if word == along else Move(apart[word]) if word in apart else STAYS for word in gemm.WORDS]
        speed = VECTOR_SPEED if 1 in (step.m, step.n) else PRODUCT_SPEED  # with a vector, memory sets the pace
        pieces = Pieces(((cost_of(step), speed),), rows, grain)
        return _Way(self._gemm(step), moves, [None if along == "n" else apart.get(name) for name in "abc"], pieces)

    def _gemm(self, step: Gemm) -> str:
        return self._builtin(f"gemm_{step.out.dtype.name}")

    def _done_natively(self, steps: Iterable[Step]) -> Iterator[tuple[Step, tuple[str, list[str]]]]:
        """Routines that a native step does, with its name and those of the functions that are called there."""
        for step in steps:
            if isinstance(step, KernelCall) and step.native:
                from .runtime import convolution, lapack_steps  # which few programs need

                room = convolution if step.native in convolution.STEPS else lapack_steps
                dtype = step.buffers[0].dtype.name
                found = room.step_address(step.native, dtype)
                if found is not None:
                    name = self._function(f"{step.native} {dtype}", partial(int, found[0]))
                    calls = lapack_steps.STEPS[step.native].calls if found[1] else ()
                    yield step, (name, [f"lapack {call} {dtype}" for call in calls])


def _is_kernel(name: str) -> bool:
    """Whether a function that is not a kernel of the program is compiled as one."""
    return name.startswith("gemm_") and blas.provider() != "own"


def _is_wide(step: Gemm) -> bool:
    """Whether to cut a product by columns: where rows are few or as many as a batch has, and columns are many."""
    if not isinstance(step.n, int):
        return isinstance(step.m, int) and step.m < PRODUCT_GRAIN
    rows = step.m if isinstance(step.m, int) else USUAL_BATCH
    return step.n >= rows


def _steps(shape: Shape) -> list[int | Dim]:
    """How many elements lie between neighbours along each axis."""
    return [product(shape[axis + 1 :]) for axis in range(len(shape))]


def is_training(program: Program) -> bool:
    """Whether a program is a training step: it updates parameters, and what it gives are numbers."""
    return bool(program.graph.updates) and not any(buffer.shape for buffer in program.outputs.values())
