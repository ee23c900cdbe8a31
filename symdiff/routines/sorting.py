"""Sorting along the middle axis of (outer, size, inner), and searching in what is sorted. NaN comes last."""


def argsort(outer, size, inner, x, out, keys, order, other_keys, other_order):
    """A merge sort from the bottom up, of runs that were sorted by insertion. It keeps equal elements in order."""
    for i in range(outer):
        for k in range(inner):
            for j in range(size):
                key = x[i, j, k]
                place = j
                while place % 16 and (key < keys[place - 1] or (keys[place - 1] != keys[place - 1] and key == key)):
                    keys[place] = keys[place - 1]
                    order[place] = order[place - 1]
                    place -= 1
                keys[place] = key
                order[place] = j
            width = 16
            while width < size:
                for start in range(0, size, 2 * width):
                    middle = start + width if start + width < size else size
                    end = middle + width if middle + width < size else size
                    a = start
                    b = middle
                    for j in range(start, end):
                        later = b < end and (
                            a == middle or keys[b] < keys[a] or (keys[a] != keys[a] and keys[b] == keys[b])
                        )
                        if later:
                            other_keys[j] = keys[b]
                            other_order[j] = order[b]
                            b += 1
                        else:
                            other_keys[j] = keys[a]
                            other_order[j] = order[a]
                            a += 1
                for j in range(size):
                    keys[j] = other_keys[j]
                    order[j] = other_order[j]
                width *= 2
            for j in range(size):
                out[i, j, k] = order[j]


def searchsorted_left(size, count, places, values, out):
    """How many of the sorted places come before each value."""
    for k in range(count):
        low = 0
        high = size
        while low < high:
            middle = (low + high) // 2
            place = places[middle]
            if place < values[k] or (values[k] != values[k] and place == place):
                low = middle + 1
            else:
                high = middle
        out[k] = low


def searchsorted_right(size, count, places, values, out):
    """How many of the sorted places do not come after each value."""
    for k in range(count):
        low = 0
        high = size
        while low < high:
            middle = (low + high) // 2
            if places[middle] <= values[k] or values[k] != values[k]:
                low = middle + 1
            else:
                high = middle
        out[k] = low
