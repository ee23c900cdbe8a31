"""What the steps of a convolution have in common: their words, their memory, their loops over blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from symdiff.runtime import walk
from symdiff.runtime.assembly import Value, Vector
from symdiff.runtime.correlation import VECTORS
from symdiff.runtime.field import AXES, CHAIN, FIELD, ROOM, TAP, TAPS, Axis, Blocks, product

SIZES = (
    "images", "groups", "inputs", "outputs", "depth", "height", "width", "planes", "rows", "columns",
    "taps_z", "taps_y", "taps_x", "stride_z", "stride_y", "stride_x", "pad_z", "pad_y", "pad_x",
    "dilation_z", "dilation_y", "dilation_x",
)  # fmt: skip
"""The sizes of routines/conv.py."""


class Step:
    """The beginning of a step: its function, numbers that are often needed, memory for fields and tables."""

    def __init__(
        self, vector: Vector, entry: str, more: tuple[str, ...], arrays: tuple[str, ...], attributes: str
    ) -> None:
        self.f, _, self.given = walk.step(entry, (*SIZES, *more, *arrays), attributes)
        self.vector, f, given = vector, self.f, self.given
        self.images = [given[name] for name in ("depth", "height", "width")]
        self.results = [given[name] for name in ("planes", "rows", "columns")]
        self.kernel = [given[f"taps_{axis}"] for axis in AXES]
        self.pixels, self.windows, self.weights = (
            product(f, *each) for each in (self.images, self.results, self.kernel)
        )
        self.windows_apart: list[Value] = [f.mul(self.results[1], self.results[2]), self.results[2], 1]
        self.arrays = {name: f.let(f"inttoptr i64 {given[name]} to ptr") for name in arrays}
        self.field = f.memory(vector.real, ROOM // vector.bytes_each + 2 * vector.lanes, 64)
        self.taps = f.memory("i64", CHAIN * TAP, 64)

    def axes(self) -> list[Axis]:
        """Those of a convolution of images."""
        f, given = self.f, self.given
        return [
            Axis(image, result, given[f"stride_{a}"], taps, f.sub(0, given[f"pad_{a}"]), given[f"dilation_{a}"])
            for a, image, result, taps in zip(AXES, self.images, self.results, self.kernel, strict=True)
        ]

    def at(self, array: str, index: Value) -> str:
        """The address of an element of an operand, the result, or any other memory."""
        return self.f.at(self.arrays.get(array, array), self.vector.real, index)

    def place(self, indices: Sequence[Value], apart: Sequence[Value]) -> str:
        """Indices along the axes as one."""
        z, y, x = (self.f.mul(index, distance) for index, distance in zip(indices, apart, strict=True))
        return self.f.add(self.f.add(z, y), x)

    @contextmanager
    def each_tap_block(
        self, axes: Sequence[Axis], size: Blocks, apart: Sequence[Value], channel: Value
    ) -> Iterator[tuple[list[str], list[str], list[str]]]:
        """Blocks of taps with their table: where they begin, how many they are, where the first field of windows
        begins in the source. Weights of taps lie `apart`, those of channels `channel`."""
        f = self.f
        z, y, x = (f.max(axis.taps, 1) for axis in axes)
        with f.loop(z, size.taps[0]) as tz, f.loop(y, size.taps[1]) as ty, f.loop(x, size.taps[2]) as tx:
            begins = [tz, ty, tx]
            counts, origins = [], []
            for axis, begin, block in zip(axes, begins, size.taps, strict=True):
                counts.append(f.min(f.sub(axis.taps, begin), block))
                last = f.sub(f.add(begin, counts[-1]), 1)
                ends = (f.add(axis.first, f.mul(tap, axis.apart)) for tap in (begin, last))
                origins.append(f.min(*ends))
            f.pass_on(
                "fill_taps", TAPS, **along("taps", counts), **along("apart", [axis.apart for axis in axes]),
                **along("stride", [axis.stride for axis in axes]), **along("phases", size.phases),
                **along("weight", apart), height=size.shape[1], width=size.shape[2], phase=size.phase,
                channels=size.channels, cell=size.cell, channel_weight=channel, table=self.taps,
            )  # fmt: skip
            yield begins, counts, origins

    @contextmanager
    def each_box(
        self,
        axes: Sequence[Axis],
        size: Blocks,
        vectors: str,
        apart: Sequence[Value] = (0, 0, 0),
        spread: str = "false",
    ) -> Iterator[tuple[list[str], list[str], str]]:
        """Boxes of windows with their vectors: where they begin, how many windows they have along each axis, how many
        vectors these are."""
        f = self.f
        z, y, x = (axis.windows for axis in axes)
        with f.loop(z, size.windows[0]) as wz, f.loop(y, size.windows[1]) as wy, f.loop(x, size.windows[2]) as wx:
            begins = [wz, wy, wx]
            counts = [
                f.min(f.sub(axis.windows, begin), most)
                for axis, begin, most in zip(axes, begins, size.windows, strict=True)
            ]
            values = along("windows", counts) | along("apart", apart)
            values |= {"height": size.shape[1], "width": size.shape[2], "table": vectors, "spread": spread}
            arguments = ", ".join(f"{kind} {values[name]}" for name, kind in VECTORS.items())
            yield begins, counts, f.let(f"call i64 @fill_vectors({arguments})")

    def pack(
        self, axes: Sequence[Axis], size: Blocks, begins: Sequence[str], origins: Sequence[str], **more: Value
    ) -> None:
        """Channels of an image as a field, from the windows that begin here."""
        starts = [
            self.f.add(self.f.mul(begin, axis.stride), origin)
            for axis, begin, origin in zip(axes, begins, origins, strict=True)
        ]
        self.f.pass_on(
            "pack_field", FIELD, **along("size", [axis.size for axis in axes]), **along("begin", starts),
            **along("stride", [axis.stride for axis in axes]), **along("phases", size.phases), deep=size.shape[0],
            height=size.shape[1], width=size.shape[2], cell=size.cell, phase=size.phase, **more,
        )  # fmt: skip


def along(what: str, values: Sequence[Value]) -> dict[str, Value]:
    return {f"{what}_{axis}": value for axis, value in zip(AXES, values, strict=True)}
