"""Functions with derivatives of their own: one node each, written out by the function before kernels are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import numpy as np

from ..core.dim import Dim, dim, total
from ..core.errors import GradientError, explain
from ..core.node import Node, build, describe
from ..core.op import Expand, Op
from ..core.provenance import here
from ..core.traversal import substitute, toposort
from ..core.types import TensorType
from ..interpret import interpret
from ..ops.convert import as_node, like
from ..ops.record import is_operator
from ..ops.shape import broadcast_to
from ..passes.delicate import stable
from .placeholder import placeholder
from .transpose import transpose
from .vmap import vmap

Function = Callable[..., Node]
Pullback = Callable[..., Node]  # (ct, out, *inputs, k=) -> cotangent of operand k
Pushforward = Callable[..., Node]  # (tangents, out, *inputs) -> tangent of out; None is a tangent that is zero


def custom_vjp(f: Function, rule: Callable[..., Sequence[Any]]) -> Function:
    """``f`` with a reverse derivative of its own.

    ``rule(ct, out, *inputs)`` gives a cotangent for each argument of ``f`` (None for zero) and is linear in ``ct``;
    forward mode is its transpose. The result is one node in a printed graph. ``f`` takes nodes and returns a node; it
    may use constants, but no other node from outside: GradientError names what it should take as an argument.

    >>> import symdiff as sd
    >>> clipped = sd.custom_vjp(lambda x: x * 1.0, lambda ct, out, x: [sd.maximum(sd.minimum(ct, 1.0), -1.0)])
    >>> x = sd.input("x", (3,))
    >>> sd.grad(sd.sum(100.0 * clipped(x)), x).type.shape
    (3,)
    """

    def pullback(ct: Node, out: Node, *inputs: Node, k: int) -> Node:
        found = rule(ct, out, *inputs)
        if isinstance(found, Node) or len(found) != len(inputs):
            problem = f"its rule gives a list with one cotangent for each of {', '.join(map(describe, inputs))}"
            raise GradientError(explain(out.op.name, problem, at=here()))
        return zeros(inputs[k]) if found[k] is None else as_node(found[k])

    return _public(Definition(f, pullback))


def custom_jvp(f: Function, rule: Callable[..., Any]) -> Function:
    """``f`` with a forward derivative of its own.

    ``rule(tangents, out, *inputs)`` gives the tangent of the result; it is linear in the list ``tangents``, each of
    the shape of its argument. Reverse mode is its transpose. The rest is as for :func:`custom_vjp`.

    >>> import symdiff as sd
    >>> soft = sd.custom_jvp(lambda x: sd.log(1 + sd.exp(x)), lambda ts, out, x: ts[0] * sd.sigmoid(x))
    >>> x = sd.input("x", (3,))
    >>> sd.jvp(soft(x), x, 1.0).type.shape
    (3,)
    """

    def pushforward(tangents: Sequence[Node | None], out: Node, *inputs: Node) -> Node:
        given = [zeros(x) if t is None else t for t, x in zip(tangents, inputs, strict=True)]
        return broadcast_to(as_node(rule(given, out, *inputs)), out.shape)

    return _public(Definition(f, transposed(pushforward), pushforward))


def transposed(pushforward: Pushforward) -> Pullback:
    """The reverse rule that belongs to a forward rule."""

    def pullback(ct: Node, out: Node, *inputs: Node, k: int) -> Node:
        def along(u: Node) -> Node:
            return pushforward([u if place == k else None for place in range(len(inputs))], out, *inputs)

        found = transpose(along, inputs[k].type, ct, out.op.name)
        return zeros(inputs[k]) if found is None else found

    return pullback


def zeros(node: Node) -> Node:
    return broadcast_to(like(0, node), node.shape)


def _public(definition: Definition) -> Function:
    @wraps(definition.f)
    def function(*args: Any) -> Node:
        return definition(*map(as_node, args))

    return function


class Definition:
    """A function and its rules. Calling it gives one node, whose operator is made for the types of the arguments."""

    def __init__(self, f: Function, pullback: Pullback, pushforward: Pushforward | None = None, name: str = "") -> None:
        self.f, self.pullback, self.pushforward = f, pullback, pushforward
        self.name = name or own_name(f, "function")
        self.made: dict[tuple[TensorType, ...], tuple[Op, dict[str, Any]]] = {}
        self.batches: dict[tuple[bool, ...], Definition] = {}

    def __call__(self, *inputs: Node) -> Node:
        types = tuple(node.type for node in inputs)
        if types not in self.made:
            leaves = [placeholder(node.type, str(node.attrs.get("name", node.op.name))) for node in inputs]
            body = _checked(self.name, self.f(*leaves), leaves)
            names = sorted(_names(toposort([body])))
            attrs = {"_definition": self, "_sizes": tuple(map(dim, names))}
            self.made[types] = self._operator(leaves, body, names), attrs
        op, attrs = self.made[types]
        return build(op, inputs, attrs)

    def _operator(self, leaves: Sequence[Node], body: Node, names: Sequence[str]) -> Op:
        def evaluate(*arrays: Any, _definition: Definition, _sizes: tuple[int, ...]) -> np.ndarray[Any, Any]:
            return interpret([body], dict(zip(leaves, arrays, strict=True)), dict(zip(names, _sizes, strict=True)))[0]

        def written_out(node: Node) -> Node:
            return substitute(stable([body], keep=leaves), dict(zip(leaves, node.inputs, strict=True)))[0]

        return Op(
            name=self.name,
            infer=lambda inputs, attrs: body.type,
            evaluate=evaluate,
            vjp=tuple(partial(self.pullback, k=k) for k in range(len(leaves))),
            lowering=Expand(written_out),
            flops=lambda node: total(step.op.flops(step) for step in toposort([body])),
            jvp=self.pushforward,
            batch=self._for_batch,
        )

    def _for_batch(self, node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
        """The same function with the same rules, for a batch: so its derivatives are still its own."""
        key = tuple(batched)
        if key not in self.batches:
            self.batches[key] = self._batched([0 if has else None for has in batched])
        return self.batches[key](*inputs)

    def _batched(self, axes: list[int | None]) -> Definition:
        def pullback(ct: Node, out: Node, *inputs: Node, k: int) -> Node:
            return vmap(partial(self.pullback, k=k), [0, 0, *axes])(ct, out, *inputs)  # type: ignore[no-any-return]

        def pushforward(tangents: Sequence[Node | None], out: Node, *inputs: Node) -> Node:
            moving = {k: t for k, t in enumerate(tangents) if t is not None}

            def one(out: Node, *rest: Node) -> Node:
                assert self.pushforward is not None
                given = dict(zip(moving, rest, strict=False))
                return self.pushforward([given.get(k) for k in range(len(axes))], out, *rest[len(moving) :])

            own = [0, *(axes[k] for k in moving), *axes]
            return vmap(one, own)(out, *moving.values(), *inputs)  # type: ignore[no-any-return]

        return Definition(vmap(self.f, axes), pullback, pushforward if self.pushforward else None, self.name)


def own_name(f: Function, default: str) -> str:
    """The function's name (a lambda has the default), but never that of an operator: passes know these by name."""
    name = f.__name__ if f.__name__.isidentifier() else default
    return f"custom_{name}" if is_operator(name) else name


def _checked(name: str, body: Any, leaves: Sequence[Node]) -> Node:
    """The result of the function; an error when it is no node, or depends on more than the arguments."""
    if not isinstance(body, Node):
        raise GradientError(explain(name, f"the function returns one node, got {body!r}", at=here()))
    for node in toposort([body], stop=leaves):
        if not node.inputs and "name" in node.attrs:
            problem = f"the function depends on {describe(node)}, which is not among its arguments"
            raise GradientError(explain(name, problem, at=here(), hint="pass it as an argument"))
    return body


def _names(nodes: Sequence[Node]) -> set[str]:
    """The symbolic sizes that the nodes need to have their values."""
    found: set[str] = set()
    waiting: list[Any] = [value for node in nodes for value in (node.shape, *node.attrs.values())]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Dim):
            found |= value.names
        elif isinstance(value, tuple):
            waiting += value
    return found
