"""Records and entities behave as dataclasses with slots do."""

from __future__ import annotations

import copy
import pickle

import pytest

from symdiff.core.record import entity, record, replace


@record
class Point:
    """A place."""

    x: int
    y: int = 7

    @property
    def sum(self) -> int:
        return self.x + self.y


@record
class Twin:
    """The same fields as a point."""

    x: int
    y: int = 7


@record
class Empty:
    """No fields."""


@entity
class Counter:
    """Something that changes."""

    name: str
    count: int = 0


def test_equal_by_fields_within_a_class() -> None:
    assert Point(1, 2) == Point(1, y=2) != Point(2, 1)
    assert hash(Point(1, 2)) == hash(Point(1, 2))
    assert Point(1) != Twin(1) and Point(1) != (1, 7)
    assert Empty() == Empty() and hash(Empty()) == hash(Empty())


def test_a_field_compares_as_in_a_tuple() -> None:
    nan = float("nan")
    assert Point(nan) == Point(nan)  # the same object, as in a tuple
    assert Point(nan) != Point(float("nan"))


def test_a_record_never_changes() -> None:
    point = Point(1)
    for change in (lambda: setattr(point, "x", 2), lambda: delattr(point, "x"), lambda: setattr(point, "z", 2)):
        with pytest.raises(AttributeError, match=r"Point\.. cannot be set"):
            change()
    assert point == Point(1, 7) and point.sum == 8


def test_an_entity_changes_and_is_equal_to_itself_alone() -> None:
    counter = Counter("a")
    counter.count += 1
    assert repr(counter) == "Counter(name='a', count=1)"
    assert counter != Counter("a", 1) and len({counter, Counter("a", 1)}) == 2
    with pytest.raises(AttributeError):
        counter.other = 1  # type: ignore[attr-defined]


def test_arguments_are_checked() -> None:
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Counter("a", z=1)  # type: ignore[call-arg]


def test_fields_are_checked_after_they_are_set() -> None:
    @record
    class Even:
        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError(f"{self.number} is odd")

    assert Even(2).number == 2
    with pytest.raises(ValueError, match="3 is odd"):
        Even(3)
    with pytest.raises(ValueError, match="5 is odd"):
        replace(Even(4), number=5)


def test_copies_of_both() -> None:
    counter = Counter("a", 2)
    assert replace(Point(1, 2), y=3) == Point(1, 3)
    assert replace(counter, name="b").count == 2 and counter.name == "a"
    with pytest.raises(TypeError):
        replace(counter, size=1)
    assert pickle.loads(pickle.dumps(Point(1, 2))) == copy.deepcopy(Point(1, 2)) == Point(1, 2)
    assert copy.copy(counter).count == 2


def test_names_and_patterns() -> None:
    assert repr(Point(1)) == "Point(x=1, y=7)" and Point.__doc__ == "A place." and Point.__module__ == __name__
    match Point(3, 4):
        case Point(x, y):
            assert (x, y) == (3, 4)


def test_no_inheritance() -> None:
    with pytest.raises(TypeError, match="Special: a class of fields has no base"):

        @record
        class Special(Point):
            z: int
