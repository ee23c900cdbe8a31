"""``checkpoint``: values that are computed again for the gradient rather than kept.

``again(after, x)`` is x. It is a node of its own, so that what is computed from it is neither merged with the forward
pass nor made before ``after``, the cotangent, is there: a copy of the forward pass, taken again when the backward pass
gets to it. (``sd.compile(..., memory_budget=...)`` chooses by itself what to take again, on the steps of the program.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from ..core.errors import GradientError, explain
from ..core.node import Node, build
from ..core.op import NotDifferentiable
from ..core.provenance import here
from ..core.traversal import substitute
from ..ops.convert import as_node
from ..ops.record import elementwise
from ..ops.reduce import sum
from .custom import Definition, own_name
from .forward import jvp
from .placeholder import made_since, placeholder
from .reverse import vjp

_ORDER = NotDifferentiable("it only says when the value is computed again")
_AGAIN = elementwise(
    "again", "b", lambda after, x: np.broadcast_arrays(after, x)[1], _ORDER, lambda t, out, after, x: t, cost=0
)


def checkpoint(f: Callable[..., Node]) -> Callable[..., Node]:
    """``f``, whose inner values are computed a second time by the gradient rather than kept for it.

    Saves the memory of what lies between the arguments and the result, for one more forward pass of ``f``. ``f`` takes
    nodes and returns a node; whatever else it depends on (parameters) is kept as the arguments are.

    >>> import symdiff as sd
    >>> x, w = sd.input("x", (3,)), sd.param("w", (3, 3))
    >>> block = sd.checkpoint(lambda h: sd.tanh(sd.tanh(h @ w) @ w))
    >>> sd.grad(sd.sum(block(block(x))), w).type.shape
    (3, 3)
    """

    @wraps(f)
    def function(*args: Any) -> Node:
        inputs = [as_node(arg) for arg in args]
        leaves = [placeholder(node.type, str(node.attrs.get("name", node.op.name))) for node in inputs]
        body = f(*leaves)
        if not isinstance(body, Node):
            raise GradientError(explain("checkpoint", f"the function returns one node, got {body!r}", at=here()))
        outside = _from_outside(body, leaves)

        return _definition(f, body, [*leaves, *outside], len(leaves))(*inputs, *outside)

    return function


def _definition(f: Callable[..., Node], body: Node, reads: Sequence[Node], arguments: int) -> Definition:
    """``body`` as a function of what it reads, of which the first are the arguments."""

    def closed(*values: Node) -> Node:
        return substitute([body], dict(zip(reads, values, strict=True)))[0]

    def symbolic(values: Sequence[Node]) -> list[Node]:
        """Symbols for the values: the derivative by one of them is not that through another."""
        return [placeholder(value.type) for value in values]

    def pullback(ct: Node, out: Node, *operands: Node, k: int) -> Node:
        symbols = symbolic(operands)
        gradient = vjp(closed(*symbols), symbols[k], ct, unused="zero")
        copies = [build(_AGAIN, [sum(ct), x]) for x in operands[:arguments]]
        return substitute([gradient], dict(zip(symbols, [*copies, *operands[arguments:]], strict=True)))[0]

    def pushforward(tangents: Sequence[Node | None], out: Node, *operands: Node) -> Node:
        symbols = symbolic(operands)
        moving = {symbol: t for symbol, t in zip(symbols, tangents, strict=True) if t is not None}
        slope = jvp(closed(*symbols), list(moving), list(moving.values()), unused="zero")
        return substitute([slope], dict(zip(symbols, operands, strict=True)))[0]

    return Definition(closed, pullback, pushforward, own_name(f, "checkpoint"))


def _from_outside(body: Node, leaves: Sequence[Node]) -> list[Node]:
    """What the function takes from outside: the nodes right below its own that were there before it was called."""
    own = made_since(leaves[0], [body])
    below = [body] if not own else [parent for node in own for parent in node.inputs]
    return [x for x in dict.fromkeys(below) if x.serial < leaves[0].serial and (x.inputs or "name" in x.attrs)]
