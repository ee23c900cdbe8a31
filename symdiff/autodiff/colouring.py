"""Colours for the columns of a sparse matrix: columns of one colour can be computed as one.

Gebremedhin, Manne and Pothen, *What color is your Jacobian?* (SIAM Review 47, 2005): a distance-1 colouring of the
column intersection graph for Jacobians, a star colouring of the adjacency graph for Hessians.
"""

from __future__ import annotations

import numpy as np

from .sparsity import Indices, Pattern


def column_colours(pattern: Pattern) -> Indices:
    """A colour for each column, such that two columns with an entry in one row have different ones. Greedy, columns
    with most entries first."""
    by_row, by_column = pattern, pattern.T
    row_starts, column_starts = by_row.starts, by_column.starts
    colours = np.full(pattern.shape[1], -1)
    for column in np.argsort(-np.diff(column_starts), kind="stable"):
        rows = by_column.columns[column_starts[column] : column_starts[column + 1]]
        near = [by_row.columns[row_starts[row] : row_starts[row + 1]] for row in rows]
        colours[column] = _first_free(colours[np.concatenate(near)] if near else colours[:0])
    return colours


def star_colours(pattern: Pattern) -> Indices:
    """A colour for each column of a symmetric pattern, such that neighbours have different ones and every path over
    four vertices has three: each entry then is the only one of its colour in its row, or in the transposed place."""
    starts, columns = pattern.starts, pattern.columns
    near = [[int(other) for other in columns[starts[v] : starts[v + 1]] if other != v] for v in range(pattern.shape[0])]
    colours = np.full(pattern.shape[1], -1)
    for v in sorted(range(len(near)), key=lambda vertex: -len(near[vertex])):
        taken = []
        for w in near[v]:
            taken.append(colours[w])
            for x in near[w]:
                if x == v or colours[x] < 0:
                    continue
                if colours[w] < 0 or any(y != w and colours[y] == colours[w] for y in near[x]):
                    taken.append(colours[x])
        colours[v] = _first_free(np.array(taken, int))
    return colours


def _first_free(taken: Indices) -> int:
    used = np.zeros(taken.size + 1, bool)
    used[taken[(taken >= 0) & (taken < used.size)]] = True
    return int(np.argmin(used))
