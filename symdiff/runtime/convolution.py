"""Convolutions as matrix products with a matrix that is never whole: the columns of windows of the images.

For some windows and some taps, the elements of the image that they meet are copied side by side, and the tiles of the
matrix product (gemm_tile.py) do the rest; in a transpose, the product is added to those elements (windows.py). So
nothing is in memory but what the caches hold, and zeros around an image are masks. As in gemm.py, sums run over blocks
of taps (or of outputs) in order, whatever threads share.

    conv             y[n] (outputs, windows) = w (outputs, taps) @ columns of x[n] (taps, windows)
    conv_transpose   columns of x[n] (taps, windows) += w (outputs, taps)^T @ y[n] (outputs, windows)
    conv_weight      w (taps, outputs) = sum over n of columns of x[n] (taps, windows) @ y[n] (outputs, windows)^T
"""

from __future__ import annotations

from symdiff.runtime import gemm, native, walk
from symdiff.runtime.assembly import Function, Vector
from symdiff.runtime.gemm import BAND
from symdiff.runtime.gemm_tile import BLOCK, PACK, TURN, pack, tile, turn
from symdiff.runtime.windows import (
    BOUNDS,
    ENTRY,
    PACK_WINDOWS,
    SIZES,
    SPAN,
    SPREAD_WINDOWS,
    TABLE,
    fill_table,
    pack_windows,
    product,
    put,
    spread_windows,
)

STEPS = ("conv", "conv_transpose", "conv_weight")
SHORT = 64
"""So many taps at a time are packed for conv_weight: half of the nearest cache."""
MANY, WIDE = 512, 512
"""So many taps use cotangents once these are packed or turned, and so many outputs are turned at a time."""
STRIP = 8
"""So many taps and SPAN windows meet in a product that is added to an image: it stays in the nearest cache."""


def step_address(name: str, dtype: str) -> tuple[int, tuple[int, ...]] | None:
    """The address of a step of STEPS, whose words are the sizes (for conv_weight also the numbers of groups, inputs and
    outputs when it makes a share of them), then its operands and its result. None where products are not our own."""
    found = gemm.shape()
    if found is None or dtype not in ("float32", "float64"):
        return None
    return native.address_of_written(f"{name}_{dtype}", lambda entry: text(name, dtype, found, entry)), ()


def text(name: str, dtype: str, shape: gemm.Shape, entry: str) -> str:
    """The module with the step `entry(words, slots)`."""
    vector = shape.vector(dtype)
    attributes = f'noinline "target-cpu"="{shape.cpu}"' if shape.cpu else "noinline"
    functions = [tile(vector, h, 2, p, attributes) for h, p in zip(shape.heights(2), (False, True), strict=True)]
    functions += [gemm.band(vector, shape, 2, attributes), fill_table(attributes)]
    functions += [write(vector, attributes) for write in _HELPERS[name]]
    functions.append(_WRITERS[name](vector, entry, attributes))
    return "\n".join([vector.declarations, *functions])


class _Step:
    """The beginning of a step: its function, the sizes in an array as well, and products of them."""

    def __init__(self, entry: str, more: tuple[str, ...], arrays: tuple[str, ...], attributes: str) -> None:
        self.f, _, self.given = walk.step(entry, (*SIZES, *more, *arrays), attributes)
        f, given = self.f, self.given
        self.sizes = f.memory("i64", len(SIZES), 64)
        for place, name in enumerate(SIZES):
            put(f, given[name], self.sizes, place)
        self.pixels = product(f, *(given[name] for name in ("depth", "height", "width")))
        self.windows = product(f, *(given[name] for name in ("planes", "rows", "columns")))
        self.taps = product(f, *(given[name] for name in ("inputs", "taps_z", "taps_y", "taps_x")))
        self.arrays = {name: f.let(f"inttoptr i64 {given[name]} to ptr") for name in arrays}
        self.state = f.memory("i64", 3, 64)

    def begin(self) -> None:
        """Go to the first window."""
        for place in range(3):
            put(self.f, "0", self.state, place)


def _conv(vector: Vector, entry: str, attributes: str) -> str:
    s = _Step(entry, (), ("x", "w", "y"), attributes)
    f, given, real, lanes = s.f, s.given, vector.real, vector.lanes
    wide = 2 * lanes
    bounds = f.memory("i64", BOUNDS, 64)
    table, panel = f.memory("i64", BLOCK * ENTRY, 64), f.memory(real, BLOCK * wide, 64)
    with f.loop(given["groups"]) as group, f.loop(s.taps, BLOCK) as first:
        k = f.min(f.sub(s.taps, first), BLOCK)
        f.pass_on("fill_table", TABLE, sizes=s.sizes, first=first, k=k, table=table, bounds=bounds)
        weights = f.at(s.arrays["w"], real, f.add(f.mul(f.mul(group, given["outputs"]), s.taps), first))
        with f.loop(given["images"]) as n:
            number = f.add(f.mul(n, given["groups"]), group)
            image = f.at(s.arrays["x"], real, product(f, number, given["inputs"], s.pixels))
            result = f.at(s.arrays["y"], real, product(f, number, given["outputs"], s.windows))
            s.begin()
            with f.loop(s.windows, wide) as p:
                left = f.min(f.sub(s.windows, p), wide)
                for start in (0, lanes):
                    with f.when(f.less(start, left)):
                        f.pass_on(
                            "pack_windows", PACK_WINDOWS, sizes=s.sizes, bounds=bounds, table=table, k=k, image=image,
                            count=f.min(f.sub(left, start), lanes), state=s.state, out=f.at(panel, real, start),
                            ldo=wide,
                        )  # fmt: skip
                f.pass_on(
                    "band_2", BAND, k=k, a=weights, row=s.taps, step=1, b=panel, ldb=wide, m=given["outputs"], n=left,
                    add=f.less(0, first), c=f.at(result, real, p), ldc=s.windows, copy="false", panel=BLOCK,
                )  # fmt: skip
    return f.text("i64 0")


def _conv_transpose(vector: Vector, entry: str, attributes: str) -> str:
    s = _Step(entry, (), ("y", "w", "x"), attributes)
    f, given, real, wide = s.f, s.given, vector.real, 2 * vector.lanes
    bounds = f.memory("i64", BOUNDS, 64)
    table, here = f.memory("i64", MANY * ENTRY, 64), f.memory("i64", 3, 64)
    panels, columns = f.memory(real, BLOCK * SPAN, 64), f.memory(real, STRIP * SPAN, 64)
    pixels = f.mul(given["inputs"], s.pixels)
    with f.loop(given["groups"]) as group, f.loop(s.taps, MANY) as first:
        taps = f.min(f.sub(s.taps, first), MANY)
        f.pass_on("fill_table", TABLE, sizes=s.sizes, first=first, k=taps, table=table, bounds=bounds)
        with f.loop(given["images"]) as n:
            number = f.add(f.mul(n, given["groups"]), group)
            image = f.at(s.arrays["x"], real, f.mul(number, pixels))
            with f.when(f.equal(first, 0)):
                _clear(f, vector, image, "1", pixels, pixels)
            with f.loop(given["outputs"], BLOCK) as o:
                outputs = f.min(f.sub(given["outputs"], o), BLOCK)
                cotangents = f.at(s.arrays["y"], real, f.mul(f.add(f.mul(number, given["outputs"]), o), s.windows))
                weights = f.add(f.mul(f.add(f.mul(group, given["outputs"]), o), s.taps), first)
                weights = f.at(s.arrays["w"], real, weights)
                s.begin()
                with f.loop(s.windows, SPAN) as p:
                    left = f.min(f.sub(s.windows, p), SPAN)
                    f.pass_on("pack", PACK, k=outputs, b=f.at(cotangents, real, p), ldb=s.windows, n=left, out=panels)
                    with f.loop(taps, STRIP) as strip:
                        rows = f.min(f.sub(taps, strip), STRIP)
                        f.pass_on(
                            "band_2", BAND, k=outputs, a=f.at(weights, real, strip), row=1, step=s.taps, b=panels,
                            ldb=wide, m=rows, n=left, add="false", c=columns, ldc=SPAN, copy="true", panel=BLOCK,
                        )  # fmt: skip
                        _copy_words(f, s.state, here)
                        f.pass_on(
                            "spread_windows", SPREAD_WINDOWS, sizes=s.sizes, bounds=bounds, k=rows, image=image,
                            table=f.at(table, "i64", f.mul(strip, ENTRY)), count=left, state=here, columns=columns,
                        )  # fmt: skip
                    _copy_words(f, here, s.state)
    return f.text("i64 0")


def _conv_weight(vector: Vector, entry: str, attributes: str) -> str:
    """The taps are rows of the result, so that cotangents are turned once for many of them. Threads share inputs,
    outputs or groups: %all_... is how many there are."""
    s = _Step(entry, ("all_groups", "all_inputs", "all_outputs"), ("x", "y", "w"), attributes)
    f, given, real, lanes = s.f, s.given, vector.real, vector.lanes
    wide = 2 * lanes
    bounds = f.memory("i64", BOUNDS, 64)
    table, here = f.memory("i64", MANY * ENTRY, 64), f.memory("i64", 3, 64)
    packed, turned = f.memory(real, SHORT * BLOCK, 64), f.memory(real, (WIDE + wide) * BLOCK, 64)
    kernel = product(f, *(given[f"taps_{axis}"] for axis in "zyx"))
    every = {"inputs": given["all_inputs"], "outputs": given["all_outputs"]}
    with f.loop(given["groups"]) as group:
        result = f.at(s.arrays["w"], real, product(f, group, every["inputs"], kernel, every["outputs"]))
        _clear(f, vector, result, s.taps, given["outputs"], every["outputs"])
        with f.loop(given["outputs"], WIDE) as o, f.loop(s.taps, MANY) as first:
            outputs, taps = f.min(f.sub(given["outputs"], o), WIDE), f.min(f.sub(s.taps, first), MANY)
            f.pass_on("fill_table", TABLE, sizes=s.sizes, first=first, k=taps, table=table, bounds=bounds)
            c = f.at(result, real, f.add(f.mul(first, every["outputs"]), o))
            with f.loop(given["images"]) as n:
                number = f.add(f.mul(n, given["all_groups"]), group)
                image = f.at(s.arrays["x"], real, product(f, number, every["inputs"], s.pixels))
                cotangents = f.at(s.arrays["y"], real, f.mul(f.add(f.mul(number, every["outputs"]), o), s.windows))
                s.begin()
                with f.loop(s.windows, BLOCK) as p:
                    left = f.min(f.sub(s.windows, p), BLOCK)
                    f.pass_on(
                        "turn", TURN, k=left, t=f.at(cotangents, real, p), ldt=s.windows, n=outputs,
                        wide=f.add(outputs, lanes), out=turned, ldo=wide,
                    )  # fmt: skip
                    with f.loop(taps, SHORT) as short:
                        rows = f.min(f.sub(taps, short), SHORT)
                        _copy_words(f, s.state, here)
                        with f.loop(left, lanes) as v:
                            f.pass_on(
                                "pack_windows", PACK_WINDOWS, sizes=s.sizes, bounds=bounds, k=rows,
                                table=f.at(table, "i64", f.mul(short, ENTRY)), image=image,
                                count=f.min(f.sub(left, v), lanes), state=here, out=f.at(packed, real, v), ldo=BLOCK,
                            )  # fmt: skip
                        f.pass_on(
                            "band_2", BAND, k=left, a=packed, row=BLOCK, step=1, b=turned, ldb=wide, m=rows,
                            n=outputs, add="true", c=f.at(c, real, f.mul(short, every["outputs"])),
                            ldc=every["outputs"], copy="false", panel=BLOCK,
                        )  # fmt: skip
                    _copy_words(f, here, s.state)
    return f.text("i64 0")


def _copy_words(f: Function, source: str, target: str) -> None:
    for place in range(3):
        put(f, f.word(source, place), target, place)


def _clear(f: Function, vector: Vector, matrix: str, rows: str, columns: str, leading: str) -> None:
    with f.loop(rows) as i, f.loop(columns, vector.lanes) as j:
        place = f.at(matrix, vector.real, f.add(f.mul(i, leading), j))
        vector.store(f, "zeroinitializer", place, vector.first(f, f.sub(columns, j)))


_WRITERS = {"conv": _conv, "conv_transpose": _conv_transpose, "conv_weight": _conv_weight}
_HELPERS = {"conv": (pack_windows,), "conv_transpose": (pack, spread_windows), "conv_weight": (pack_windows, turn)}
