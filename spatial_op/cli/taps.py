"""The demonstration's deformable convolution: the mean of nine taps that lie on a circle, wherever the pixel is."""

import numpy as np

import spatial_op

TAPS = (3, 3)
GAP = 4  # pixels between the taps of the plain convolution
CENTRE = (0.405, 0.41)  # of the circles, in parts of height and width: an eye of the photograph
TURN = np.radians(2.5)  # from one tap to the next


def circles(height, width):
    """Where the taps of each pixel lie, y and x: two arrays (taps, height, width)."""
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    middle = np.array(CENTRE) * (height - 1, width - 1)
    y, x = y - middle[0], x - middle[1]
    angle = TURN * np.arange(-4, 5)[:, None, None]
    return middle[0] + y * np.cos(angle) + x * np.sin(angle), middle[1] + x * np.cos(angle) - y * np.sin(angle)


def squares(height, width):
    """The same for a plain convolution."""
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    rows, columns = np.divmod(np.arange(9)[:, None, None], 3)
    return y + GAP * (rows - 1.0), x + GAP * (columns - 1.0)


def mean(image, places):
    """The mean of the image at the taps' places, channel by channel, by the package."""
    channels, height, width = image.shape
    offset = np.stack([there - plain for there, plain in zip(places, squares(height, width))], axis=1)
    weight = np.full((channels, 1, *TAPS), 1 / 9, image.dtype)
    return spatial_op.DeformableConvolution(
        image[None], offset.reshape(1, 18, height, width).astype(image.dtype), weight,
        kernel=TAPS, dilate=(GAP, GAP), pad=(GAP, GAP), num_filter=channels, num_group=channels, no_bias=True,
        border="zeros",
    )[0]  # fmt: skip
