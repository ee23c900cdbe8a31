"""Reverse mode through a loop: a loop that runs from the last step to the first.

The loop forward stacks the values of each step that the derivative of its body needs and that cost more to compute
again than to store; the loop backward carries the cotangents of the carries, and the sums of those of what every step
reads, where these are not products (``products.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..autodiff.batch import batched
from ..autodiff.placeholder import placeholder
from ..autodiff.reverse import vjp
from ..core.body import BOUND
from ..core.errors import GradientError, explain
from ..core.node import Node, build
from ..core.op import Elementwise, Gather, Index, Place, Reshape, View
from ..core.provenance import here
from ..core.traversal import depends_on, substitute, toposort
from ..ops.several import items
from ..passes.constants import scalar
from . import products
from .parts import Parts, close_both, zeros

_FREE = (View, Reshape, Place, Gather, Index)


def rule(cotangents: Sequence[Node | None], out: Node, *inputs: Node) -> list[Node | None]:
    """Cotangents of a loop's operands, given those of its results."""
    loop = Parts(out)
    if loop.length is None:
        problem = "a while_loop without a limit cannot store its steps, so there is no gradient in reverse mode"
        raise GradientError(explain("while_loop", problem, at=here(), hint="pass max_steps=, or use sd.jvp"))
    return _Backward(loop, cotangents).cotangents()


class _Backward:
    def __init__(self, loop: Parts, cotangents: Sequence[Node | None]) -> None:
        self.loop = loop
        given = list(cotangents)
        self.carried = [k for k, node in enumerate(loop.next) if node.type.is_float]
        self.stacked = [
            k for k, node in enumerate(loop.ys) if node.type.is_float and given[loop.carries + k] is not None
        ]
        self.last = [given[k] if given[k] is not None else zeros(loop.next[k]) for k in self.carried]
        self.rows = [given[loop.carries + k] for k in self.stacked]
        self.ct_carry = [placeholder(loop.next[k].type, f"d_{loop.carry[k].attrs['name']}") for k in self.carried]
        self.ct_rows = [placeholder(loop.ys[k].type, "d_y") for k in self.stacked]
        self.wrt = [formal for formal in loop.body.formals if formal.type.is_float]
        self.gradients = self._of_body()

    def _of_body(self) -> dict[Node, Node]:
        """The cotangents of the formals in one step, over formals and placeholders; those that are zero left out."""
        loop = self.loop
        outputs = [*(loop.next[k] for k in self.carried), *(loop.ys[k] for k in self.stacked)]
        if not outputs:
            return {}
        found = vjp(outputs, self.wrt, [*self.ct_carry, *self.ct_rows], unused="zero")
        return {node: ct for node, ct in zip(self.wrt, found, strict=True) if scalar(ct) != 0}

    def cotangents(self) -> list[Node | None]:
        loop, gradients = self.loop, self.gradients
        saved = _to_save(list(gradients.values()), [*self.ct_carry, *self.ct_rows], loop)
        stacks = dict(zip(saved, self._saved_stacks(saved), strict=True))
        known = stacks | dict(zip(loop.x, loop.xs, strict=True))
        later = self._products()
        factors = dict.fromkeys(node for pair in later.values() for node in pair if not products.is_view(node, known))
        summed = [formal for formal in loop.captured_formals if formal in gradients and formal not in later]
        by_row = [formal for formal in loop.x if formal in gradients]
        found = self._run(stacks, summed, [*(gradients[formal] for formal in by_row), *factors])
        own = [*(loop.carry[k] for k in self.carried), *summed, *by_row]
        of_formal = dict(zip(own, found, strict=False))
        stack_of = dict(zip(factors, found[len(own) :], strict=True))
        for formal, pair in later.items():
            a, b = (stack_of[node] if node in stack_of else batched(node, known) for node in pair)
            of_formal[formal] = products.summed(a, b)
        return [*([None] if loop.count is not None else []), *(of_formal.get(formal) for formal in loop.body.formals)]

    def _products(self) -> dict[Node, tuple[Node, Node]]:
        """The captured operands whose gradients are sums of products, with the factors of a step. Where memory is to be
        saved, or only some of the rows are written, they are summed step by step."""
        loop, gradients = self.loop, self.gradients
        if loop.again or loop.trips is not None:
            return {}
        pairs = {f: products.factors(gradients[f]) for f in loop.captured_formals if f in gradients}
        return {formal: pair for formal, pair in pairs.items() if pair is not None}

    def _run(self, stacks: Mapping[Node, Node], summed: Sequence[Node], rows: Sequence[Node]) -> Sequence[Node]:
        """The loop backward: the cotangents of the first carries, the sums over all steps, and ``rows`` of each."""
        loop, gradients = self.loop, self.gradients
        sums = [placeholder(formal.type, f"d_{formal.attrs['name']}") for formal in summed]
        saved_in = [placeholder(node.type, _name(node)) for node in stacks]
        xs_in = [placeholder(formal.type, formal.attrs["name"]) for formal in loop.x]
        replaced = dict(zip(stacks, saved_in, strict=True)) | dict(zip(loop.x, xs_in, strict=True))
        replaced |= dict(zip(loop.captured_formals, loop.captured, strict=True))
        results = [
            *(gradients.get(loop.carry[k], zeros(loop.carry[k])) for k in self.carried),
            *(total + gradients[formal] for total, formal in zip(sums, summed, strict=True)),
            *rows,
        ]
        leaves = [*self.ct_carry, *sums, *self.ct_rows, *saved_in, *xs_in]
        body, _, captured = close_both(leaves, substitute(results, replaced))
        attrs = {
            "body": body,
            "cond": None,
            "carries": len(self.last) + len(sums),
            "rows": len(self.rows) + len(stacks) + len(loop.xs),
            "length": loop.length,
            "reverse": not loop.reverse,
            "counted": loop.trips is not None,
            "again": False,
        }
        head = [] if loop.trips is None else [loop.trips]
        operands = [*head, *self.last, *map(zeros, summed), *self.rows, *stacks.values(), *loop.xs, *captured]
        return items(build(loop.node.op, operands, attrs))

    def _saved_stacks(self, saved: Sequence[Node]) -> list[Node]:
        """What was saved, for all steps: results of the loop, or of the same loop with more results."""
        loop = self.loop
        more = [node for node in saved if node not in loop.ys]
        results = loop.with_ys(more) if more else items(loop.node)
        ys = [*loop.ys, *more]
        return [results[loop.carries + ys.index(node)] for node in saved]


def _to_save(gradients: Sequence[Node], cotangents: Sequence[Node], loop: Parts) -> list[Node]:
    """The values of a step forward that the step backward reads from memory."""
    from_step = depends_on(gradients, [*loop.carry, *loop.x])
    from_cotangents = depends_on(gradients, cotangents)
    order = toposort(gradients)
    frontier = [parent for node in order if node in from_cotangents for parent in node.inputs]
    frontier += gradients
    saved: set[Node] = set()
    seen = {*from_cotangents, *loop.x}
    while frontier:
        node = frontier.pop()
        if node in seen or node not in from_step:
            continue
        seen.add(node)
        if node in loop.carry or not (loop.again or _is_cheap(node)):
            saved.add(node)
        else:
            frontier.extend(node.inputs)
    return [node for node in order if node in saved]


def _is_cheap(node: Node) -> bool:
    """Costs less to compute again than to store and load."""
    lowering = node.op.lowering
    return isinstance(lowering, _FREE) or (isinstance(lowering, Elementwise) and "(" not in lowering.code)


def _name(node: Node) -> str:
    return str(node.attrs["name"]) if node.op is BOUND else node.op.name
