"""The warp of images, by a transform or along a grid: from checked arrays to kernel calls, forward and backward."""

import numpy as np

from .. import check
from ..dtypes import DTYPES
from .coefficients import coefficients, numbers_of, pull_coefficients, push_coefficients
from .engine import kernels
from .memory import clear, hand_over, laid_out, made_once, plain, usable, working


class WarpCall:
    """One call of an operator that samples ``data`` at coordinates that its second input says; the arrays have been checked.

    ``transform`` is the row for parameters, or None for a grid. ``rows`` are those of sampler and padding.
    """

    def __init__(self, name, inputs, target_shape, transform, rows, align_corners):
        self.name, self.inputs, self.transform, self.rows = name, inputs, transform, rows
        data, self.given = inputs.values()
        self.axes = data.ndim - 2
        self.shape = check.result(name, "the result", data.shape[:2] + target_shape)
        self.dtype = data.dtype.newbyteorder("=")
        self.edge = 0 if align_corners else 1
        self.compute = DTYPES[self.dtype]

    @made_once
    def images(self):
        """What the kernels are given of the images."""
        return self.of_images(self.inputs["data"])

    @made_once
    def values(self):
        """The parameters, or the grid, as they are computed with."""
        return coefficients(self.transform, self.given)

    @made_once
    def numbers(self):
        """What the kernels are given of them."""
        return numbers_of(self.values)

    def of_images(self, data):
        """What kernels are given of images: their pixels, their shape, and how far samples and channels are apart."""
        pixels, apart = laid_out(data, self.compute, 2)
        return pixels, *data.shape, *apart

    def nothing(self):
        """Whether there is no point to sample."""
        return 0 in self.shape[2:]

    def needs(self, build):
        """Sizes of scratch arrays for coordinates."""
        return build.needs(self.transform, self.values, self.shape[2:])

    def forward(self, out=None):
        """Sample; write to ``out`` if it is given."""
        build, jit = kernels("build"), kernels("jit")

        if out is None:
            out = np.empty(self.shape, self.dtype)
        else:
            check.output(self.name, "out", out, self.shape, self.dtype, self.inputs)
        if self.nothing():
            return out
        direct = working(out, self.compute)
        threads = build.forward_threads(self.shape, jit.threads_for)
        kernel = build.forward(self.axes, self.transform, *self.rows)
        kernel(threads, *self.needs(build), *self.images, *self.numbers, direct, self.edge)
        hand_over(direct, out)
        return out

    def tangent(self, tangents):
        """How the result changes when the inputs change by ``tangents``, of which some may be None."""
        build, jit = kernels("build"), kernels("jit")

        if self.nothing():
            return np.zeros(self.shape, self.dtype)
        data_tangent, given_tangent = tangents
        out = np.zeros(self.shape, self.compute)
        threads = build.forward_threads(self.shape, jit.threads_for)
        if data_tangent is not None:
            kernel = build.forward(self.axes, self.transform, *self.rows)
            kernel(threads, *self.needs(build), *self.of_images(data_tangent), *self.numbers, out, self.edge)
        if given_tangent is not None:
            change = push_coefficients(self.transform, given_tangent)
            kernel = build.push(self.axes, self.transform, *self.rows)
            kernel(threads, *self.needs(build), *self.images, *self.numbers, change, out, self.edge)
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, as everywhere
            return out.astype(self.dtype, copy=False)

    def backward(self, out_grad, grads, add):
        """Write the gradients to those of the arrays ``grads`` that are not None, or add them where ``add`` says so."""
        build, jit = kernels("build"), kernels("jit")

        if self.nothing():
            return clear(grads, add)
        grad_data, grad_given = grads
        upper = plain(out_grad, self.compute)
        if grad_data is None:
            lower = np.empty((0,) * len(self.shape), self.compute)
        else:
            lower = working(grad_data, self.compute, add[0])
        threads, bands = build.backward_split(self.shape, jit.threads_for)
        parts = self.parts(build, grad_given, add[1])
        kernel = build.backward(self.axes, self.transform, *self.rows)
        kernel(
            threads, bands, *self.needs(build), *self.images, *self.numbers, upper, self.edge,
            grad_data is not None, add[0], lower, grad_given is not None, parts,
        )  # fmt: skip
        if grad_data is not None:
            hand_over(lower, grad_data)
        with np.errstate(over="ignore", invalid="ignore"):  # gradients that are infinite or no numbers are results too
            if grad_given is not None and not np.may_share_memory(parts, grad_given):
                if self.transform is not None:
                    grad = parts.sum(axis=(1, 2))
                else:  # one part is the gradient; NumPy's sum of it would lose the sign of a zero
                    grad = parts[:, 0] if parts.shape[1] == 1 else parts.sum(axis=1)
                grad = pull_coefficients(self.transform, grad)
                grad_given[...] = grad + grad_given if add[1] else grad

    def parts(self, build, grad, add):
        """Room for the second input's gradient in parts: by blocks of channels and, for parameters, by tiles."""
        samples, channels, *target = self.shape
        blocks, dtype = build.blocks_of(channels), self.numbers[0].dtype
        if self.transform is not None:
            return np.zeros((samples, blocks, build.tiles(target), self.values.shape[1]))
        if grad is None:
            return np.empty((0, blocks, *self.values.shape[1:]), dtype)
        if blocks == 1 and not add and usable(grad, dtype):
            return grad[:, None]
        return np.zeros((samples, blocks, *self.values.shape[1:]), dtype)
