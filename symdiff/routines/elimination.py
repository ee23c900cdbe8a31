"""Gaussian elimination with row exchanges: systems, determinants; item by item of (count, n, n)."""


def solve(count, n, columns, a, b, out, lu, pivots):
    for item in range(count):
        for i in range(n):
            for j in range(n):
                lu[i, j] = a[item, i, j]
            for c in range(columns):
                out[item, i, c] = b[item, i, c]
        for j in range(n):
            best = j
            for i in range(j, n):
                size = abs(lu[i, j])
                if size > abs(lu[best, j]) or size != size:
                    best = i
            if lu[best, j] == 0:
                return 1 + item
            if best != j:
                for k in range(n):
                    held = lu[j, k]
                    lu[j, k] = lu[best, k]
                    lu[best, k] = held
                for c in range(columns):
                    held = out[item, j, c]
                    out[item, j, c] = out[item, best, c]
                    out[item, best, c] = held
            for i in range(j + 1, n):
                factor = lu[i, j] / lu[j, j]
                for k in range(j + 1, n):
                    lu[i, k] -= factor * lu[j, k]
                for c in range(columns):
                    out[item, i, c] -= factor * out[item, j, c]
        for step in range(n):
            i = n - 1 - step
            for k in range(i + 1, n):
                factor = lu[i, k]
                for c in range(columns):
                    out[item, i, c] -= factor * out[item, k, c]
            for c in range(columns):
                out[item, i, c] /= lu[i, i]
    return 0


def slogdet(count, n, a, sign, logarithm, lu, pivots):
    """Sign and logarithm of the absolute value of determinants: 0 and -inf where a pivot is 0."""
    for item in range(count):
        for i in range(n):
            for j in range(n):
                lu[i, j] = a[item, i, j]
        swaps = 0
        rank = n
        for j in range(n):
            best = j
            for i in range(j, n):
                size = abs(lu[i, j])
                if size > abs(lu[best, j]) or size != size:
                    best = i
            if lu[best, j] == 0:
                rank = j
                break
            if best != j:
                swaps += 1
                for k in range(n):
                    held = lu[j, k]
                    lu[j, k] = lu[best, k]
                    lu[best, k] = held
            for i in range(j + 1, n):
                factor = lu[i, j] / lu[j, j]
                for k in range(j + 1, n):
                    lu[i, k] -= factor * lu[j, k]
        total = 0.0
        for j in range(rank):
            if lu[j, j] < 0:
                swaps += 1
            total += log(abs(lu[j, j]))
        if rank < n:
            sign[item] = 0
            logarithm[item] = log(0.0)
        else:
            sign[item] = 1 - 2 * (swaps % 2)
            logarithm[item] = total


def cofactor(count, n, a, out, lu, rows, columns, inverse):
    """Matrices of cofactors, from a factorisation with row and column exchanges, which leaves the smallest pivot to
    the end: P a Q = L U with U = [[T, u], [0, e]], so adj(U) = det(T) [[e T^-1, -T^-1 u], [0, 1]] holds for e = 0 too.
    With two or more vanishing pivots all cofactors are 0."""
    for item in range(count):
        for i in range(n):
            rows[i] = i
            columns[i] = i
            for j in range(n):
                lu[i, j] = a[item, i, j]
                out[item, i, j] = 0
        product = 1.0  # of the pivots but the last, with the sign of the exchanges
        for j in range(n - 1):
            at_row = j
            at_column = j
            for i in range(j, n):
                for k in range(j, n):
                    size = abs(lu[i, k])
                    if size > abs(lu[at_row, at_column]) or size != size:
                        at_row = i
                        at_column = k
            if at_row != j:
                product = -product
                place = rows[j]
                rows[j] = rows[at_row]
                rows[at_row] = place
                for k in range(n):
                    held = lu[j, k]
                    lu[j, k] = lu[at_row, k]
                    lu[at_row, k] = held
            if at_column != j:
                product = -product
                place = columns[j]
                columns[j] = columns[at_column]
                columns[at_column] = place
                for i in range(n):
                    held = lu[i, j]
                    lu[i, j] = lu[i, at_column]
                    lu[i, at_column] = held
            pivot = lu[j, j]
            product = product * pivot
            if pivot == 0:
                break
            for i in range(j + 1, n):
                factor = lu[i, j] / pivot
                lu[i, j] = factor
                for k in range(j + 1, n):
                    lu[i, k] -= factor * lu[j, k]
        if product == 0:
            continue
        last = lu[n - 1, n - 1] if n > 0 else 1.0
        for c in range(
            n
        ):  # column c of det(T) times adj(U), then of that times L^-1, each in the end a column of adj(a)
            for i in range(n):
                inverse[i, c] = 0
            inverse[c, c] = last if c < n - 1 else 1
            for step in range(n):
                i = n - 1 - step
                if i == n - 1:
                    continue
                total = inverse[i, c]
                for k in range(i + 1, n):
                    total -= lu[i, k] * inverse[k, c]
                inverse[i, c] = total / lu[i, i]
        for i in range(n):  # rows of adj(U) L^-1, from the right
            for step in range(n):
                c = n - 1 - step
                total = inverse[i, c]
                for k in range(c + 1, n):
                    total -= inverse[i, k] * lu[k, c]
                inverse[i, c] = total
            for c in range(n):
                out[item, rows[c], columns[i]] = product * inverse[i, c]
