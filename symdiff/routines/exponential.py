"""Exponentials of matrices by scaling, a Pade approximant and squaring; item by item of (count, n, n)."""


def expm(count, n, a, out, x, power, other, over, under):
    """The [9/9] approximant is exact to rounding where the 1-norm is at most 2.1 (Higham, *The scaling and squaring
    method for the matrix exponential revisited*, 2005); to get there a is halved, and the result squared as often."""
    for item in range(count):
        norm = 0.0
        for j in range(n):
            total = 0.0
            for i in range(n):
                total += abs(a[item, i, j])
            norm = maximum(norm, total)
        if norm - norm != 0:
            for i in range(n):
                for j in range(n):
                    out[item, i, j] = norm - norm
            continue
        squarings = 0
        scale = 1.0
        while norm * scale > 2.097847961257068:
            squarings += 1
            scale = scale * 0.5
        weight = 1.0
        for i in range(n):
            for j in range(n):
                x[i, j] = a[item, i, j] * scale
                power[i, j] = 1 if i == j else 0
                over[i, j] = power[i, j]
                under[i, j] = power[i, j]
        for k in range(9):
            for i in range(n):
                for j in range(n):
                    other[i, j] = 0
                for p in range(n):
                    factor = power[i, p]
                    for j in range(n):
                        other[i, j] += factor * x[p, j]
            weight = weight * (9.0 - k) / ((18.0 - k) * (k + 1.0))
            signed = weight if k % 2 else -weight
            for i in range(n):
                for j in range(n):
                    power[i, j] = other[i, j]
                    over[i, j] += weight * other[i, j]
                    under[i, j] += signed * other[i, j]
        for j in range(n):  # under * result = over, by elimination
            best = j
            for i in range(j, n):
                if abs(under[i, j]) > abs(under[best, j]):
                    best = i
            for c in range(n):
                held = under[j, c]
                under[j, c] = under[best, c]
                under[best, c] = held
                held = over[j, c]
                over[j, c] = over[best, c]
                over[best, c] = held
            for i in range(n):
                if i == j:
                    continue
                factor = under[i, j] / under[j, j]
                for c in range(j, n):
                    under[i, c] -= factor * under[j, c]
                for c in range(n):
                    over[i, c] -= factor * over[j, c]
        for i in range(n):
            for j in range(n):
                power[i, j] = over[i, j] / under[i, i]
        while squarings > 0:
            squarings -= 1
            for i in range(n):
                for j in range(n):
                    other[i, j] = 0
                for p in range(n):
                    factor = power[i, p]
                    for j in range(n):
                        other[i, j] += factor * power[p, j]
            for i in range(n):
                for j in range(n):
                    power[i, j] = other[i, j]
        for i in range(n):
            for j in range(n):
                out[item, i, j] = power[i, j]
