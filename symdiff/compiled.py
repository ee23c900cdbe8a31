"""``sd.compile``: from nodes, or a training step, to something that is called with arrays."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .arguments import ArgumentError, Binder
from .batches import leading_size
from .core.errors import GraphError, ShapeError, StateError, explain
from .core.graph import Graph
from .core.node import Node, describe
from .core.provenance import here
from .core.types import TensorType
from .executor import Optimized, Params, make_executor
from .history import Metrics
from .lower.budget import Budget
from .state import State
from .targets import check_sizes, checked_nodes, in_order, taken_apart
from .train import TrainStep

if TYPE_CHECKING:
    from .checkpoints import Checkpoint
    from .data_checks import Indexed
    from .early_stopping import EarlyStopping
    from .history import History
    from .nan_trace import NanTrace
    from .passes.pipeline import Pass
    from .passes.report import Report
    from .summaries import Statistics
    from .watch import Callback

Array = np.ndarray[Any, Any]
Target = Node | Sequence[Node] | Mapping[str, Node]
_NO_PARAMS: Params = {}


@overload
def compile(
    target: TrainStep,
    *,
    passes: Sequence[Pass] | None = None,
    backend: str = "native",
    memory_budget: int | None = None,
    sizes: Mapping[str, int] | None = None,
) -> CompiledStep: ...
@overload
def compile(
    target: Target,
    inputs: Sequence[Node] | None = None,
    *,
    passes: Sequence[Pass] | None = None,
    backend: str = "native",
    name: str | None = None,
    memory_budget: int | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Compiled: ...
def compile(
    target: Target | TrainStep,
    inputs: Sequence[Node] | None = None,
    *,
    passes: Sequence[Pass] | None = None,
    backend: str = "native",
    name: str | None = None,
    memory_budget: int | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Compiled | CompiledStep:
    """A function that computes nodes, or takes a training step.

    ``target`` is a node, or a list, tuple or dict of nodes: the function returns arrays in that same form. ``inputs``
    are its arguments in order, symbols and (if you like) parameters; they may be left out when there is only one.
    Where other parameters are needed, the first argument is the state that holds them. Of a :class:`TrainStep` it
    makes a :class:`CompiledStep`.

    ``passes`` replaces the pipeline of ``sd.optimize`` (``()`` for none); ``backend="numpy"`` runs the graph node by
    node, without code generation. Compiled code counts numbers too small to be normal (below 1.2e-38 in float32,
    2.2e-308 in float64) as zero; NumPy does not. Raises GraphError for a target that is no node, inputs that are
    missing or whose order nobody gave, and symbolic sizes that no input determines.

    ``memory_budget`` is the bytes of workspace (see ``explain()``) that a call may need with symbolic ``sizes`` of
    these values. Where the program needs more, some values are computed again rather than kept; results are the same
    to the last bit, at any size. Raises GraphError for a budget that cannot be kept, with the least that was found.

    >>> import symdiff as sd
    >>> x, w = sd.input("x", (sd.dim("n"), 2)), sd.param("w", (2,))
    >>> f = sd.compile(x @ w, inputs=[x, w], backend="numpy")
    >>> f([[1, 2], [3, 4]], [1, 1])
    array([3., 7.])
    >>> f = sd.compile(sd.tanh(x @ w) @ x, inputs=[x, w], memory_budget=2000, sizes={"n": 100})
    >>> "1600 at n = 100" in f.explain()
    True
    """
    if isinstance(target, TrainStep):
        if inputs is not None or name is not None:
            problem = "the inputs and the name of a training step are given to sd.train_step"
            raise GraphError(explain("compile", problem, at=here()))
        return CompiledStep(target, passes, backend, _budget(memory_budget, sizes))
    outputs, restore = taken_apart(target)
    graph = Graph(outputs, in_order(outputs, inputs), name=name or "compiled")
    return Compiled(graph, restore, passes, backend, _budget(memory_budget, sizes))


class _Program:
    """What compiled functions share: an optimised graph, an executor, the checks of a call."""

    def __init__(self, graph: Graph, passes: Sequence[Pass] | None, backend: str, budget: Budget | None) -> None:
        self.name = graph.name
        self._given = graph
        self._binder = Binder(graph.inputs, graph.name)
        self._params = [param for param in graph.params if param not in set(graph.inputs)]
        self._bound: tuple[Callable[[], State | None], Params] = (lambda: None, {})
        check_sizes(graph, self._binder)
        self._optimized = Optimized(graph, passes)
        self._executor = make_executor(self._optimized, backend, self.name, budget)

    @property
    def graph(self) -> Graph:
        """The optimised graph."""
        return self._optimized.graph

    @property
    def report(self) -> Report:
        """What the passes did."""
        return self._optimized.report

    @property
    def source(self) -> str:
        """The emitted Python program. Raises GraphError for ``backend="numpy"``, which emits none."""
        return self._executor.source

    def explain(self) -> str:
        """What the passes did, and what was decided on the way to the program."""
        return f"{self.report}\n\n{self._executor.explain()}"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program to a Python file that needs numpy and numba only."""
        self._executor.save(os.fspath(path))

    @property
    def needs_state(self) -> bool:
        """Whether the first argument of a call is a state."""
        return bool(self._params)

    def nan_trace(self, *values: Any, optimized: bool = True) -> NanTrace:
        """Where NaN or an infinity begins, for the arguments of a call. The state is left as it is.

        The graph is run node by node by NumPy, as it was optimised (which is what is compiled) or as it was written.
        The answer, printed, has the first node that is not finite though its operands are, its equation, the user's
        line, which derivative it is of what, and the ranges of its operands. Loops and branches are one node each.
        Raises what a call raises.

        >>> import symdiff as sd
        >>> x, w = sd.input("x", (sd.dim("n"),)), sd.param("w", (), init=2.0)
        >>> train = sd.compile(sd.train_step(sd.sum(sd.sqrt(w * x)), [x], sd.optim.sgd(0.1)), backend="numpy")
        >>> trace = train.nan_trace(sd.State.initial([w]), [2.0, 0.0])
        >>> trace.reaches
        ['the next w']
        """
        from .nan_trace import trace

        params: Params = {}
        if self._params:
            self._require_state(values)
            params, values = self._params_of(values[0]), values[1:]
        arrays, sizes = self._binder.bind(values)
        graph = self.graph if optimized else self._given
        return trace(graph, {**params, **dict(zip(graph.inputs, arrays, strict=True))}, sizes)

    def _params_of(self, state: Any) -> Params:
        """The arrays of the parameters in a state; looked up once for a state that is used again."""
        known, params = self._bound
        if known() is state:
            return params
        types = state.types
        params = {param: self._param_in(state, types, param) for param in self._params}
        self._bound = (weakref.ref(state), params)
        return params

    def _param_in(self, state: State, types: Mapping[str, TensorType], param: Node) -> Array:
        name = param.attrs["name"]
        if name not in types:
            problem = f"the state has no {describe(param)}; it has {', '.join(state) or 'no parameters'}"
            raise StateError(explain(self.name, problem, at=param.origin.place))
        if types[name] != param.type:
            problem = f"the state has {name} as {types[name]}, the model as {param.type}"
            raise StateError(explain(self.name, problem, at=param.origin.place))
        return state[name]

    @cached_property
    def _indexed(self) -> list[Indexed]:
        """Where positions come from the data, which is looked at before the first step of a run."""
        from .data_checks import indexed_by_inputs

        return indexed_by_inputs(self.graph)

    def _require_state(self, values: Sequence[Any]) -> None:
        if not values or not isinstance(values[0], State):
            listed = ", ".join(map(describe, self._params[:4])) + (", ..." if len(self._params) > 4 else "")
            arguments = ", ".join(["state", *(node.attrs["name"] for node in self._binder.inputs)])
            got = type(values[0]).__name__ if values else "nothing"
            problem = f"the first argument is the state that holds {listed}, got {got}"
            raise ArgumentError(explain(self.name, problem, hint=f"call {self.name}({arguments})"))

    def __repr__(self) -> str:
        listed = ", ".join(map(describe, self._binder.inputs)) or "nothing"
        return f"<{type(self).__name__} {self.name}: {listed} -> {', '.join(self.graph.outputs)}>"


class Compiled(_Program):
    """A function of arrays, made by :func:`compile`.

    ``f(*arrays)``, or ``f(state, *arrays)`` when it needs parameters that are not among its inputs. ``graph`` is the
    optimised graph, ``report`` what the passes did to it.
    """

    def __init__(
        self,
        graph: Graph,
        restore: Callable[[Sequence[Array]], Any],
        passes: Sequence[Pass] | None,
        backend: str,
        budget: Budget | None,
    ) -> None:
        super().__init__(graph, passes, backend, budget)
        self._restore = restore

    def __call__(self, *values: Any) -> Any:
        """The outputs, in the form of the target. Raises ArgumentError, DTypeError, ShapeError or StateError for
        arguments that do not fit, IndexRangeError for an index outside its axis."""
        found = self._executor.enter(*values)
        return self._restore(self._checked_call(values) if found is None else found)

    def _checked_call(self, values: Sequence[Any]) -> Sequence[Array]:
        """A call with arguments of any kind."""
        if not self._params:
            return self._executor.call(*self._binder.bind(values), _NO_PARAMS)
        self._require_state(values)
        state, params = values[0], self._params_of(values[0])
        return self._executor.call(*self._binder.bind(values[1:]), params, state)


class CompiledStep(_Program):
    """A training step that changes a state in place, made by :func:`compile` of a :class:`TrainStep`. ``history`` is
    that of the last run of :meth:`fit`."""

    def __init__(self, step: TrainStep, passes: Sequence[Pass] | None, backend: str, budget: Budget | None) -> None:
        super().__init__(step.graph, passes, backend, budget)
        self._passes, self._backend = passes, backend
        self._names = tuple(step.graph.outputs)
        self._rows = leading_size(self._binder.inputs)
        self.history: History | None = None

    def __call__(self, *values: Any) -> Metrics:
        """One step: ``m = train(state, x, y)``, then ``m.loss``. A step that raises leaves the state as it was."""
        found: Metrics | None = self._executor.enter(*values)
        return self._checked_call(values) if found is None else found

    def _checked_call(self, values: Sequence[Any]) -> Metrics:
        """A call with arguments of any kind."""
        self._require_state(values)
        state, values = values[0], values[1:]
        params = self._params_of(state)
        arrays, sizes = self._binder.bind(values)
        self._require_rows(sizes)
        for array in arrays:
            if array.base is not None and state.overlaps(array):
                arrays = [each.copy() if state.overlaps(each) else each for each in arrays]
        found = self._executor.call(arrays, sizes, params, state)
        return Metrics(zip(self._names, map(float, found), strict=True))

    def _require_rows(self, sizes: Mapping[str, int]) -> None:
        """The mean over no rows is NaN, and so would be the parameters."""
        if self._rows is not None and not sizes[self._rows]:
            listed = ", ".join(map(describe, self._binder.inputs))
            raise ShapeError(explain(self.name, f"a step needs rows, and {self._rows} = 0 in {listed}"))

    def fit(
        self,
        state: State,
        *data: Any,
        batch_size: int,
        epochs: int,
        seed: int = 0,
        shuffle: bool = True,
        progress: bool = True,
        callback: Callback | Sequence[Callback] | None = None,
        validation: Any = None,
        evaluate: Mapping[str, Node] | Compiled | None = None,
        early_stopping: int | EarlyStopping | None = None,
        checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
        resume: bool | str | os.PathLike[str] = False,
        statistics: Statistics | None = None,
        stop_on_nan: bool = False,
        allow_nan: bool = False,
    ) -> History:
        """Train on whole arrays, cut into batches of ``batch_size`` rows (the last of an epoch may be smaller).

        Rows are those of the named size that leads the first input; the inputs it leads are cut, others are passed
        whole. Each epoch goes through the rows in an order that depends on ``seed`` and the epoch's number alone
        (``shuffle=False``: as they lie).

        ``validation`` is data that is held back: ``(X, y)``, or a share or number of the rows, drawn as by
        ``sd.preprocess.train_validation_split``. After each epoch the step's loss and metrics on it, means over its
        batches, come into the history as ``val_loss`` ... Where the model is another one then (dropout, normalization
        of batches), ``evaluate`` has the nodes to compute, a dict of scalars over the inputs of the step, or a compiled
        function of such. ``early_stopping`` is a patience or an ``sd.EarlyStopping``. ``callback(epoch, metrics)``, or
        several, are called after each epoch; one that returns True ends the run. ``statistics`` are those of
        ``sd.statistics``.

        ``checkpoint`` is a path or an ``sd.Checkpoint``: what the run has come to, saved at the end of epochs. With
        ``resume=True`` it goes on from there (from the start, where there is no file yet), with a path from that file:
        state and history become, to the last bit, what they would be had the run not been broken off.

        Ctrl-C ends the run within about 0.2 s, between two steps: the state is whole, and the history so far is
        returned with ``interrupted`` set. When a step raises, the steps before it stand; the history so far is
        ``train.history``. With ``stop_on_nan`` a step after which the loss or a parameter is not finite raises
        NonFiniteError, with the state as before it; :meth:`nan_trace` then tells where it begins.

        Before the first step, with the state untouched, it raises what a call raises, NonFiniteError for data that is
        not finite (unless ``allow_nan``), IndexRangeError for labels out of range, StateError for a checkpoint that is
        damaged or of another run, and ValueError for options that make no sense.
        """
        from .begin import Options, begin  # with all that only runs of fit need
        from .fit import Plan

        self._require_state((state,))
        values = [value.copy() if isinstance(value, np.ndarray) and state.overlaps(value) else value for value in data]
        plan = Plan(batch_size, epochs, seed, shuffle, progress)
        about = (callback, validation, evaluate, early_stopping, checkpoint, resume, statistics, stop_on_nan, allow_nan)
        fit = begin(self, state, values, plan, Options(*about))
        self.history = fit.history
        return fit.run()

    def _evaluation(self, evaluate: Any) -> Compiled:
        """What computes validation metrics: by default what the step reports, without its updates."""
        if isinstance(evaluate, Compiled):
            return evaluate
        if evaluate is None:
            return self._own_evaluation
        if not isinstance(evaluate, Mapping):
            problem = f"evaluate is a dict of nodes or a compiled function, got {type(evaluate).__name__}"
            raise GraphError(explain(f"{self.name}.fit", problem, hint='write {"loss": node}'))
        return self._compiled_evaluation(checked_nodes(dict(evaluate)))

    @cached_property
    def _own_evaluation(self) -> Compiled:
        return self._compiled_evaluation(self._given.outputs)

    def _compiled_evaluation(self, outputs: Mapping[str, Node]) -> Compiled:
        graph = Graph(outputs, self._given.inputs, name=f"{self.name}_evaluation")
        return Compiled(graph, list, self._passes, self._backend, None)


def _budget(memory_budget: int | None, sizes: Mapping[str, int] | None) -> Budget | None:
    if memory_budget is not None:
        return Budget(memory_budget, dict(sizes or {}))
    if sizes is not None:
        problem = "sizes are those that memory_budget is counted at, and none is given"
        raise GraphError(explain("compile", problem, at=here(), hint="pass memory_budget=..., or leave sizes out"))
    return None
