"""Recurrent layers over sequences (n, T, d), by scan. What does not depend on the state, the product of all inputs
with the weights, is made once, before the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...control.public import scan
from ...core.errors import DTypeError, GraphError, ShapeError, explain
from ...core.node import Node, Operand, describe
from ...core.provenance import here
from ...init import glorot_uniform, orthogonal
from ...ops.convert import as_node
from ...ops.create import zeros
from ...ops.elementwise import sigmoid, tanh
from ...ops.linalg import matmul
from ...ops.manipulate import split
from ...ops.shape import concat, permute_dims
from ..dropout import dropout1d
from ..scopes import layer, param
from .common import Activation, activation_of, count, dropout_rate, float_input, known_size
from .dropout import step_key


def rnn(
    x: Operand, units: int, activation: Activation = "tanh", initial: Operand | None = None, *, reverse: bool = False,
    dropout: float = 0.0, training: bool | None = None, name: str | None = None,
) -> tuple[Node, Node]:  # fmt: skip
    """``h_t = activation(x_t @ W_x + h_{t-1} @ W_h + b)`` for x (n, T, d): all h, (n, T, units), and the last one.

    Parameters are ``W_x`` (d, units), ``W_h`` (units, units) and ``b`` (units,). ``initial`` is the state before the
    first step, (n, units), 0 by default. ``reverse`` goes from the last step to the first; h_t keeps its place.

    ``dropout`` is variational: while ``training`` one mask for all time steps drops features of x, none of the state
    (Gal and Ghahramani, 2016). Raises ShapeError for T = 0 and for an initial state of another shape.

    >>> import symdiff as sd
    >>> x = sd.input("x", (sd.dim("n"), 20, 3))
    >>> y, last = sd.nn.rnn(x, 8, name="rnn")
    >>> y.type.shape, last.type.shape
    ((Dim(n), 20, 8), (Dim(n), 8))
    """
    activate = activation_of("rnn", activation)
    with layer("rnn", name):
        z, W_h, (h,) = _begin("rnn", x, units, 1, None, (initial,), dropout, training)

        def step(h: Node, z: Node) -> tuple[Node, Node]:
            h = activate(z + matmul(h, W_h))
            return h, h

        return _run(step, h, z, reverse)


def lstm(
    x: Operand, units: int, initial: tuple[Operand, Operand] | None = None, *, reverse: bool = False,
    dropout: float = 0.0, training: bool | None = None, forget_bias: float = 1.0, name: str | None = None,
) -> tuple[Node, tuple[Node, Node]]:  # fmt: skip
    """Long short-term memory over x (n, T, d): all h, (n, T, units), and the last state, the pair (h, c).

    ``i, f, g, o = split(x_t @ W_x + h_{t-1} @ W_h + b)``; ``c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)``; ``h_t =
    sigmoid(o) tanh(c_t)``. Parameters are ``W_x`` (d, 4 units), ``W_h`` (units, 4 units) and ``b`` (4 units,), which
    starts at ``forget_bias`` for the forget gate (Jozefowicz et al., 2015) and at 0 elsewhere. ``initial`` is a pair
    (h, c) of (n, units); other arguments as for :func:`rnn`.

    >>> import symdiff as sd
    >>> y, (h, c) = sd.nn.lstm(sd.input("x", (sd.dim("n"), 20, 3)), 8, name="lstm")
    >>> y.type.shape, c.type.shape
    ((Dim(n), 20, 8), (Dim(n), 8))
    """
    with layer("lstm", name):
        bias = np.repeat([0.0, forget_bias, 0.0, 0.0], count("lstm", "units", units))
        z, W_h, state = _begin("lstm", x, units, 4, bias, _pair(initial), dropout, training)

        def step(state: tuple[Node, Node], z: Node) -> tuple[tuple[Node, Node], Node]:
            h, c = state
            i, f, g, o = split(z + matmul(h, W_h), 4, -1)
            c = sigmoid(f) * c + sigmoid(i) * tanh(g)
            h = sigmoid(o) * tanh(c)
            return (h, c), h

        return _run(step, state, z, reverse)


def gru(
    x: Operand, units: int, initial: Operand | None = None, *, reverse: bool = False, dropout: float = 0.0,
    training: bool | None = None, name: str | None = None,
) -> tuple[Node, Node]:  # fmt: skip
    """Gated recurrent units over x (n, T, d): all h, (n, T, units), and the last one.

    With ``r, u, m = split(x_t @ W_x + b)`` and ``r', u', m' = split(h_{t-1} @ W_h)``: ``r = sigmoid(r + r')``, ``u =
    sigmoid(u + u')``, ``h_t = (1 - u) tanh(m + r (m' + b_m)) + u h_{t-1}``, as in cuDNN and PyTorch. Parameters are
    ``W_x`` (d, 3 units), ``W_h`` (units, 3 units), ``b`` (3 units,) and ``b_m`` (units,); arguments as for :func:`rnn`.

    >>> import symdiff as sd
    >>> y, last = sd.nn.gru(sd.input("x", (sd.dim("n"), 20, 3)), 8, name="gru")
    >>> y.type.shape
    (Dim(n), 20, 8)
    """
    with layer("gru", name):
        z, W_h, (h,) = _begin("gru", x, units, 3, None, (initial,), dropout, training)
        b_m = param("b_m", (units,), None, z.dtype)

        def step(h: Node, z: Node) -> tuple[Node, Node]:
            from_x, from_h = split(z, 3, -1), split(matmul(h, W_h), 3, -1)
            r, u = sigmoid(from_x[0] + from_h[0]), sigmoid(from_x[1] + from_h[1])
            m = tanh(from_x[2] + r * (from_h[2] + b_m))
            h = m + u * (h - m)
            return h, h

        return _run(step, h, z, reverse)


def bidirectional(
    recurrent: Callable[..., tuple[Node, Any]], x: Operand, units: int, *, name: str | None = None, **options: Any
) -> tuple[Node, tuple[Any, Any]]:
    """A recurrent layer run forward and another one backward, side by side: (n, T, 2 units), and both last states.

    >>> import symdiff as sd
    >>> x = sd.input("x", (sd.dim("n"), 20, 3))
    >>> y, (forward, backward) = sd.nn.bidirectional(sd.nn.gru, x, 8, name="both")
    >>> y.type.shape
    (Dim(n), 20, 16)
    """
    with layer("bidirectional", name):
        there, first = recurrent(x, units, name="forward", **options)
        back, second = recurrent(x, units, name="backward", reverse=True, **options)
        return concat([there, back], -1), (first, second)


def _begin(
    asked: str, x: Operand, units: int, gates: int, bias: Any, initial: Any, dropout: float, training: bool | None
) -> tuple[Node, Node, tuple[Node, ...]]:
    """The inputs times their weights (T, n, gates units), the weights of the state, and the state before."""
    node = float_input(asked, x, "sequences (n, T, d)", 3, 3)
    if node.shape[1] == 0:
        raise ShapeError(explain(asked, f"a sequence has a step at least, got {describe(node)} (n, T, d)", at=here()))
    units, width, p = count(asked, "units", units), known_size(asked, node, -1), dropout_rate(asked, dropout, training)
    if p:
        node = permute_dims(dropout1d(permute_dims(node, (0, 2, 1)), p, key=step_key()), (0, 2, 1))
    W_x = param("W_x", (width, gates * units), glorot_uniform(), node.dtype)
    W_h = param("W_h", (units, gates * units), orthogonal(), node.dtype)
    b = param("b", (gates * units,), bias, node.dtype)
    state = tuple(_state(asked, one, node, units) for one in initial)
    return matmul(permute_dims(node, (1, 0, 2)), W_x) + b, W_h, state


def _pair(initial: Any) -> tuple[Operand | None, Operand | None]:
    if initial is None:
        return None, None
    if not isinstance(initial, tuple | list) or len(initial) != 2:
        got = describe(initial) if isinstance(initial, Node) else repr(initial)
        raise GraphError(explain("lstm", f"the initial state is a pair (h, c), got {got}", at=here()))
    return initial[0], initial[1]


def _state(asked: str, given: Operand | None, x: Node, units: int) -> Node:
    shape = (x.shape[0], units)
    if given is None:
        return zeros(shape, x.dtype)
    state = as_node(given)
    if state.shape != shape or state.dtype != x.dtype:
        problem = f"the initial state of {units} units for {describe(x)} is {x.dtype} of shape {shape}"
        error = ShapeError if state.shape != shape else DTypeError
        raise error(explain(asked, f"{problem}, got {describe(state)}", at=here()))
    return state


def _run(step: Callable[..., Any], state: Any, z: Node, reverse: bool) -> tuple[Node, Any]:
    last, ys = scan(step, state, z, reverse=reverse)
    return permute_dims(ys, (1, 0, 2)), last
