"""Showing a graph: text, formula, pictures, and where each node comes from. Each is a method of Graph, and is imported
when it is first called."""

from ..core.registry import provide_later

for _name, _module in (
    ("graph_text", "text"),
    ("graph_formula", "formula"),
    ("graph_why", "why"),
    ("graph_dot", "dot"),
    ("graph_svg", "picture.svg"),
    ("graph_html", "html"),
):
    provide_later(_name, f"{__name__}.{_module}")
