"""Scalar functions of LLVM written as formulas: `fma(n, -LN2, x)` on values that record what is done to them.

A formula has no branches, only `select`, so that LLVM vectorises the loop it is inlined into. Its operations carry no
fast-math flags: nothing is contracted or reordered, and a vector lane has the bits of the scalar.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import numpy as np

from symdiff.core.record import record


@record
class Kind:
    """A scalar type of LLVM; `suffix` is how the names of intrinsics end."""

    name: str
    suffix: str


@record
class Format:
    """A binary floating-point format, and the integers that hold its bits."""

    name: str
    suffix: str
    dtype: str
    integer: Kind
    digits: int
    """Bits of the fraction; the leading 1 is not stored."""
    bias: int

    @property
    def width(self) -> int:
        return 8 * np.dtype(self.dtype).itemsize

    @property
    def one(self) -> int:
        """The bits of 1.0."""
        return self.bias << self.digits

    @property
    def epsilon(self) -> float:
        return 2.0**-self.digits

    @property
    def tiny(self) -> float:
        """The smallest normal number."""
        return 2.0 ** (1 - self.bias)

    def bits(self, number: float) -> int:
        return int(np.dtype(self.dtype).type(number).view(f"int{self.width}"))


BIT, INT32, INT64 = Kind("i1", "i1"), Kind("i32", "i32"), Kind("i64", "i64")
FLOAT32 = Format("float", "f32", "float32", INT32, 23, 127)
FLOAT64 = Format("double", "f64", "float64", INT64, 52, 1023)
FORMATS = {form.dtype: form for form in (FLOAT32, FLOAT64)}

Number = float | int


class Body:
    """What a formula has recorded so far: instructions, and tables of constants."""

    __slots__ = ("function", "lines", "tables")

    def __init__(self, function: str) -> None:
        self.function = function
        self.lines: list[str] = []
        self.tables: list[str] = []


class Value:
    """One result of a formula: the name of an LLVM register, or a literal."""

    __slots__ = ("body", "kind", "text")

    def __init__(self, body: Body, kind: Kind | Format, text: str) -> None:
        self.body, self.kind, self.text = body, kind, text

    @property
    def format(self) -> Format:
        assert isinstance(self.kind, Format), f"{self.kind.name} is not a floating-point type"
        return self.kind

    def record(self, kind: Kind | Format, operation: str) -> Value:
        """The result of one more instruction."""
        name = f"%v{len(self.body.lines)}"
        self.body.lines.append(f"{name} = {operation}")
        return Value(self.body, kind, name)

    def like(self, other: Value | Number) -> Value:
        """`other`, as a literal of this value's type if it is a number."""
        if isinstance(other, Value):
            assert other.kind == self.kind, f"{other.kind.name} where {self.kind.name} is expected"
            return other
        return Value(self.body, self.kind, literal(self.kind, other))

    def _binary(self, operation: str, other: Value | Number, swapped: bool = False) -> Value:
        a, b = (self.like(other), self) if swapped else (self, self.like(other))
        return self.record(self.kind, f"{operation} {self.kind.name} {a.text}, {b.text}")

    def _arithmetic(self, name: str, other: Value | Number, swapped: bool = False) -> Value:
        return self._binary(f"f{name}" if isinstance(self.kind, Format) else name, other, swapped)

    def __add__(self, other: Value | Number) -> Value:
        return self._arithmetic("add", other)

    def __sub__(self, other: Value | Number) -> Value:
        return self._arithmetic("sub", other)

    def __rsub__(self, other: Number) -> Value:
        return self._arithmetic("sub", other, swapped=True)

    def __mul__(self, other: Value | Number) -> Value:
        return self._arithmetic("mul", other)

    def __truediv__(self, other: Value | Number) -> Value:
        return self._binary("fdiv", other)

    def __rtruediv__(self, other: Number) -> Value:
        return self._binary("fdiv", other, swapped=True)

    def __neg__(self) -> Value:
        return self.record(self.kind, f"fneg {self.kind.name} {self.text}")

    def __and__(self, other: Value | Number) -> Value:
        return self._binary("and", other)

    def __or__(self, other: Value | Number) -> Value:
        return self._binary("or", other)

    def __xor__(self, other: Value | Number) -> Value:
        return self._binary("xor", other)

    def __lshift__(self, places: int) -> Value:
        return self._binary("shl", places)

    def __rshift__(self, places: int) -> Value:
        """Zeros come in at the top."""
        return self._binary("lshr", places)

    def _compare(self, relation: str, other: Value | Number) -> Value:
        """False where either is NaN. Integers are compared by `equals` alone."""
        operation = f"fcmp o{relation}" if isinstance(self.kind, Format) else f"icmp {relation}"
        return self.record(BIT, f"{operation} {self.kind.name} {self.text}, {self.like(other).text}")

    def __lt__(self, other: Value | Number) -> Value:
        return self._compare("lt", other)

    def __le__(self, other: Value | Number) -> Value:
        return self._compare("le", other)

    def __gt__(self, other: Value | Number) -> Value:
        return self._compare("gt", other)

    def __ge__(self, other: Value | Number) -> Value:
        return self._compare("ge", other)

    def equals(self, other: Value | Number) -> Value:
        return self._compare("eq", other)


def literal(kind: Kind | Format, number: Number) -> str:
    """LLVM writes both formats by the bits of a float64, and takes integers modulo their width."""
    if not isinstance(kind, Format):
        return str(int(number))
    rounded = float(np.dtype(kind.dtype).type(number))
    return "0x" + struct.pack(">d", rounded).hex().upper()


def select(condition: Value, yes: Value | Number, no: Value | Number) -> Value:
    """`yes` where the condition holds, else `no`; one of the two is a value."""
    model = yes if isinstance(yes, Value) else no
    assert isinstance(model, Value)
    kind = model.kind.name
    return model.record(
        model.kind, f"select i1 {condition.text}, {kind} {model.like(yes).text}, {kind} {model.like(no).text}"
    )


def _intrinsic(name: str, x: Value, *rest: Value | Number) -> Value:
    arguments = ", ".join(f"{x.kind.name} {argument.text}" for argument in (x, *map(x.like, rest)))
    return x.record(x.kind, f"call {x.kind.name} @llvm.{name}.{x.kind.suffix}({arguments})")


def fma(x: Value, y: Value | Number, z: Value | Number) -> Value:
    """x * y + z in one rounding."""
    return _intrinsic("fma", x, y, z)


def fabs(x: Value) -> Value:
    return _intrinsic("fabs", x)


def copysign(x: Value, sign: Value) -> Value:
    return _intrinsic("copysign", x, sign)


def rint(x: Value) -> Value:
    return _intrinsic("rint", x)


def bits(x: Value) -> Value:
    """The integer of the same bits."""
    integer = x.format.integer
    return x.record(integer, f"bitcast {x.kind.name} {x.text} to {integer.name}")


def real(x: Value) -> Value:
    """The floating-point number of the same bits."""
    target = FLOAT32 if x.kind == INT32 else FLOAT64
    return x.record(target, f"bitcast {x.kind.name} {x.text} to {target.name}")


def truncated(x: Value) -> Value:
    """The low half of an int64."""
    return x.record(INT32, f"trunc i64 {x.text} to i32")


def widened(x: Value) -> Value:
    """float32 as float64, which is exact."""
    return x.record(FLOAT64, f"fpext float {x.text} to double")


def narrowed(x: Value) -> Value:
    """float64 rounded to float32."""
    return x.record(FLOAT32, f"fptrunc double {x.text} to float")


def polynomial(x: Value, coefficients: Sequence[float]) -> Value:
    """c0 + c1 x + c2 x^2 + ... by Estrin's scheme: neighbours are paired, then the pairs, so that a processor finds
    work while it waits."""
    terms: list[Value] = [x.like(coefficient) for coefficient in coefficients]
    while len(terms) > 1:
        pairs = [fma(high, x, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[2 * len(pairs) :]
        x = x * x if len(terms) > 1 else x
    return terms[0]


def lookup(index: Value, numbers: Sequence[float]) -> Value:
    """numbers[index], of float64, without a check."""
    body = index.body
    name = f"@{body.function}.table{len(body.tables)}"
    elements = ", ".join(f"double {literal(FLOAT64, number)}" for number in numbers)
    body.tables.append(f"{name} = internal unnamed_addr constant [{len(numbers)} x double] [{elements}]")
    wide = index if index.kind == INT64 else index.record(INT64, f"zext {index.kind.name} {index.text} to i64")
    address = wide.record(INT64, f"getelementptr inbounds double, ptr {name}, i64 {wide.text}")
    return address.record(FLOAT64, f"load double, ptr {address.text}, !invariant.load !{{}}")


Formula = Callable[..., Value]


def definition(name: str, formula: Formula, form: Format, arity: int) -> str:
    """The LLVM function `name` that computes `formula` in the format `form`, to be inlined wherever it is called."""
    body = Body(name)
    result = formula(*(Value(body, form, f"%x{k}") for k in range(arity)))
    parameters = ", ".join(f"{form.name} %x{k}" for k in range(arity))
    lines = [f"  {line}" for line in (*body.lines, f"ret {form.name} {result.text}")]
    head = f"define internal {form.name} @{name}({parameters}) alwaysinline nounwind memory(none) {{"
    return "\n".join([*body.tables, head, *lines, "}\n"])
