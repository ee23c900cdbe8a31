"""The largest element in each window of an image with three spatial axes."""


def max_position(
    images, depth, height, width, planes, rows, columns, dilation_z, dilation_y, dilation_x,
    x, z_windows, y_windows, x_windows, position,
):  # fmt: skip
    for n in range(images):
        for p in range(planes):
            for r in range(rows):
                for q in range(columns):
                    a, b, c = z_windows[p, 0], y_windows[r, 0], x_windows[q, 0]
                    best = x[n, a, b, c]
                    place = (a * height + b) * width + c
                    for i in range(a, z_windows[p, 1], dilation_z):
                        for j in range(b, y_windows[r, 1], dilation_y):
                            for k in range(c, x_windows[q, 1], dilation_x):
                                candidate = x[n, i, j, k]
                                if candidate > best or (candidate != candidate and best == best):
                                    best = candidate
                                    place = (i * height + j) * width + k
                    position[n, p, r, q] = place
