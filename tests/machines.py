"""Texts of kernels on both machines."""

from unittest.mock import patch

import numpy as np

from spatial_op.kernels import kernel
from spatial_op.kernels.trace import LANES

# Numbers that behave in ways of their own, between ordinary ones.
AWKWARD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-30, 3e7, -1e5, 0.25])


class Both:
    """A text, compiled once; ``parameters`` are names and kinds, of which ``out`` is written."""

    def __init__(self, text, **parameters):
        self.kernel = kernel.Kernel(getattr(text, "__name__", "text"), text, parameters)

    def __call__(self, **values):
        """``out`` as the compiled text leaves it, and as NumPy does."""
        fast, plain = ({**values, "out": values["out"].copy()} for _ in range(2))
        self.kernel(1, fast)
        with patch.object(kernel, "COMPILED", False):
            self.kernel(1, plain)
        return fast["out"], plain["out"]


def same(text, size, kind, rtol=0, /, **values):
    """Assert that both machines write the same ``size`` numbers of a kind."""
    kinds = {
        name: value.dtype.str[1:] if isinstance(value, np.ndarray) else KINDS[type(value)]
        for name, value in values.items()
    }
    fast, plain = Both(text, **kinds, out=kind)(**values, out=np.full(size, 77, kind))
    np.testing.assert_allclose(fast, plain, rtol=rtol, atol=rtol)
    return plain


KINDS = {int: "int", float: "float"}


def put(m, *values):
    """Write vectors, numbers and truth values one after the other, as numbers of the kind of ``out``."""
    at, kind = 0, m.kind_of(m.out)
    for value in values:
        count = m.count_of(value)
        m.out.put(at, m.to(value, kind))
        at += count or 1


def vectors(kind, seed=0, count=3):
    """Random numbers, with awkward ones among them in other places of each vector; of whole ones, none is less than 1."""
    rng = np.random.default_rng(seed)
    if kind[0] != "f":
        return rng.integers(1, 60, (count, LANES)).astype(kind)
    found = 3 * rng.standard_normal((count, LANES))
    for vector in found:
        where = rng.random(LANES) < 0.5
        vector[where] = rng.permutation(AWKWARD)[where]
    return found.astype(kind)
