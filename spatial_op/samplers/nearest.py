"""Nearest pixel: the integer kernel, floor(x + 1/2) (Jaderberg et al. 2015, equation 4)."""


def taps(f):
    """One pixel of weight 1, which no small step changes."""
    return ((1 + 0 * f, 0.0),)
