"""Attention with several heads, transformer blocks, and where in a sequence an element stands."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import ShapeError, explain
from ...core.node import Node, Operand, describe
from ...core.provenance import here
from ...core.types import FLOAT64
from ...init import glorot_uniform, normal
from ...ops.convert import constant
from ...ops.create import arange
from ...ops.elementwise import astype, cos, sin, where
from ...ops.index import take
from ...ops.linalg import matmul
from ...ops.shape import expand_dims, permute_dims, reshape
from ...ops.slicing import slice_axis
from ..attention import scaled_dot_product_attention
from ..scopes import layer, param
from .common import Activation, count, dropout_rate, float_input, known_size
from .dense import dense
from .dropout import dropout as dropped
from .dropout import step_key
from .normalization import layer_norm


def multi_head_attention(
    x: Operand, heads: int, memory: Operand | None = None, mask: Operand | None = None, causal: bool = False,
    dropout: float = 0.0, training: bool | None = None, bias: bool = True, name: str | None = None,
) -> Node:  # fmt: skip
    """Attention of the elements of x (n, T, d) to each other, or to those of ``memory`` (n, S, e): (n, T, d).

    Queries, keys and values are ``x @ W_q + b_q``, ``memory @ W_k + b_k``, ``memory @ W_v + b_v``, d wide, cut into
    ``heads``; what the heads find side by side is the result of ``@ W_o + b_o``. With ``causal`` an element sees none
    after it; ``mask`` broadcasts to (n, heads, T, S), see :func:`scaled_dot_product_attention`. ``dropout`` drops
    attention weights while ``training``. Raises ShapeError where heads do not divide d.

    >>> import symdiff as sd
    >>> x = sd.input("x", (sd.dim("n"), 10, 32))
    >>> sd.nn.multi_head_attention(x, 4, causal=True, name="attention").type.shape
    (Dim(n), 10, 32)
    """
    asked = "multi_head_attention"
    node = float_input(asked, x, "(n, T, d)", 3, 3)
    source = node if memory is None else float_input(asked, memory, "memory (n, S, e)", 3, 3)
    width, heads, p = known_size(asked, node, -1), count(asked, "heads", heads), dropout_rate(asked, dropout, training)
    if width % heads:
        raise ShapeError(explain(asked, f"{heads} heads do not divide the last size of {describe(node)}", at=here()))

    def affine(given: Node, letter: str) -> Node:
        y = matmul(given, param(f"W_{letter}", (known_size(asked, given, -1), width), glorot_uniform(), node.dtype))
        return y + param(f"b_{letter}", (width,), None, node.dtype) if bias else y

    def in_heads(given: Node, letter: str) -> Node:
        apart = reshape(affine(given, letter), (*given.shape[:2], heads, width // heads))
        return permute_dims(apart, (0, 2, 1, 3))

    with layer(asked, name):
        q, k, v = in_heads(node, "q"), in_heads(source, "k"), in_heads(source, "v")
        found = scaled_dot_product_attention(q, k, v, mask, p, causal, dropout_key=step_key() if p else None)
        return affine(reshape(permute_dims(found, (0, 2, 1, 3)), node.shape), "o")


def transformer_block(
    x: Operand, heads: int, hidden: int | None = None, mask: Operand | None = None, causal: bool = False,
    activation: Activation = "gelu", dropout: float = 0.0, training: bool | None = None, name: str | None = None,
) -> Node:  # fmt: skip
    """A pre-norm transformer block over x (n, T, d): ``h = x + attention(layer_norm(x))``, then ``h +
    dense(activation(dense(layer_norm(h))))``, with ``hidden`` (by default 4 d) units between.

    ``mask`` and ``causal`` as for :func:`multi_head_attention`; ``dropout`` drops attention weights and elements of
    both branches while ``training``. Parameters are those of the layers ``norm_1``, ``attention``, ``norm_2``, ``up``
    and ``down``.

    >>> import symdiff as sd
    >>> sd.nn.transformer_block(sd.input("x", (sd.dim("n"), 10, 32)), 4, causal=True, name="block").type.shape
    (Dim(n), 10, 32)
    """
    node = float_input("transformer_block", x, "(n, T, d)", 3, 3)
    width, p = known_size("transformer_block", node, -1), dropout_rate("transformer_block", dropout, training)
    with layer("transformer_block", name):
        found = multi_head_attention(
            layer_norm(node, name="norm_1"), heads, None, mask, causal, p, True, name="attention"
        )
        node = node + dropped(found, p, True)
        found = dense(layer_norm(node, name="norm_2"), hidden or 4 * width, activation, "up")
        return node + dropped(dense(found, width, name="down"), p, True)


def sinusoidal_positions(x: Operand) -> Node:
    """x (n, T, d) with its place in the sequence added (Vaswani et al., 2017): sin(t / 10000^(2 i / d)) to column 2 i
    of row t, the cosine to column 2 i + 1. No parameters; T may be symbolic.

    >>> import symdiff as sd
    >>> sd.nn.sinusoidal_positions(sd.input("x", (sd.dim("n"), 10, 32))).type.shape
    (Dim(n), 10, 32)
    """
    node = float_input("sinusoidal_positions", x, "(n, T, d)", 3, 3)
    width = known_size("sinusoidal_positions", node, 2)
    columns = np.arange(width)
    waves = constant(10000.0 ** (-(columns - columns % 2) / width))
    angle = expand_dims(arange(node.shape[1], dtype=FLOAT64), 1) * waves
    return node + astype(where(constant(columns % 2 == 0), sin(angle), cos(angle)), node.dtype)


def learned_positions(x: Operand, longest: int | None = None, name: str | None = None, init: Any = None) -> Node:
    """x (n, T, d) plus the first T rows of a parameter ``W`` (longest, d), by default of exactly T rows.

    Raises ShapeError for sequences that are longer; where T is symbolic, which needs ``longest``, IndexRangeError when
    the compiled function runs.

    >>> import symdiff as sd
    >>> sd.nn.learned_positions(sd.input("x", (sd.dim("n"), 10, 32)), longest=64, name="places").type.shape
    (Dim(n), 10, 32)
    """
    node = float_input("learned_positions", x, "(n, T, d)", 3, 3)
    length, width = node.shape[1], known_size("learned_positions", node, 2)
    if longest is None:
        longest = known_size("learned_positions", node, 1)
    rows = count("learned_positions", "longest", longest)
    if isinstance(length, int) and rows < length:
        raise ShapeError(explain("learned_positions", f"longest is {rows}, got {describe(node)} (n, T, d)", at=here()))
    with layer("learned_positions", name):
        W = param("W", (rows, width), init or normal(0.02), node.dtype)
        return node + (slice_axis(W, 0, 0, length) if isinstance(length, int) else take(W, arange(length), axis=0))
