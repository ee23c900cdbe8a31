"""Graph -> program: fusion, loop nests, products, and where everything lives."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from ..core.dim import Dim, dim, product
from ..core.errors import GraphError, explain
from ..core.graph import Graph
from ..core.naming import Unique
from ..core.node import Node
from ..core.op import Branch, InRange, Matmul, Repeat, Reshape, Routine
from ..core.types import BOOL, INT64, TensorType
from ..ops.convert import CONSTANT, constant_value
from .alike import form
from .budget import Budget, checked
from .columns import COLUMNS, by_columns
from .flatten import flatten
from .forced import matrix_of
from .fuse import Fusion, checked_operand
from .inplace import Overwriting
from .ir import Apply, Check, Kernel, Load, Loop, Param, Var, add, integer
from .kernel import KernelBuilder
from .labels import RESERVED, kernel_name
from .memory import assign_slots, settle
from .merge import merge_axes
from .nested import Nesting, take_places
from .prepare import prepare
from .program import Buffer, CheckRange, Choice, Gemm, KernelCall, Program, Repetition, Step, Storage
from .recompute import recompute, require_fit
from .regions import Region
from .requirements import requirements
from .rewrite import expressions, walk
from .routines import routine_call
from .schedule import schedule
from .tidy import reads, tidy
from .trace import is_array_leaf
from .updates import Updates, lay_out, place_outputs
from .values import Values

CHECK_RANGE = "check_range"
GIVEN = ("input", "param", "constant")


def lower(graph: Graph, budget: Budget | None = None) -> Program:
    """The program that computes a graph's outputs and updates; with a budget, one whose workspace keeps it. Raises
    GraphError for a budget that cannot be kept."""
    program = _Lowering(graph).program(budget)
    take_places(program)
    if budget is not None and program.recomputed is None:
        require_fit(program, budget)
    return program


def _size_names(nodes: Sequence[Node], asked: str) -> list[str]:
    """The named sizes. Callers pass them by name, so unlike other names they cannot be changed."""
    symbolic = {size for node in nodes for size in node.type.shape if isinstance(size, Dim)}
    found = sorted({name for size in symbolic for name in size.names})
    for name in found:
        if name in RESERVED or keyword.iskeyword(name):
            problem = f"a size is called {name!r}, a name that emitted code needs"
            raise GraphError(explain(asked, problem, hint="give sd.dim another name"))
    return found


def _function_name(name: str) -> str:
    """A graph's name as that of a function."""
    name = re.sub(r"\W", "_", name) or "_"
    if name in RESERVED or keyword.iskeyword(name) or name[0].isdigit():
        return f"_{name}"
    return name


class _Made(NamedTuple):
    """A kernel, its sizes in every call, and its operands: numbers of nodes, or rows of scratch memory."""

    kernel: Kernel
    sizes: tuple[int | Dim, ...]
    operands: tuple[int | Param, ...]


class _Lowering:
    def __init__(self, graph: Graph, unique: Unique | None = None) -> None:
        self.graph = graph
        roots, self.stands_for = prepare(graph.roots)
        split = len(graph.outputs)
        self.outputs = dict(zip(graph.outputs, roots[:split], strict=True))
        self.updates = dict(zip(graph.updates, roots[split:], strict=True))
        self.fusion = Fusion(roots)
        self.name = _function_name(graph.name)
        self.sizes = _size_names([*graph.inputs, *self.fusion.order], graph.name)
        self.unique = unique or Unique({*RESERVED, *self.sizes})
        self.names = self._names()
        self.buffers: dict[Node, Buffer] = {}
        self.extra: list[Buffer] = []
        self._allocate()
        self.params = {node: Param(b.name, b.dtype, b.shape) for node, b in self.buffers.items()}
        # what locals may not be called
        self.memory_names = {*RESERVED, *self.sizes, *(b.name for b in self.buffers.values())}
        self.made: dict[Hashable, _Made] = {}  # kernels by the form of their regions

    # -- names and buffers

    def _names(self) -> dict[Node, str]:
        """A name for every node, different from all sizes."""
        names: dict[Node, str] = {}
        known = self.graph.names
        for node in dict.fromkeys((*self.graph.inputs, *self.graph.params, *self.fusion.order)):
            name = known.get(self.stands_for.get(node, node))
            if name is None:
                name = next((origin.name for origin in node.origins if origin.name), None) or node.op.name
            names[node] = self.unique(name)
        return names

    def _allocate(self) -> None:
        for position, node in enumerate(self.graph.inputs):
            if node.op.name == "input":
                self._new_buffer(node, Storage("input", position))
        for node in self.graph.params:
            self._new_buffer(node, Storage("param", node=node))
        for node in self.fusion.order:
            if node.op.name in ("placeholder", "bound"):
                node.op.evaluate(**node.attrs)  # raises: what it stands for is not here
            if node.op is CONSTANT and is_array_leaf(node):
                self._new_buffer(node, Storage("constant", array=constant_value(node)))
            elif node in self.fusion.stored and node not in self.buffers and not node.type.parts:
                self._new_buffer(node, self._storage_of(node))

    def _storage_of(self, node: Node) -> Storage:
        if isinstance(node.op.lowering, Reshape):
            return self.buffers[node.inputs[0]].storage
        return Storage("work")

    def _new_buffer(self, node: Node, storage: Storage) -> None:
        self.buffers[node] = Buffer(self.names[node], node.dtype, node.shape, storage)

    # -- steps

    def program(self, budget: Budget | None) -> Program:
        steps: list[Step] = list(self._input_checks())
        for position, step in enumerate(self.fusion.steps):
            if isinstance(step, Region):
                steps.append(self._kernel_call(step, position))
            elif isinstance(step.node.op.lowering, Matmul):
                steps.append(self._gemm(step.node))
            elif isinstance(step.node.op.lowering, Routine):
                steps.append(self._routine_call(step.node))
            elif isinstance(step.node.op.lowering, Repeat | Branch):
                steps += self._steps_around(step.node)
            else:
                steps.append(self._range_check(step.node))
        results = {name: self.buffers[node] for name, node in self.outputs.items()}
        updates: Updates = [(self.buffers[param], self.buffers[node]) for param, node in self.updates.items()]
        steps = schedule(steps, {buffer.storage for buffer in results.values()}, updates)
        outputs, early, late = place_outputs(results, self.unique)
        steps = [*early, *steps, *late]
        made = list(dict.fromkeys((*self.buffers.values(), *self.extra, *outputs.values())))
        recomputed = None
        if budget is not None and not any(isinstance(step, Repetition | Choice) for step in steps):
            budget = checked(self.graph.name, budget, self.sizes)
            again, recomputed = recompute(self.graph.name, budget, steps, updates, self.unique)
            steps, updates, made = again.steps, again.updates, again.buffers(made)
        steps, held = lay_out(steps, updates, Overwriting(), self.unique)
        made += held
        for buffer in made:
            settle(buffer)
        work = [buffer for buffer in made if buffer.role in ("work", "output")]
        return Program(
            name=self.name,
            graph=self.graph,
            stands_for=self.stands_for,
            inputs=[self.buffers[node] for node in self.graph.inputs],
            params=[self.buffers[node] for node in self.graph.params],
            outputs=outputs,
            constants=[b for b in self.buffers.values() if b.role == "constant"],
            work=work,
            aliases=[b for node, b in self.buffers.items() if b.role in GIVEN and not is_array_leaf(node)],
            slots=assign_slots(steps, work),
            steps=steps,
            requirements=requirements(self.fusion.order),
            sizes=self.sizes,
            recomputed=recomputed,
        )

    def _kernel_call(self, region: Region, position: int) -> KernelCall:
        home, members, params = self.fusion.home, region.members, self.params

        def in_memory(node: Node) -> bool:
            return node in params and node not in members and home.get(node, -1) < position

        like, number = form(region, self.fusion.rank, in_memory)
        made = self.made.get(like)
        if made is None:
            made = self.made[like] = self._built(region, in_memory, number)
        kernel, sizes, operands = made
        nodes = list(number)
        buffers = tuple(self._scratch(p) if isinstance(p, Param) else self.buffers[nodes[p]] for p in operands)
        results = (*region.stores, *dict.fromkeys(concat for _, concat, _, _ in region.parts))
        return KernelCall(kernel, sizes, buffers, region.reason, results)

    def _built(self, region: Region, in_memory: Callable[[Node], bool], number: Mapping[Node, int]) -> _Made:
        values = Values(region, self.params, in_memory, self.names, self.memory_names)
        builder = KernelBuilder(region, self.fusion.rank, values)
        body, params = tidy(builder.build()), tuple(values.used.values())
        numbers = {self.params[node].name: k for node, k in number.items() if node in self.params}
        operands = tuple(numbers.get(param.name, param) for param in params)
        sizes: dict[str, int | Dim] = {}
        flat = flatten(body, params)
        if flat is not None:
            body, params, sizes["size"] = flat
        else:
            body, params = merge_axes(body, params)
        wide = by_columns(body, params)
        if wide is not None:
            body = wide[0]
        mentioned = {name for s in walk(body) for expr in expressions(s) for name in reads(expr)}
        sizes.update((name, dim(name)) for name in self.sizes if name in mentioned)
        if wide is not None and COLUMNS.name in mentioned:
            sizes[COLUMNS.name] = wide[1]
        return _Made(Kernel(kernel_name(region), tuple(sizes), params, body), tuple(sizes.values()), operands)

    def _routine_call(self, node: Node) -> KernelCall:
        return routine_call(node, [self.buffers[parent] for parent in node.inputs], self._results(node), self._memory)

    def _memory(self, name: str, type: TensorType) -> Buffer:
        return self._scratch(Param(name, type.dtype, type.shape))

    def _results(self, node: Node) -> list[Buffer]:
        """Memory for what an operator gives: also for those of several results that nobody reads."""
        if not node.type.parts:
            return [self.buffers[node]]
        used = {item.attrs["index"]: self.buffers[item] for item in self.fusion.items.get(node, ())}
        return [used.get(k) or self._memory(self.names[node], type) for k, type in enumerate(node.type.parts)]

    # -- programs inside

    def _steps_around(self, node: Node) -> list[Step]:
        """A loop or a choice, with what has to be done before."""
        name, operands = self.names[node], [self.buffers[parent] for parent in node.inputs]
        nesting = Nesting(lambda graph: _Lowering(graph, self.unique).program(None), self._memory, self.unique)
        make = nesting.repetition if isinstance(node.op.lowering, Repeat) else nesting.choice
        steps = make(node, name, operands, self._results(node))
        self.extra += nesting.held
        return steps

    def _scratch(self, row: Param) -> Buffer:
        """Memory that a kernel keeps while it works."""
        buffer = Buffer(Unique(self.memory_names)(row.name), row.dtype, row.shape, Storage("work"))
        self.extra.append(buffer)
        self.memory_names.add(buffer.name)
        return buffer

    def _gemm(self, node: Node) -> Gemm:
        (a, transpose_a), (b, transpose_b) = map(matrix_of, node.inputs)
        left, right = node.inputs
        batch = product(node.shape[:-2])
        m, k, n = node.shape[-2], left.shape[-1], node.shape[-1]
        return Gemm(
            self.buffers[a],
            self.buffers[b],
            self.buffers[node],
            transpose_a,
            transpose_b,
            m,
            n,
            k,
            batch,
            m * k if product(left.shape[:-2]) == batch else 0,
            k * n if product(right.shape[:-2]) == batch else 0,
            node,
        )

    def _input_checks(self) -> list[CheckRange]:
        found: dict[tuple[Node, int | Dim, bool], CheckRange] = {}
        for node in self.fusion.checks:
            check = self._range_check(node)
            found.setdefault((checked_operand(node), check.size, check.wrap), check)
        return list(found.values())

    def _range_check(self, node: Node) -> CheckRange:
        """Every index lies within its axis: a kernel that returns 1 + the position of the first that does not."""
        indices = self.buffers[checked_operand(node)]
        size, wrap = index_range(node)
        i = Var("i" if indices.name != "i" else "k")
        index = Load(indices.name, (i,), INT64)
        outside = Apply("a < -b or a >= b" if wrap else "a < c or a >= b", (index, Var("extent"), integer(0)), BOOL)
        body = (Loop(i.name, Var("size"), (Check(outside, add(i, 1)),)),)
        params = (Param(indices.name, INT64, (dim("size"),)),)
        kernel = Kernel(CHECK_RANGE, ("size", "extent"), params, body)
        call = KernelCall(kernel, (product(indices.shape), size), (indices,), "indices are checked first", (node,))
        return CheckRange(call, node, size, wrap)


def index_range(node: Node) -> tuple[int | Dim, bool]:
    """The size an index must lie in, and whether negative ones count from the end."""
    if isinstance(node.op.lowering, InRange):
        return node.attrs["size"], node.attrs["wrap"]
    shape = node.attrs.get("shape", node.inputs[0].shape)
    return shape[node.attrs["axis"]], node.attrs.get("wrap", True)
