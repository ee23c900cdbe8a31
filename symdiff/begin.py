"""Everything that ``fit`` is asked for, checked and put together before the first step."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import data_checks
from .batches import Batches
from .checkpoints import Checkpoint, Saved, Saver, sameness
from .core.errors import explain
from .core.record import record
from .early_stopping import EarlyStopping, Stopper
from .executor import is_led
from .fit import Fit, Plan
from .guard import Guard
from .history import History
from .preprocess import train_validation_split
from .state import State
from .summaries import Recorder, Statistics
from .validation import Validation, checked_evaluation, data_of, share, validation_batches
from .watch import Callback, Callbacks, Watcher

if TYPE_CHECKING:
    from .compiled import CompiledStep

Array = np.ndarray[Any, Any]


@record
class Options:
    """What a run does beside taking steps; as the arguments of ``CompiledStep.fit``."""

    callback: Callback | Sequence[Callback] | None
    validation: Any
    evaluate: Any
    early_stopping: int | EarlyStopping | None
    checkpoint: Any
    resume: Any
    statistics: Statistics | None
    stop_on_nan: bool
    allow_nan: bool


def begin(step: CompiledStep, state: State, values: Sequence[Any], plan: Plan, options: Options) -> Fit:
    """A run that is ready. Nothing of the state is changed before all is known to fit."""
    asked = f"{step.name}.fit"
    plan.checked(asked)
    batches = Batches(step._executor, step._binder, step._params_of(state), values, plan.batch_size, asked)
    check_data(step._indexed, asked, batches, options.allow_nan)
    rows, validation = _validation(step, asked, state, batches, plan, options)
    history = History(step._names, () if validation is None else validation.names)
    stopper = _stopper(options.early_stopping, asked, history, state)
    saved, saver = _checkpoints(step, asked, state, batches, validation, stopper, plan, options)
    guard = Guard(batches, state, history, asked) if options.stop_on_nan else None
    watchers: list[Watcher | None] = [validation, stopper, _recorder(options.statistics, batches, state)]
    watchers += [_callbacks(options.callback, asked), saver]
    fit = Fit(batches, history, plan, rows, guard, [watcher for watcher in watchers if watcher is not None])
    if saved is not None:
        saved.take_up(fit, state, stopper, saver)
    return fit


def check_data(places: Sequence[data_checks.Indexed], asked: str, batches: Batches, allow_nan: bool) -> None:
    """NonFiniteError and IndexRangeError for values that would only be found on the way."""
    if not allow_nan:
        data_checks.finite(asked, batches.inputs, batches.data)
    sizes = {name: size for name, size in batches.sizes.items() if name != batches.batch_dim}
    data_checks.indices(places, batches.inputs, batches.data, sizes)


def _validation(
    step: CompiledStep, asked: str, state: State, batches: Batches, plan: Plan, options: Options
) -> tuple[Array | None, Validation | None]:
    """The rows to train on, None for all of them, and what is done with the others, or with other data."""
    given = options.validation
    if given is None:
        if options.evaluate is not None:
            raise ValueError(
                explain(asked, "evaluate is for validation data, and none is given", hint="validation=...")
            )
        return None, None
    evaluation = checked_evaluation(asked, step._evaluation(options.evaluate), step._names)
    names, held_back = tuple(evaluation.graph.outputs), share(given)
    if held_back is None:
        arrays = given if isinstance(given, list | tuple) else (given,)
        held = validation_batches(f"{asked} validation", evaluation, state, arrays, plan.batch_size)
        check_data(evaluation._indexed, f"{asked} validation", held, options.allow_nan)
        return None, Validation(names, held)
    rows, others = train_validation_split(np.arange(batches.rows), validation=held_back, seed=plan.seed)
    data = data_of(asked, evaluation, batches.inputs, batches.data)
    return rows, Validation(names, validation_batches(asked, evaluation, state, data, plan.batch_size), others)


def _stopper(rule: Any, asked: str, history: History, state: State) -> Stopper | None:
    if rule is None:
        return None
    return Stopper(rule if isinstance(rule, EarlyStopping) else EarlyStopping(rule), asked, history, state)


def _callbacks(given: Any, asked: str) -> Callbacks | None:
    functions = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
    for function in functions:
        if not callable(function):
            raise ValueError(explain(asked, f"a callback is a function of epoch and metrics, got {function!r}"))
    return Callbacks(functions) if functions else None


def _recorder(statistics: Any, batches: Batches, state: State) -> Recorder | None:
    """Statistics are of the first rows, as many as a batch has."""
    if statistics is None:
        return None
    cut = [is_led(node, batches.batch_dim) for node in batches.inputs]
    first = [array[: batches.batch_size] if led else array for array, led in zip(batches.data, cut, strict=True)]
    return Recorder(statistics, state, first)


def _checkpoints(
    step: CompiledStep,
    asked: str,
    state: State,
    batches: Batches,
    validation: Validation | None,
    stopper: Stopper | None,
    plan: Plan,
    options: Options,
) -> tuple[Saved | None, Saver | None]:
    """What to go on from, and what saves this run."""
    given, resume = options.checkpoint, options.resume
    rule = given if given is None or isinstance(given, Checkpoint) else Checkpoint(given)
    if resume is True and rule is None:
        raise ValueError(
            explain(asked, "resume=True goes on from the checkpoint, and there is none", hint="checkpoint=")
        )
    if rule is None and not resume:
        return None, None
    held_back = share(options.validation)
    numbers = {"batch_size": int(plan.batch_size), "seed": int(plan.seed), "shuffle": bool(plan.shuffle)}
    if rule is not None and not os.path.isdir(os.path.dirname(os.path.abspath(rule.path))):
        raise FileNotFoundError(explain(asked, f"there is no folder for the checkpoint {os.fspath(rule.path)}"))
    held = {"": batches}
    if validation is not None and held_back is None:
        held["validation "] = validation.batches
    same = sameness(numbers | {"validation": held_back}, held)
    saver = None if rule is None else Saver(rule, state, stopper, same)
    saved = _saved(rule, resume)
    if saved is not None:
        names = () if validation is None else validation.names
        saved.check(state, History(step._names, names), same)
    return saved, saver


def _saved(rule: Checkpoint | None, resume: Any) -> Saved | None:
    """``resume=True`` is for scripts that are begun again: it goes on from the checkpoint once there is one."""
    if resume is True:
        try:
            return Saved(rule.path) if rule is not None else None
        except FileNotFoundError:
            return None
    return Saved(resume) if resume else None
