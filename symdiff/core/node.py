"""Nodes: immutable, typed, interned. Building the same expression twice gives the same object."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import numpy as np

from .errors import GraphError
from .op import Attrs, Op
from .provenance import Origin, origin_here
from .registry import call, is_provided
from .surface import Operand as Operand
from .surface import Surface
from .types import Shape, TensorType


class Form(tuple[Op, ...]):
    """The operator of a node and those of its operands: what rules are indexed by. There is one for each combination,
    so that it is found by identity."""

    __slots__ = ()
    __eq__, __hash__ = object.__eq__, object.__hash__


_NO_ATTRS: Attrs = MappingProxyType({})
_FEW = 8  # origins that are looked through one by one
_new, _serial_of, _op_of = object.__new__, attrgetter("serial"), attrgetter("op")
_table: dict[tuple[Any, ...], _Entry] = {}  # what a node is made of -> the node, as long as somebody holds it
_lock = threading.RLock()  # a shape rule may build nodes itself, and nodes may die anywhere
_acquire, _release = _lock.acquire, _lock.release
_serial = itertools.count()
_recorded: ContextVar[set[Node] | None] = ContextVar("symdiff_recorded", default=None)


class Node(Surface):
    """A value in the graph: an operator applied to inputs.

    Nodes are made by calling operators (``sd.exp(x)``, ``x @ w + b``), never directly. Equality is identity:
    ``a == b`` tells whether two names are the same expression; the elementwise comparison is ``sd.equal``.
    Operators, slices and methods follow NumPy: ``x + 1``, ``x[1:, None]``, ``x.T``, ``x.sum(axis=0)``.
    """

    __slots__ = ("__weakref__", "_others", "attrs", "form", "inputs", "op", "origin", "serial", "type")
    __hash__ = object.__hash__

    op: Op
    inputs: tuple[Node, ...]
    attrs: Attrs
    type: TensorType
    form: Form
    serial: int
    origin: Origin
    """The first reason this node exists."""
    _others: tuple[Origin, ...] | dict[Origin, None]  # the other reasons: a few, which rebuilt nodes share, or many

    # -- what it is

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.type.dtype

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Every reason this node exists, the first one first."""
        return (self.origin, *self._others)

    def add_origin(self, origin: Origin) -> None:
        """Put one more reason on record."""
        if origin == self.origin or origin in self._others:
            return
        if isinstance(self._others, tuple):
            if len(self._others) < _FEW:
                self._others = (*self._others, origin)
                return
            self._others = dict.fromkeys(self._others)
        self._others[origin] = None

    def named(self, name: str) -> Node:
        """The same node, under a name of your own in printed graphs and emitted source."""
        if not name.isidentifier():
            raise GraphError(f"named: a name is an identifier, got {name!r}")
        here = origin_here()
        self.add_origin(Origin(here.file, here.line, here.section, name=name))
        return self

    def __repr__(self) -> str:
        return f"<{describe(self)}>"

    # -- Python's operators

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Node) or not isinstance(other, int | float | np.ndarray | np.generic):
            return self is other
        raise _no_comparison(self, other)

    def __bool__(self) -> bool:
        raise GraphError(
            f"bool({describe(self)}): a symbol has no value while the model is built; use sd.where or sd.logical_and"
        )

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray[Any, Any]:
        raise GraphError(f"array of {describe(self)}: a symbol has no value; compile it, or use sd's function")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Operand, **options: Any) -> Any:
        """``np.exp(x)``, and ``array + x``: our operator of the same name."""
        if ufunc in (np.equal, np.not_equal):  # which NumPy also calls for `array == x`
            raise _no_comparison(self, operands[operands[0] is self])
        name = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
        if method != "__call__" or not is_provided(ufunc.__name__):
            raise GraphError(f"{name} of {describe(self)}: symdiff has no such operator; see docs/operators.md")
        if options:
            raise GraphError(f"{name} of {describe(self)}: a symbol takes no {', '.join(options)}")
        return call(ufunc.__name__, *operands)

    def __len__(self) -> int:
        if not self.shape or not isinstance(self.shape[0], int):
            raise GraphError(f"len({describe(self)}): the leading size is not a number")
        return self.shape[0]

    def __iter__(self) -> Iterator[Node]:
        return (self[index] for index in range(len(self)))


def _no_comparison(node: Node, other: object) -> GraphError:
    return GraphError(f"{describe(node)} == {other!r}: == compares identity; use sd.equal for elements")


def build(op: Op, inputs: Sequence[Node], attrs: Mapping[str, Any] = _NO_ATTRS) -> Node:
    """The node for ``op(*inputs, **attrs)``: the existing one when there is one, which then has one more origin."""
    if not inputs and "name" not in attrs:
        return _interned(op, (), attrs, None)  # a constant is where it was first written
    origin = origin_here()
    found = _interned(op, tuple(inputs), attrs, origin)
    if found.origin is origin:
        return found
    if inputs:
        found.add_origin(origin)
    else:  # an input or parameter is known by where it was declared last
        before = found.origins
        found.origin, found._others = origin, ()
        for other in before:
            found.add_origin(other)
    return found


def with_inputs(node: Node, inputs: Sequence[Node]) -> Node:
    """The same operator on other inputs, as many as before, with the origins of ``node``; the node itself when they are
    its own."""
    same = True
    type: TensorType | None = node.type
    form: Form | None = node.form
    for place, old in enumerate(node.inputs):
        new = inputs[place]
        if new is old:
            continue
        same = False
        if new.type is not old.type and new.type != old.type:
            type = None
        if new.op is not old.op:
            form = None
    if same:
        return node
    found = _interned(node.op, tuple(inputs), node.attrs, node.origin, type, form)
    if found.origin is node.origin and not found._others and isinstance(node._others, tuple):
        found._others = node._others
        return found
    for origin in node.origins:
        found.add_origin(origin)
    return found


def _interned(
    op: Op,
    inputs: tuple[Node, ...],
    attrs: Attrs,
    origin: Origin | None,
    type: TensorType | None = None,
    form: Form | None = None,
) -> Node:
    """The one node made of this, made now if there is none. Its reason (the one in context), its type (by the shape
    rule) and its form are found where they are not given."""
    key: tuple[Any, ...]  # has numbers: the nodes themselves would live on with their reasons
    if attrs:
        key = (op, *map(_serial_of, inputs), *attrs.items())
    elif len(inputs) == 2:
        key = (op, inputs[0].serial, inputs[1].serial)
    else:
        key = (op, *map(_serial_of, inputs))
    _acquire()  # in half the time that `with` takes
    try:
        entry = _table.get(key)
        found = None if entry is None else entry()
        if found is None:
            if type is None:
                type = op.infer(inputs, attrs)
            if form is None:
                form = form_of((op, *map(_op_of, inputs)))
            found = _new(Node)
            found.op = op
            found.inputs = inputs
            found.attrs = attrs
            found.type = type
            found.form = form
            found.serial = next(_serial)
            found.origin = origin or origin_here()
            found._others = ()
            entry = _table[key] = _Entry(found, _forget)
            entry.key = key
    finally:
        _release()
    recording = _recorded.get()
    if recording is not None:
        recording.add(found)
    return found


@contextmanager
def recorded() -> Iterator[set[Node]]:
    """The nodes that are built inside, those included that were there before."""
    nodes: set[Node] = set()
    outer = _recorded.get()
    token = _recorded.set(nodes)
    try:
        yield nodes
    finally:
        _recorded.reset(token)
        if outer is not None:
            outer |= nodes


def recording() -> bool:
    """Whether a body is being built whose nodes are recorded: a branch of ``cond``."""
    return _recorded.get() is not None


@cache
def form_of(ops: tuple[Op, ...]) -> Form:
    """The form of these operators."""
    return Form(ops)


class _Entry(weakref.ref[Node]):
    """A node in the table, and the key it is found under."""

    __slots__ = ("key",)
    key: tuple[Any, ...]


def _forget(
    entry: _Entry,
    table: dict[Any, _Entry] = _table,
    acquire: Callable[[], bool] = _acquire,
    release: Callable[[], None] = _release,
) -> None:
    """A node is gone; an equal one may have taken its place in the table since. (The defaults outlive the module.)"""
    acquire()
    try:
        if table.get(entry.key) is entry:
            del table[entry.key]
    finally:
        release()


def describe(node: Node) -> str:
    """``x: float32[n, 64]``, with the operator in place of a name where none was given."""
    name = node.attrs.get("name") or next((o.name for o in reversed(node.origins) if o.name), None) or node.op.name
    return f"{name}: {node.type}"


def indexed(node: Node) -> str:
    """What the positions that a node reads or writes at point into: ``axis 0 of table: float64[5, 3]``."""
    axis = node.attrs.get("axis")
    if axis is None:
        return ", ".join(map(describe, node.inputs))
    if len(node.inputs) == 1:
        return f"axis {axis}, indexed by {describe(node.inputs[0])}"
    return f"axis {axis} of {describe(node if 'shape' in node.attrs else node.inputs[0])}"
