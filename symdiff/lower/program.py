"""Programs: buffers with their places in memory, and the steps of a call in order.

    step = kernel call | product of matrices | copy | check of indices | loop over a program | choice of two programs

``ir.py`` has what kernels are made of; ``docs/ir.md`` the grammar with examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from types import MappingProxyType
from typing import Any, Literal

from ..core.dim import Dim
from ..core.graph import Graph
from ..core.node import Node
from ..core.op import Shared
from ..core.record import entity, record
from ..core.types import Shape
from .ir import DType, Kernel

Role = Literal["input", "param", "constant", "output", "work", "row"]


@entity
class Storage:
    """A piece of memory: ``position`` counts inputs and outputs; ``node`` is the parameter; ``array`` the constant's
    value; ``slot`` the piece of the workspace."""

    role: Role
    position: int = -1
    node: Node | None = None
    array: Any = None
    slot: int = -1
    moved_to: Storage | None = None  # set when another storage took this one's place


@entity
class Buffer:
    """Memory for one node. Buffers with the same ``storage`` share it: views under other shapes, or one value in the
    place of another that is no longer needed."""

    name: str
    dtype: DType
    shape: Shape
    storage: Storage

    @property
    def role(self) -> Role:
        return self.storage.role


@entity
class KernelCall:
    """A kernel on buffers, with its sizes. ``results`` are the nodes whose values it leaves in memory.

    A handmade one sees its buffers under the shapes ``views``; where it can fail, ``failure`` says why it does. The
    step ``native`` runs instead where it is to be had; threads share it as ``shared`` says.
    """

    kernel: Kernel
    sizes: tuple[int | Dim, ...]
    buffers: tuple[Buffer, ...]
    reason: str  # why a kernel of its own starts here
    results: tuple[Node, ...]
    views: tuple[Shape, ...] = ()
    failure: str = ""
    native: str = ""
    shared: Shared | None = None

    def shapes(self) -> tuple[Shape, ...]:
        """Those under which the kernel sees its buffers."""
        return self.views or tuple(param.shape for param in self.kernel.params)


@entity
class Gemm:
    """``out = a @ b`` over ``count`` pairs of matrices; a stride of 0 repeats one matrix for all."""

    a: Buffer
    b: Buffer
    out: Buffer
    transpose_a: bool
    transpose_b: bool
    m: int | Dim
    n: int | Dim
    k: int | Dim
    count: int | Dim
    stride_a: int | Dim
    stride_b: int | Dim
    node: Node


@entity
class Copy:
    """The new value of a parameter into its place, when it could not be computed there."""

    source: Buffer
    target: Buffer


@entity
class CheckRange:
    """A kernel that fails with 1 + the flat position of the first index outside its axis."""

    call: KernelCall
    node: Node
    size: int | Dim
    wrap: bool


@entity
class Rows:
    """What a step of a loop has of a stack: ``row`` lies in ``whole`` at the number of the step. Where ``fresh``, it is
    written there."""

    row: Buffer
    whole: Buffer
    fresh: bool


@entity
class Repetition:
    """A program that is run again and again: ``length`` times; as often as ``count`` says; or as long as ``holds``,
    which ``condition`` computes, and no more than ``length`` times where there is one. What it carries stays where it
    is, in ``carries``. ``trips`` receives how often it ran."""

    node: Node
    body: Program
    rows: tuple[Rows, ...]
    carries: tuple[Buffer, ...]
    captured: tuple[Buffer, ...]
    length: int | Dim | None
    reverse: bool
    count: Buffer | None
    condition: Program | None
    holds: Buffer | None
    trips: Buffer | None


@entity
class Choice:
    """One of two programs, whichever the truth value ``holds`` names; both leave their results in ``results``."""

    node: Node
    holds: Buffer
    yes: Program
    no: Program
    captured: tuple[Buffer, ...]
    results: tuple[Buffer, ...]


Step = KernelCall | Gemm | Copy | CheckRange | Repetition | Choice


@record
class Requirement:
    """A size that must not be negative for the program to make sense, and what to say when it is."""

    size: int | Dim
    message: str


@record
class Recomputed:
    """What was done to keep a ``budget`` of bytes. ``steps`` are those that are taken again; all else is for the given
    ``sizes``: bytes of workspace without and with them, the operations of a call without them, and how many more they
    are."""

    budget: int
    sizes: Mapping[str, int]
    steps: frozenset[Step]
    before: int
    after: int
    operations: int
    more: int


@entity
class Program:
    """Everything a call does: buffers with their places in memory, steps in order."""

    name: str  # of the function
    graph: Graph
    stands_for: Mapping[Node, Node]  # which of the graph's nodes a node of the program computes
    inputs: list[Buffer]
    params: list[Buffer]
    outputs: dict[str, Buffer]
    constants: list[Buffer]
    work: list[Buffer]  # intermediates and outputs
    aliases: list[Buffer]  # inputs, parameters and constants under other shapes
    slots: list[int | Dim]  # bytes of each piece of the workspace
    steps: list[Step]
    requirements: list[Requirement]
    sizes: list[str]
    recomputed: Recomputed | None = None  # where a budget of memory was given
    held: tuple[Buffer, ...] = ()  # inside another program, memory of that one for each slot
    own: frozenset[Storage] = frozenset()  # inside another program, the storages that lie in slots
    places: Mapping[Buffer, Buffer] = MappingProxyType({})  # inside another program, buffers that are buffers of that


def programs_in(step: Step) -> list[Program]:
    """The programs that a step runs."""
    if isinstance(step, Repetition):
        return [step.body] if step.condition is None else [step.condition, step.body]
    return [step.yes, step.no] if isinstance(step, Choice) else []


def all_steps(program: Program) -> Iterator[Step]:
    """The steps of a program and of those inside it."""
    for step in program.steps:
        yield step
        for inner in programs_in(step):
            yield from all_steps(inner)


def _held(step: Step) -> Iterator[Buffer]:
    for program in programs_in(step):
        yield from program.held


# Most steps are kernels and products, so these come first where steps are told apart.


def touches(step: Step) -> Sequence[Buffer]:
    """Buffers a step reads or writes."""
    if isinstance(step, KernelCall):
        return step.buffers
    if isinstance(step, Gemm):
        return step.a, step.b, step.out
    if isinstance(step, Copy):
        return step.source, step.target
    if isinstance(step, CheckRange):
        return step.call.buffers
    if isinstance(step, Choice):
        return step.holds, *step.captured, *step.results, *_held(step)
    own = [buffer for buffer in (step.count, step.holds, step.trips) if buffer is not None]
    return *(rows.whole for rows in step.rows), *step.carries, *step.captured, *_held(step), *own


def can_fail(step: Step) -> bool:
    if isinstance(step, KernelCall):
        return bool(step.failure)
    if isinstance(step, Gemm | Copy):
        return False
    if isinstance(step, Repetition) and step.condition is not None and step.length is not None:
        return True  # it may not end in time
    return isinstance(step, CheckRange) or any(can_fail(one) for inner in programs_in(step) for one in inner.steps)


def written(step: Step) -> list[Buffer]:
    """Buffers a step writes."""
    if isinstance(step, KernelCall):
        return list(compress(step.buffers, step.kernel.written))
    if isinstance(step, Gemm):
        return [step.out]
    if isinstance(step, Copy):
        return [step.target]
    if isinstance(step, CheckRange):
        return []
    if isinstance(step, Repetition):
        own = [buffer for buffer in (step.holds, step.trips) if buffer is not None]
        return [*(rows.whole for rows in step.rows if rows.fresh), *step.carries, *own, *_held(step)]
    return [*step.results, *_held(step)]


def read(step: Step) -> list[Buffer]:
    """Buffers whose values a step needs: those it touches and does not write, and what a loop starts from."""
    own = {buffer.storage for buffer in written(step)}
    found = [buffer for buffer in touches(step) if buffer.storage not in own]
    return [*found, *step.carries] if isinstance(step, Repetition) else found
