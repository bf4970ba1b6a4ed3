"""Bicubic convolution with a = -0.75 (Keys 1981, "Cubic convolution interpolation for digital image processing", equation 4).

Within one pixel the kernel is ((a + 2) d - (a + 3)) d d + 1, between one and two pixels ((d - 5) d + 8) d a - 4 a, d
being the distance.
"""


def taps(f):
    """The kernel at the distances 1 + f, f, 1 - f and 2 - f, written as cubics in f."""
    a = -0.75
    g = 1 - f
    return (
        a * f * g * g,
        ((a + 2) * f - (a + 3)) * f * f + 1,
        ((a + 2) * g - (a + 3)) * g * g + 1,
        a * g * f * f,
    )
