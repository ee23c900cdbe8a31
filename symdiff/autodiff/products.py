"""Jacobians, Hessians and their products with vectors, over jvp and vjp; whole bases at once by batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

from ..core.dim import Dim, never_exceeds, product
from ..core.errors import GradientError, explain
from ..core.node import Node
from ..core.provenance import here
from ..ops.convert import like
from ..ops.create import arange
from ..ops.elementwise import equal
from ..ops.record import build_astype
from ..ops.shape import broadcast_to, permute_dims, reshape
from .batch import batched
from .forward import jvp
from .placeholder import placeholder
from .reverse import check_floats, grad, vjp
from .sparse import sparse_hessian, sparse_jacobian

Mode = Literal["auto", "forward", "reverse"]
Nodes = Node | Sequence[Node]


@overload
def hvp(cost: Node, x: Node, v: Any) -> Node: ...
@overload
def hvp(cost: Node, x: Sequence[Node], v: Any) -> list[Node]: ...
def hvp(cost: Node, x: Nodes, v: Any) -> Node | list[Node]:
    """The Hessian of a scalar cost times a vector, forward over reverse: the tangent of ``grad(cost, x)`` along ``v``.

    Costs a small multiple of the gradient, and never forms the Hessian. ``x`` and ``v`` are a node each, or lists.

    >>> import symdiff as sd
    >>> x, v = sd.input("x", (3,)), sd.input("v", (3,))
    >>> sd.hvp(sd.sum(x ** 3), x, v).type.shape
    (3,)
    """
    return jvp(grad(cost, x), x, v, unused="zero")


def jacobian(y: Nodes, x: Nodes, *, mode: Mode = "auto", sparse: bool = False, pattern: Any = None) -> Any:
    """All partial derivatives: a node of shape ``y.shape + x.shape``.

    For a list of ``x`` a list, for a list of ``y`` a list with an entry for each. Forward mode takes one tangent for
    each element of x, reverse mode one cotangent for each of y, all of them as one batch; ``mode="auto"`` takes the
    smaller number (with symbolic sizes: the one that is a number). Where y does not depend on x it is 0.

    With ``sparse=True`` (y and x one node each, sizes in numbers) the result is a :class:`SparseMatrix` of the
    flattened y by the flattened x: ``data`` (a node), ``indices``, ``indptr`` and ``shape``, as SciPy's csr_matrix
    takes them. The structure is found from the graph, or given as ``pattern``, a matrix that is not zero where an entry
    may be; columns (or rows) that share no place are computed together.

    Raises GradientError for nodes that are not floats, and where a sparse Jacobian has a symbolic size.

    >>> import symdiff as sd
    >>> x, W = sd.input("x", (3,)), sd.param("W", (2, 3))
    >>> sd.jacobian(sd.tanh(W @ x), x).type.shape
    (2, 3)
    """
    heads, nodes = as_list(y), as_list(x)
    check_floats("jacobian", [*heads, *nodes], "zero")
    if sparse:
        return sparse_jacobian(*_one_each(y, x), pattern, mode)
    if chosen(mode, heads, nodes) == "forward":
        columns = [_forward_block(heads, node) for node in nodes]
        blocks = [list(row) for row in zip(*columns, strict=True)]
    else:
        blocks = [_reverse_blocks(head, nodes) for head in heads]
    rows = [row[0] for row in blocks] if isinstance(x, Node) else blocks
    return rows[0] if isinstance(y, Node) else rows


def hessian(cost: Node, x: Nodes, *, mode: Mode = "auto", sparse: bool = False, pattern: Any = None) -> Any:
    """Second derivatives of a scalar cost: a node of shape ``x.shape + x.shape``; for a list of ``x`` a list of lists,
    block ``[i][j]`` of shape ``x_i.shape + x_j.shape``.

    Forward over reverse (``mode="reverse"``: reverse over reverse), a whole basis of x as one batch. Of the blocks
    ``[i][j]`` and ``[j][i]`` one is computed and the other is its transpose. ``sparse`` and ``pattern`` are those of
    :func:`jacobian`; a star colouring makes use of the symmetry.

    >>> import symdiff as sd
    >>> x = sd.input("x", (3,))
    >>> sd.hessian(sd.sum(x ** 3), x).type.shape
    (3, 3)
    """
    nodes = as_list(x)
    gradients = grad(cost, nodes)
    if sparse:
        return sparse_hessian(*_one_each(gradients, x), pattern)
    if chosen(mode, gradients, nodes) == "reverse":
        blocks = [_reverse_blocks(gradient, nodes) for gradient in gradients]
        return blocks[0][0] if isinstance(x, Node) else blocks
    found: dict[tuple[int, int], Node] = {}
    order = sorted(range(len(nodes)), key=lambda place: _sort_key(nodes[place]))
    for rank, i in enumerate(order):
        rest = order[rank:]
        for j, block in zip(rest, _basis_tangents([gradients[j] for j in rest], nodes[i]), strict=True):
            found[i, j] = reshape(block, (*nodes[i].shape, *nodes[j].shape))
            if i != j:
                found[j, i] = _swapped(found[i, j], nodes[i].ndim)
    rows = [[found[i, j] for j in range(len(nodes))] for i in range(len(nodes))]
    return rows[0][0] if isinstance(x, Node) else rows


def _one_each(y: Nodes, x: Nodes) -> tuple[Node, Node]:
    heads = as_list(y)
    if not isinstance(x, Node) or len(heads) != 1:
        problem = "a sparse matrix is that of one node by one node"
        raise GradientError(explain("jacobian", problem, at=here(), hint="concatenate them, or ask for each pair"))
    return heads[0], x


def as_list(nodes: Nodes) -> list[Node]:
    return [nodes] if isinstance(nodes, Node) else list(nodes)


def chosen(mode: str, heads: Sequence[Node], nodes: Sequence[Node]) -> str:
    """Forward where x has no more elements than y, as far as that is known."""
    if mode not in ("auto", "forward", "reverse"):
        problem = f"mode is 'auto', 'forward' or 'reverse', got {mode!r}"
        raise GradientError(explain("jacobian", problem, at=here()))
    if mode != "auto":
        return mode
    rows, columns = (_elements(group) for group in (heads, nodes))
    if never_exceeds(columns, rows):
        return "forward"
    return "reverse" if never_exceeds(rows, columns) or isinstance(rows, int) else "forward"


def _elements(nodes: Sequence[Node]) -> int | Dim:
    total: int | Dim = 0
    for node in nodes:
        total = total + product(node.shape)
    return total


def _sort_key(node: Node) -> tuple[bool, int]:
    """Small nodes first: what their tangents reach, those of the large ones need not reach again."""
    size = product(node.shape)
    return (False, size) if isinstance(size, int) else (True, 0)


def _basis(node: Node) -> Node:
    """The unit vectors of the shape of ``node``, along a leading axis."""
    size = product(node.shape)
    if not node.shape:
        return broadcast_to(like(1, node), (1,))
    units = equal(reshape(arange(size), (size, 1)), arange(size))
    return reshape(build_astype(units, node.dtype), (size, *node.shape))


def _basis_tangents(heads: Sequence[Node], node: Node) -> list[Node]:
    """Tangents of the heads for every unit vector of ``node``: shapes ``(node.size, *head.shape)``."""
    t = placeholder(node.type, "tangent")
    return batched(jvp(heads, node, t, unused="zero"), {t: _basis(node)})


def _forward_block(heads: Sequence[Node], node: Node) -> list[Node]:
    columns = _basis_tangents(heads, node)
    return [
        reshape(_swapped(column, 1), (*head.shape, *node.shape)) for column, head in zip(columns, heads, strict=True)
    ]


def _reverse_blocks(head: Node, nodes: Sequence[Node]) -> list[Node]:
    ct = placeholder(head.type, "cotangent")
    rows = batched(vjp(head, nodes, ct, unused="zero"), {ct: _basis(head)})
    return [reshape(row, (*head.shape, *node.shape)) for row, node in zip(rows, nodes, strict=True)]


def _swapped(block: Node, split: int) -> Node:
    """The axes from ``split`` on in front of those before."""
    return permute_dims(block, (*range(split, block.ndim), *range(split)))
