"""Loss and metrics on data that is held back, computed after each epoch by a compiled program that shares the state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .batches import Batches
from .core.errors import GraphError, ShapeError, explain
from .core.node import Node, describe
from .history import VALIDATION
from .state import State
from .watch import Watcher

if TYPE_CHECKING:
    from .compiled import Compiled
    from .fit import Fit

Array = np.ndarray[Any, Any]


class Validation(Watcher):
    """Enters the means over some rows (all of them when None) of the data into the history."""

    def __init__(self, names: Sequence[str], batches: Batches, rows: Array | None = None) -> None:
        self.names, self.batches = tuple(names), batches
        self.order = np.arange(batches.rows)[None] if rows is None else rows[None]

    def epoch_ended(self, fit: Fit) -> str:
        found = self.batches(self.order)
        fit.history.set_validation(self.batches.means(found, self.order.shape[1])[0])
        return ""


def share(validation: Any) -> float | None:
    """The share of the rows to hold back, or their number, when that is what was given."""
    is_number = isinstance(validation, int | float | np.number) and not isinstance(validation, bool)
    return validation.item() if isinstance(validation, np.number) else validation if is_number else None


def checked_evaluation(asked: str, evaluation: Compiled, trained: Sequence[str]) -> Compiled:
    """An evaluation gives numbers, under names that the history has room for."""
    for name, node in evaluation.graph.outputs.items():
        if node.shape != ():
            hint = "reduce it, for example with sd.mean"
            raise ShapeError(explain(asked, f"evaluate gives scalars, got {name} = {describe(node)}", hint=hint))
        if VALIDATION + name in trained:
            problem = f"the history cannot tell the metric {VALIDATION + name} from {name} on the validation data"
            raise GraphError(explain(asked, problem, hint="give the metric another name"))
    return evaluation


def validation_batches(
    asked: str, evaluation: Compiled, state: State, values: Sequence[Any], batch_size: int
) -> Batches:
    """The validation data, bound to the evaluation."""
    params = evaluation._params_of(state)
    return Batches(evaluation._executor, evaluation._binder, params, values, batch_size, asked)


def data_of(asked: str, evaluation: Compiled, inputs: Sequence[Node], data: Sequence[Any]) -> list[Any]:
    """The training data that an evaluation takes, in its order."""
    known = dict(zip(inputs, data, strict=True))
    for node in evaluation.graph.inputs:
        if node not in known:
            problem = (
                f"evaluate takes {describe(node)}, which is no input of the step, so no share of the data is known"
            )
            raise GraphError(explain(asked, problem, hint="give validation=(arrays, ...)"))
    return [known[node] for node in evaluation.graph.inputs]
