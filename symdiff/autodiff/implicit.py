"""``implicit``: the derivative of a root, by the implicit function theorem rather than through the solver.

Where f(z, *params) = 0, the tangent of z solves  (df/dz) t_z = -(df/dparams) t  (Griewank and Walther, *Evaluating
Derivatives*, 15.3), whatever the solver did to find z.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.dim import product
from ..core.errors import GradientError, explain
from ..core.node import Node, describe
from ..core.provenance import here
from ..core.traversal import substitute
from ..ops.convert import as_node
from ..ops.shape import reshape, swap_last
from ..ops.solvers import solve
from .custom import Definition
from .forward import jvp
from .placeholder import placeholder
from .products import jacobian
from .reverse import vjp


def implicit(f: Callable[..., Node], solver: Callable[..., Node]) -> Callable[..., Node]:
    """A function ``root(*params)`` that gives ``z = solver(*params)`` and differentiates it as the root of ``f``.

    ``f(z, *params)`` has the shape of z and is zero at the root; ``solver(*params)`` finds it in any way that builds a
    graph (a loop, a fixed number of Newton steps, a closed form). Gradients of every order cost the solution of one
    linear system with the Jacobian of f, none of the solver's steps. What f and the solver depend on is among the
    parameters; GradientError names what is not.

    >>> import symdiff as sd
    >>> a = sd.input("a")
    >>> root = sd.implicit(lambda z, a: z * z - a, lambda a: sd.sqrt(a))
    >>> sd.grad(root(a), a).type.shape
    ()
    """

    def at_root(z: Node, params: Sequence[Node]) -> tuple[Node, list[Node], Node, Node]:
        """Symbols for root and parameters, f of them, and its Jacobian as a matrix."""
        point, symbols = placeholder(z.type, "z"), [placeholder(param.type, "param") for param in params]
        residual = f(point, *symbols)
        if not isinstance(residual, Node) or residual.type != z.type:
            got = describe(residual) if isinstance(residual, Node) else repr(residual)
            raise GradientError(explain("implicit", f"f has the type of the root, {z.type}, got {got}", at=here()))
        size = product(z.shape)
        return point, symbols, residual, reshape(jacobian(residual, point), (size, size))

    def pullback(ct: Node, z: Node, *params: Node, k: int) -> Node:
        point, symbols, residual, matrix = at_root(z, params)
        adjoint = reshape(solve(swap_last(matrix), reshape(ct, -1)), z.shape)
        found = -vjp(residual, symbols[k], adjoint, unused="zero")
        return substitute([found], dict(zip([point, *symbols], [z, *params], strict=True)))[0]

    def pushforward(tangents: Sequence[Node | None], z: Node, *params: Node) -> Node:
        point, symbols, residual, matrix = at_root(z, params)
        moving = {symbol: t for symbol, t in zip(symbols, tangents, strict=True) if t is not None}
        slope = jvp(residual, list(moving), list(moving.values()), unused="zero")
        found = reshape(solve(matrix, reshape(-slope, -1)), z.shape)
        return substitute([found], dict(zip([point, *symbols], [z, *params], strict=True)))[0]

    definition = Definition(solver, pullback, pushforward, name="root")

    def root(*params: Any) -> Node:
        return definition(*map(as_node, params))

    return root
