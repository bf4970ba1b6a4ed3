"""The warp of images by a parametric transform: from checked arrays to kernel calls, forward and backward."""

import numpy as np

from .. import check
from ..dtypes import DTYPES


class WarpCall:
    """One call of an operator that warps ``data`` by a transform with parameters ``loc``; the arrays have been checked."""

    def __init__(self, name, data, loc, target_shape, rows, align_corners):
        self.name, self.rows = name, rows
        self.inputs = {"data": data, "loc": loc}
        self.shape = data.shape[:2] + target_shape
        self.dtype = data.dtype.newbyteorder("=")
        self.edge = 0 if align_corners else 1
        self.compute = DTYPES[self.dtype]
        self.data = check.plain(data, self.compute)
        self.loc = check.plain(loc, DTYPES[loc.dtype.newbyteorder("=")])

    def forward(self, out=None):
        """Sample; write to ``out`` if it is given."""
        from ..kernels import build, jit, warp

        if out is None:
            out = np.empty(self.shape, self.dtype)
        else:
            check.output(self.name, "out", out, self.shape, self.dtype, self.inputs)
        direct = out if usable(out, self.compute) else np.empty(self.shape, self.compute)
        threads = jit.threads_for(warp.forward_units(self.shape), out.size)
        build.forward(*self.rows)(threads, self.data, self.loc, direct, self.edge)
        if direct is not out:
            with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, as everywhere
                out[...] = direct
        return out

    def backward(self, out_grad, grads, add):
        """Write the gradients to those of the arrays ``grads`` that are not None, or add them where ``add`` says so."""
        from ..kernels import build, jit, warp

        grad_data, grad_loc = grads
        upper = check.plain(out_grad, self.compute)
        if grad_data is None:
            lower = np.empty((0, 0, 0, 0), self.compute)
        elif usable(grad_data, self.compute):
            lower = grad_data
        else:
            lower = grad_data.astype(self.compute, order="C") if add[0] else np.empty(grad_data.shape, self.compute)
        threads, bands = warp.backward_split(self.shape, jit.threads_for)
        sums = np.zeros(warp.sums_shape(self.shape, self.loc.shape[1]))
        build.backward(*self.rows)(
            threads, bands, self.data, self.loc, upper, self.edge,
            grad_data is not None, add[0], lower, grad_loc is not None, sums,
        )  # fmt: skip
        with np.errstate(over="ignore", invalid="ignore"):  # gradients that are infinite or no numbers are results too
            if grad_data is not None and lower is not grad_data:
                grad_data[...] = lower
            if grad_loc is not None:
                grad_loc[...] = sums.sum(axis=(1, 2)) + (grad_loc if add[1] else 0)


def usable(array, dtype):
    """Whether a kernel can write to the array as it is."""
    flags = array.flags
    return array.dtype == dtype and flags.c_contiguous and flags.aligned and type(array) is np.ndarray
