"""Operators of the user's own, from one line of SymPy: value, derivatives, printing and fusion follow from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..autodiff.placeholder import placeholder
from ..core.errors import GraphError, explain
from ..core.node import Node, Operand, build
from ..core.op import Attrs, Expand, Op
from ..core.provenance import here
from ..core.traversal import toposort
from ..core.types import FLOAT64, TensorType
from ..interpret import interpret
from ..ops.convert import promote
from ..ops.leaf import input as leaf
from ..ops.record import build_astype, common_shape, is_operator, size_of
from ..ops.shape import broadcast_to
from ..passes.stabilize import stabilize_nodes
from ..runtime import cache
from .expressions import to_sympy
from .formulas import evaluated


class Rule(NamedTuple):
    """A formula and its derivative by each argument, as texts of formulas.py."""

    args: tuple[str, ...]
    value: str
    slopes: tuple[str, ...]


_DEFINED: dict[str, tuple[Rule, Op]] = {}


def elementwise(name: str, expression: Any, args: Sequence[str]) -> Callable[..., Node]:
    """A function of nodes, element by element with broadcasting, from a SymPy expression or its text over ``args``.

    The symbols are real. ``Piecewise``, ``Max``, ``Min``, ``Heaviside`` and ``Abs`` mean ``where``, ``maximum`` and so
    on with this library's conventions at kinks; ``softplus``, ``sigmoid``, ``log1p``, ``expm1``, ``relu``, ``lgamma``
    may be used and stay stable. The derivatives are SymPy's, and hold to any order. The result prints as ``name``,
    compiles and fuses like an operator that is built in. What was derived once is remembered on disk: with a text,
    SymPy is not even imported then. Raises GraphError for what is no formula over ``args``, for functions without a
    counterpart, and for a name that means something else already.

    >>> import symdiff as sd
    >>> cauchy = sd.elementwise("cauchy", "log(1 + (x / c)**2)", ["x", "c"])
    >>> x = sd.input("x", (3,))
    >>> cauchy(x, 2.0).type.shape
    (3,)
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise GraphError(explain("elementwise", f"a name is an identifier, got {name!r}", at=here()))
    rule = _rule(expression, tuple(map(str, args)))
    op = _operator(name, rule)

    def function(*operands: Operand) -> Node:
        if len(operands) != len(rule.args):
            problem = f"takes {len(rule.args)} arguments ({', '.join(rule.args)}), got {len(operands)}"
            raise GraphError(explain(name, problem, at=here()))
        nodes = promote(name, *operands)
        return build(op, [node if node.type.is_float else build_astype(node, FLOAT64) for node in nodes])

    function.__name__ = name
    function.__doc__ = f"{name}({', '.join(rule.args)}) = {rule.value}, element by element."
    return function


def _rule(expression: Any, args: tuple[str, ...]) -> Rule:
    """The formula with its derivatives, from the disk if they were derived before."""
    digest = hashlib.sha256(repr((_version(), str(expression), args)).encode()).hexdigest()
    known = cache.load(digest)
    if known is not None:
        value, slopes = json.loads(known)
        return Rule(args, value, tuple(slopes))
    from . import sympy_text

    parsed = _stable(sympy_text.parsed(expression, args), args)
    slopes = tuple(sympy_text.written(sympy_text.derivative(parsed, arg)) for arg in args)
    rule = Rule(args, sympy_text.written(parsed), slopes)
    cache.store(digest, json.dumps([rule.value, rule.slopes]).encode())
    return rule


def _stable(expression: Any, args: Sequence[str]) -> Any:
    """The expression in stable functions where it overflows: 1 / (1 + exp(-x)) has the derivative of sigmoid."""
    from .sympy_text import written

    node = evaluated(written(expression), {arg: leaf(arg) for arg in args})
    if not isinstance(node, Node):
        return expression
    (stable,) = stabilize_nodes([node])
    return expression if stable is node else to_sympy(stable)


def _version() -> str:
    """What turns an expression into a rule."""
    return hashlib.sha256(Path(__file__).with_name("sympy_text.py").read_bytes()).hexdigest()


def _operator(name: str, rule: Rule) -> Op:
    known = _DEFINED.get(name)
    if known is not None and known[0] == rule:
        return known[1]
    if known is not None or is_operator(name):
        what = known[0].value if known is not None else "an operator of symdiff"
        raise GraphError(explain("elementwise", f"{name} is taken: it is {what}", at=here(), hint="use another name"))

    def infer(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
        return TensorType(inputs[0].dtype, common_shape(name, inputs))

    def on(text: str, inputs: Sequence[Node]) -> Node:
        found = evaluated(text, dict(zip(rule.args, inputs, strict=True)))
        return stabilize_nodes([found])[0] if isinstance(found, Node) else found

    def value(*inputs: Node) -> Node:
        shape = common_shape(name, inputs)
        return broadcast_to(promote(name, inputs[0], on(rule.value, inputs))[1], shape)

    def evaluate(*arrays: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        leaves = [
            placeholder(TensorType(array.dtype, array.shape), arg) for array, arg in zip(arrays, rule.args, strict=True)
        ]
        return interpret([value(*leaves)], dict(zip(leaves, arrays, strict=True)), {})[0]

    def slope(text: str) -> Callable[..., Node]:
        return lambda t, out, *inputs: t * on(text, inputs)

    leaves = [placeholder(TensorType(FLOAT64, ()), arg) for arg in rule.args]
    cost = sum(1 for node in toposort([value(*leaves)]) if node.inputs)
    op = Op(
        name=name,
        infer=infer,
        evaluate=evaluate,
        vjp=tuple(map(slope, rule.slopes)),
        lowering=Expand(lambda node: value(*node.inputs)),
        flops=lambda node: size_of(node) * cost,
    )
    _DEFINED[name] = rule, op
    return op
