"""Drawing a graph without any outside program: rows, columns, routes, then SVG."""
