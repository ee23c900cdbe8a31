"""Passes: functions from graph to graph, most of them tables of rules."""

from .fast import FAST as FAST
from .pipeline import DEFAULT as DEFAULT
from .pipeline import optimize as optimize
from .stabilize import stabilize_nodes as stabilize_nodes
from .verify import verify_graph as verify_graph
