"""Machine code for the names of maths.py: LLVM intrinsics, our own functions (elementary/), libm for the rest.

Each function has NumPy's result for every input, NaN and infinities included, and float32 stays float32. Imports
llvmlite.
"""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir

from symdiff.core.special import FUNCTIONS as FUNCTIONS_WITH_BRANCHES
from symdiff.runtime import branching, elementary, maths, native_integers
from symdiff.runtime.primitive import Emit, Meaning, Primitive
from symdiff.runtime.scalars import common, converted, is_float, is_signed
from symdiff.runtime.signature import DTYPES

ACCUMULATE_FLAGS = ("reassoc", "contract", "nsz")


def libm(name: str) -> Emit:
    """A call of the C library's `name` (or `namef`), known to read no memory so that it can move out of loops."""

    def emit(builder: Any, *args: Any) -> Any:
        real, known = args[0].type, builder.module.globals
        symbol = name + "f" if real == ir.FloatType() else name
        if symbol not in known:
            function = ir.Function(builder.module, ir.FunctionType(real, [real] * len(args)), symbol)
            function.attributes.update({"nounwind", "readnone"})
        return builder.call(known[symbol], args)

    return emit


class _Inlined(ir.Function):  # type: ignore[misc]  # llvmlite has no types
    """A function whose text is known. To llvmlite it is a declaration, so that no fast-math flag gets into it."""

    def __init__(self, module: Any, kind: Any, name: str, text: str) -> None:
        super().__init__(module, kind, name)
        self.text = text

    def __str__(self) -> str:
        return self.text


def inlined(name: str) -> Emit:
    """A call of our own function, which LLVM inlines and vectorises with the loop."""

    def emit(builder: Any, *args: Any) -> Any:
        real, known = args[0].type, builder.module.globals
        dtype = "float32" if real == ir.FloatType() else "float64"
        symbol = elementary.symbol(name, dtype)
        if symbol not in known:
            kind = ir.FunctionType(real, [real] * len(args))
            _Inlined(builder.module, kind, symbol, elementary.text(name, dtype))
        return builder.call(known[symbol], args)

    return emit


def special(name: str) -> Emit:
    """A call of one of our functions with branches, in float64."""

    def emit(builder: Any, *args: Any) -> Any:
        real, double = args[0].type, ir.DoubleType()
        wide = [builder.fpext(arg, double) if real != double else arg for arg in args]
        for needed in branching.needed(name):
            _define(builder.module, needed)
        result = builder.call(builder.module.globals[branching.symbol(name)], wide)
        return builder.fptrunc(result, real) if real != double else result

    return emit


def _define(module: Any, name: str) -> None:
    """Puts a function that others call into the module, where it is one of ours and not there yet."""
    double = ir.DoubleType()
    if name in FUNCTIONS_WITH_BRANCHES and name != "polynomial":
        symbol, text, arity = branching.symbol(name), branching.text(name), branching.arity(name)
    elif name in elementary.FUNCTIONS:
        symbol, text = elementary.symbol(name, "float64"), elementary.text(name, "float64")
        arity = elementary.FUNCTIONS[name].arity
    else:
        return
    if symbol not in module.globals:
        _Inlined(module, ir.FunctionType(double, [double] * arity), symbol, text)


def llvm(name: str) -> Emit:
    def emit(builder: Any, *args: Any) -> Any:
        return builder.call(_declared(builder, name, args), args)

    return emit


def _extremum(name: str) -> Emit:
    """llvm.maximum keeps NaN. NumPy promises no sign for a zero, and without that order the vector form is shorter."""

    def emit(builder: Any, a: Any, b: Any) -> Any:
        return builder.call(_declared(builder, name, [a, b]), [a, b], fastmath=["nsz"])

    return emit


def _declared(builder: Any, name: str, args: Any) -> Any:
    real = args[0].type
    return builder.module.declare_intrinsic(f"llvm.{name}", [real], ir.FunctionType(real, [real] * len(args)))


def _isnan(builder: Any, x: Any) -> Any:
    return builder.fcmp_unordered("uno", x, x)


def _isinf(builder: Any, x: Any) -> Any:
    return builder.fcmp_ordered("==", llvm("fabs")(builder, x), x.type(float("inf")))


def _isfinite(builder: Any, x: Any) -> Any:
    return builder.fcmp_ordered("<", llvm("fabs")(builder, x), x.type(float("inf")))


def _sign_float(builder: Any, x: Any) -> Any:
    zero = x.type(0.0)
    negative = builder.select(builder.fcmp_ordered("<", x, zero), x.type(-1.0), builder.fadd(x, zero))
    return builder.select(builder.fcmp_ordered(">", x, zero), x.type(1.0), negative)


def _remainder_float(builder: Any, a: Any, b: Any) -> Any:
    """Python's modulo: the sign is the divisor's."""
    zero = a.type(0.0)
    rest = builder.frem(a, b)
    opposite = builder.xor(builder.fcmp_ordered("<", b, zero), builder.fcmp_ordered("<", rest, zero))
    moved = builder.select(opposite, builder.fadd(rest, b), rest)
    signed = builder.select(builder.fcmp_ordered("==", rest, zero), llvm("copysign")(builder, zero, b), moved)
    return builder.select(builder.fcmp_ordered("==", b, zero), rest, signed)


def _floor_divide_float(builder: Any, a: Any, b: Any) -> Any:
    """The quotient is taken from a - fmod(a, b), which is exact, so that it agrees with `remainder`."""
    zero, one = a.type(0.0), a.type(1.0)
    rest = builder.frem(a, b)
    nonzero = builder.fcmp_unordered("!=", rest, zero)
    opposite = builder.xor(builder.fcmp_ordered("<", b, zero), builder.fcmp_ordered("<", rest, zero))
    quotient = builder.fdiv(builder.fsub(a, rest), b)
    quotient = builder.select(builder.and_(nonzero, opposite), builder.fsub(quotient, one), quotient)
    whole = llvm("floor")(builder, quotient)
    above = builder.fcmp_ordered(">", builder.fsub(quotient, whole), a.type(0.5))
    whole = builder.select(above, builder.fadd(whole, one), whole)
    ratio = builder.fdiv(a, b)
    none = llvm("copysign")(builder, zero, ratio)
    result = builder.select(builder.fcmp_unordered("!=", quotient, zero), whole, none)
    return builder.select(builder.fcmp_ordered("==", b, zero), ratio, result)


_UNARY_FLOAT: dict[str, Emit] = {
    "exp": inlined("exp"),
    "log": inlined("log"),
    "log1p": inlined("log1p"),
    "expm1": inlined("expm1"),
    "sqrt": llvm("sqrt"),
    "sin": inlined("sin"),
    "cos": inlined("cos"),
    "tan": libm("tan"),
    "arcsin": libm("asin"),
    "arccos": libm("acos"),
    "arctan": libm("atan"),
    "sinh": libm("sinh"),
    "cosh": libm("cosh"),
    "tanh": inlined("tanh"),
    "sigmoid": inlined("sigmoid"),
    "erf": inlined("erf"),
    "erfc": inlined("erfc"),
    "arcsinh": libm("asinh"),
    "arccosh": libm("acosh"),
    "arctanh": libm("atanh"),
    "exp2": libm("exp2"),
    "log2": libm("log2"),
    "log10": libm("log10"),
    "cbrt": libm("cbrt"),
    "floor": llvm("floor"),
    "ceil": llvm("ceil"),
    "rint": llvm("rint"),
    "trunc": llvm("trunc"),
    "abs": llvm("fabs"),
    "fabs": llvm("fabs"),
    "sign": _sign_float,
    "isnan": _isnan,
    "isinf": _isinf,
    "isfinite": _isfinite,
}

_BINARY_FLOAT: dict[str, Emit] = {
    "arctan2": libm("atan2"),
    "maximum": _extremum("maximum"),
    "minimum": _extremum("minimum"),
    "copysign": llvm("copysign"),
    "hypot": libm("hypot"),
    "power": inlined("power"),
    "fmod": lambda builder, a, b: builder.frem(a, b),
    "remainder": _remainder_float,
    "floor_divide": _floor_divide_float,
    "nextafter": libm("nextafter"),
}


_PREDICATES = {"isnan", "isinf", "isfinite"}


def _function(name: str, arity: int, of_float: Emit, of_int: Emit | None) -> Primitive:
    """The function `name`: integers use `of_int`, or become float64 where NumPy's function is one of floats."""

    def meaning(*dtypes: str) -> Meaning:
        dtype = common(*dtypes)
        if not is_float(dtype) and of_int is None:
            dtype = "float64"
        emit = of_float if is_float(dtype) or of_int is None else functools.partial(_of_integers, of_int, dtype)
        return Meaning("bool" if name in _PREDICATES else dtype, (dtype,) * arity, emit)

    return Primitive(name, arity, meaning)


def _of_integers(emit: Emit, dtype: str, builder: Any, *values: Any) -> Any:
    return emit(builder, is_signed(dtype), *values)


def _no_floats(_builder: Any, *_values: Any) -> Any:
    raise TypeError("this function takes integers")


def _cast(name: str, target: str) -> Primitive:
    def meaning(source: str) -> Meaning:
        return Meaning(target, (source,), lambda builder, value: converted(builder, value, source, target))

    return Primitive(name, 1, meaning)


def _accumulator(operation: str) -> Primitive:
    """`s += x` on a local: for floats, the one operation whose order the compiler may choose."""

    def emit(builder: Any, total: Any, term: Any) -> Any:
        if isinstance(total.type, ir.IntType):
            return getattr(builder, operation)(total, term)
        return getattr(builder, f"f{operation}")(total, term, flags=ACCUMULATE_FLAGS)

    def meaning(total: str, term: str) -> Meaning:
        dtype = common(total, term)
        return Meaning(dtype, (dtype, dtype), emit)

    return Primitive(f"accumulate_{operation}", 2, meaning)


def build() -> list[Primitive]:
    """Every name of maths.py, and the two accumulators."""
    unary = [_function(name, 1, _UNARY_FLOAT[name], native_integers.UNARY.get(name)) for name in maths.UNARY]
    binary = [_function(name, 2, _BINARY_FLOAT[name], native_integers.BINARY.get(name)) for name in maths.BINARY]
    integers = [_function(name, 2, _no_floats, native_integers.BINARY[name]) for name in maths.OF_INTEGERS]
    with_branches = [_function(name, branching.arity(name), special(name), None) for name in maths.SPECIAL]
    casts = [_cast(name, dtype) for name, dtype in zip(maths.CASTS, DTYPES, strict=True)]
    return [*unary, *binary, *integers, *with_branches, *casts, _accumulator("add"), _accumulator("mul")]
