"""Canonical forms: each rule alone, for structure and for value."""

import numpy as np
import pytest
from pass_support import SAMPLES, ops, rules_fired, run, same

import symdiff as sd
from symdiff.passes.canonicalize import canonicalize
from symdiff.passes.rewrite import rewrite

n = sd.dim("n")
v = sd.input("v", (len(SAMPLES),))
u = sd.input("u", (len(SAMPLES),))
a = sd.input("a", (n, 4))
b = sd.input("b", (4,))
c = sd.input("c", (n, 1))
s = sd.input("s")
m = sd.input("m", (4, 5))

VALUES = {
    v: SAMPLES,
    u: np.roll(SAMPLES, 3),
    a: np.arange(12.0).reshape(3, 4) - 5,
    b: np.array([0.5, -1.0, np.nan, 2.0]),
    c: np.array([[1.0], [-2.0], [np.inf]]),
    s: np.float64(-1.5),
    m: np.arange(20.0).reshape(4, 5) / 7,
}

SAME_VALUE = {
    "double_negation": (sd.negative(-v), v),
    "add_negative": (v + -u, v - u),
    "add_negative, first": (-v + u, u - v),
    "subtract_negative": (v - -u, v + u),
    "negative_minus": (-v - u, -(v + u)),
    "negate_difference": (-(v - u), u - v),
    "negative_factor": (-v * u, -(v * u)),
    "negative_factor, both": (-v * -u, v * u),
    "negative_numerator": (-v / u, -(v / u)),
    "negative_denominator": (v / -u, -(v / u)),
    "negative_in_sum": (sd.sum(-a, 0), -sd.sum(a, 0)),
    "negative_in_matmul": (-a @ m, -(a @ m)),
    "negative_in_matmul, second": (a @ -m, -(a @ m)),
    "abs_negative": (sd.abs(-v), sd.abs(v)),
    "square_negative": (sd.square(-v), sd.square(v)),
    "square_abs": (sd.square(sd.abs(v)), sd.square(v)),
    "double_not": (sd.logical_not(sd.logical_not(v > 0)), v > 0),
    "negative_constant, factor": (-(3 * v), -3 * v),
    "negative_constant, numerator": (-(3 / v), -3 / v),
    "negative_constant, denominator": (-(v / 3), v / -3),
    "sign_of_term, added": (v + -3 * u, v - 3 * u),
    "sign_of_term, first": (-3 * v + u, u - 3 * v),
    "sign_of_term, subtracted": (v - -3 * u, v + 3 * u),
    "sign_of_term, constant": (v + -3, v - 3),
    "sign_of_term, constant subtracted": (v - -3, v + 3),
    "constant_side, sum": (3 + v, v + 3),
    "constant_side, product": (v * 3, 3 * v),
    "power_0": (v**0, sd.broadcast_to(1.0, v.shape)),
    "power_1": (v**1, v),
    "power_2": (v**2, sd.square(v)),
    "power_minus_1": (v**-1, sd.reciprocal(v)),
    "square": (v * v, sd.square(v)),
    "unbroadcast": (sd.broadcast_to(b, (n, 4)) + a, b + a),
    "unbroadcast, number": (sd.broadcast_to(2.0, (n, 4)) * a, 2 * a),
    "unbroadcast, smaller result": (
        sd.broadcast_to(b, (n, 4)) * sd.broadcast_to(s, (n, 4)),
        sd.broadcast_to(b * s, (n, 4)),
    ),
    "unbroadcast, unary": (sd.exp(sd.broadcast_to(s, (n, 4))), sd.broadcast_to(sd.exp(s), (n, 4))),
    "unbroadcast, leading axis": (a + sd.expand_dims(b, 0), a + b),
    "filled_constant": (sd.constant(np.full(17, 2.5)) * v, 2.5 * v),
    "merge_reshapes": (sd.reshape(sd.reshape(m, (2, 10)), (5, 4)), sd.reshape(m, (5, 4))),
    "merge_reshapes, back": (sd.reshape(sd.reshape(a, (-1,)), (n, 4)), a),
    "merge_reshapes, expanded twice": (sd.expand_dims(sd.expand_dims(m, 1), (0, 3)), sd.expand_dims(m, (0, 2, 3))),
    "merge_reshapes, squeezed twice": (
        sd.squeeze(sd.squeeze(sd.expand_dims(m, (0, 2, 3)), 2), 0),
        sd.reshape(m, (4, 1, 5)),
    ),
    "merge_reshapes, there and back": (sd.squeeze(sd.expand_dims(a, 1), 1), a),
    "merge_reshapes, mixed": (sd.squeeze(sd.reshape(m, (1, 20)), 0), sd.reshape(m, 20)),
    "merge_permutations": (a.T.T, a),
    "merge_permutations, three axes": (
        sd.permute_dims(sd.permute_dims(sd.expand_dims(m, 0), (1, 2, 0)), (1, 2, 0)),
        sd.permute_dims(sd.expand_dims(m, 0), (2, 0, 1)),
    ),
    "merge_broadcasts": (sd.broadcast_to(sd.broadcast_to(b, (1, 4)), (n, 4)), sd.broadcast_to(b, (n, 4))),
    "merge_broadcasts, leading": (sd.broadcast_to(sd.expand_dims(b, 0), (n, 4)), sd.broadcast_to(b, (n, 4))),
    "view_of_scalar": (sd.reshape(s, (1, 1)), sd.broadcast_to(s, (1, 1))),
    "view_of_scalar, repeated": (sd.broadcast_to(s, (n, 4)).T, sd.broadcast_to(s, (4, n))),
    "view_of_scalar, slice": (sd.broadcast_to(s, (5, 4))[1:3], sd.broadcast_to(s, (2, 4))),
    "view_of_scalar, back": (sd.squeeze(sd.broadcast_to(s, (1, 1))), s),
    "expand_before_broadcast": (
        sd.expand_dims(sd.broadcast_to(c, (n, 4)), 1),
        sd.broadcast_to(sd.expand_dims(c, 1), (n, 1, 4)),
    ),
    "expand_before_broadcast, leading": (
        sd.expand_dims(sd.broadcast_to(b, (n, 4)), (0, 3)),
        sd.broadcast_to(sd.expand_dims(b, 1), (1, n, 4, 1)),
    ),
    "squeeze_before_broadcast": (sd.squeeze(sd.broadcast_to(b, (n, 1, 4)), 1), sd.broadcast_to(b, (n, 4))),
    "merge_slices": (m[1:, 1:][::2, ::-1], m[1::2, :0:-1]),
    "merge_slices, symbolic": (a[1:][1:], a[2:]),
}


@pytest.mark.parametrize("name", SAME_VALUE)
def test_rule(name):
    before, after = SAME_VALUE[name]
    (found,) = rewrite([before], canonicalize.rules)
    assert [found] == rewrite([after], canonicalize.rules)
    same(*(run([node], VALUES, {"n": 3})[0] for node in (before, after)))


def test_every_rule_is_in_the_table():
    before = [before for before, _ in SAME_VALUE.values()] + [v**3]
    assert rules_fired(canonicalize.rules, before) == set(canonicalize.rules.rules)


def test_power_3_is_two_products():
    (found,) = rewrite([v**3], canonicalize.rules)
    assert found is v * sd.square(v)
    (old,), (new,) = run([v**3], VALUES), run([found], VALUES)
    same(old, new, rtol=1e-15)


@pytest.mark.parametrize("node", [v**0.5, v**-0.5, sd.input("k", (3,), dtype="int64") ** 2.5, v - 3, 2 * v, v + 2])
def test_canonical_already(node):
    assert rewrite([node], canonicalize.rules) == [node]


def test_power_one_half_is_not_a_square_root():
    """pow(-inf, 0.5) is inf and pow(-0.0, 0.5) is 0.0; sqrt gives NaN and -0.0."""
    assert ops(*rewrite([v**0.5], canonicalize.rules)) == ["power"]


def test_integers_keep_their_dtype():
    k = sd.input("k", (3,), dtype="int8")
    before = [k * k, -(k * 3), k + -3, k - -128, k**2, sd.negative(-k)]
    after = rewrite(before, canonicalize.rules)
    assert [node.dtype for node in after] == [node.dtype for node in before]
    values = {k: np.array([-128, 5, 127], "int8")}
    for old, new in zip(run(before, values), run(after, values), strict=True):
        assert old.dtype == new.dtype and (old == new).all()


def test_operands_stay_in_the_order_they_were_written_in():
    node = b * a + s * c
    assert rewrite([node], canonicalize.rules) == [node]
