"""Dead code: values that are computed and never read.

The roots of a graph say what is alive: a Graph holds exactly the nodes its outputs and updates need, so whatever a pass
cuts off is gone with the next graph. What is left to this pass are parts of values: a slice of a concatenation needs
one of its operands, a slice of a padded array the array.
"""

from __future__ import annotations

from ..core.dim import never_exceeds
from ..core.node import Node, build
from .rewrite import RulePass
from .rules import RuleSet, node_rule, over


@node_rule("slice_of_concat", "concat(x, y)[a] -> x[a], where a lies within x", over(["slice"], ["concat"]))
def slice_of_concat(node: Node) -> Node | None:
    """The other operands are not read."""
    joined = node.inputs[0]
    axis = joined.attrs["axis"]
    start, size, step = (node.attrs[name][axis] for name in ("starts", "sizes", "steps"))
    if step != 1:
        return None
    for part in joined.inputs:
        if never_exceeds(0, start) and never_exceeds(start + size, part.shape[axis]):
            starts = (*node.attrs["starts"][:axis], start, *node.attrs["starts"][axis + 1 :])
            return build(node.op, [part], {**node.attrs, "starts": starts})
        start = start - part.shape[axis]
    return None


@node_rule("slice_of_padded", "slice_transpose(x, a)[a] -> x", over(["slice"], ["slice_transpose"]))
def slice_of_padded(node: Node) -> Node | None:
    """The zeros around the slice are not read."""
    padded = node.inputs[0]
    if padded.inputs[0].shape != node.shape:
        return None
    same = all(padded.attrs[name] == node.attrs[name] for name in ("starts", "steps"))
    return padded.inputs[0] if same else None


dce = RulePass("dce", RuleSet([slice_of_concat, slice_of_padded]))
