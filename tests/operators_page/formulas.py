"""Derivatives as text: an operator is called on fresh symbols as a row calls it, and the vjp of that is written out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import symdiff as sd
from symdiff.autodiff.reverse import rule_of
from symdiff.core.graph import Graph
from symdiff.core.naming import is_leaf
from symdiff.core.node import Node
from symdiff.core.op import Item, NotDifferentiable
from symdiff.core.traversal import depends_on, toposort
from symdiff.core.types import broadcast
from symdiff.inspect.choose import VIEWS
from symdiff.inspect.expression import Expressions
from symdiff.inspect.plain import Plain
from symdiff.passes.pipeline import DEFAULT

from .public import Call, nodes_in

LONGEST = 90  # characters of a formula that is written out
LARGEST = 24  # nodes of one
MOST = 12  # calls that are looked at
QUIET = {*VIEWS, "constant", "size", "input", "param", "astype", "iota", "item"}
UNFOLDED = tuple(one for one in DEFAULT if one.name != "fold")  # with these, masks stay formulas
INTEGERS = "none: its results are integers or truth values"
NO_OPERANDS = "none: it has no operands that are floats"


_NUMBER = re.compile(r"\b\d+\.\d{6,}\b")


@dataclass
class Lines:
    """As much of a listing as :class:`Expressions` asks for: all lines are leaves and results."""

    graph: Graph
    names: dict[Node, str]
    leaves: list[Node]
    line: set[Node]


def derivative(calls: Sequence[Call]) -> str:
    """What is said of the call that shows the derivative best."""
    return min(map(_Example, calls[:MOST]), key=lambda example: example.rank).text if calls else ""


class _Example:
    """An operator on symbols, in the place of a row's operands, and the text of its derivative."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.labels, results = on_symbols(call)
        self.results = results
        self.reached: list[Node] = []
        self.text = self._text()

    @property
    def rank(self) -> tuple[int, ...]:
        """Least for what shows most: with a derivative for most arguments, written out, nothing broadcast."""
        arguments = {self.labels[node].partition("[")[0] for node in self.reached}
        nothing_done = any(node in self.labels for node in self.results.values())
        scalars = all(node.shape == () for node in self.labels)
        shapes = {node.shape for node in self.reached}
        is_broadcast = len(shapes) > 1 and broadcast(list(shapes)) in {node.shape for node in self.results.values()}
        defaults = inspect.signature(self.call.function).parameters
        options = [name for name, one in defaults.items() if self.call.arguments[name] is not one.default]
        written = "=" in self.text
        return -len(arguments), nothing_done, scalars, not written, is_broadcast, len(options)

    def _text(self) -> str:
        floats = [node for node in self.labels if node.type.is_float]
        heads = {name: node for name, node in self.results.items() if node.type.is_float}
        if not heads:
            return INTEGERS
        if not floats:
            return NO_OPERANDS
        self.reached = [node for node in floats if _is_active(list(heads.values()), node)]
        if not self.reached:
            return f"none: {_reason(list(heads.values()), floats)}"
        cotangents = [
            sd.input("ct" if len(heads) == 1 else f"ct_{name}", node.shape, dtype=node.dtype)
            for name, node in heads.items()
        ]
        found = sd.vjp(list(heads.values()), self.reached, cotangents, unused="zero")
        return _written(self.results, dict(zip(self.reached, found, strict=True)), self.labels)


def on_symbols(call: Call) -> tuple[dict[Node, str], dict[str, Node]]:
    """Fresh operands, labelled as in the signature, and the results by name."""
    labels: dict[Node, str] = {}

    def fresh(value: Any, label: str) -> Any:
        if isinstance(value, Node) and not value.type.parts:
            if value.op.name == "constant" and value.dtype.kind != "u":
                return value
            made = sd.input(re.sub(r"\W+", "_", label).rstrip("_"), value.shape, dtype=value.dtype)
            labels[made] = label
            return made
        if isinstance(value, list | tuple):
            return type(value)(fresh(one, f"{label}[{place}]") for place, one in enumerate(value))
        if isinstance(value, dict):
            return {key: fresh(one, str(key)) for key, one in value.items()}
        return value

    arguments: list[Any] = []
    options: dict[str, Any] = {}
    for name, parameter in inspect.signature(call.function).parameters.items():
        value = fresh(call.arguments[name], name)
        if parameter.kind is parameter.VAR_POSITIONAL:
            arguments += value
        elif parameter.kind is parameter.VAR_KEYWORD:
            options |= value
        elif parameter.kind is parameter.KEYWORD_ONLY:
            options[name] = value
        else:
            arguments.append(value)
    return labels, _results(call.function(*arguments, **options))


def _results(value: Any) -> dict[str, Node]:
    if isinstance(value, Node):
        return {"out": value}
    fields = getattr(value, "_fields", None)
    nodes = nodes_in(value)
    return dict(zip(fields or [f"out{place}" for place in range(len(nodes))], nodes, strict=True))


def _is_active(heads: Sequence[Node], operand: Node) -> bool:
    try:
        sd.vjp(heads, operand, [1.0] * len(heads))
    except sd.GradientError:
        return False
    return True


def _reason(heads: Sequence[Node], operands: Sequence[Node]) -> str:
    """Why no derivative comes through: what the last operator on the way says."""
    reached = depends_on(heads, operands)
    for node in reversed(toposort(heads)):
        for k, parent in enumerate(node.inputs):
            rule = rule_of(node, k)
            if parent in reached and isinstance(rule, NotDifferentiable):
                return rule.reason
    return "its result depends on the type of its operands only"


def _written(results: dict[str, Node], gradients: dict[Node, Node], labels: dict[Node, str]) -> str:
    """``d_x = ...`` for each operand; where that is long, the operators that it is made of."""
    if len(toposort(gradients.values(), stop=results.values())) > LARGEST * len(gradients):
        return _made_of(results, gradients.values())
    graph = Graph({**results, **{f"d_{labels[node]}": gradient for node, gradient in gradients.items()}})
    for passes in (DEFAULT, UNFOLDED):
        texts = _texts(sd.optimize(graph, passes=passes)[0], results, labels)
        if texts and not any("constant(" in text for text in texts.values()):
            break
    if not texts or max(map(len, texts.values())) > LONGEST or sum(map(len, texts.values())) > 2 * LONGEST:
        return _made_of(results, gradients.values())
    return "; ".join(f"`{name} = {text}`" for name, text in texts.items())


def _texts(graph: Graph, results: Iterable[str], labels: dict[Node, str]) -> dict[str, str]:
    """Each gradient over operands, results and cotangents; nothing where one is large."""
    outs = {graph.outputs[name]: name for name in results if graph.outputs[name].inputs}
    found = {name: node for name, node in graph.outputs.items() if name not in results}
    if any(len(toposort([node], stop=outs)) > LARGEST for node in found.values()):
        return {}
    leaves = [node for node in graph.nodes if is_leaf(node)]
    names = {node: labels.get(node, node.attrs["name"]) for node in leaves} | outs
    written = Expressions(Lines(graph, names, leaves, set(outs)), Plain())  # type: ignore[arg-type]
    return {name: _NUMBER.sub(_short, written.reference(_less_repetition(node))) for name, node in found.items()}


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.6g}"


def _less_repetition(node: Node) -> Node:
    """The number that a node repeats, if it is one."""
    return node.inputs[0] if node.op.name == "broadcast_to" and node.inputs[0].op.name == "constant" else node


def _made_of(results: dict[str, Node], gradients: Iterable[Node]) -> str:
    nodes = toposort(gradients, stop=results.values())
    names = [node.op.name for node in nodes if node.op.name not in QUIET and not isinstance(node.op.lowering, Item)]
    kinds = list(dict.fromkeys(reversed(names)))
    shown = ", ".join(f"`{kind}`" for kind in sorted(kinds[:5]))
    return f"by composition: {shown}{' and others' if len(kinds) > 5 else ''}"
