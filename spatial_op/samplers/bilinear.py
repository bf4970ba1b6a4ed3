"""Bilinear sampling: the product of two hat functions (Jaderberg et al. 2015, equation 5)."""


def taps(f):
    """max(0, 1 - |distance|) at the distances f and 1 - f."""
    return 1 - f, f
