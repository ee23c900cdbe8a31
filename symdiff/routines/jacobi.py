"""Jacobi's methods for eigenvalues of symmetric matrices and for singular values (Golub and Van Loan, 8.5 and 8.6):
plane rotations until nothing is left to rotate. Where LAPACK is at hand, it does this instead."""


def eigh(count, n, lower, digits, a, values, vectors, work, space, places):
    """Eigenvalues in ascending order, eigenvectors as columns; one triangle of ``a`` is read. Fails where 60 sweeps are
    not enough, which happens to NaN and infinity alone."""
    for item in range(count):
        total = 0.0
        for i in range(n):
            for j in range(n):
                below = (i >= j) if lower else (i <= j)
                work[i, j] = a[item, i, j] if below else a[item, j, i]
                vectors[item, i, j] = 1 if i == j else 0
                total += abs(work[i, j])
        sweeps = 0
        least = power(0.5, digits) * total / (2 * n * n)
        rotated = total - total == 0
        while rotated:
            rotated = False
            sweeps += 1
            if sweeps > 60:
                return 1 + item
            for p in range(n):
                for q in range(p + 1, n):
                    off = work[p, q]
                    size = abs(work[p, p]) + abs(work[q, q])
                    if abs(off) <= maximum(power(0.5, digits) * size, least):
                        continue
                    rotated = True
                    ratio = (work[q, q] - work[p, p]) / (off + off)
                    tangent = copysign(1.0, ratio) / (abs(ratio) + sqrt(1.0 + ratio * ratio))
                    cosine = 1.0 / sqrt(1.0 + tangent * tangent)
                    sine = tangent * cosine
                    for k in range(n):
                        x = work[k, p]
                        y = work[k, q]
                        work[k, p] = cosine * x - sine * y
                        work[k, q] = sine * x + cosine * y
                    for k in range(n):
                        x = work[p, k]
                        y = work[q, k]
                        work[p, k] = cosine * x - sine * y
                        work[q, k] = sine * x + cosine * y
                        x = vectors[item, k, p]
                        y = vectors[item, k, q]
                        vectors[item, k, p] = cosine * x - sine * y
                        vectors[item, k, q] = sine * x + cosine * y
                    work[p, q] = 0
                    work[q, p] = 0
        for i in range(n):
            values[item, i] = work[i, i] + (total - total)
        for i in range(n):
            first = i
            for j in range(i + 1, n):
                if values[item, j] < values[item, first]:
                    first = j
            if first != i:
                x = values[item, i]
                values[item, i] = values[item, first]
                values[item, first] = x
                for k in range(n):
                    x = vectors[item, k, i]
                    vectors[item, k, i] = vectors[item, k, first]
                    vectors[item, k, first] = x
    return 0


def svd(count, m, n, k, rows, columns, digits, a, u, s, vh, work, basis, space, places):
    """Singular values in descending order. ``u`` has ``rows`` columns, k = min(m, n) or m, and ``vh`` ``columns`` rows.
    The longer side of each matrix stands in ``work`` as rows: k vectors that are rotated until they are orthogonal,
    with the rotations in ``basis``."""
    tall = m >= n
    size = m if tall else n
    small = power(0.5, digits) * 2 * sqrt(size)
    least = power(0.5, digits) / (m * n + 1)
    for item in range(count):
        total = 0.0
        for i in range(m):
            for j in range(n):
                total += abs(a[item, i, j])
        if total - total != 0:
            return 1 + item
        scale = total if total > 0 else 1.0  # so that no square overflows
        for i in range(m):
            for j in range(n):
                if tall:
                    work[j, i] = a[item, i, j] / scale
                else:
                    work[i, j] = a[item, i, j] / scale
        for i in range(k):
            for j in range(k):
                basis[i, j] = 1 if i == j else 0
        sweeps = 0
        rotated = True
        while rotated:
            rotated = False
            sweeps += 1
            if sweeps > 60:
                return 1 + item
            for p in range(k):
                for q in range(p + 1, k):
                    pp = 0.0
                    qq = 0.0
                    pq = 0.0
                    for i in range(size):
                        pp += work[p, i] * work[p, i]
                        qq += work[q, i] * work[q, i]
                        pq += work[p, i] * work[q, i]
                    length = sqrt(pp) * sqrt(qq)
                    if abs(pq) <= maximum(small * length, least * least):
                        continue
                    rotated = True
                    ratio = (qq - pp) / (pq + pq)
                    tangent = copysign(1.0, ratio) / (abs(ratio) + sqrt(1.0 + ratio * ratio))
                    cosine = 1.0 / sqrt(1.0 + tangent * tangent)
                    sine = tangent * cosine
                    for i in range(size):
                        x = work[p, i]
                        y = work[q, i]
                        work[p, i] = cosine * x - sine * y
                        work[q, i] = sine * x + cosine * y
                    for i in range(k):
                        x = basis[p, i]
                        y = basis[q, i]
                        basis[p, i] = cosine * x - sine * y
                        basis[q, i] = sine * x + cosine * y
        for p in range(k):
            pp = 0.0
            for i in range(size):
                pp += work[p, i] * work[p, i]
            s[item, p] = sqrt(pp)
        for p in range(k):
            best = p
            for q in range(p + 1, k):
                if s[item, q] > s[item, best]:
                    best = q
            if best != p:
                x = s[item, p]
                s[item, p] = s[item, best]
                s[item, best] = x
                for i in range(size):
                    x = work[p, i]
                    work[p, i] = work[best, i]
                    work[best, i] = x
                for i in range(k):
                    x = basis[p, i]
                    basis[p, i] = basis[best, i]
                    basis[best, i] = x
        for p in range(rows if tall else columns):
            length = s[item, p] if p < k else 0.0
            for i in range(size):
                work[p, i] = work[p, i] / length if length > 0 else 0
            for attempt in range(3):
                for q in range(p):
                    inside = 0.0
                    for i in range(size):
                        inside += work[q, i] * work[p, i]
                    for i in range(size):
                        work[p, i] -= inside * work[q, i]
                inside = 0.0
                for i in range(size):
                    inside += work[p, i] * work[p, i]
                if attempt == 0 and inside < 0.25:  # rounding alone: take the unit vector least among those so far
                    farthest = 0
                    shortest = 2.0
                    for i in range(size):
                        along = 0.0
                        for q in range(p):
                            along += work[q, i] * work[q, i]
                        if along < shortest:
                            shortest = along
                            farthest = i
                    for i in range(size):
                        work[p, i] = 1 if i == farthest else 0
            for i in range(size):
                work[p, i] = work[p, i] / sqrt(inside)
        for p in range(k):
            s[item, p] = s[item, p] * scale
        for i in range(m):
            for p in range(rows):
                u[item, i, p] = work[p, i] if tall else basis[p, i]
        for p in range(columns):
            for j in range(n):
                vh[item, p, j] = basis[p, j] if tall else work[p, j]
    return 0
