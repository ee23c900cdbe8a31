"""Machine code for integers: NumPy's results, division by zero and shifts by all the bits included.

Imports llvmlite.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir

from symdiff.core import threefry
from symdiff.runtime.primitive import Emit


def _compare(builder: Any, signed: bool, relation: str, a: Any, b: Any) -> Any:
    return (builder.icmp_signed if signed else builder.icmp_unsigned)(relation, a, b)


def _variable(builder: Any, value: Any) -> Any:
    """A place on the stack that holds `value`."""
    with builder.goto_entry_block():
        place = builder.alloca(value.type)
    builder.store(value, place)
    return place


def _abs_int(builder: Any, signed: bool, x: Any) -> Any:
    return builder.select(_compare(builder, signed, "<", x, x.type(0)), builder.neg(x), x)


def _sign_int(builder: Any, signed: bool, x: Any) -> Any:
    zero = x.type(0)
    positive = builder.zext(_compare(builder, signed, ">", x, zero), x.type)
    if not signed:
        return positive
    return builder.sub(positive, builder.zext(_compare(builder, signed, "<", x, zero), x.type))


def _choose_int(relation: str, builder: Any, signed: bool, a: Any, b: Any) -> Any:
    return builder.select(_compare(builder, signed, relation, a, b), a, b)


def _safe_divisor(builder: Any, signed: bool, b: Any) -> tuple[Any, Any, Any]:
    """The divisor with 0 (and -1, whose quotient can overflow) replaced by 1, and the tests for both."""
    by_zero = builder.icmp_signed("==", b, b.type(0))
    by_minus_one = builder.icmp_signed("==", b, b.type(-1)) if signed else ir.IntType(1)(0)
    return builder.select(builder.or_(by_zero, by_minus_one), b.type(1), b), by_zero, by_minus_one


def _floor_divide_int(builder: Any, signed: bool, a: Any, b: Any) -> Any:
    safe, by_zero, by_minus_one = _safe_divisor(builder, signed, b)
    if not signed:
        return builder.select(by_zero, a.type(0), builder.udiv(a, safe))
    quotient, rest = builder.sdiv(a, safe), builder.srem(a, safe)
    quotient = builder.sub(quotient, builder.zext(_rest_has_wrong_sign(builder, rest, safe), a.type))
    quotient = builder.select(by_minus_one, builder.neg(a), quotient)
    return builder.select(by_zero, a.type(0), quotient)


def _remainder_int(builder: Any, signed: bool, a: Any, b: Any) -> Any:
    safe, by_zero, _ = _safe_divisor(builder, signed, b)
    if not signed:
        return builder.select(by_zero, a.type(0), builder.urem(a, safe))
    rest = builder.srem(a, safe)
    rest = builder.select(_rest_has_wrong_sign(builder, rest, safe), builder.add(rest, safe), rest)
    return builder.select(by_zero, a.type(0), rest)


def _fmod_int(builder: Any, signed: bool, a: Any, b: Any) -> Any:
    safe, by_zero, _ = _safe_divisor(builder, signed, b)
    return builder.select(by_zero, a.type(0), (builder.srem if signed else builder.urem)(a, safe))


def _rest_has_wrong_sign(builder: Any, rest: Any, divisor: Any) -> Any:
    zero = rest.type(0)
    return builder.and_(
        builder.icmp_signed("!=", rest, zero), builder.icmp_signed("<", builder.xor(rest, divisor), zero)
    )


def _power_int(builder: Any, signed: bool, base: Any, exponent: Any) -> Any:
    """By repeated squaring. NumPy raises for a negative exponent; here it is the truncated 1 / base**-exponent."""
    kind, one, zero = base.type, base.type(1), base.type(0)
    result = _variable(builder, one)
    square = _variable(builder, base)
    left = _variable(builder, exponent)
    head, body, done = (builder.append_basic_block(f"power.{part}") for part in ("head", "body", "done"))
    builder.branch(head)
    builder.position_at_end(head)
    builder.cbranch(_compare(builder, signed, ">", builder.load(left), zero), body, done)
    builder.position_at_end(body)
    odd = builder.trunc(builder.load(left), ir.IntType(1))
    factor = builder.select(odd, builder.load(square), one)
    builder.store(builder.mul(builder.load(result), factor), result)
    builder.store(builder.mul(builder.load(square), builder.load(square)), square)
    builder.store(builder.lshr(builder.load(left), one), left)
    builder.branch(head)
    builder.position_at_end(done)
    power = builder.load(result)
    if not signed:
        return power
    odd = builder.trunc(exponent, ir.IntType(1))
    sign = builder.select(odd, base, one)
    unit = builder.or_(builder.icmp_signed("==", base, one), builder.icmp_signed("==", base, kind(-1)))
    return builder.select(builder.icmp_signed("<", exponent, zero), builder.select(unit, sign, zero), power)


def _gcd_int(builder: Any, signed: bool, a: Any, b: Any) -> Any:
    """By Euclid's algorithm."""
    zero = a.type(0)
    left = _variable(builder, _abs_int(builder, signed, a))
    right = _variable(builder, _abs_int(builder, signed, b))
    head, body, done = (builder.append_basic_block(f"gcd.{part}") for part in ("head", "body", "done"))
    builder.branch(head)
    builder.position_at_end(head)
    divisor = builder.load(right)
    builder.cbranch(builder.icmp_signed("!=", divisor, zero), body, done)
    builder.position_at_end(body)
    builder.store(builder.urem(builder.load(left), divisor), right)
    builder.store(divisor, left)
    builder.branch(head)
    builder.position_at_end(done)
    return builder.load(left)


def _lcm_int(builder: Any, signed: bool, a: Any, b: Any) -> Any:
    divisor = _gcd_int(builder, signed, a, b)
    safe = builder.select(builder.icmp_signed("==", divisor, a.type(0)), a.type(1), divisor)
    return builder.mul(builder.udiv(_abs_int(builder, signed, a), safe), _abs_int(builder, signed, b))


def _left_shift_int(builder: Any, signed: bool, a: Any, places: Any) -> Any:
    """LLVM leaves open what a shift by all the bits or more is; NumPy has 0."""
    fits = builder.icmp_unsigned("<", places, a.type(a.type.width))
    return builder.select(fits, builder.shl(a, builder.select(fits, places, a.type(0))), a.type(0))


def _right_shift_int(builder: Any, signed: bool, a: Any, places: Any) -> Any:
    last = a.type(a.type.width - 1)
    fits = builder.icmp_unsigned("<=", places, last)
    shifted = (builder.ashr if signed else builder.lshr)(a, builder.select(fits, places, last))
    return shifted if signed else builder.select(fits, shifted, a.type(0))


def _threefry(builder: Any, _signed: bool, key: Any, counter: Any) -> Any:
    """core/threefry.py, on words of 32 bits."""
    word, wide = ir.IntType(32), key.type

    def halves(number: Any) -> list[Any]:
        return [builder.trunc(number, word), builder.trunc(builder.lshr(number, wide(32)), word)]

    keys = halves(key)
    keys.append(builder.xor(builder.xor(*keys), word(threefry.PARITY)))
    x, y = (builder.add(half, each) for half, each in zip(halves(counter), keys, strict=False))
    rotate = builder.module.declare_intrinsic("llvm.fshl", [word], ir.FunctionType(word, [word] * 3))
    for number in range(threefry.ROUNDS):
        x = builder.add(x, y)
        y = builder.xor(builder.call(rotate, [y, y, word(threefry.ROTATIONS[number % 8])]), x)
        if number % 4 == 3:
            added = number // 4 + 1
            x = builder.add(x, keys[added % 3])
            y = builder.add(y, builder.add(keys[(added + 1) % 3], word(added)))
    return builder.or_(builder.zext(x, wide), builder.shl(builder.zext(y, wide), wide(32)))


def _same(_builder: Any, _signed: bool, x: Any) -> Any:
    return x


def _never(builder: Any, _signed: bool, _x: Any) -> Any:
    return ir.IntType(1)(0)


def _always(builder: Any, _signed: bool, _x: Any) -> Any:
    return ir.IntType(1)(1)


UNARY: dict[str, Emit] = {
    "floor": _same,
    "ceil": _same,
    "trunc": _same,
    "abs": _abs_int,
    "sign": _sign_int,
    "isnan": _never,
    "isinf": _never,
    "isfinite": _always,
}

BINARY: dict[str, Emit] = {
    "maximum": partial(_choose_int, ">"),
    "minimum": partial(_choose_int, "<"),
    "power": _power_int,
    "fmod": _fmod_int,
    "remainder": _remainder_int,
    "floor_divide": _floor_divide_int,
    "gcd": _gcd_int,
    "lcm": _lcm_int,
    "left_shift": _left_shift_int,
    "right_shift": _right_shift_int,
    "threefry": _threefry,
}
