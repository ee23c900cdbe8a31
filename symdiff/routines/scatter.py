"""Writing at positions that lie within ``size``, one after the other, so that the last one wins."""


def scatter_set(size, count, x, positions, values, out):
    for i in range(size):
        out[i] = x[i]
    for k in range(count):
        out[positions[k]] = values[k]


def scatter_multiply(size, count, x, positions, values, out):
    for i in range(size):
        out[i] = x[i]
    for k in range(count):
        out[positions[k]] = out[positions[k]] * values[k]


def scatter_max(size, count, x, positions, values, out):
    for i in range(size):
        out[i] = x[i]
    for k in range(count):
        best = out[positions[k]]
        if best == best and not values[k] <= best:  # NaN stays
            out[positions[k]] = values[k]


def scatter_min(size, count, x, positions, values, out):
    for i in range(size):
        out[i] = x[i]
    for k in range(count):
        best = out[positions[k]]
        if best == best and not values[k] >= best:  # NaN stays
            out[positions[k]] = values[k]


def is_last(size, count, positions, out, writer):
    for k in range(count):
        writer[positions[k]] = k
    for k in range(count):
        out[k] = writer[positions[k]] == k
