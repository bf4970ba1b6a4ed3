"""The sampling kernels k of the paper's equation 3: ``SAMPLERS[name] = (kernel, slope, reach)``, functions of t = x - w.

Each vanishes outside -reach <= t <= reach. ``slope`` is the kernel's derivative, from the right where it has a kink or jumps.
Complex t are sorted by their real part, so that both functions can be differentiated by a complex step.
"""

import numpy as np

A = -0.75  # of the bicubic kernel, as in PyTorch and OpenCV


def pieces(t, edges, *functions):
    """The first function on edges[0] <= t < edges[1], the second on edges[1] <= t < edges[2], ..., and 0 elsewhere."""
    inside = [(low <= t.real) & (t.real < high) for low, high in zip(edges, edges[1:])]
    return np.select(inside, [function(t) for function in functions], 0.0)


def hat(t):
    """max(0, 1 - |t|), of equation 5."""
    return pieces(t, (-1, 0, 1), lambda t: 1 + t, lambda t: 1 - t)


def hat_slope(t):
    """The derivative of ``hat``, of equation 7."""
    return pieces(t, (-1, 0, 1), np.ones_like, lambda t: -np.ones_like(t))


def box(t):
    """1 at the nearest pixel, floor(x + 1/2), of equation 4."""
    return pieces(t, (-0.5, 0.5), np.ones_like)


def box_slope(t):
    """The derivative of ``box``."""
    return np.zeros_like(t)


def to_even(x):
    """The pixel next to x, the even one halfway between two: where ``nearest_even`` looks instead of at x."""
    low = np.floor(x.real)
    rest = x.real - low
    return low + ((rest > 0.5) | ((rest == 0.5) & (low % 2 == 1)))


def cubic(t):
    """Cubic convolution: Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, equation 4."""
    return pieces(t, (-2, -1, 0, 1, 2), lambda t: far(-t), lambda t: near(-t), near, far)


def cubic_slope(t):
    """The derivative of ``cubic``."""
    return pieces(t, (-2, -1, 0, 1, 2), lambda t: -far_slope(-t), lambda t: -near_slope(-t), near_slope, far_slope)


def near(t):
    """``cubic`` on 0 <= t <= 1."""
    return (A + 2) * t**3 - (A + 3) * t**2 + 1


def near_slope(t):
    """The derivative of ``near``."""
    return 3 * (A + 2) * t**2 - 2 * (A + 3) * t


def far(t):
    """``cubic`` on 1 <= t <= 2."""
    return A * t**3 - 5 * A * t**2 + 8 * A * t - 4 * A


def far_slope(t):
    """The derivative of ``far``."""
    return 3 * A * t**2 - 10 * A * t + 8 * A


def piecewise(near, far, divisor):
    """A kernel and its slope by powers of the distance d, lowest first: ``near`` for d < 1, ``far`` for 1 <= d < 2.

    The division comes last: of whole numbers, what is 0 is exactly 0.
    """
    near, far = (np.polynomial.Polynomial(powers) for powers in (near, far))
    rise, fall = near.deriv(), far.deriv()

    def kernel(t):
        """Even: the left half is the right one's mirror image."""
        return pieces(t, (-2, -1, 0, 1, 2), lambda t: far(-t), lambda t: near(-t), near, far) / divisor

    def slope(t):
        """Odd."""
        return pieces(t, (-2, -1, 0, 1, 2), lambda t: -fall(-t), lambda t: -rise(-t), rise, fall) / divisor

    return kernel, slope


def sinc(t):
    """sin(pi t) / (pi t), 1 at 0, and exactly 0 at the other whole numbers."""
    whole = np.rint(t.real)
    sine = (1 - 2 * np.mod(whole, 2)) * np.sin(np.pi * (t - whole))
    return np.where(t == 0, 1, sine / (np.pi * np.where(t == 0, 1, t)))


def sinc_slope(t):
    """The derivative of ``sinc``; close to 0, where the quotient has no digits, by its series."""
    close, square = np.abs(t) < 1e-2, (np.pi * t) ** 2
    quotient = (np.cos(np.pi * t) - sinc(t)) / np.where(close, 1, t)
    return np.where(close, -(np.pi**2) * t / 3 * (1 - square / 10 * (1 - square / 28 * (1 - square / 54))), quotient)


def window(t):
    """Lanczos' kernel of three lobes, before its weights are divided by their sum: Turkowski, "Filters for Common Resampling Tasks", 1990."""
    return pieces(t, (-3, 3), lambda t: sinc(t) * sinc(t / 3))


def window_slope(t):
    """The derivative of ``window``."""
    return pieces(t, (-3, 3), lambda t: sinc_slope(t) * sinc(t / 3) + sinc(t) * sinc_slope(t / 3) / 3)


def over_all(function, t):
    """The sum of a function over all pixels, for the distance t from one of them."""
    part = t - np.floor(t.real)
    return sum(function(part + step) for step in range(-3, 3))


def lanczos(t):
    """``window``, divided by the sum of all pixels' weights, so that a constant image stays constant."""
    return window(t) / over_all(window, t)


def lanczos_slope(t):
    """The derivative of ``lanczos``, by the quotient rule."""
    total, rise = over_all(window, t), over_all(window_slope, t)
    return (window_slope(t) - window(t) * rise / total) / total


SAMPLERS = {
    "bilinear": (hat, hat_slope, 1),
    "nearest": (box, box_slope, 1),
    "nearest_even": (box, box_slope, 1),
    "bicubic": (cubic, cubic_slope, 2),
    # Keys' kernel with a = -1/2.
    "catmull_rom": (*piecewise((2, 0, -5, 3), (4, -8, 5, -1), 2), 2),
    # Mitchell and Netravali, "Reconstruction Filters in Computer Graphics", 1988, equation 8 with B = C = 1/3.
    "mitchell": (*piecewise((16, 0, -36, 21), (32, -60, 36, -7), 18), 2),
    # Unser, "Splines: A Perfect Fit for Signal and Image Processing", 1999, equation 2.
    "cubic_bspline": (*piecewise((4, 0, -6, 3), (8, -12, 6, -1), 6), 2),
    "lanczos3": (lanczos, lanczos_slope, 3),
}

# Samplers that look at another place than x.
PLACES = {"nearest_even": to_even}
