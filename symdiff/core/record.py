"""Classes that are their fields, with slots: ``record`` for what never changes and is equal by its fields, ``entity``
for what may change and is equal to itself alone. A dataclass is both, but takes four times as long to be made, and
every program that imports symdiff waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Fields are set once, and make up equality (within the class) and the hash. ``__post_init__`` may check them."""
    made, names, given = _slotted(cls, {"__setattr__": _refuse, "__delattr__": _refuse, "__reduce__": _reduce})
    values = attrgetter(*names) if names else _no_value

    def equals(self: Any, other: Any) -> Any:
        return values(self) == values(other) if self.__class__ is other.__class__ else NotImplemented

    def hash_of(self: Any) -> int:
        return hash(values(self))

    _add(made, "__eq__", equals)
    _add(made, "__hash__", hash_of)
    setters = {f"set_{name}": made.__dict__[name].__set__ for name in names}
    return _initialised(made, names, setters, given, "set_{0}(self, {0})")


@dataclass_transform(eq_default=False)
def entity(cls: type[T]) -> type[T]:
    """Fields can be set; equality and hash are identity."""
    made, names, given = _slotted(cls, {})
    return _initialised(made, names, {}, given, "self.{0} = {0}")


def replace(item: T, **changes: Any) -> T:
    """The same with other values of some fields."""
    return type(item)(**dict(zip(_fields(item), _values(item), strict=True)) | changes)


def _slotted(cls: type[Any], methods: dict[str, Any]) -> tuple[type[Any], tuple[str, ...], dict[str, Any]]:
    """The class again with slots, since they cannot be added; the names of its fields; the defaults, by parameter."""
    if cls.__bases__ != (object,):
        raise TypeError(f"{cls.__name__}: a class of fields has no base, got {cls.__bases__}")
    members = dict(cls.__dict__)
    names = tuple(members.get("__annotations__", ()))
    given = {f"given_{name}": members.pop(name) for name in names if name in members}
    del members["__dict__"], members["__weakref__"]
    members.setdefault("__repr__", _repr)
    members.update(methods, __slots__=names, __match_args__=names, __qualname__=cls.__qualname__)
    return type(cls.__name__, (), members), names, given


def _initialised(
    made: type[Any], names: Sequence[str], setters: dict[str, Any], given: dict[str, Any], assign: str
) -> type[Any]:
    """With an ``__init__``, which is compiled when the first instance is made: of many classes there is none."""

    def first(self: Any, *values: Any, **named: Any) -> None:
        parameters = [f"{name}=given_{name}" if f"given_{name}" in given else name for name in names]
        body = [assign.format(name) for name in names]
        body += ["self.__post_init__()"] if "__post_init__" in made.__dict__ else []
        lines = [f"def __init__({', '.join(['self', *parameters])}):", *(f"    {line}" for line in body or ["pass"])]
        methods: dict[str, Any] = {}
        exec("\n".join(lines), setters | given, methods)
        _add(made, "__init__", methods["__init__"])
        made.__init__(self, *values, **named)

    _add(made, "__init__", first)
    return made


def _add(made: type[Any], name: str, method: Any) -> None:
    method.__qualname__ = f"{made.__qualname__}.{name}"
    setattr(made, name, method)


def _no_value(item: Any) -> tuple[()]:
    return ()


def _fields(item: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = type(item).__match_args__
    return names


def _values(item: Any) -> tuple[Any, ...]:
    return tuple(getattr(item, name) for name in _fields(item))


def _repr(self: Any) -> str:
    fields = zip(_fields(self), _values(self), strict=True)
    return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in fields)})"


def _reduce(self: Any) -> tuple[Any, ...]:
    return type(self), _values(self)


def _refuse(self: Any, name: str, *_: Any) -> NoReturn:
    raise AttributeError(f"{type(self).__qualname__}.{name} cannot be set: the fields of a record never change")
