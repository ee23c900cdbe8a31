"""Digests of what is kept on disk: equal values have equal bytes, and others have others."""

from __future__ import annotations

import pytest

from symdiff.core.digest import as_bytes


def test_equal_values_have_equal_bytes() -> None:
    """Also where parts are the same object in one and equal objects in the other, or names that Python interns."""
    part = ("size", 300)
    again = ("".join(["si", "ze"]), int("300"))
    assert as_bytes((part, part, "add")) == as_bytes((again, ("size", 300), "".join(["a", "dd"])))


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (1, 1.0), (0.0, -0.0), (1, "1"), ("a", b"a"), ((1, 2), [1, 2]), ((1, (2,)), ((1, 2),)), (None, "None")],
)
def test_other_values_have_other_bytes(one: object, other: object) -> None:
    assert as_bytes((one,)) != as_bytes((other,))
