"""Writes functions in LLVM's text form: fresh names, blocks, loops, vectors.

Variables live in memory until LLVM, which is good at that, makes registers of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from symdiff.core.record import record

REALS = {"float32": "float", "float64": "double"}
"""What LLVM calls them."""
Value = str | int
"""A name that LLVM knows, or a constant."""


def declared(kinds: Mapping[str, str]) -> str:
    """Parameters, by name, as a function declares them."""
    return ", ".join(f"{kind} %{name}" for name, kind in kinds.items())


@record
class Variable:
    """A local variable that can be assigned to."""

    kind: str
    address: str


class Function:
    """One function, written from top to bottom. Integers are i64 unless it says otherwise."""

    def __init__(self, name: str, parameters: str, attributes: str = "", result: str = "void") -> None:
        self._head = f"define {result} @{name}({parameters}) {attributes} {{"
        self._variables: list[str] = []
        self._lines: list[str] = []
        self._count = 0

    def text(self, result: str = "void") -> str:
        """The finished function, which returns `result`."""
        return "\n".join([self._head, *self._variables, *self._lines, f"  ret {result}", "}\n"])

    def do(self, instruction: str) -> None:
        """An instruction without a value."""
        self._lines.append(f"  {instruction}")

    def let(self, instruction: str) -> str:
        """The value of an instruction."""
        name = self._fresh()
        self.do(f"{name} = {instruction}")
        return name

    def call(self, name: str, *arguments: str) -> None:
        """Call a function without a value, by its name or its address; each argument comes with its type."""
        self.do(f"call void {name if name.startswith('%') else f'@{name}'}({', '.join(arguments)})")

    def pass_on(self, name: str, kinds: Mapping[str, str], **values: Value) -> None:
        """Call a function whose parameters are `kinds`; those without a value here get what is called the same here."""
        self.call(name, *(f"{kind} {values.get(parameter, f'%{parameter}')}" for parameter, kind in kinds.items()))

    def add(self, x: Value, y: Value) -> str:
        return self.let(f"add nsw i64 {x}, {y}")

    def sub(self, x: Value, y: Value) -> str:
        return self.let(f"sub nsw i64 {x}, {y}")

    def mul(self, x: Value, y: Value) -> str:
        return self.let(f"mul nsw i64 {x}, {y}")

    def div(self, x: Value, y: Value) -> str:
        """x / y, rounded to zero."""
        return self.let(f"sdiv i64 {x}, {y}")

    def rem(self, x: Value, y: Value) -> str:
        return self.let(f"srem i64 {x}, {y}")

    def up(self, x: Value, y: Value) -> str:
        """x / y, rounded up; x is not negative."""
        return self.div(self.add(x, self.sub(y, 1)), y)

    def bits(self, x: Value, mask: int) -> str:
        return self.let(f"and i64 {x}, {mask}")

    def min(self, x: Value, y: Value) -> str:
        return self.let(f"call i64 @llvm.smin.i64(i64 {x}, i64 {y})")

    def max(self, x: Value, y: Value) -> str:
        return self.let(f"call i64 @llvm.smax.i64(i64 {x}, i64 {y})")

    def less(self, x: Value, y: Value) -> str:
        return self.let(f"icmp slt i64 {x}, {y}")

    def equal(self, x: Value, y: Value) -> str:
        return self.let(f"icmp eq i64 {x}, {y}")

    def both(self, p: str, q: str) -> str:
        return self.let(f"and i1 {p}, {q}")

    def any(self, p: str, q: str) -> str:
        return self.let(f"or i1 {p}, {q}")

    def negated(self, p: str) -> str:
        return self.let(f"xor i1 {p}, true")

    def select(self, condition: str, kind: str, yes: Value, no: Value) -> str:
        return self.let(f"select i1 {condition}, {kind} {yes}, {kind} {no}")

    def pick(self, number: str, kind: str, values: Sequence[Value]) -> Value:
        """values[number]"""
        picked = values[-1]
        for k in reversed(range(len(values) - 1)):
            picked = self.select(self.equal(number, k), kind, values[k], picked)
        return picked

    def at(self, pointer: str, kind: str, index: Value) -> str:
        """The address of element `index`."""
        return self.let(f"getelementptr inbounds {kind}, ptr {pointer}, i64 {index}")

    def word(self, words: str, place: Value) -> str:
        """The i64 at a place of an array of them."""
        return self.let(f"load i64, ptr {self.at(words, 'i64', place)}")

    def memory(self, kind: str, count: int, align: int) -> str:
        """The address of `count` elements on the stack."""
        name = self._fresh()
        self._variables.append(f"  {name} = alloca [{count} x {kind}], align {align}")
        return name

    def variable(self, kind: str, value: Value) -> Variable:
        name = self._fresh()
        self._variables.append(f"  {name} = alloca {kind}")
        variable = Variable(kind, name)
        self.set(variable, value)
        return variable

    def get(self, variable: Variable) -> str:
        return self.let(f"load {variable.kind}, ptr {variable.address}")

    def set(self, variable: Variable, value: Value) -> None:
        self.do(f"store {variable.kind} {value}, ptr {variable.address}")

    def advance(self, pointer: Variable, kind: str, count: Value) -> None:
        """Move a pointer on by `count` elements, in a loop that does so."""
        self.set(pointer, self.opaque("ptr", self.at(self.get(pointer), kind, count)))

    def opaque(self, kind: str, value: Value) -> str:
        """The same value, for loops that are written as they should run: LLVM spends much time to find other pointers
        and counters for a loop, unless it cannot see how they change."""
        return self.let(f"freeze {kind} {value}")

    @contextmanager
    def loop(self, stop: Value, step: Value = 1) -> Iterator[str]:
        """for index in range(0, stop, step)"""
        counter = self.variable("i64", 0)
        with self.repeat(lambda: self.less(self.get(counter), stop)):
            index = self.get(counter)
            yield index
            self.set(counter, self.opaque("i64", self.add(index, step)))

    @contextmanager
    def repeat(self, condition: Callable[[], str]) -> Iterator[None]:
        """while condition()"""
        head, body, done = self._labels("head", "body", "done")
        self._start(head)
        self.do(f"br i1 {condition()}, label %{body}, label %{done}")
        self._open(body)
        yield
        self.do(f"br label %{head}")
        self._open(done)

    @contextmanager
    def when(self, condition: str) -> Iterator[Callable[[], None]]:
        """if condition: ... What is written after a call of the value is for the other case."""
        then, other, done = self._labels("then", "else", "done")
        self.do(f"br i1 {condition}, label %{then}, label %{other}")
        self._open(then)
        split = False

        def otherwise() -> None:
            nonlocal split
            split = True
            self.do(f"br label %{done}")
            self._open(other)

        yield otherwise
        if not split:
            otherwise()
        self._start(done)

    def _labels(self, *names: str) -> list[str]:
        self._count += 1
        return [f"{name}.{self._count}" for name in names]

    def _start(self, label: str) -> None:
        """Go on in a new block."""
        self.do(f"br label %{label}")
        self._open(label)

    def _open(self, label: str) -> None:
        self._lines.append(f"{label}:")

    def _fresh(self) -> str:
        self._count += 1
        return f"%v{self._count}"


@record
class Vector:
    """`lanes` numbers of `real`, "float" or "double", and what can be done with them."""

    real: str
    lanes: int

    @property
    def bytes_each(self) -> int:
        return {"float": 4, "double": 8}[self.real]

    @property
    def kind(self) -> str:
        return f"<{self.lanes} x {self.real}>"

    @property
    def mask(self) -> str:
        return f"<{self.lanes} x i1>"

    @property
    def has_masks(self) -> bool:
        """Whether it costs nothing to load and store some lanes only: with AVX-512."""
        return self.lanes * self.bytes_each == 64

    @property
    def part(self) -> int:
        """How many of the numbers are 16 bytes, within which to move them costs the least."""
        return 16 // self.bytes_each

    @property
    def declarations(self) -> str:
        kind, name, mask = self.kind, self._name, self.mask
        return f"""
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
declare {kind} @llvm.fma.{name}({kind}, {kind}, {kind})
declare {kind} @llvm.masked.load.{name}.p0(ptr, i32, {mask}, {kind})
declare void @llvm.masked.store.{name}.p0({kind}, ptr, i32, {mask})
declare {kind} @llvm.experimental.vector.compress.{name}({kind}, {mask}, {kind})
declare void @llvm.masked.scatter.{name}.v{self.lanes}p0({kind}, <{self.lanes} x ptr>, i32, {mask})
declare {kind} @llvm.masked.gather.{name}.v{self.lanes}p0(<{self.lanes} x ptr>, i32, {mask}, {kind})
"""

    def load(self, f: Function, pointer: str, mask: str | None = None, others: str = "zeroinitializer") -> str:
        """The lanes in `mask`, the others as in `others` and their memory not touched; by default all lanes."""
        if mask is None:
            return f.let(f"load {self.kind}, ptr {pointer}, align {self.bytes_each}")
        arguments = f"ptr {pointer}, i32 {self.bytes_each}, {self.mask} {mask}, {self.kind} {others}"
        return f.let(f"call {self.kind} @llvm.masked.load.{self._name}.p0({arguments})")

    def joined(self, f: Function, pointers: Sequence[str]) -> str:
        """The 16 bytes at each of the pointers, side by side."""
        lanes, kind = self.part, f"<{self.part} x {self.real}>"
        values = [f.let(f"load {kind}, ptr {pointer}, align {self.bytes_each}") for pointer in pointers]
        while len(values) > 1:
            lanes, kind, order = 2 * lanes, f"<{lanes} x {self.real}>", ", ".join(f"i32 {k}" for k in range(2 * lanes))
            pairs = zip(values[::2], values[1::2], strict=True)
            values = [f.let(f"shufflevector {kind} {x}, {kind} {y}, <{lanes} x i32> <{order}>") for x, y in pairs]
        return values[0]

    def gather(self, f: Function, pointers: str, mask: str, others: str) -> str:
        """As `load`, from a place for each lane."""
        kinds = f"<{self.lanes} x ptr> {pointers}, i32 {self.bytes_each}, {self.mask} {mask}, {self.kind} {others}"
        return f.let(f"call {self.kind} @llvm.masked.gather.{self._name}.v{self.lanes}p0({kinds})")

    def fetch(self, f: Function, pointer: str, to_write: bool = False) -> None:
        """Begin to bring what is there, if anything is, into the nearest cache."""
        f.call("llvm.prefetch.p0", f"ptr {pointer}", f"i32 {int(to_write)}", "i32 3", "i32 1")

    def scatter(self, f: Function, value: str, pointers: str, mask: str) -> None:
        """As `store`, to a place for each lane."""
        arguments = f"{self.kind} {value}", f"<{self.lanes} x ptr> {pointers}", f"i32 {self.bytes_each}"
        f.call(f"llvm.masked.scatter.{self._name}.v{self.lanes}p0", *arguments, f"{self.mask} {mask}")

    def store(self, f: Function, value: str, pointer: str, mask: str | None = None) -> None:
        if mask is None:
            f.do(f"store {self.kind} {value}, ptr {pointer}, align {self.bytes_each}")
            return
        arguments = f"{self.kind} {value}", f"ptr {pointer}", f"i32 {self.bytes_each}", f"{self.mask} {mask}"
        f.call(f"llvm.masked.store.{self._name}.p0", *arguments)

    def first(self, f: Function, count: Value, start: int = 0) -> str:
        """The mask of the lanes whose number, counted from `start`, is less than `count`."""
        numbers = ", ".join(f"i32 {start + lane}" for lane in range(self.lanes))
        small = f.let(f"trunc i64 {f.min(count, start + self.lanes)} to i32")
        return f.let(f"icmp slt <{self.lanes} x i32> <{numbers}>, {self._repeated(f, small, 'i32')}")

    def firsts(self, f: Function, count: Value, vectors: int) -> list[str]:
        """The masks of the lanes of several vectors side by side whose number is less than `count`, at least 1."""
        if not self.has_masks:
            return [self.first(f, count, v * self.lanes) for v in range(vectors)]
        masks, each = [], 64 // self.lanes  # vectors with their bits in one word
        for start in range(0, vectors, each):
            bits = f.let(f"lshr i64 -1, {f.sub(64, f.min(f.max(f.sub(count, start * self.lanes), 1), 64))}")
            bits = f.select(f.less(start * self.lanes, count), "i64", bits, 0) if start else bits
            for v in range(min(each, vectors - start)):
                masks.append(self.masked(f, f.let(f"lshr i64 {bits}, {v * self.lanes}") if v else bits))
        return masks

    def between(self, f: Function, low: Value, high: Value) -> str:
        """The mask of lanes low ... high - 1."""
        bits = f.let(f"sub i64 {f.let(f'shl i64 1, {high}')}, {f.let(f'shl i64 1, {low}')}")
        return self.masked(f, bits)

    def masked(self, f: Function, bits: str) -> str:
        """The mask of the lanes whose bit is set in an i64."""
        return f.let(f"bitcast i{self.lanes} {f.let(f'trunc i64 {bits} to i{self.lanes}')} to {self.mask}")

    def compressed(self, f: Function, value: str, mask: str) -> str:
        """The lanes in `mask` side by side, from lane 0 on."""
        arguments = f"{self.kind} {value}, {self.mask} {mask}, {self.kind} zeroinitializer"
        return f.let(f"call {self.kind} @llvm.experimental.vector.compress.{self._name}({arguments})")

    def repeated(self, f: Function, number: str) -> str:
        """`number` in every lane."""
        return self._repeated(f, number, self.real)

    def numbers(self, f: Function, number: str) -> str:
        """An i64 in every lane."""
        return self._repeated(f, number, "i64")

    def fma(self, f: Function, x: str, y: str, z: str) -> str:
        """x * y + z, rounded once."""
        return f.let(f"call {self.kind} @llvm.fma.{self._name}({self.kind} {x}, {self.kind} {y}, {self.kind} {z})")

    def add(self, f: Function, x: str, y: str) -> str:
        return f.let(f"fadd {self.kind} {x}, {y}")

    def crossed(self, f: Function, x: str, y: str, distance: int) -> tuple[str, str]:
        """x and y with the upper half of each 2 * distance lanes of x exchanged for the lower half of those of y."""
        lanes, d = range(self.lanes), distance
        low = [self.lanes + lane - d if lane & d else lane for lane in lanes]
        high = [self.lanes + lane if lane & d else lane + d for lane in lanes]
        return self._shuffled(f, x, y, low), self._shuffled(f, x, y, high)

    def evens(self, f: Function, x: str, y: str) -> str:
        """Every second lane of x, from the first on, then those of y."""
        return self._shuffled(f, x, y, range(0, 2 * self.lanes, 2))

    def summed(self, f: Function, values: Sequence[str]) -> str:
        """The sum of each value's lanes: that of value j in lane j. There are a power of two of them."""
        distance = 1
        while distance < self.lanes:  # add pairs of lanes, as far as there are rows of two rows at once
            seconds = values[1::2] or values
            pairs = zip(values[::2], seconds, strict=True)
            values = [self.add(f, *self.crossed(f, x, y, distance)) for x, y in pairs]
            distance *= 2
        return values[0]

    @property
    def _name(self) -> str:
        return f"v{self.lanes}f{8 * self.bytes_each}"

    def _repeated(self, f: Function, number: str, kind: str) -> str:
        wide = f"<{self.lanes} x {kind}>"
        one = f.let(f"insertelement {wide} poison, {kind} {number}, i32 0")
        return f.let(f"shufflevector {wide} {one}, {wide} poison, <{self.lanes} x i32> zeroinitializer")

    def _shuffled(self, f: Function, x: str, y: str, order: Sequence[int]) -> str:
        numbers = ", ".join(f"i32 {lane}" for lane in order)
        return f.let(f"shufflevector {self.kind} {x}, {self.kind} {y}, <{self.lanes} x i32> <{numbers}>")
