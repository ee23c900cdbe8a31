"""What the tests of passes share: structure as text, values before and after, and exact scalar values by mpmath."""

import mpmath
import numpy as np

import symdiff as sd
from symdiff.core.traversal import toposort
from symdiff.interpret import interpret
from symdiff.ops.convert import scalar_value
from symdiff.passes.rewrite import journal, rewrite

INF, NAN = np.inf, np.nan
SAMPLES = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 3.0, -3.0, 800.0, -800.0, 1e-20, -1e-20, 1e300, -1e300, NAN, INF, -INF]
)


def ops(*roots):
    """The operators under the roots, in order, leaves left out."""
    return [node.op.name for node in toposort(roots) if node.inputs]


def text(*roots):
    """The structure as lines that do not depend on the process: positions, operators, attributes, types."""
    order = toposort(roots)
    place = {node: position for position, node in enumerate(order)}
    lines = []
    for node in order:
        attrs = " ".join(f"{name}={value}" for name, value in node.attrs.items())
        lines.append(
            f"{place[node]} {node.op.name}({', '.join(str(place[p]) for p in node.inputs)}) {attrs} {node.type}"
        )
    return "\n".join([*lines, str([place[root] for root in roots])])


def rules_fired(rules, nodes):
    """The rules of a set that are used when the nodes are rewritten one by one."""
    with journal() as book:
        for node in nodes:
            rewrite([node], rules)
    return {fired for fired, _ in book.fired}


def run(nodes, values, sizes=None):
    return interpret(list(nodes), values, sizes or {})


def same(before, after, rtol=1e-13, atol=0.0):
    """Equal up to rounding; NaN and inf in the same places. -0.0 equals 0.0."""
    np.testing.assert_allclose(after, before, rtol=rtol, atol=atol, equal_nan=True)


def exact(node, values):
    """The real value of a scalar graph at finite inputs, to hundreds of digits."""
    with mpmath.workdps(1500):
        found = {}
        for step in toposort([node]):
            if step in values:
                found[step] = mpmath.mpf(float(values[step]))
            elif not step.inputs:
                found[step] = mpmath.mpf(scalar_value(step))
            else:
                found[step] = _EXACT[step.op.name](*[found[parent] for parent in step.inputs])
        return found[node]


def _logistic(x):
    return 1 / (1 + mpmath.exp(-x))


_EXACT = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": lambda x, y: x**y,
    "negative": lambda x: -x,
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "sqrt": mpmath.sqrt,
    "exp": mpmath.exp,
    "expm1": lambda x: mpmath.exp(x) - 1,
    "log": mpmath.log,
    "log1p": lambda x: mpmath.log(1 + x),
    "sigmoid": _logistic,
    "tanh": mpmath.tanh,
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
}

x = sd.input("x")
