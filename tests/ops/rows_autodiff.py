"""Rows of the operators that derivatives are made with."""

from __future__ import annotations

from symdiff.core.node import build
from symdiff.ops.record import OPS
from tests.ops.rows import N, ints, of, row

row("again", lambda after, x: build(OPS["again"], [after, x]), lambda after, x: x.copy(), ints(), of(N, 3))
