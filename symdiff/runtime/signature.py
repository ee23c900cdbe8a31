"""What a kernel takes: sizes and arrays, with the element types and strides that are known at compile time."""

from __future__ import annotations

from symdiff.core.record import record

DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
)  # fmt: skip


@record
class Size:
    """An int64 scalar. It takes one word."""

    @property
    def words(self) -> int:
        return 1


@record
class Array:
    """A buffer of `dtype` with one stride, in elements, for each axis; None is a stride given at run time.

    It takes one word for the address, then one for each stride given at run time. A bool is stored as one byte.
    """

    dtype: str
    strides: tuple[int | None, ...]

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise TypeError(f"Array: unknown dtype {self.dtype!r}; kernels know {', '.join(DTYPES)}")

    @property
    def rank(self) -> int:
        return len(self.strides)

    @property
    def words(self) -> int:
        return 1 + self.strides.count(None)


Param = Size | Array
