"""Formulas that overflow, cancel or underflow, replaced by operators that do not.

Each equation holds for real numbers. On finite inputs it agrees with what was written, up to rounding, wherever that
was finite and had not cancelled or underflowed; where that overflowed (``log(1 + exp(800))`` is inf, ``exp(800) /
(1 + exp(800))`` is inf / inf) the real value takes its place: that is what these rules are for. A NaN in the input is
a NaN in the result. They run before differentiation, which then differentiates the stable form, and after it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ..core.graph import Graph
from ..core.node import Node
from ..core.traversal import toposort
from ..ops.reduce import sum
from ..ops.shape import expand_dims
from ..ops.softmax import cross_entropy
from .constants import scalar
from .rewrite import rewrite, with_roots
from .rules import Rule, RuleSet, rule

LOGARITHMS = (
    rule("log1p", "log(1 + x) -> log1p(x)"),
    rule("log1m", "log(1 - x) -> log1p(-x)"),
    rule("expm1", "exp(x) - 1 -> expm1(x)"),
    rule("expm1", "exp(x) + -1 -> expm1(x)"),
    rule("one_minus_exp", "1 - exp(x) -> -expm1(x)"),
    rule("log_exp", "log(exp(x)) -> x"),
    rule("log1p_expm1", "log1p(expm1(x)) -> x"),
    rule("sqrt_square", "sqrt(square(x)) -> abs(x)"),
    rule("sqrt_square", "sqrt(x * x) -> abs(x)"),
    rule("sqrt_square", "sqrt(power(x, 2)) -> abs(x)"),
    rule("double_negation", "-(-x) -> x"),
)

ERROR_FUNCTIONS = (
    rule("one_minus_erf", "1 - erf(x) -> erfc(x)"),
    rule("one_plus_erf", "1 + erf(x) -> erfc(-x)"),
    rule("one_minus_erfc", "1 - erfc(x) -> erf(x)"),
)

SIGMOIDS = (
    rule("softplus", "log1p(exp(x)) -> softplus(x)"),
    rule("sigmoid", "1 / (1 + exp(-x)) -> sigmoid(x)"),
    rule("sigmoid", "1 / (1 + exp(x)) -> sigmoid(-x)"),
    rule("sigmoid", "reciprocal(1 + exp(-x)) -> sigmoid(x)"),
    rule("sigmoid", "reciprocal(1 + exp(x)) -> sigmoid(-x)"),
    rule("sigmoid", "exp(x) / (1 + exp(x)) -> sigmoid(x)"),
    rule("sigmoid_complement", "1 - sigmoid(x) -> sigmoid(-x)"),
    rule("log_sigmoid", "log(sigmoid(x)) -> -softplus(-x)"),
    rule("log1m_sigmoid", "log1p(-sigmoid(x)) -> -softplus(x)"),
    rule("one_plus_tanh", "1 + tanh(x) -> 2 * sigmoid(2 * x)"),
    rule("one_minus_tanh", "1 - tanh(x) -> 2 * sigmoid(-2 * x)"),
    rule("tanh", "(exp(x) - exp(-x)) / (exp(x) + exp(-x)) -> tanh(x)"),
)


def _spans(x: Node, axes: tuple[int, ...], kept: bool) -> bool:
    """A reduction over ``axes`` subtracts as one number along each of them: they were kept, or nothing else is left."""
    return kept or len(axes) == x.ndim


SOFTMAXES = (
    rule(
        "softmax",
        "exp(x) / sum(exp(x), axis=(a,), keepdims=k) -> softmax(x, axis=a)",
        where=lambda x, a, k: _spans(x, (a,), k),
    ),
    rule("softmax", "exp(x) / expand_dims(sum(exp(x), axis=(a,), keepdims=False), axis=(a,)) -> softmax(x, axis=a)"),
    rule("logsumexp", "log(sum(exp(x), axis=a, keepdims=k)) -> logsumexp(x, axis=a, keepdims=k)"),
    rule("log_softmax", "log(softmax(x, axis=a)) -> log_softmax(x, axis=a)"),
    rule(
        "log_softmax",
        "x - logsumexp(x, axis=(a,), keepdims=k) -> log_softmax(x, axis=a)",
        where=lambda x, a, k: _spans(x, (a,), k),
    ),
    rule(
        "log_softmax", "x - expand_dims(logsumexp(x, axis=(a,), keepdims=False), axis=(a,)) -> log_softmax(x, axis=a)"
    ),
)


def _shift_rules() -> list[Rule]:
    """softmax and logsumexp subtract the largest element themselves: doing it beforehand changes nothing."""
    found = []
    for m in ("max(x, axis=b, keepdims={})", "stop_gradient(max(x, axis=b, keepdims={}))"):
        kept, flat = m.format(True), m.format(False)
        columns, rows = (kept, f"expand_dims({flat}, axis=b)"), (flat, f"squeeze({kept}, axis=b)")
        for column in columns:
            found += [_softmax_shift(op, column, lambda a, b: a in b) for op in ("softmax", "log_softmax")]
            found += [_logsumexp_shift(column, outer, True, lambda: True) for outer in columns]
            found += [_logsumexp_shift(column, outer, False, lambda: True) for outer in rows]
        found += [_softmax_shift(op, flat, lambda x, b: len(b) == x.ndim) for op in ("softmax", "log_softmax")]
        found.append(_logsumexp_shift(flat, flat, False, lambda x, b: len(b) == x.ndim))
    return found


def _softmax_shift(op: str, shift: str, where: Callable[..., bool]) -> Rule:
    return rule(f"{op}_shift", f"{op}(x - {shift}, axis=a) -> {op}(x, axis=a)", where=where)


def _logsumexp_shift(inner: str, outer: str, kept: bool, where: Callable[..., bool]) -> Rule:
    """``log(sum(exp(x - m))) + m``, with the largest elements ``m`` as a column or a row."""
    keywords = f"axis=b, keepdims={kept}"
    equation = f"logsumexp(x - {inner}, {keywords}) + {outer} -> logsumexp(x, {keywords})"
    return rule("logsumexp_shift", equation, where=where)


def _is_log_likelihood(z: Node, y: Node, a: int, axes: tuple[int, ...]) -> bool:
    return a == z.ndim - 1 and a in axes and y.shape == z.shape[:-1] and isinstance(z.shape[-1], int)


def _summed_cross_entropy(z: Node, y: Node, axes: tuple[int, ...], kept: bool) -> Node:
    last = z.ndim - 1
    rest = tuple(axis for axis in axes if axis != last)
    total = sum(cross_entropy(z, y), rest, keepdims=kept)
    return expand_dims(total, last) if kept else total


def _cross_entropy_rules() -> list[Rule]:
    """The sum of one_hot * log_softmax picks one element per row. The minus sign may stand anywhere inside."""
    hot, logs = "one_hot(y, size=size, dtype=dtype)", "log_softmax(z, axis=a)"
    right = "cross_entropy(z, y), summed over the other axes"
    negated = [f"-{hot} * {logs}", f"{hot} * -{logs}", f"-({hot} * {logs})"]
    found = [
        rule(
            "cross_entropy",
            f"sum({hot} * {logs}, axis=axes, keepdims=kept) -> -{right}",
            where=_is_log_likelihood,
            build=lambda z, y, axes, kept: -_summed_cross_entropy(z, y, axes, kept),
        )
    ]
    for product in negated:
        equation = f"sum({product}, axis=axes, keepdims=kept) -> {right}"
        found.append(rule("cross_entropy", equation, where=_is_log_likelihood, build=_summed_cross_entropy))
    return found


STABILITY = RuleSet(
    (
        *LOGARITHMS,
        *ERROR_FUNCTIONS,
        *SIGMOIDS,
        *SOFTMAXES,
        *_shift_rules(),
        *_cross_entropy_rules(),
    )
)


class Stabilize:
    """The pass ``stabilize``: stability rules until none matches."""

    name = "stabilize"
    rules = STABILITY

    def __call__(self, graph: Graph) -> Graph:
        if not STABILITY.may_match(graph.forms):
            return graph
        spare = _derivative_factors(graph.nodes)
        return with_roots(graph, rewrite(graph.roots, STABILITY, spare=spare, nodes=graph.nodes))


stabilize = Stabilize()


def stabilize_nodes(
    outputs: Sequence[Node], keep: Collection[Node] = (), order: Sequence[Node] | None = None
) -> list[Node]:
    """The outputs in stable form: the very same nodes where no rule matches.

    Nodes of ``keep`` stay as they are, and no rule looks inside them: what is to be differentiated with respect to is
    still there afterwards. ``order`` are the outputs' nodes in topological order, where they are known.
    """
    order = toposort(outputs) if order is None else order
    inside = any(node.inputs for node in keep)  # else there is nothing below them to leave out
    nodes = toposort(outputs, stop=keep) if inside else order
    if not STABILITY.may_match({node.form for node in nodes}):
        return list(outputs)
    return rewrite(outputs, STABILITY, keep=keep, spare=_derivative_factors(order), nodes=nodes)


def _derivative_factors(nodes: Sequence[Node]) -> set[Node]:
    """The ``1 - s`` of products ``s * (1 - s)``: the derivative of a sigmoid s, which shares s with the forward pass.

    ``sigmoid(-x)`` there would cost one more exponential for digits that the product does not need.
    """
    complements = {node: s for node in nodes if node.op.name == "subtract" and (s := _complement_of(node)) is not None}
    if not complements:
        return set()
    found = set()
    for node in nodes:
        if node.op.name != "multiply":
            continue
        for factor, other in (node.inputs, node.inputs[::-1]):
            s = complements.get(factor)
            if s is not None and (other is s or (other.op.name == "multiply" and s in other.inputs)):
                found.add(factor)
    return found


def _complement_of(node: Node) -> Node | None:
    """s, for a difference ``1 - s`` of a sigmoid s."""
    one, s = node.inputs
    return s if s.op.name == "sigmoid" and scalar(one) == 1 else None
