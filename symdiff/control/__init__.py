"""Loops and branches inside the graph: scan, while_loop, map, cond, their derivatives and their batches."""
