"""Cholesky factors and triangular systems, item by item of (count, n, n)."""


def cholesky(count, n, a, out):
    """Lower factors, row by row; only the lower triangles of ``a`` are read."""
    for item in range(count):
        for i in range(n):
            for j in range(i + 1):
                total = 0.0
                for k in range(j):
                    total += out[item, i, k] * out[item, j, k]
                rest = a[item, i, j] - total
                if j < i:
                    out[item, i, j] = rest / out[item, j, j]
                elif rest <= 0:
                    return 1 + item
                else:
                    out[item, i, j] = sqrt(rest)
            for j in range(i + 1, n):
                out[item, i, j] = 0
    return 0


def triangular_solve(count, n, columns, lower, transposed, unit, a, b, out):
    """``out`` with op(a) out = b, where op transposes if ``transposed``; a unit diagonal is not read."""
    for item in range(count):
        for step in range(n):
            i = step if lower != transposed else n - 1 - step
            for c in range(columns):
                out[item, i, c] = b[item, i, c]
            for done in range(step):
                j = done if lower != transposed else n - 1 - done
                factor = a[item, j, i] if transposed else a[item, i, j]
                for c in range(columns):
                    out[item, i, c] -= factor * out[item, j, c]
            if not unit:
                pivot = a[item, i, i]
                if pivot == 0:
                    return 1 + item
                for c in range(columns):
                    out[item, i, c] /= pivot
    return 0
