"""Lanczos' kernel of six pixels, sinc(x) sinc(x / 3), whose weights are divided by their sum, as Pillow and OpenCV do.

Source: Turkowski, "Filters for common resampling tasks", 1990. Of pixel p, x is f - p, and the kernel a multiple of
(-1)^p sin(pi x / 3) / x^2: the sine of pi x is the same for all six but for its sign, so that the division takes it out. All
are multiplied by f (1 - f), so that none is infinite next to a pixel.
"""

import math

# sin(pi f / 3) = f (TERMS[0] + TERMS[1] f^2 + TERMS[2] f^4 + ...); for f up to 1, float64 needs no more terms.
TERMS = [(-1) ** k * (math.pi / 3) ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(10)]


def sine_over(f):
    """sin(pi f / 3) / f."""
    square, total = f * f, TERMS[-1]
    for term in TERMS[-2::-1]:
        total = total * square + term
    return total


def taps(f):
    """At the distances f + 2, f + 1, f, g, g + 1 and g + 2, where g = 1 - f."""
    g = 1 - f
    left, right, both = sine_over(f), sine_over(g), f * g
    middle = both * (f * left + g * right)  # both sines' sum is the sine of pi (1 + f) / 3, and of pi (1 + g) / 3
    weights = (
        both * g * right / (f + 2) ** 2,
        -middle / (f + 1) ** 2,
        g * left,
        f * right,
        -middle / (g + 1) ** 2,
        both * f * left / (g + 2) ** 2,
    )
    total = sum(weights)
    return tuple(weight / total for weight in weights)
