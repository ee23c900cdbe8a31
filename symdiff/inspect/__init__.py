"""Showing a graph: text, formula, pictures, and where each node comes from. Each is a method of Graph."""
