"""Rows of the table, compiled: value and first derivative together are the interpreter's.

One row of each operator; all of them where SYMDIFF_SWEEP is set (``pytest -m sweep`` says how).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import symdiff as sd
from symdiff.interpret import interpret
from tests.ops.table import ROWS, Row
from tests.ops.test_table import floats, sampled, weights
from tests.strategies import SWEEP

BATCH = 7
FIRST = list({row.op: row for row in reversed(ROWS)}.values())
CHOSEN = ROWS if SWEEP > 1 else FIRST


@pytest.mark.sweep
@pytest.mark.parametrize("row", [pytest.param(row, id=row.label) for row in CHOSEN])
def test_compiled_row(row: Row) -> None:
    leaves, values = sampled(
        replace(row, operands=tuple(replace(operand, leaf="input") for operand in row.operands)), "float64", BATCH
    )
    outputs = [row.build(*leaves)]
    if row.order:
        ct = sd.input("ct", outputs[0].shape)
        values[ct] = weights(np.random.default_rng(3), interpret(outputs, values, {"n": BATCH})[0])
        outputs += sd.vjp(outputs, floats(leaves), [ct], unused="zero")
    expected = interpret(outputs, values, {"n": BATCH})
    compiled = sd.compile(outputs, inputs=list(values))
    for found, right in zip(compiled(*values.values()), expected, strict=True):
        assert found.dtype == right.dtype
        assert found.shape == right.shape
        scale = np.abs(right[np.isfinite(right)]).max(initial=0) if right.dtype.kind == "f" else 0
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-13 * scale)
