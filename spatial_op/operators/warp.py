"""The warp of images, by a transform or along a grid: from checked arrays to kernel calls, forward and backward."""

import numpy as np

from .. import check
from ..dtypes import DTYPES
from .coordinates import Coordinates
from .engine import kernels
from .memory import clear, hand_over, laid_out, made_once, plain, usable, working
from .outside import outside

DIMENSIONS = {2: ("h", "w"), 3: ("d", "h", "w")}


class WarpCall:
    """One call of an operator that samples ``data`` at coordinates that its second input says; the arrays have been checked.

    ``transform`` is the row for parameters, or None for a grid. ``rows`` are those of sampler and padding.
    """

    def __init__(self, name, inputs, target_shape, transform, rows, align_corners):
        self.name, self.inputs, self.transform = name, inputs, transform
        self.sampler, self.padding = rows
        data, given = inputs.values()
        self.axes = data.ndim - 2
        self.shape = check.result(name, "the result", data.shape[:2] + target_shape)
        self.dtype = data.dtype.newbyteorder("=")
        self.edge = 0 if align_corners else 1
        self.compute = DTYPES[self.dtype]
        self.number = self.compute.str[1:]
        self.coordinates = Coordinates(transform, given, data.shape[2:], target_shape, self.edge)

    @made_once
    def values(self):
        """What all kernels are given but the images."""
        samples, channels, *target = self.shape
        values = {"samples": samples, "channels": channels}
        for name, size, size_out in zip(DIMENSIONS[self.axes], self.inputs["data"].shape[2:], target):
            values[name], values[f"{name}_out"] = size, size_out
        values |= outside(self.padding, self.sampler, self.inputs["data"].shape[2:], self.edge)
        values |= self.coordinates.values
        return values

    @made_once
    def images(self):
        """What the kernels are given of the images."""
        return self.of_images(self.inputs["data"])

    def of_images(self, data):
        """What kernels are given of images: their pixels, and how far samples and channels are apart."""
        pixels, apart = laid_out(data, self.compute, 2)
        return {"pixels": pixels, "image_step": apart[0], "channel_step": apart[1]}

    def nothing(self):
        """Whether there is no point to sample."""
        return 0 in self.shape

    def run(self, by_windows, in_place, threads, values):
        """Do a tile by way of a window where that pays, and in place what is left over."""
        build = kernels("build")
        units = self.shape[0] * build.blocks_of(self.shape[1]) * build.tiles_of(self.shape[2:])
        if by_windows is None:
            values["todo"] = np.ones(units, np.uint8)
        else:
            values["todo"] = np.empty(units, np.uint8)
            by_windows(threads, values)
            if not values["todo"].any():
                return
            values["add_data"] = True
        in_place(threads, values)

    def forward(self, out=None):
        """Sample; write to ``out`` if it is given."""
        if out is None:
            out = np.empty(self.shape, self.dtype)
        else:
            check.output(self.name, "out", out, self.shape, self.dtype, self.inputs)
        if self.nothing():
            return out
        direct = working(out, self.compute)
        self.sample(self.images, direct)
        hand_over(direct, out)
        return out

    def sample(self, images, out):
        """Write samples of images to ``out``."""
        build = kernels("build")
        threads, channels = build.forward_threads(self.shape, kernels("threads").threads_for), self.shape[1]
        group = build.group_of(channels)
        pair = build.forward(*self.key(build), group, channels <= group)
        self.run(*pair, threads, {**self.values, **self.coordinates.room(threads), **images, "out": out})

    def key(self, build):
        """What kernels depend on."""
        return self.axes, build.formula(self.transform), self.coordinates.dtype, self.sampler, self.number

    def tangent(self, tangents):
        """How the result changes when the inputs change by ``tangents``, of which some may be None."""
        out = np.zeros(self.shape, self.compute)
        if not self.nothing():
            data_tangent, given_tangent = tangents
            if data_tangent is not None:
                self.sample(self.of_images(data_tangent), out)
            if given_tangent is not None:
                build = kernels("build")
                threads = build.forward_threads(self.shape, kernels("threads").threads_for)
                changes, room = self.coordinates.changes(given_tangent), self.coordinates.room(threads)
                values = {**self.values, **room, **self.images, **changes, "out": out}
                self.run(None, build.push(*self.key(build)), threads, values)
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, as everywhere
            return out.astype(self.dtype, copy=False)

    def backward(self, out_grad, grads, add):
        """Write the gradients to those of the arrays ``grads`` that are not None, or add them where ``add`` says so."""
        if self.nothing():
            return clear(grads, add)
        build = kernels("build")
        grad_data, grad_given = grads
        lower = np.empty(0, self.compute) if grad_data is None else working(grad_data, self.compute, add[0])
        threads, bands = build.backward_split(self.shape, kernels("threads").threads_for)
        parts = self.parts(build, grad_given, add[1])
        values = {
            **self.values, **self.coordinates.room(threads), **self.images, "upper": plain(out_grad, self.compute),
            "lower": lower, "sums": parts, "bands": bands, "want_data": grad_data is not None, "add_data": add[0],
            "want_values": grad_given is not None,
        }  # fmt: skip
        self.run(*build.backward(*self.key(build), build.group_of(self.shape[1])), threads, values)
        if grad_data is not None:
            hand_over(lower, grad_data)
        if grad_given is None or np.may_share_memory(parts, grad_given):
            return
        with np.errstate(over="ignore", invalid="ignore"):  # gradients that are infinite or no numbers are results too
            if self.transform is not None:
                grad = self.coordinates.gradient(parts.sum(axis=(1, 2)))
            else:  # one part is the gradient; NumPy's sum of it would lose the sign of a zero
                grad = parts[:, 0] if parts.shape[1] == 1 else parts.sum(axis=1)
            grad_given[...] = grad + grad_given if add[1] else grad

    def parts(self, build, grad, add):
        """Room for the second input's gradient in parts: by blocks of channels and, for parameters, by tiles."""
        samples, channels, *target = self.shape
        blocks, dtype = build.blocks_of(channels), np.dtype(self.coordinates.dtype)
        if grad is None:
            return np.empty(0, dtype)
        if self.transform is not None:
            return np.empty((samples, blocks, build.tiles_of(target), self.coordinates.values["count"]))
        if blocks == 1 and not add and usable(grad, dtype):
            return grad[:, None]
        return np.empty((samples, blocks, *grad.shape[1:]), dtype)
