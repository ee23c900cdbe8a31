"""Different rules for different parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from ..core.errors import GraphError, explain
from ..core.node import Node
from ..core.provenance import here
from ..core.record import entity
from .rule import Optimizer, Updates

Selection = str | Node | Callable[[Node], bool] | Iterable[str | Node]


@entity
class groups:  # noqa: N801
    """A rule for most parameters, and others for some: pairs of a selection and a rule, of which the first that fits
    counts.

    A selection is a pattern of names (``"encoder.*"``), a parameter, several of these, or a function from a parameter
    to True or False. Raises GraphError, when the step is made, for one that fits no parameter that is left.

    >>> import symdiff as sd
    >>> W, b = sd.param("W", (3, 2), init=sd.init.he_normal()), sd.param("b", (2,))
    >>> rule = sd.optim.groups(sd.optim.adamw(1e-3), [(lambda p: p.ndim < 2, sd.optim.adamw(1e-3, weight_decay=0.0))])
    >>> step = sd.train_step(sd.sum(W * W) + sd.sum(b), [], rule)
    """

    default: Optimizer
    others: Sequence[tuple[Selection, Optimizer]]

    def __post_init__(self) -> None:
        rules = [self.default]
        for pair in self.others:
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                hint = 'write [("encoder.*", sd.optim.sgd(0.1))]'
                raise GraphError(explain("groups", f"a pair of selection and rule, got {pair!r}", at=here(), hint=hint))
            rules.append(pair[1])
        for rule in rules:
            if not callable(getattr(rule, "updates", None)):
                raise GraphError(explain("groups", f"a rule has updates, got {rule!r}", at=here()))

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        left, found = dict(gradients), Updates()
        for which, rule in self.others:
            chosen = {p: g for p, g in left.items() if _selects(which, p)}
            if not chosen:
                names = ", ".join(p.attrs["name"] for p in left) or "nothing"
                raise GraphError(explain("groups", f"{which!r} fits no parameter of those left: {names}", at=here()))
            left = {p: g for p, g in left.items() if p not in chosen}
            found |= rule.updates(chosen)
        return found | self.default.updates(left) if left else found


@entity
class frozen:  # noqa: N801
    """A rule that leaves parameters as they are; their gradients are not computed.

    >>> import symdiff as sd
    >>> W, v = sd.param("W", (3, 2), init=sd.init.he_normal()), sd.param("v", (2,), init=1)
    >>> sd.train_step(sd.sum(W @ v), [], sd.optim.groups(sd.optim.sgd(0.1), [("W", sd.optim.frozen())])).trained
    (<v: float64[2]>,)
    """

    def updates(self, gradients: Mapping[Node, Node]) -> Updates:
        return {}


def _selects(which: Selection, p: Node) -> bool:
    if isinstance(which, str):
        return fnmatchcase(p.attrs["name"], which)
    if isinstance(which, Node):
        return p is which
    if callable(which):
        return bool(which(p))
    if not isinstance(which, Iterable):
        hint = 'write "encoder.*", W, [W, b] or lambda p: p.ndim < 2'
        raise GraphError(explain("groups", f"{which!r} selects no parameters", at=here(), hint=hint))
    return any(_selects(one, p) for one in which)
