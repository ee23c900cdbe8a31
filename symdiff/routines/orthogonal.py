"""Factors Q R by Householder's reflections, with LAPACK's signs; item by item of (count, m, n)."""


def qr(count, m, n, k, width, a, q, r, work, tau, row):
    """``q`` has ``width`` columns and ``r`` as many rows, k = min(m, n) or m. Reflection j is 1 - tau v v^T with v = 1
    at j and what column j of ``work`` holds below."""
    for item in range(count):
        for i in range(m):
            for j in range(n):
                work[i, j] = a[item, i, j]
        for j in range(k):
            largest = 0.0
            for i in range(j + 1, m):
                largest = maximum(largest, abs(work[i, j]))
            tau[j] = 0
            if largest == 0:
                continue
            head = work[j, j]
            scale = maximum(largest, abs(head))
            total = (head / scale) * (head / scale)
            for i in range(j + 1, m):
                total += (work[i, j] / scale) * (work[i, j] / scale)
            length = -copysign(scale * sqrt(total), head)
            tau[j] = (length - head) / length
            for i in range(j + 1, m):
                work[i, j] = work[i, j] / (head - length)
            work[j, j] = length
            for c in range(j + 1, n):
                row[c] = work[j, c]
            for i in range(j + 1, m):
                for c in range(j + 1, n):
                    row[c] += work[i, j] * work[i, c]
            for c in range(j + 1, n):
                row[c] = tau[j] * row[c]
                work[j, c] -= row[c]
            for i in range(j + 1, m):
                for c in range(j + 1, n):
                    work[i, c] -= work[i, j] * row[c]
        for i in range(width):
            for c in range(n):
                r[item, i, c] = work[i, c] if c >= i else 0
        for i in range(m):
            for c in range(width):
                q[item, i, c] = 1 if i == c else 0
        for step in range(k):
            j = k - 1 - step
            for c in range(j, width):
                row[c] = q[item, j, c]
            for i in range(j + 1, m):
                for c in range(j, width):
                    row[c] += work[i, j] * q[item, i, c]
            for c in range(j, width):
                row[c] = tau[j] * row[c]
                q[item, j, c] -= row[c]
            for i in range(j + 1, m):
                for c in range(j, width):
                    q[item, i, c] -= work[i, j] * row[c]
