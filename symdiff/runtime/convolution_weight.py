"""The derivative of a convolution in its weights, as LLVM text."""

from __future__ import annotations

from collections.abc import Mapping

from symdiff.runtime.assembly import Function, Value, Vector
from symdiff.runtime.convolution_step import Step, along
from symdiff.runtime.correlation import FEW, FIRST, PLACE, PLACES, WEIGHTS, WINDOWS, Tiles, weights_name, words
from symdiff.runtime.field import FIELD, ROOM, TAP, blocks, product, put

NEAR = 64
"""So many vectors of cotangents meet the taps of a tile of weights at most: they stay in the nearest cache."""


def conv_weight(vector: Vector, tiles: Tiles, entry: str, attributes: str) -> str:
    """Cotangents become fields of the same shape, of as many images as a tile of weights sums up at a time. Threads
    share inputs, outputs or groups: %all_... is how many there are, and decides the order of sums."""
    s = Step(vector, entry, ("all_groups", "all_inputs", "all_outputs"), ("x", "y", "w"), attributes)
    f, given, lanes = s.f, s.given, vector.lanes
    groups, inputs, outputs = (given[f"all_{name}"] for name in ("groups", "inputs", "outputs"))
    vectors = f.memory("i64", NEAR * words(vector, False), 64)
    outputs_together = tiles.weights[1]
    cotangents = f.memory(vector.real, (2 * outputs_together + 1) * NEAR * lanes, 64)
    axes = s.axes()
    size = blocks(f, vector, axes, inputs, NEAR * lanes)
    _clear(s)
    channel_weights = f.mul(s.weights, outputs)
    apart: list[Value] = [product(f, s.kernel[1], s.kernel[2], outputs), f.mul(s.kernel[2], outputs), outputs]
    with (
        s.each_tap_block(axes, size, apart, channel_weights) as (taps, counts, origins),
        s.each_box(axes, size, vectors) as (begins, box, many),
    ):
        height = f.select(f.equal(box[0], 1), "i64", box[1], size.shape[1])
        room = f.mul(f.up(product(f, box[0], height, size.shape[2]), lanes), lanes)
        together = f.max(f.min(f.div(NEAR * lanes, room), f.div(ROOM // vector.bytes_each, size.total)), 1)
        _repeat_vectors(f, vectors, many, together, size.total, f.mul(room, outputs_together))
        first_window = s.place(begins, s.windows_apart)
        first_tap = s.place(taps, apart)
        with (
            f.loop(given["groups"]) as group,
            f.loop(given["images"], together) as n,
            f.loop(given["inputs"], size.channels) as channel,
        ):
            images, some = (
                f.min(f.sub(given["images"], n), together),
                f.min(f.sub(given["inputs"], channel), size.channels),
            )
            with f.loop(images) as image:
                number = f.add(f.mul(f.add(n, image), groups), group)
                source = s.at("x", f.mul(f.add(f.mul(number, inputs), channel), s.pixels))
                out = s.at(s.field, f.mul(image, size.total))
                s.pack(axes, size, begins, origins, source=source, channels=some, apart=s.pixels, out=out)
            row = s.at("w", f.add(f.mul(f.add(f.mul(group, inputs), channel), channel_weights), first_tap))
            k = product(f, some, *counts)
            with f.loop(given["outputs"], outputs_together) as o:
                m = f.min(f.sub(given["outputs"], o), outputs_together)
                with f.loop(images) as image:
                    number = f.add(f.mul(f.add(n, image), groups), group)
                    source = s.at("y", f.add(f.mul(f.add(f.mul(number, outputs), o), s.windows), first_window))
                    out = s.at(cotangents, product(f, image, room, outputs_together))
                    with f.loop(m) as j:  # what follows the last window
                        last = f.sub(f.mul(f.add(j, 1), room), lanes)
                        vector.store(f, "zeroinitializer", s.at(out, last))
                    f.pass_on(
                        "pack_field", FIELD, source=source, channels=m, apart=s.windows, **along("size", box),
                        **along("begin", (0, 0, 0)), **along("stride", (1, 1, 1)), **along("phases", (1, 1, 1)),
                        deep=box[0], height=height, width=size.shape[2], out=out, cell=room, phase=0,
                    )  # fmt: skip
                tile = {"many": f.mul(many, images), "vectors": vectors, "ldy": room}
                with f.when(f.less(m, FEW)) as otherwise:
                    with f.loop(m) as j:
                        y, w = s.at(cotangents, f.mul(j, room)), s.at(row, f.add(o, j))
                        _add_tiles(s, tiles.few_weights, k, tile | {"y": y, "w": w, "m": 1})
                    otherwise()
                    _add_tiles(s, tiles.weights, k, tile | {"y": cotangents, "w": s.at(row, o), "m": m})
    return f.text("i64 0")


def _add_tiles(s: Step, size: tuple[int, int], k: str, tile: Mapping[str, Value]) -> None:
    """All taps of the table."""
    most, _ = size
    with s.f.loop(k, most) as tap:
        taps, count = s.f.at(s.taps, "i64", s.f.mul(tap, TAP)), s.f.min(s.f.sub(k, tap), most)
        s.f.pass_on(weights_name(size), WEIGHTS, taps=taps, count=count, field=s.field, **tile)


def _repeat_vectors(f: Function, vectors: str, many: str, images: str, field: str, cotangents: str) -> None:
    """A table of the vectors of several images, so far apart in the fields of images and of cotangents."""
    size = PLACES
    with f.loop(many) as v:
        entry = f.at(vectors, "i64", f.mul(v, size))
        place, windows = f.word(entry, PLACE), f.word(entry, WINDOWS)
        with f.loop(images) as n:
            other = f.at(entry, "i64", f.mul(f.mul(n, many), size))
            put(f, f.add(place, f.mul(n, field)), other, PLACE)
            put(f, windows, other, WINDOWS)
            put(f, f.add(place, f.mul(n, cotangents)), other, FIRST)


def _clear(s: Step) -> None:
    """All weights of this share, those of each group so many rows of outputs."""
    f, given, vector = s.f, s.given, s.vector
    with f.loop(given["groups"]) as group, f.loop(f.mul(given["inputs"], s.weights)) as i:
        first = f.add(f.mul(f.mul(group, given["all_inputs"]), s.weights), i)
        with f.loop(given["outputs"], vector.lanes) as o:
            place = s.at("w", f.add(f.mul(first, given["all_outputs"]), o))
            vector.store(f, "zeroinitializer", place, vector.first(f, f.sub(given["outputs"], o)))
