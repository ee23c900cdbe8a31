"""Everything one run of the benchmarks found, and what that says about each target."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .limits import Limits
from .problems import GRADIENT, TRAINING, VALUE, Convolution, ConvolutionalNetwork, Hessian, Matrices, Problem
from .race import OURS, Outcome
from .worker import CALLS, LOOPS

MODES = {"a call per step": (CALLS,), "loops inside": (LOOPS,), "each at its best": (CALLS, LOOPS)}
FLAT = 1.5  # what "the cost per node stays flat" means: the most expensive size against 10^3


@dataclass
class Findings:
    outcomes: list[Outcome] = field(default_factory=list)
    one_core: Limits | None = None
    all_cores: Limits | None = None
    compile_seconds: dict[int, float] = field(default_factory=dict)  # by layers
    gradient_ratios: dict[str, float] = field(default_factory=dict)  # by workload
    graph_seconds: dict[str, dict[int, float]] = field(default_factory=dict)  # by shape and nodes
    scan_seconds: dict[str, float] = field(default_factory=dict)  # by problem, to its first gradient

    def outcome(self, name: str) -> Outcome | None:
        return next((outcome for outcome in self.outcomes if outcome.workload.name == name), None)

    def least_seconds(self, outcome: Outcome) -> float:
        """What the machine's limits allow for a step."""
        return min(limits.seconds(outcome.workload.work) for limits in (self.one_core, self.all_cores))


@dataclass(frozen=True)
class Verdict:
    """A target, what was measured, and whether that meets it."""

    target: str
    figure: str
    met: bool


def verdicts(found: Findings) -> Iterator[Verdict]:
    """One for each target that was measured."""
    for rule in RULES:
        yield from rule(found)


def _tiny_steps(found: Findings) -> Iterator[Verdict]:
    outcome = found.outcome("2-3-2")
    limits: dict[str, tuple[str, str, Callable[[float], bool]]] = {
        CALLS: ("a call", "at most 3 us", lambda us: us <= 3),
        LOOPS: ("a step inside `fit`", "under 1 us", lambda us: us < 1),
    }
    for mode, (what, allowed, is_met) in limits.items():
        entry = outcome and outcome.ours(mode)
        if entry:
            us = outcome.step(entry) * 1e6
            yield Verdict(f"2-3-2: {what} takes {allowed}", f"{us:.2f} us", is_met(us))


def _named_networks(found: Findings) -> Iterator[Verdict]:
    for name, least in (("64-128-10", 2.5), ("784-512-256-10", 1.4)):
        outcome = found.outcome(name)
        for mode, times, rival in _comparisons([outcome] if outcome else []):
            target = f"{name}: at least {least} times as fast as the best other library, {mode}"
            yield Verdict(target, f"{times:.2f} ({rival})", times >= least)


def _no_slower(found: Findings) -> Iterator[Verdict]:
    for mode in MODES:
        measured = [(times, rival) for at, times, rival in _comparisons(found.outcomes) if at == mode]
        if measured:
            shown = sorted(each for each in measured if each[0] < 1) or [min(measured)]
            figure = ", ".join(f"{times:.2f} ({rival})" for times, rival in shown)
            yield Verdict(f"no workload slower than in any other library, {mode}", figure, shown[0][0] >= 1)


def _comparisons(outcomes: list[Outcome]) -> Iterator[tuple[str, float, str]]:
    """(mode, how many times as fast symdiff is, as which library) against the best of the others."""
    for outcome in outcomes:
        for mode, among in MODES.items():
            ours, rivals = outcome.ours(*among), outcome.rivals(*among)
            if ours and rivals:
                times = outcome.ratio(rivals[0], ours)
                yield mode, times, f"{' '.join(rivals[0])}, {outcome.workload.name}"


def _waits(found: Findings) -> Iterator[Verdict]:
    cold = [(o.cold[OURS] / o.cold["jax"], o.workload.name) for o in found.outcomes if {OURS, "jax"} <= o.cold.keys()]
    if cold:
        ratio, name = max(cold)
        target = "first step in a new process, cold cache: at most 0.6 times JAX's"
        yield Verdict(target, f"{ratio:.2f} at worst ({name})", ratio <= 0.6)
    warm = [(o.warm[OURS], o.workload.name) for o in found.outcomes if OURS in o.warm]
    if warm:
        seconds, name = max(warm)
        yield Verdict("the same, warm: at most 0.25 s", f"{seconds:.2f} s at worst ({name})", seconds <= 0.25)
        importing = [o.workload.name for o in found.outcomes if o.warm_imports_numba.get(OURS)]
        yield Verdict("the same, warm: Numba is not imported", ", ".join(importing) or "never", not importing)


def _compile_time(found: Findings) -> Iterator[Verdict]:
    if found.compile_seconds:
        few, many = min(found.compile_seconds), max(found.compile_seconds)
        ratio = found.compile_seconds[many] / found.compile_seconds[few]
        figure = f"{ratio:.2f} ({found.compile_seconds[many]:.2f} s and {found.compile_seconds[few]:.2f} s)"
        yield Verdict(f"{many} layers compile in at most twice the time of {few}", figure, ratio <= 2)


def _graphs(found: Findings) -> Iterator[Verdict]:
    if not found.graph_seconds:
        return
    seconds, size, shape = max((sizes[max(sizes)], max(sizes), shape) for shape, sizes in found.graph_seconds.items())
    target = f"a graph of {size} nodes is differentiated and optimised in under 5 s"
    yield Verdict(target, f"{seconds:.1f} s at worst ({shape})", seconds < 5)
    growth, shape = max((_growth(sizes), shape) for shape, sizes in found.graph_seconds.items())
    target = f"the cost per node stays flat: at most {FLAT} times that in the smallest graph"
    yield Verdict(target, f"{growth:.2f} at worst ({shape})", growth <= FLAT)


def _growth(sizes: dict[int, float]) -> float:
    costs = {size: seconds / size for size, seconds in sizes.items()}
    return max(costs.values()) / costs[min(costs)]


def _gradients(found: Findings) -> Iterator[Verdict]:
    for name, ratio in found.gradient_ratios.items():
        yield Verdict(f"{name}: value and gradient cost at most 3 times the value", f"{ratio:.2f}", ratio <= 3)


def _convolutions(found: Findings) -> Iterator[Verdict]:
    for outcome in _outcomes_of(found, Convolution):
        times = [(1 / each, mode) for mode, each in _against(outcome, "torch")]
        if times:
            figure = ", ".join(f"{each:.2f} ({mode})" for each, mode in times)
            yield Verdict(f"{outcome.workload.name}: at most 1.5 times PyTorch's time", figure, max(times)[0] <= 1.5)


def _networks(found: Findings) -> Iterator[Verdict]:
    for outcome in _outcomes_of(found, ConvolutionalNetwork):
        for mode, times in _against(outcome, "torch"):
            if mode == TRAINING:
                yield Verdict(f"{outcome.workload.name}: trains faster than PyTorch", f"{times:.2f} times", times > 1)


def _hessians(found: Findings) -> Iterator[Verdict]:
    for outcome in _outcomes_of(found, Hessian):
        for _, times in _against(outcome, "jax"):
            yield Verdict(f"{outcome.workload.name}: at least as fast as JAX", f"{times:.2f} times", times >= 1)


def _matrices(found: Findings) -> Iterator[Verdict]:
    for outcome in _outcomes_of(found, Matrices):
        for rival in ("numpy", "jax"):
            times = list(_against(outcome, rival))
            if times:
                figure = ", ".join(f"{each:.2f} times ({mode})" for mode, each in times)
                target = f"{outcome.workload.name}: at least as fast as {rival}"
                yield Verdict(target, figure, min(each for _, each in times) >= 1)


def _scans(found: Findings) -> Iterator[Verdict]:
    for name, seconds in found.scan_seconds.items():
        target = f"{name}: from the first symbol to the first value and gradient in under 1 s"
        yield Verdict(target, f"{seconds:.2f} s", seconds < 1)
        value, gradient = ((OURS, mode) for mode in (VALUE, GRADIENT))
        outcome = found.outcome(name)
        if outcome and value in outcome.seconds:
            ratio = outcome.ratio(gradient, value)
            yield Verdict(f"{name}: the gradient costs at most 4 times the value", f"{ratio:.2f}", ratio <= 4)


def _outcomes_of(found: Findings, kind: type[Problem]) -> Iterator[Outcome]:
    return (outcome for outcome in found.outcomes if isinstance(outcome.workload, kind))


def _against(outcome: Outcome, rival: str) -> Iterator[tuple[str, float]]:
    """(mode, how many times as fast symdiff is)"""
    for library, mode in outcome.seconds:
        if library == OURS and (rival, mode) in outcome.seconds:
            yield mode, outcome.ratio((rival, mode), (OURS, mode))


RULES = (
    _tiny_steps, _named_networks, _no_slower, _waits, _compile_time, _graphs, _gradients,
    _convolutions, _networks, _hessians, _scans, _matrices,
)  # fmt: skip
