"""Convolution over three spatial axes, group by group of channels, and its two transposes.

Images are (images, channels, depth, height, width), results (images, channels, planes, rows, columns). Column q of a
result and tap k meet in column q * stride + k * dilation - padding of the image, where there is one.
"""


def conv(
    images, groups, inputs, outputs, depth, height, width, planes, rows, columns, taps_z, taps_y, taps_x,
    stride_z, stride_y, stride_x, pad_z, pad_y, pad_x, dilation_z, dilation_y, dilation_x, x, w, y,
):  # fmt: skip
    for n in range(images):
        for o in range(groups * outputs):
            for p in range(planes):
                for r in range(rows):
                    for q in range(columns):
                        y[n, o, p, r, q] = 0
            for c in range(inputs):
                channel = o // outputs * inputs + c
                for i in range(taps_z):
                    for j in range(taps_y):
                        for k in range(taps_x):
                            weight = w[o, c, i, j, k]
                            shift = k * dilation_x - pad_x
                            first = maximum(0, -(shift // stride_x))
                            last = minimum(columns, -((shift - width) // stride_x))
                            for p in range(planes):
                                a = p * stride_z + i * dilation_z - pad_z
                                for r in range(rows):
                                    b = r * stride_y + j * dilation_y - pad_y
                                    if a >= 0 and a < depth and b >= 0 and b < height:
                                        for q in range(first, last):
                                            y[n, o, p, r, q] += weight * x[n, channel, a, b, q * stride_x + shift]


def conv_transpose(
    images, groups, inputs, outputs, depth, height, width, planes, rows, columns, taps_z, taps_y, taps_x,
    stride_z, stride_y, stride_x, pad_z, pad_y, pad_x, dilation_z, dilation_y, dilation_x, y, w, x,
):  # fmt: skip
    for n in range(images):
        for channel in range(groups * inputs):
            for a in range(depth):
                for b in range(height):
                    for q in range(width):
                        x[n, channel, a, b, q] = 0
        for o in range(groups * outputs):
            for c in range(inputs):
                channel = o // outputs * inputs + c
                for i in range(taps_z):
                    for j in range(taps_y):
                        for k in range(taps_x):
                            weight = w[o, c, i, j, k]
                            shift = k * dilation_x - pad_x
                            first = maximum(0, -(shift // stride_x))
                            last = minimum(columns, -((shift - width) // stride_x))
                            for p in range(planes):
                                a = p * stride_z + i * dilation_z - pad_z
                                for r in range(rows):
                                    b = r * stride_y + j * dilation_y - pad_y
                                    if a >= 0 and a < depth and b >= 0 and b < height:
                                        for q in range(first, last):
                                            x[n, channel, a, b, q * stride_x + shift] += weight * y[n, o, p, r, q]


def conv_weight(
    images, groups, inputs, outputs, depth, height, width, planes, rows, columns, taps_z, taps_y, taps_x,
    stride_z, stride_y, stride_x, pad_z, pad_y, pad_x, dilation_z, dilation_y, dilation_x, x, y, w,
):  # fmt: skip
    for channel in range(groups * inputs):
        for i in range(taps_z):
            for j in range(taps_y):
                for k in range(taps_x):
                    shift = k * dilation_x - pad_x
                    first = maximum(0, -(shift // stride_x))
                    last = minimum(columns, -((shift - width) // stride_x))
                    for m in range(outputs):
                        o = channel // inputs * outputs + m
                        w[channel, i, j, k, m] = 0
                        total = w[channel, i, j, k, m]
                        for n in range(images):
                            for p in range(planes):
                                a = p * stride_z + i * dilation_z - pad_z
                                for r in range(rows):
                                    b = r * stride_y + j * dilation_y - pad_y
                                    if a >= 0 and a < depth and b >= 0 and b < height:
                                        for q in range(first, last):
                                            total += x[n, channel, a, b, q * stride_x + shift] * y[n, o, p, r, q]
                        w[channel, i, j, k, m] = total
