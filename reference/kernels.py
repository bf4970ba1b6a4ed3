"""The sampling kernels k of the paper's equation 3: ``SAMPLERS[name] = (kernel, slope)``, functions of t = x - w.

Each vanishes outside -2 <= t <= 2. ``slope`` is the kernel's derivative, from the right where it has a kink or jumps.
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


SAMPLERS = {
    "bilinear": (hat, hat_slope),
    "nearest": (box, box_slope),
    "nearest_even": (box, box_slope),
    "bicubic": (cubic, cubic_slope),
}

# Samplers that look at another place than x.
PLACES = {"nearest_even": to_even}
