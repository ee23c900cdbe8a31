"""Names and docstrings of kernels: what is computed, in the model's names, and where it was written."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.graph import Graph
from ..core.node import Node
from ..core.op import Elementwise, View
from ..core.provenance import Origin
from ..ops.convert import scalar_value
from .regions import Region

RESERVED = frozenset(
    "np range abs min max exp log log1p expm1 sqrt sin cos tan tanh sinh cosh floor ceil rint trunc fabs isnan isinf "
    "isfinite maximum minimum copysign hypot power sign fmod remainder floor_divide size extent kernel summing_kernel "
    "numba numpy njit work workspace candidate arcsin arccos arctan arctan2 arcsinh arccosh arctanh "
    "float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool_".split()
)
NAME_PARTS = 3
LINE = 96


class Documenter:
    """Words for kernels, from the graph the user sees (before composite operators were written out)."""

    def __init__(self, graph: Graph, names: Mapping[Node, str], stands_for: Mapping[Node, Node]) -> None:
        self.graph, self.names, self.stands_for = graph, names, stands_for

    def kernel_name(self, region: Region) -> str:
        """From the operators computed: ``add_relu``, ``relu_vjp``, ``cross_entropy``."""
        words: dict[str, None] = {}
        for node in region.members:
            word = self._word(node)
            if word:
                words.setdefault(word, None)
        for _, concat, _, _ in region.parts:
            words.setdefault(concat.op.name, None)
        chosen = list(words)
        if any(word.startswith("update") for word in chosen):
            return "update"
        return "_".join(chosen[:NAME_PARTS]) or "copy"

    def _word(self, node: Node) -> str:
        origin = node.origin
        if origin.section == "update":
            return "update"
        expanded = _expanded(origin)
        if origin.of is not None:
            return expanded or f"{origin.of.op.name}_vjp"
        if expanded:
            return expanded
        return "" if isinstance(node.op.lowering, View) else node.op.name

    def kernel(self, region: Region) -> tuple[str, ...]:
        """One line for each value that leaves the kernel: its equation and the user's line."""
        lines: dict[str, None] = {}
        for node in region.stores:
            lines.setdefault(self._line(node), None)
        for value, concat, offset, _ in region.parts:
            lines.setdefault(f"{self.names[concat]}[{offset}:] = {self.names[value]}", None)
        return tuple(lines)

    def _line(self, node: Node) -> str:
        known = self.stands_for.get(node, node)
        name = self.names.get(node, node.op.name)
        equation = f"{name} = {self.expression(known)}"
        if len(equation) > LINE:
            equation = equation[: LINE - 3] + "..."
        return f"{equation:<60}  {self.why(node)}"

    def why(self, node: Node) -> str:
        """``digits.py:14``, or for a gradient ``vjp of digits.py:14 with respect to W1``."""
        origin = self.stands_for.get(node, node).origin
        if origin.of is None:
            return origin.place
        names = self.graph.names
        if origin.operand is None:
            return f"cotangent of {names.get(origin.of, origin.of.op.name)}"
        operand = origin.of.inputs[origin.operand]
        return f"vjp of {origin.place} with respect to {names.get(operand, operand.op.name)}"

    def expression(self, node: Node) -> str:
        """One operator deep, in the graph's names."""
        args = [self._operand(parent) for parent in node.inputs]
        lowering = node.op.lowering
        if isinstance(lowering, Elementwise) and "(" not in lowering.code and lowering.code != "a":
            return " ".join(dict(zip("abc", args, strict=False)).get(word.strip("-"), word) for word in lowering.code.split())
        extra = [f"{key}={_brief(value)}" for key, value in node.attrs.items() if key in ("axis", "shape", "axes")]
        return f"{node.op.name}({', '.join([*args, *extra])})"

    def _operand(self, node: Node) -> str:
        value = scalar_value(node) if node.shape == () else None
        if value is not None:
            return f"{value:g}" if isinstance(value, float) else str(value)
        if node.op.name == "size":
            return str(node.attrs["size"])
        known = self.stands_for.get(node, node)
        if isinstance(node.op.lowering, View) and node.inputs:
            return self._operand(node.inputs[0]) + (".T" if node.op.name == "permute_dims" else "")
        return self.graph.names.get(known, node.op.name)


def _brief(value: object) -> str:
    if isinstance(value, tuple):
        inside = ", ".join(map(str, value))
        return inside if len(value) == 1 else f"({inside})"
    return str(value)


def _expanded(origin: Origin) -> str:
    for rewrite in reversed(origin.rewrites):
        if rewrite.startswith("expand "):
            return rewrite.removeprefix("expand ")
    return ""
