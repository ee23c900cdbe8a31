"""Graph -> program: fusion, loop nests, products, and where everything lives."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

from ..core.dim import Dim, dim, product
from ..core.errors import GraphError, explain
from ..core.graph import Graph
from ..core.naming import Unique
from ..core.node import Node
from ..core.op import InRange, Matmul, Reshape
from ..core.types import BOOL, INT64
from ..ops.convert import CONSTANT, constant_value
from .flatten import flatten
from .fuse import Fusion, checked_operand, matrix_of
from .inplace import accesses
from .ir import (
    Apply,
    Buffer,
    Check,
    CheckRange,
    Copy,
    Gemm,
    Kernel,
    KernelCall,
    Load,
    Loop,
    Param,
    Program,
    Step,
    Storage,
    Var,
    add,
    integer,
    touches,
    written,
)
from .kernel import KernelBuilder
from .labels import RESERVED, kernel_name
from .memory import assign_slots, overwrite, settle, share, share_in_place
from .prepare import prepare
from .regions import Region
from .requirements import requirements
from .rewrite import expressions, walk
from .tidy import reads, tidy
from .trace import is_array_leaf
from .values import Values

CHECK_RANGE = "check_range"
GIVEN = ("input", "param", "constant")


def lower(graph: Graph) -> Program:
    """The program that computes a graph's outputs and updates."""
    return _Lowering(graph).program()


def _size_names(nodes: Sequence[Node], asked: str) -> list[str]:
    """The named sizes. Callers pass them by name, so unlike other names they cannot be changed."""
    found = sorted({name for node in nodes for size in node.shape if isinstance(size, Dim) for name in size.names})
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


class _Lowering:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        roots, self.stands_for = prepare(graph.roots)
        split = len(graph.outputs)
        self.outputs = dict(zip(graph.outputs, roots[:split], strict=True))
        self.updates = dict(zip(graph.updates, roots[split:], strict=True))
        self.fusion = Fusion(roots)
        self.name = _function_name(graph.name)
        self.sizes = _size_names([*graph.inputs, *self.fusion.order], graph.name)
        self.unique = Unique({*RESERVED, self.name, *self.sizes})
        self.names = self._names()
        self.buffers: dict[Node, Buffer] = {}
        self.extra: list[Buffer] = []
        self._allocate()
        self.params = {node: Param(b.name, b.dtype, b.shape) for node, b in self.buffers.items()}
        self.by_name = {b.name: b for b in self.buffers.values()}
        self.memory_names = {*RESERVED, self.name, *self.sizes, *self.by_name}  # what locals may not be called

    # -- names and buffers

    def _names(self) -> dict[Node, str]:
        """A name for every node, different from all sizes."""
        names: dict[Node, str] = {}
        for node in dict.fromkeys((*self.graph.inputs, *self.graph.params, *self.fusion.order)):
            given = next((origin.name for origin in node.origins if origin.name), None)
            known = self.graph.names.get(self.stands_for.get(node, node))
            names[node] = self.unique(known or given or node.op.name)
        return names

    def _allocate(self) -> None:
        for position, node in enumerate(self.graph.inputs):
            if node.op.name == "input":
                self._new_buffer(node, Storage("input", position))
        for node in self.graph.params:
            self._new_buffer(node, Storage("param", node=node))
        for node in self.fusion.order:
            if node.op is CONSTANT and is_array_leaf(node):
                self._new_buffer(node, Storage("constant", array=constant_value(node)))
            elif node in self.fusion.stored and node not in self.buffers:
                self._new_buffer(node, self._storage_of(node))

    def _storage_of(self, node: Node) -> Storage:
        if isinstance(node.op.lowering, Reshape):
            return self.buffers[node.inputs[0]].storage
        return Storage("work")

    def _new_buffer(self, node: Node, storage: Storage) -> None:
        self.buffers[node] = Buffer(self.names[node], node.dtype, node.shape, storage)

    # -- steps

    def program(self) -> Program:
        steps: list[Step] = list(self._input_checks())
        for position, step in enumerate(self.fusion.steps):
            if isinstance(step, Region):
                steps.append(self._kernel_call(step, position))
            elif isinstance(step.node.op.lowering, Matmul):
                steps.append(self._gemm(step.node))
            else:
                steps.append(self._range_check(step.node))
        steps = self._updates_last(steps)
        outputs, early, late = self._outputs()
        steps = [*early, *steps, *late]
        steps += self._write_updates(steps)
        share_in_place(steps)
        for buffer in self.buffers.values():
            settle(buffer)
        made = dict.fromkeys((*self.buffers.values(), *self.extra, *outputs.values()))
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
        )

    def _kernel_call(self, region: Region, position: int) -> KernelCall:
        home = self.fusion.home
        values = Values(region, self.params, lambda node: home.get(node, -1) < position, self.names, self.memory_names)
        builder = KernelBuilder(region, self.fusion.rank, values)
        body, params = tidy(builder.build()), tuple(values.used.values())
        for param in builder.scratch:
            self.by_name[param.name] = Buffer(param.name, param.dtype, param.shape, Storage("work"))
            self.extra.append(self.by_name[param.name])
            self.memory_names.add(param.name)
        buffers = tuple(self.by_name[param.name] for param in params)
        sizes: dict[str, int | Dim] = {}
        flat = flatten(body, params)
        if flat is not None:
            body, params, sizes["size"] = flat
        mentioned = {name for s in walk(body) for expr in expressions(s) for name in reads(expr)}
        sizes.update((name, dim(name)) for name in self.sizes if name in mentioned)
        kernel = Kernel(kernel_name(region), tuple(sizes), params, body)
        results = (*region.stores, *dict.fromkeys(concat for _, concat, _, _ in region.parts))
        return KernelCall(kernel, tuple(sizes.values()), buffers, region.reason, results)

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
        size, wrap = _index_range(node)
        i = Var("i" if indices.name != "i" else "k")
        index = Load(indices.name, (i,), INT64)
        outside = Apply("a < -b or a >= b" if wrap else "a < c or a >= b", (index, Var("extent"), integer(0)), BOOL)
        body = (Loop(i.name, Var("size"), (Check(outside, add(i, 1)),)),)
        params = (Param(indices.name, INT64, (dim("size"),)),)
        kernel = Kernel(CHECK_RANGE, ("size", "extent"), params, body)
        call = KernelCall(kernel, (product(indices.shape), size), (indices,), "indices are checked first", (node,))
        return CheckRange(call, node, size, wrap)

    # -- outputs and updates

    def _updates_last(self, steps: list[Step]) -> list[Step]:
        """Kernels that only serve updates go last: by then nothing that can fail is left, and old values were read."""
        kept = {self.buffers[node].storage for node in self.outputs.values()}
        late: list[Step] = []
        early: list[Step] = []
        for step in reversed(steps):
            results = written(step)
            if not isinstance(step, KernelCall) or any(buffer.storage in kept for buffer in results):
                kept.update(buffer.storage for buffer in touches(step))
                early.append(step)
            else:
                late.append(step)
        return [*reversed(early), *reversed(late)]

    def _outputs(self) -> tuple[dict[str, Buffer], list[Copy], list[Copy]]:
        """A buffer for every output, and the copies for those that are given data or the same as another."""
        outputs: dict[str, Buffer] = {}
        early: list[Copy] = []
        late: list[Copy] = []
        for position, (name, node) in enumerate(self.outputs.items()):
            buffer = self.buffers[node]
            if buffer.role == "work":
                buffer.storage.role, buffer.storage.position = "output", position
                outputs[name] = buffer
                continue
            copy = Buffer(self.unique(f"{buffer.name}_out"), node.dtype, node.shape, Storage("output", position))
            (late if buffer.role == "output" else early).append(Copy(buffer, copy))
            outputs[name] = copy
        return outputs, early, late

    def _write_updates(self, steps: Sequence[Step]) -> list[Copy]:
        """Put new values where the old ones were: computed in place when that is safe, else copied at the end."""
        first: list[Copy] = []
        last: list[Copy] = []
        sources = [self.buffers[node].storage for node in self.updates.values()]
        for param, node in self.updates.items():
            target, source = self.buffers[param], self.buffers[node]
            if target is source:
                continue
            if source.role == "param":
                held = Buffer(self.unique(f"{source.name}_old"), node.dtype, node.shape, Storage("work"))
                self.extra.append(held)
                first.append(Copy(source, held))
                source = held
            elif (
                sources.count(source.storage) == 1
                and target.storage not in sources
                and _computed_in_place(steps, target, source)
            ):
                continue
            last.append(Copy(source, target))
        return [*first, *last]


def _index_range(node: Node) -> tuple[int | Dim, bool]:
    """The size an index must lie in, and whether negative ones count from the end."""
    if isinstance(node.op.lowering, InRange):
        return node.attrs["size"], node.attrs["wrap"]
    shape = node.attrs.get("shape", node.inputs[0].shape)
    return shape[node.attrs["axis"]], node.attrs.get("wrap", True)


def _computed_in_place(steps: Sequence[Step], target: Buffer, source: Buffer) -> bool:
    """Let the kernel that computes ``source`` write it over ``target``, when nobody needs the old value afterwards."""
    makers = [k for k, step in enumerate(steps) if any(b.storage is source.storage for b in written(step))]
    if source.role != "work" or len(makers) != 1:
        return False
    (position,) = makers
    maker, after = steps[position], steps[position + 1 :]
    if not isinstance(maker, KernelCall) or any(isinstance(step, CheckRange) for step in after):
        return False
    if any(buffer.storage is target.storage for step in after for buffer in touches(step)):
        return False
    if any(buffer.storage is target.storage for buffer in maker.buffers):
        return overwrite(maker, source, target, accesses(maker.kernel))
    share(source, target)
    return True
