"""Rules that hold for numbers but not for NaN, inf and the last digits. Not in the default pipeline: append ``FAST``.

>>> import symdiff as sd
>>> from symdiff.passes import DEFAULT, FAST, optimize
>>> x = sd.input("x", (3,))
>>> graph, report = optimize(sd.Graph({"zero": x - x}), passes=(*DEFAULT, *FAST))
>>> len(graph.nodes)
2
"""

from __future__ import annotations

from ..core.node import Node
from .constants import scalar
from .rewrite import RulePass
from .rules import Rule, RuleSet, rule


def _constants(c: Node, d: Node, x: Node) -> bool:
    return scalar(c) is not None and scalar(d) is not None and scalar(x) is None


def _float_constant(x: Node, c: Node) -> bool:
    return scalar(c) is not None and scalar(x) is None and x.type.is_float


FAST_RULES: tuple[Rule, ...] = (
    rule("multiply_zero", "x * 0 -> 0"),
    rule("divide_zero", "0 / x -> 0"),
    rule("divide_same", "x / x -> 1"),
    rule("subtract_same", "x - x -> 0"),
    rule("exp_log", "exp(log(x)) -> x"),
    rule("square_sqrt", "square(sqrt(x)) -> x"),
    rule("reassociate_product", "c * (d * x) -> (c * d) * x", where=_constants),
    rule("reassociate_sum", "c + (d + x) -> x + (c + d)", where=_constants),
    rule("divide_constant", "x / c -> (1 / c) * x", where=_float_constant),
)

fast = RulePass("fast", RuleSet(FAST_RULES))

FAST = (fast,)
