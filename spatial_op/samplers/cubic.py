"""Piecewise cubics of four pixels: Mitchell and Netravali 1988, "Reconstruction filters in computer graphics", equation 8.

The family has two numbers, b and c. With b = 0 it interpolates: it is Keys' cubic convolution with a = -c ("Cubic convolution
interpolation for digital image processing", 1981). With c = 0 and b = 1 it is the cubic B-spline, which blurs.
"""


def family(b, c):
    """The formula of one member."""

    def near(d):
        """Less than a pixel away."""
        return ((2 - 1.5 * b - c) * d - (3 - 2 * b - c)) * d * d + (1 - b / 3)

    def far(rest):
        """Between one and two pixels away, of which ``rest`` is what lacks to two."""
        return ((b / 6 + c) * rest - c) * rest * rest

    def taps(f):
        """At the distances 1 + f, f, 1 - f and 2 - f."""
        return far(1 - f), near(f), near(1 - f), far(f)

    return taps
