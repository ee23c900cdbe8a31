"""A training step as one graph: loss and metrics, gradients, and the next value of every parameter."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from .along import updates_along
from .autodiff.reverse import grad
from .core.collector import paused_collector
from .core.errors import GradientError, GraphError, explain
from .core.graph import Graph
from .core.node import Node, describe
from .core.provenance import here, section
from .core.record import record
from .core.traversal import is_needed, toposort
from .core.types import TensorType
from .optim.rule import Optimizer, step_count
from .state import State, same_types


@record
class TrainStep:
    """What one step computes: ``print(step)`` shows it, ``sd.compile(step)`` makes it a function.

    ``graph`` has the loss and the metrics as outputs and the next value of each parameter as updates; ``params`` are
    the leaves that the state holds, in the order they lie in memory; ``trained`` those that the optimiser updates.
    """

    graph: Graph
    params: tuple[Node, ...]
    trained: tuple[Node, ...]

    def init(self, seed: int = 0) -> State:
        """A fresh state. Each value depends on the seed and the parameter's name alone."""
        return State.initial(self.params, seed)

    def load(self, path: str | os.PathLike[str]) -> State:
        """A saved state. Raises StateError when it is damaged or its names, shapes or dtypes are not this model's."""
        found = State.load(path)
        same_types(found.types, self._types(), f"load {os.fspath(path)}")
        state = State(self._types())
        for name in state:
            state[name] = found[name]
        return state

    def _types(self) -> dict[str, TensorType]:
        return {param.attrs["name"]: param.type for param in self.params}

    def __str__(self) -> str:
        return str(self.graph)

    def __repr__(self) -> str:
        listed = ", ".join(map(describe, self.trained))
        return f"<TrainStep {self.graph.name}: outputs {', '.join(self.graph.outputs)}; trains {listed}>"


def train_step(
    loss: Node,
    inputs: Sequence[Node],
    optimizer: Optimizer,
    metrics: Mapping[str, Node] | None = None,
    params: Sequence[Node] | None = None,
    name: str = "step",
    updates: Mapping[Node, Node] | None = None,
) -> TrainStep:
    """One step of training: the loss, its gradients and the optimiser's updates in one graph.

    ``loss`` is a float scalar; ``inputs`` the arguments of a call, in order; ``metrics`` more scalars to report, all
    computed before the update. ``params`` are the parameters to train: by default every float parameter that the loss
    reaches other than through ``sd.stop_gradient``. ``updates`` maps further parameters, which are not trained, to the
    values they have next, computed from those before the step; running statistics of ``sd.nn.layers.batch_norm`` under
    the loss or a metric move by themselves. Raises GradientError for a loss that is no float scalar and for a parameter
    it does not depend on, GraphError for inputs that are missing, names that clash and updates that do not fit.

    >>> import symdiff as sd
    >>> x, y, w = sd.input("x", (sd.dim("n"), 3)), sd.input("y", (sd.dim("n"),)), sd.param("w", (3,))
    >>> sd.train_step(sd.losses.mean_squared_error(x @ w, y), [x, y], sd.optim.sgd(0.1))
    <TrainStep step: outputs loss; trains w: float64[3]>
    """
    inputs = [inputs] if isinstance(inputs, Node) else inputs
    if not callable(getattr(optimizer, "updates", None)):
        problem = f"the optimizer is a rule with updates, got {optimizer!r}"
        raise GraphError(explain(name, problem, at=here(), hint="make one with sd.optim, like sd.optim.adam(1e-3)"))
    outputs = _outputs(name, loss, metrics or {})
    trained = _trainable(name, loss) if params is None else list(dict.fromkeys(params))
    _check_trained(name, trained)
    with paused_collector():
        gradients = dict(zip(trained, grad(loss, trained), strict=True))
        further = updates_along(outputs.values()) | dict(updates or {})
        with section("update"):
            following = optimizer.updates(gradients)
            trained = [leaf for leaf in trained if leaf in following]
            _check_further(name, further, following)
            following |= further
            if step_count() not in following and is_needed(step_count(), [*following.values(), *outputs.values()]):
                following[step_count()] = step_count() + 1
            for leaf, value in following.items():
                value.named(f"{leaf.attrs['name'].replace('.', '_')}_next")
        graph = Graph(outputs, inputs, name=name, updates=following)
    return TrainStep(graph, _in_memory_order(graph, trained), tuple(trained))


def _outputs(name: str, loss: Node, metrics: Mapping[str, Node]) -> dict[str, Node]:
    if not isinstance(loss, Node) or loss.shape != () or not loss.type.is_float:
        got = describe(loss) if isinstance(loss, Node) else repr(loss)
        hint = "reduce it, for example with sd.mean"
        raise GradientError(explain(name, f"the loss is a float scalar, got {got}", at=here(), hint=hint))
    if not isinstance(metrics, Mapping):
        problem = f"metrics are given by name, got {metrics!r}"
        raise GraphError(explain(name, problem, at=here(), hint='write {"accuracy": node}'))
    if "loss" in metrics:
        raise GraphError(explain(name, "a metric may not be called 'loss': that is the loss", at=here()))
    for label, node in metrics.items():
        if not isinstance(label, str) or not isinstance(node, Node) or node.shape != ():
            got = describe(node) if isinstance(node, Node) else repr(node)
            hint = "reduce it, for example with sd.mean"
            raise GraphError(explain(name, f"metric {label!r} is a scalar node, got {got}", at=here(), hint=hint))
    return {"loss": loss, **metrics}


def _trainable(name: str, loss: Node) -> list[Node]:
    """The float parameters under the loss, in the order of the graph; what stop_gradient hides is left alone."""
    reached: set[Node] = set()
    waiting = [loss]
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting.extend(() if node.op.name == "stop_gradient" else node.inputs)
    found = [node for node in toposort([loss]) if node in reached and node.op.name == "param" and node.type.is_float]
    if not found:
        problem = f"{describe(loss)} depends on no float parameter"
        raise GradientError(explain(name, problem, at=here(), hint="make one with sd.param"))
    return found


def _check_trained(name: str, trained: Sequence[Node]) -> None:
    for node in trained:
        if not isinstance(node, Node) or node.op.name != "param" or not node.type.is_float:
            got = describe(node) if isinstance(node, Node) else repr(node)
            hint = "make one with sd.param"
            raise GraphError(explain(name, f"only float parameters are trained, got {got}", at=here(), hint=hint))


def _check_further(name: str, further: Mapping[Node, Node], others: Mapping[Node, Node]) -> None:
    for leaf, value in further.items():
        if not all(isinstance(node, Node) for node in (leaf, value)) or leaf.op.name != "param":
            problem = f"updates map parameters to nodes, got {leaf!r}: {value!r}"
            raise GraphError(explain(name, problem, at=here(), hint="write {sd.param(...): node}"))
        if leaf in others:
            problem = f"updates change {describe(leaf)}, which the optimizer changes"
            raise GraphError(explain(name, problem, at=here(), hint="leave it out of params, or use sd.stop_gradient"))
        if value.type != leaf.type:
            problem = f"the next value of {describe(leaf)} has its type, got {describe(value)}"
            raise GraphError(explain(name, problem, at=here(), hint="use astype, or reduce it"))


def _in_memory_order(graph: Graph, trained: Sequence[Node]) -> tuple[Node, ...]:
    """The trained parameters side by side, then each of their slots in the same order, then the rest.

    So the slots lie at one distance from their owners, and one loop over flat storage can update them all.
    """
    leaves = [node for node in graph.params if node not in graph.inputs]
    own = {node: position for position, node in enumerate(trained)}
    order = {node.attrs["name"]: position for node, position in own.items()}

    def place(leaf: Node) -> tuple[str, int]:
        owner, _, slot = leaf.attrs["name"].rpartition(".")
        if leaf in own:
            return "", own[leaf]
        return (slot, order[owner]) if owner in order else ("~", 0)

    return tuple(sorted(leaves, key=place))
