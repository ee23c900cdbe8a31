"""How large the fields of convolutions become: what is written as LLVM text, computed with Python's numbers."""

from __future__ import annotations

import random
from typing import Any

import pytest

from symdiff.runtime import field
from symdiff.runtime.assembly import Vector
from symdiff.runtime.field import Axis, blocks


class Numbers:
    """The arithmetic of assembly.Function, done at once."""

    def __getattr__(self, name: str) -> Any:
        operations = {
            "add": lambda x, y: x + y,
            "sub": lambda x, y: x - y,
            "mul": lambda x, y: x * y,
            "div": lambda x, y: int(x / y),
            "up": lambda x, y: (x + y - 1) // y,
            "min": min,
            "max": max,
            "equal": lambda x, y: x == y,
            "both": lambda p, q: p and q,
        }
        return lambda *operands: operations[name](*map(number, operands))

    def select(self, condition: bool, kind: str, yes: Any, no: Any) -> int:
        return number(yes) if condition else number(no)


def number(value: Any) -> Any:
    return value == "true" if value in ("true", "false") else int(value)


@pytest.mark.parametrize("vector", [Vector("float", 16), Vector("double", 4)])
def test_fields_fit_whatever_the_sizes(vector: Vector) -> None:
    rng = random.Random(0)
    positions = 64 * vector.lanes
    for _ in range(3000):
        axes: list[Any] = []
        for _ in "zyx":
            windows, stride = round(10 ** rng.uniform(0, 4)), round(10 ** rng.uniform(0, 2))
            taps, apart = round(10 ** rng.uniform(0, 2.5)), round(10 ** rng.uniform(0, 3))
            axes.append(Axis(0, windows, stride, taps, 0, rng.choice([-1, 1]) * apart))
        channels = round(10 ** rng.uniform(0, 3))
        found = blocks(Numbers(), vector, axes, channels, positions)
        total = 1
        for axis, taps, phases, windows, size in zip(
            axes, found.taps, found.phases, found.windows, found.shape, strict=True
        ):
            reach = (taps - 1) * abs(axis.apart) + 1
            assert 1 <= taps <= axis.taps and 1 <= windows <= axis.windows
            assert phases == min(axis.stride, reach) and size == windows + (reach - 1) // axis.stride
            total *= phases * size
        z, y, x = found.windows
        _, height, width = found.shape
        assert total * found.channels == found.total <= field.ROOM // vector.bytes_each
        assert ((z - 1) * height + y - 1) * width + x <= positions
        assert found.taps[0] * found.taps[1] * found.taps[2] * found.channels <= field.CHAIN
        assert y == 1 or x == axes[2].windows
        assert z == 1 or (x, y) == (axes[2].windows, axes[1].windows)
