"""Running totals along the middle axis of (outer, size, inner)."""

from numpy import exp, log


def cumsum(outer, size, inner, x, out):
    for i in range(outer):
        for j in range(size):
            for k in range(inner):
                out[i, j, k] = x[i, j, k] if j == 0 else out[i, j - 1, k] + x[i, j, k]


def cumprod(outer, size, inner, x, out):
    for i in range(outer):
        for j in range(size):
            for k in range(inner):
                out[i, j, k] = x[i, j, k] if j == 0 else out[i, j - 1, k] * x[i, j, k]


def linear_recurrence(outer, size, inner, factors, terms, out):
    for i in range(outer):
        for j in range(size):
            for k in range(inner):
                out[i, j, k] = terms[i, j, k] if j == 0 else terms[i, j, k] + factors[i, j, k] * out[i, j - 1, k]


def logcumsumexp(outer, size, inner, x, out, largest, total):
    for i in range(outer):
        for j in range(size):
            for k in range(inner):
                value = x[i, j, k]
                if j == 0:
                    largest[k] = value
                    total[k] = 1
                elif value == largest[k]:  # both may be infinite
                    total[k] += 1
                elif value < largest[k]:
                    total[k] += exp(value - largest[k])
                else:
                    total[k] = total[k] * exp(largest[k] - value) + 1
                    largest[k] = value
                out[i, j, k] = largest[k] + log(total[k])


def cumulative_argmax(outer, size, inner, x, out):
    for i in range(outer):
        for j in range(size):
            for k in range(inner):
                best = j if j == 0 else out[i, j - 1, k]
                value = x[i, j, k]
                known = x[i, best, k]
                out[i, j, k] = j if known == known and not value <= known else best  # the first NaN stays


def cumulative_argmin(outer, size, inner, x, out):
    for i in range(outer):
        for j in range(size):
            for k in range(inner):
                best = j if j == 0 else out[i, j - 1, k]
                value = x[i, j, k]
                known = x[i, best, k]
                out[i, j, k] = j if known == known and not value >= known else best  # the first NaN stays
