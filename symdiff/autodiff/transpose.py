"""The transpose of a linear map that is given as a formula: how a vjp becomes a jvp, and a jvp a vjp.

A rule ``u -> g(u)`` that is linear in ``u`` has one transpose, the derivative of <g(u), t> by ``u``. It is found by
reverse mode over the few nodes between a placeholder ``u`` and ``g``; linear rules leave no ``u`` behind. So no
operator writes its derivative twice.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.errors import GradientError, explain
from ..core.node import Node
from ..core.provenance import here, origin_here
from ..core.types import TensorType
from .branches import Branches
from .placeholder import made_since, placeholder
from .reverse import Backward


def transpose(
    linear: Callable[[Node], Node], type: TensorType, seed: Node, what: str, branches: Branches | None = None
) -> Node | None:
    """The cotangent of ``u`` (of this type) for the cotangent ``seed`` of ``linear(u)``; None where that is zero.

    What is built is on record under the origin in context. Raises GradientError, naming ``what``, for a formula that
    is not linear.
    """
    u = placeholder(type)
    result = linear(u)
    found = Backward([result], [u], made_since(u, [result]), branches, origin_here()).run([seed])[u]
    if found is not None and u in made_since(u, [found]):
        problem = "its derivative rule is not linear in the cotangent or tangent, so it has no transpose"
        raise GradientError(explain(what, problem, at=here()))
    return found
