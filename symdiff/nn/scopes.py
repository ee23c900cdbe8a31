"""Scopes: what the parameters made inside are called, and which of them are the same."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from functools import wraps
from typing import Any, TypeVar

from ..core.errors import GraphError, explain
from ..core.node import Node
from ..core.provenance import here
from ..ops import leaf

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Names:
    """The names given since a scope was entered, and whether each may be given again."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.given: dict[str, bool] = {}

    def give(self, name: str, share: bool = False) -> str:
        if name in self.given and not (share and self.given[name]):
            hint = "give it another name, or to use the same weights again put both in scope(..., share=True)"
            raise GraphError(explain(f"scope {self.path!r}", f"it already has a {name!r}", at=here(), hint=hint))
        self.given[name] = share
        return f"{self.path}.{name}"

    def unused(self, kind: str) -> str:
        name, count = kind, 1
        while name in self.given:
            count += 1
            name = f"{kind}_{count}"
        return name


_current: ContextVar[_Names | None] = ContextVar("symdiff_scope", default=None)


class scope:  # noqa: N801  (used like a function: ``with scope("encoder"):``, ``@scope("model")``)
    """Parameters of layers made inside are called ``<name>.…``; scopes nest. Also a decorator for a model function.

    Inside a scope each name is given once. Layers without a name of their own are numbered (``dense``, ``dense_2``); a
    name that is given twice is an error. *Entering the outermost scope again begins again with the same names*, so a
    model function that is called for training and again for evaluation has the same weights both times. Within another
    scope that is asked for: ``share=True`` has the same weights each time it is entered (siamese networks, bodies of
    loops).

    Raises GraphError for a name that is no identifier, or taken.

    >>> import symdiff as sd
    >>> @sd.nn.scope("mlp")
    ... def model(x):
    ...     return sd.nn.dense(sd.nn.dense(x, 8, "relu"), 1)
    >>> x = sd.input("x", (sd.dim("n"), 3))
    >>> [param.attrs["name"] for param in sd.Graph(model(x)).params]
    ['mlp.dense.W', 'mlp.dense.b', 'mlp.dense_2.W', 'mlp.dense_2.b']
    >>> model(x) is model(x)
    True
    """

    def __init__(self, name: str, share: bool = False) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise GraphError(explain("scope", f"a name is an identifier, got {name!r}", at=here()))
        self.name, self.share = name, share
        self._left: list[Token[_Names | None]] = []

    def __enter__(self) -> None:
        outer = _current.get()
        path = self.name if outer is None else outer.give(self.name, self.share)
        self._left.append(_current.set(_Names(path)))

    def __exit__(self, *exception: object) -> None:
        _current.reset(self._left.pop())

    def __call__(self, f: _Function) -> _Function:
        @wraps(f)
        def inside(*args: Any, **options: Any) -> Any:
            with scope(self.name, self.share):
                return f(*args, **options)

        return inside  # type: ignore[return-value]


def layer(kind: str, name: str | None) -> scope:
    """The scope of one layer: under its name, or the next free one of its kind."""
    outer = _current.get()
    if name is not None:
        return scope(name)
    if outer is None:
        hint = 'write name="...", or put the model into a scope: with sd.nn.scope("model")'
        raise GraphError(explain(kind, "outside any scope a layer needs a name", at=here(), hint=hint))
    return scope(outer.unused(kind))


def param(name: str, shape: Any = (), init: Any = None, dtype: Any = "float64") -> Node:
    """``sd.param`` under the name of the scope, for layers of your own. Raises GraphError for a name that is taken.

    >>> import symdiff as sd
    >>> with sd.nn.scope("encoder"):
    ...     sd.nn.param("W", (2, 3))
    <encoder.W: float64[2, 3]>
    """
    within = _current.get()
    return leaf.param(name if within is None else within.give(name), shape, init, dtype)


def path() -> str:
    """The name of the scope: that of the layer, inside a layer."""
    within = _current.get()
    return "" if within is None else within.path
