"""Convolutions without a matrix of windows: images become fields, and sums stay in registers.

Images are copied into fields (field.py), where what a tap meets in neighbouring windows lies side by side. A tile of
results (correlation.py) is then some outputs times some vectors of windows, to which tap after tap is added; a tile of
weights is some taps times some outputs, each summed over vectors of windows. The order of a sum follows from the
sizes of one image alone, so threads can share images, groups or channels.

    conv             y[n, o] at window q = sum over c and t of w[o, c, t] x[n, c] where tap t meets window q
    conv_transpose   x[n, c] at q = sum over o and t of w[o, c, t] y[n, o] at the window whose tap t meets q
    conv_weight      w[c, t, o] = sum over n and q of x[n, c] where tap t meets window q, times y[n, o] at q

A transpose is a convolution of y again, once for each residue of q by the stride, with the taps that meet such q. The
zeros around an image or around y are multiplied as other numbers are: an infinite weight makes NaN of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symdiff.core.record import record
from symdiff.runtime import gemm, native
from symdiff.runtime.assembly import Function, Value, Vector
from symdiff.runtime.convolution_step import Step
from symdiff.runtime.convolution_weight import conv_weight
from symdiff.runtime.correlation import NARROW, RESULTS, WIDE, fill_vectors, results, results_tiles, weights_tile, words
from symdiff.runtime.field import AXES, Axis, blocks, fill_taps, pack_field, product

STEPS = ("conv", "conv_transpose", "conv_weight")
MANY = 128
"""So many vectors of results are in a box at most."""


def step(name: str, dtype: str) -> Callable[[], int] | None:
    """What gives the address of a step of STEPS, whose words are the sizes (for conv_weight also the numbers of groups,
    inputs and outputs when it makes a share of them), then its operands and its result. None where products are not
    our own."""
    found = gemm.shape()
    if found is None or dtype not in ("float32", "float64"):
        return None
    return lambda: native.address_of_written(f"{name}_{dtype}", lambda entry: text(name, dtype, found, entry))


def text(name: str, dtype: str, shape: gemm.Shape, entry: str) -> str:
    """The module with the step `entry(words, slots)`."""
    vector, tiles = shape.vector(dtype), WIDE if shape.bytes == 64 else NARROW
    attributes = f'noinline "target-cpu"="{shape.cpu}"' if shape.cpu else "noinline"
    spread = name == "conv_transpose"
    functions = [fill_taps(attributes), pack_field(vector, attributes), fill_vectors(vector, spread, attributes)]
    if name == "conv_weight":
        functions += [weights_tile(vector, size, attributes) for size in (tiles.weights, tiles.few_weights)]
        functions.append(conv_weight(vector, tiles, entry, attributes))
    else:
        functions += [*results_tiles(vector, tiles, spread, attributes), results(vector, tiles, spread, attributes)]
        functions.append((_conv_transpose if spread else _conv)(vector, entry, attributes))
    return "\n".join([vector.declarations, *functions])


@record
class _Sums:
    """A convolution of %source into %result, whose weights are anywhere."""

    axes: Sequence[Axis]
    source: str
    result: str
    channels: str
    rows: str
    """how many channels a group of the result has"""
    whole: str
    """elements of one of these"""
    apart: Sequence[Value]
    """between windows in the result"""
    begin: Value
    """the first window there"""
    taps: Sequence[Value]
    """between the weights of neighbouring taps"""
    tap: Value
    """the first of them"""
    row: Value
    """between the weights of channels of the result"""
    channel: Value
    """between those of channels of the source"""


def _conv(vector: Vector, entry: str, attributes: str) -> str:
    s = Step(vector, entry, (), ("x", "w", "y"), attributes)
    inputs, outputs = s.given["inputs"], s.given["outputs"]
    taps: list[Value] = [s.f.mul(s.kernel[1], s.kernel[2]), s.kernel[2], 1]
    row = s.f.mul(inputs, s.weights)
    sums = _Sums(s.axes(), "x", "y", inputs, outputs, s.windows, s.windows_apart, 0, taps, 0, row, s.weights)
    _add_up(s, sums, None)
    return s.f.text("i64 0")


def _conv_transpose(vector: Vector, entry: str, attributes: str) -> str:
    """For each residue of places by the stride, the places of images are windows on results."""
    s = Step(vector, entry, (), ("y", "w", "x"), attributes)
    f, given = s.f, s.given
    inputs, outputs = given["inputs"], given["outputs"]
    strides = [given[f"stride_{axis}"] for axis in AXES]
    apart = [f.mul(strides[0], f.mul(s.images[1], s.images[2])), f.mul(strides[1], s.images[2]), strides[2]]
    spread = f.less(1, product(f, *strides))
    with f.loop(strides[0]) as z, f.loop(strides[1]) as y, f.loop(strides[2]) as x:
        axes, firsts, steps = [], [], []
        for axis, residue, image, result, count in zip(AXES, (z, y, x), s.images, s.results, s.kernel, strict=True):
            found, first, step = _taps_that_meet(f, given, axis, residue, count)
            stride, dilation = given[f"stride_{axis}"], given[f"dilation_{axis}"]
            windows = f.up(f.sub(image, residue), stride)
            start = f.sub(f.add(residue, given[f"pad_{axis}"]), f.mul(first, dilation))
            distance = f.sub(0, f.max(f.div(f.mul(step, dilation), stride), 1))
            axes.append(Axis(result, windows, "1", found, f.div(start, stride), distance))
            firsts.append(first)
            steps.append(step)
        weights = [f.mul(steps[0], f.mul(s.kernel[1], s.kernel[2])), f.mul(steps[1], s.kernel[2]), steps[2]]
        tap = f.add(f.mul(f.add(f.mul(firsts[0], s.kernel[1]), firsts[1]), s.kernel[2]), firsts[2])
        begin = f.add(f.mul(f.add(f.mul(z, s.images[1]), y), s.images[2]), x)
        channel = f.mul(inputs, s.weights)
        sums = _Sums(axes, "y", "x", outputs, inputs, s.pixels, apart, begin, weights, tap, s.weights, channel)
        _add_up(s, sums, spread)
    return f.text("i64 0")


def _taps_that_meet(f: Function, given: dict[str, str], axis: str, residue: str, count: str) -> tuple[str, str, str]:
    """Of the taps that meet places of this residue: how many, the first one, the distance to the next."""
    found, first, step = (f.variable("i64", start) for start in (0, 0, 1))
    place = f.add(residue, given[f"pad_{axis}"])
    with f.loop(count) as tap:
        distance = f.sub(place, f.mul(tap, given[f"dilation_{axis}"]))
        with f.when(f.equal(f.rem(distance, given[f"stride_{axis}"]), 0)):
            with f.when(f.equal(f.get(found), 0)):
                f.set(first, tap)
            with f.when(f.equal(f.get(found), 1)):
                f.set(step, f.sub(tap, f.get(first)))
            f.set(found, f.add(f.get(found), 1))
    return f.get(found), f.get(first), f.get(step)


def _add_up(s: Step, sums: _Sums, spread: str | None) -> None:
    """All images and groups, box by box of windows, block by block of taps and channels. `spread` says whether windows
    are not side by side in the result, if they can be so."""
    f, given, vector = s.f, s.given, s.vector
    vectors = f.memory("i64", MANY * words(vector, spread is not None), 64)
    size = blocks(f, vector, sums.axes, sums.channels, MANY * vector.lanes)
    pixels = product(f, *(axis.size for axis in sums.axes))
    group_weights = product(f, given["outputs"], given["inputs"], s.weights)
    with (
        s.each_tap_block(sums.axes, size, sums.taps, sums.channel) as (taps, counts, origins),
        s.each_box(sums.axes, size, vectors, sums.apart, spread or "false") as (begins, _, many),
    ):
        first_tap = f.add(s.place(taps, sums.taps), sums.tap)
        first_window = f.add(s.place(begins, sums.apart), sums.begin)
        first_block = f.equal(f.add(f.add(taps[0], taps[1]), taps[2]), 0)
        with (
            f.loop(given["images"]) as n,
            f.loop(given["groups"]) as group,
            f.loop(f.max(sums.channels, 1), size.channels) as channel,
        ):
            number, some = f.add(f.mul(n, given["groups"]), group), f.min(f.sub(sums.channels, channel), size.channels)
            source = s.at(sums.source, f.mul(f.add(f.mul(number, sums.channels), channel), pixels))
            s.pack(sums.axes, size, begins, origins, source=source, channels=some, apart=pixels, out=s.field)
            weight = f.add(f.add(f.mul(group, group_weights), f.mul(channel, sums.channel)), first_tap)
            f.pass_on(
                "results", RESULTS, k=product(f, some, *counts), taps=s.taps, w=s.at("w", weight), row=sums.row,
                field=s.field, vectors=vectors, m=sums.rows, many=many, ldo=sums.whole,
                add=f.negated(f.both(first_block, f.equal(channel, 0))),
                out=s.at(sums.result, f.add(product(f, number, sums.rows, sums.whole), first_window)),
            )  # fmt: skip
