"""Programs inside programs: the body of a loop and the branches of a condition, on the memory of the program around
them.

A body is lowered like a step of training: what it carries are parameters, which it updates in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ..core.graph import Graph
from ..core.node import Node
from ..core.types import BOOL, TensorType
from ..ops.bodies import body_graph
from .inplace import share
from .memory import settle
from .program import Buffer, Choice, Copy, Program, Repetition, Rows, Step, Storage, programs_in, touches
from .updates import Name


class Nesting:
    """Makes the steps that run other programs; ``held`` is the memory that these take."""

    def __init__(
        self, lowered: Callable[[Graph], Program], memory: Callable[[str, TensorType], Buffer], name: Name
    ) -> None:
        self.lowered, self.memory, self.name = lowered, memory, name
        self.held: list[Buffer] = []

    def repetition(self, node: Node, name: str, given: Sequence[Buffer], results: Sequence[Buffer]) -> list[Step]:
        """A loop, and before it the copies of what it starts with to where it carries it."""
        attrs, head = node.attrs, int(node.attrs["counted"])
        carries, rows = attrs["carries"], attrs["rows"]
        inits, xs, captured = given[head:][:carries], given[head + carries :][:rows], given[head + carries + rows :]
        carried, stacks = results[:carries], results[carries:]
        body = self.lowered(body_graph(f"{name}_body", attrs["body"], carries))
        own = {buffer.storage.node: buffer for buffer in body.params}
        places = [*(own[leaf] for leaf in body.graph.updates), *body.inputs[rows:]]
        self._put(body, places, [*carried, *captured])
        moving = [(row, x, False) for row, x in zip(body.inputs[:rows], xs, strict=True)]
        moving += [(row, stack, True) for row, stack in zip(body.outputs.values(), stacks, strict=False)]
        as_rows([row for row, _, _ in moving])
        condition, holds = None, None
        if attrs["cond"] is not None:
            condition = self.lowered(body_graph(f"{name}_condition", attrs["cond"], 0))
            holds = self.memory("goes_on", TensorType(BOOL, ()))
            self._put(condition, [*condition.inputs, *condition.outputs.values()], [*carried, *captured, holds])
        step = Repetition(
            node,
            body,
            tuple(Rows(*one) for one in moving),
            tuple(carried),
            tuple(captured),
            attrs["length"],
            attrs["reverse"],
            given[0] if head else None,
            condition,
            holds,
            results[-1] if condition is not None else None,
        )
        return [*(Copy(*pair) for pair in zip(inits, carried, strict=True)), step]

    def choice(self, node: Node, name: str, given: Sequence[Buffer], results: Sequence[Buffer]) -> list[Step]:
        """One of two programs that leave their results at the same places."""
        holds, *captured = given
        yes, no = (self.lowered(body_graph(f"{name}_{which}", node.attrs[which], 0)) for which in ("yes", "no"))
        for program in (yes, no):
            self._put(program, [*program.inputs, *program.outputs.values()], [*captured, *results])
        return [Choice(node, holds, yes, no, tuple(captured), tuple(results))]

    def _put(self, program: Program, inner: Sequence[Buffer], outer: Sequence[Buffer]) -> None:
        put_into(program, dict(zip(inner, outer, strict=True)), self.name)
        self.held += program.held


def put_into(program: Program, places: Mapping[Buffer, Buffer], name: Name) -> None:
    """Let a program be a part of the one around it: some of its buffers are those of the other, and its slots get
    memory there."""
    program.own = frozenset(buffer.storage for buffer in program.work if buffer.role == "work")
    program.held = tuple(
        Buffer(name(f"{program.name}_work"), np.dtype("uint8"), (size,), Storage("work")) for size in program.slots
    )
    for inner, outer in places.items():
        settle(inner)
        if inner.storage is not outer.storage:
            share(inner, outer)
    program.places = places
    for one in (program, *inside(program)):
        _settle(one)


def as_rows(buffers: Sequence[Buffer]) -> None:
    """Each lies where the step of the loop says."""
    for buffer in buffers:
        settle(buffer)
        buffer.storage.role = "row"


def _settle(program: Program) -> None:
    """Point every buffer of a program at the storage that its own was merged into."""
    of_steps = (buffer for step in program.steps for buffer in touches(step))
    held = (*program.inputs, *program.params, *program.outputs.values(), *program.work, *program.aliases, *program.held)
    for buffer in (*held, *of_steps):
        settle(buffer)


def take_places(program: Program) -> None:
    """Give the working values of the programs inside their places in the workspace, where the memory that is held for
    them has its own; and what lies in the program around them the name that it has there."""
    for inner in inside(program):
        _settle(inner)
        for own, outer in inner.places.items():
            own.name = outer.name
        for storage in inner.own:
            if storage.moved_to is None:
                storage.slot = inner.held[storage.slot].storage.slot


def inside(program: Program) -> Iterator[Program]:
    """The programs inside a program, each before those inside it."""
    for step in program.steps:
        for inner in programs_in(step):
            yield inner
            yield from inside(inner)
